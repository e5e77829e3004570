/*
 * cap_switch.h - internal: the choice where changing the cap costs time.
 *
 * A configuration under another cap than the one in force loses the cost s off its deadline, and is charged
 * with what its power draws meanwhile, spread over the D inputs that a new cap serves at least:
 *
 *     T' = max(T - s, 0),   energy' = energy(T') + p s / D;
 *
 * under the cap in force both are as ever. Among all these the choice is that of choose.h. [ours]
 *
 * A cap that has served fewer than D inputs is held. Then the choice is, by the rules of choose.h,
 *   - among the configurations under it, when one of them meets every bound;
 *   - else among those under higher caps, when one of them meets every bound;
 *   - else among those under it again, giving up bounds in turn.
 * So a cap is lowered no sooner than D inputs after the last change, and raised sooner only where a bound is
 * at stake: between two times that it is lowered it can only rise.
 *
 * Where the bound has a price (choose.h), all of this goes by energy' - price x accuracy, and only
 * the deadline's probability is a bound: without one a held cap is kept, and what that costs raises
 * the price. (Rising whenever it pays was tried: it doubled the changes and saved nothing.)
 *
 * Every configuration is looked at, as often as bounds are given up: where changing a cap takes
 * milliseconds, a search by quantiles would save nothing that matters.
 */
#ifndef ALERT_CAP_SWITCH_H
#define ALERT_CAP_SWITCH_H

#include "core/choose/choose.h"

typedef struct alert_switching {
    size_t cap;         /* in force: index into power_cap_w */
    double cost_s;      /* s */
    double hold_inputs; /* D >= 1 */
    bool held;          /* `cap` has served fewer than D inputs */
    bool lost;          /* the lowest latency is wanted, whatever is held (alert_choose_fastest) */
} alert_switching;

/* `price` is negative where the goal's bound holds for each input. `belief` is that under the cap in
 * force; it becomes the one that holds for what was chosen. */
void alert_choose_switching(const alert_profile *profile, alert_plan *plan, alert_belief *belief,
                            const alert_goal *goal, double bound, double price,
                            const alert_switching *switching, alert_choice *out);

#endif
