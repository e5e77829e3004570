/*
 * rules.h - internal: in what order the bounds of a goal are given up. [A/R]
 *
 * First every bound has to hold. When nothing meets them all, the least important one is given up, then the next,
 * until something meets those that are left. The objective decides among the configurations that do. Once a bound of
 * accuracy or energy is given up, the most important quantity decides of these and the objective's. Latency needs no
 * such turn: expected accuracy counts lateness.
 */
#ifndef ALERT_RULES_H
#define ALERT_RULES_H

#include "core/goal.h"

typedef struct alert_rule {
    bool
        keeps[3]; /* by quantity: its bound has to hold. Latency: probability >= that of the goal */
    alert_quantity decides; /* lowest latency, highest accuracy or lowest energy */
} alert_rule;

/* Keeps all bounds. A bound that has a price is none. */
static inline void alert_keep_all(alert_rule *rule, const alert_goal *goal, bool is_priced)
{
    static const alert_quantity DECIDES[] = {[ALERT_MIN_ENERGY] = ALERT_ENERGY,
                                             [ALERT_MAX_ACCURACY] = ALERT_ACCURACY,
                                             [ALERT_MIN_LATENCY] = ALERT_LATENCY};
    bool fastest = goal->objective == ALERT_MIN_LATENCY;
    bool accurate = goal->objective == ALERT_MIN_ENERGY || (fastest && goal->bound > 0.0);
    rule->keeps[ALERT_LATENCY] = goal->probability > 0.0;
    rule->keeps[ALERT_ACCURACY] = !is_priced && accurate;
    rule->keeps[ALERT_ENERGY] = !is_priced && alert_goal_energy(goal) < HUGE_VAL;
    rule->decides = DECIDES[goal->objective];
}

/* Gives up the least important bound that is left; false where none is. A configuration meets a rule without bounds if its
 * costs are numbers. */
bool alert_give_up(alert_rule *rule, const alert_goal *goal);

/* Position in the goal's priority: 0 for the most important. */
size_t alert_importance(const alert_goal *goal, alert_quantity quantity);

#endif
