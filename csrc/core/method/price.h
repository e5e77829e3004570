/*
 * price.h - internal: the price of accuracy, for goals that hold on average over the run. [ours]
 *
 * The average energy is lowest for an average accuracy (or the other way round) when every input runs the
 * configuration with the lowest
 *
 *     energy - price x accuracy                                                 (joules; price.c, priced.c)
 *
 * at one price for all inputs: the Lagrange multiplier of the bound. Accuracy is then bought on the inputs, and in
 * the phases, where it is cheap. The price is not known beforehand. It starts as the one that solves the problem for
 * the profile, on a quiet machine: a slope of the lower convex hull of its points (accuracy, energy). Then two parts
 * steer it by the debt. s is 1 where accuracy is bounded and -1 where energy is. u is the debt of the last input, in
 * units of the difference that one input can make.
 *
 *     owed      += u
 *     ln price_ += s price_integral u                              within [ln low, ln high]
 *     ln price   = ln price_ + s cut(price_gain (owed + reserve), price_swing),
 *     reserve    = price_reserve n / (n + price_ramp)               after n inputs
 *
 *     accuracy bounded   u = (Q + price_margin - credited) / unit,   unit = best accuracy in time - q_fail
 *     energy bounded     u = (drawn - E (1 - price_margin)) / unit,  unit = its energy less that of the cheapest
 *
 * low and high lie a factor of price_reach beyond the first and the last slope of the hull. At the end that does most
 * for the bound, nothing more can be done: the goal counts as infeasible.
 */
#ifndef ALERT_PRICE_H
#define ALERT_PRICE_H

#include "core/estimate/belief.h"

/* More than any run can owe. */
#define ALERT_OWED_MAX 1e36

typedef struct alert_price {
    double log_price; /* ln price_; of joules per unit of accuracy */
    double log_low, log_high;
    double unit;   /* of accuracy, or joules; > 0 */
    double inputs; /* booked */
    double owed;   /* in the goal's own measure: accuracy or joules; kept when the unit changes */
} alert_price;

/* Sets the price from profile and goal; the debt stays. time_s: the deadline without the overhead. */
void alert_price_start(alert_price *p, const alert_constants *c, const alert_profile *profile,
                       const alert_goal *goal, double time_s);
/* credited: accuracy or joules of the finished input. */
void alert_price_update(alert_price *p, const alert_constants *c, const alert_goal *goal,
                        double credited);
/* Joules per unit of accuracy for the next input. */
double alert_price_now(const alert_price *p, const alert_constants *c, const alert_goal *goal);
/* Whether nothing more can be done for the bound. */
bool alert_price_is_exhausted(const alert_price *p, const alert_goal *goal);
bool alert_price_is_sane(const alert_price *p);

#endif
