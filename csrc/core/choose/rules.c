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
    size_t latency = alert_importance(goal, ALERT_LATENCY);
    size_t accuracy = alert_importance(goal, ALERT_ACCURACY);
    size_t energy = alert_importance(goal, ALERT_ENERGY);
    size_t bounded = goal->objective == ALERT_MIN_ENERGY ? accuracy : energy;
    if (rule->keeps_latency && (!rule->keeps_bound || latency > bounded)) {
        rule->keeps_latency = false;
    } else {
        rule->keeps_bound = false;
        rule->saves = energy < accuracy;
    }
}
