#include "core/choose/rules.h"

size_t alert_importance(const alert_goal *goal, alert_quantity quantity)
{
    size_t position = 0;
    while (goal->priority[position] != quantity)
        position++;
    return position;
}

bool alert_give_up(alert_rule *rule, const alert_goal *goal)
{
    size_t left = 3;
    while (left > 0 && !rule->keeps[goal->priority[left - 1]])
        left--;
    if (left == 0)
        return false;
    size_t last = left - 1;
    alert_quantity given_up = goal->priority[last];
    rule->keeps[given_up] = false;
    if (given_up != ALERT_LATENCY && last < alert_importance(goal, rule->decides))
        rule->decides = given_up;
    return true;
}
