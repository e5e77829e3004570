#include "core/choose/rules.h"

size_t alert_importance(const alert_goal *goal, alert_quantity quantity)
{
    size_t position = 0;
    while (goal->priority[position] != quantity)
        position++;
    return position;
}

void alert_give_up(alert_rule *rule, const alert_goal *goal)
{
    size_t last = 2;
    while (!rule->keeps[goal->priority[last]])
        last--;
    alert_quantity given_up = goal->priority[last];
    rule->keeps[given_up] = false;
    if (given_up != ALERT_LATENCY && last < alert_importance(goal, rule->decides))
        rule->decides = given_up;
}
