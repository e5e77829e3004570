/*
 * rules.h - internal: in what order the bounds of a goal are given up. [A/R]
 *
 * First every bound has to hold. When nothing meets them all, the least important one is given up, then the next,
 * until something meets those that are left. The objective decides among the configurations that do; once the
 * accuracy or energy bound is given up, the more important of accuracy and energy decides. Latency needs no such
 * turn: expected accuracy counts lateness.
 */
#ifndef ALERT_RULES_H
#define ALERT_RULES_H

#include "alert.h"

typedef struct alert_rule {
    bool keeps_latency; /* probability >= that of the goal */
    bool keeps_bound;   /* accuracy >= bound, or energy <= bound */
    bool saves;         /* the lowest energy decides, else the highest accuracy */
} alert_rule;

/* All bounds. A bound that has a price is none. */
static inline alert_rule alert_first_rule(const alert_goal *goal, bool is_priced)
{
    return (alert_rule){.keeps_latency = goal->probability > 0.0,
                        .keeps_bound = !is_priced,
                        .saves = goal->objective == ALERT_MIN_ENERGY};
}

/* Gives up the least important bound that is left. Every configuration meets a rule without bounds. */
void alert_give_up(alert_rule *rule, const alert_goal *goal);

/* Position in the goal's priority: 0 for the most important. */
size_t alert_importance(const alert_goal *goal, alert_quantity quantity);

#endif
