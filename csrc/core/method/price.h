/*
 * price.h - internal: the price of accuracy, for goals that hold on average. [ours]
 *
 * The average energy is lowest for an average accuracy (or the other way round) when every input runs the
 * configuration with the lowest
 *
 *     energy - price x accuracy                                                 (joules; price.c, priced.c)
 *
 * at one price for all inputs: the Lagrange multiplier of the bound. Accuracy is then bought on the inputs, and in
 * the phases, where it is cheap. The price is not known beforehand. It starts as the one that solves the problem for
 * the profile, on a quiet machine: a slope of the lower convex hull of its points (accuracy, energy). Latencies count times
 * the usual slowdown: where that changes for good, the start moves, and the price with it. Then two parts
 * steer it, a slow one and a fast one. s is 1 where accuracy is bounded and -1 where energy is; "the measure" is
 * accuracy or joules.
 *
 *     owed     += s (aim - credited)                    at most ALERT_OWED_AT_ONCE units for one input
 *     wanted    = owed + price_ease ease + reserve
 *     ln slow  += s price_gain cut((s (aim - expected) + wanted / price_horizon) / range, 5)     within [low, high]
 *     surprise += max(0.01, 1 / (n + 10)) (cut(credited - expected, 3 unit)^2 - surprise)        after n inputs
 *     reserve   = price_reserve sqrt(surprise) n / (n + price_ramp)
 *     ln price  = ln slow + s cut(wanted / (price_step step), -price_down .. price_up)
 *
 *     aim        the bound and a little more: Q + price_margin, or E (1 - price_margin)
 *     expected   of the choice, before its outcome was known: there is no noise in it
 *     owed       for a goal over the last N inputs: what the last N - 1 of them owe (window.h), without the margin.
 *                With a budget for n more inputs: what it lacks for n times the bound, of which
 *                price_horizon / max(price_horizon, n) counts: the rest is repaid later
 *     surprise   starts at (0.01 unit)^2
 *     step       length, in the measure, of the edge of the hull that crosses the bound
 *     ease       what the cheaper end of this edge leaves owing for each input; 0..step
 *     range      of the hull, in the measure, for each factor e between its first and last slope
 *     unit       accuracy bounded: best accuracy in time - q_fail; energy bounded: range of the energies
 *
 * low and high lie a factor of price_reach beyond the first and the last slope of the hull, and a factor of price_span
 * from the start. At the end that does most for the bound, with the fast part at its end too, nothing more can be done;
 * nor for a bound beyond the hull.
 *
 * Two other things have a price. An output in time is worth late_worth x the energy of the most accurate point of the
 * hull, whatever its accuracy: so a late one counts for q_fail less that worth / price. And where inputs share a
 * deadline, the time that one takes is what the others lack: its share of the deadline, mean slowdown x t / T, costs
 * price x the range of the hull's accuracies.
 */
#ifndef ALERT_PRICE_H
#define ALERT_PRICE_H

#include "core/estimate/belief.h"

/* More than any run can owe. */
#define ALERT_OWED_MAX 1e36
/* A machine whose usual slowdown differs by this factor is another one: the price starts from it. */
#define ALERT_OTHER_MACHINE 1.3
/* Units that one input can owe: the machine may have been suspended in between. */
#define ALERT_OWED_AT_ONCE 30.0

typedef struct alert_price {
    double slowdown; /* of the quiet machine that it started from */
    double log_slow; /* of joules per unit of accuracy */
    double log_low, log_high;
    double unit, step, ease, range; /* in the measure; all but ease > 0 */
    double best;        /* of the hull, in the measure: the end that does most for the bound */
    double accuracies;  /* range of the hull's */
    double in_time_j;   /* what an output in time is worth */
    double inputs;      /* booked */
    double inputs_left; /* of a budget; 0 without one */
    double owed, reserve, surprise; /* in the measure, or its square; kept when the unit changes */
} alert_price;

/* An input to book, in the measure of the bound. */
typedef struct alert_booking {
    double bound;              /* of this input */
    double credited, expected; /* what it had, and what was expected of the choice */
    /* Where a window or a budget keeps account of the debt: what is owed now. Inputs left in a budget. */
    bool has_debt;
    double debt, inputs_left;
} alert_booking;

/* A configuration, by its accuracy and its energy. */
typedef struct alert_point {
    double accuracy, energy_j;
} alert_point;

/* The machine that a price starts from, on which nothing else runs. */
typedef struct alert_quiet {
    const alert_profile *profile;
    const double *offset; /* a factor on the latencies of each model; NULL: none */
    size_t caps;          /* that may be chosen: the lowest ones */
    double slowdown;      /* of all configurations */
    double time_s;        /* the deadline without the overhead */
    double idle_power_w;  /* drawn in the rest of the time */
} alert_quiet;

/* Sets the price from machine and goal; the debt stays. `room` is for a point a row. */
void alert_price_start(alert_price *p, const alert_constants *c, const alert_quiet *quiet,
                       const alert_goal *goal, alert_point *room);
void alert_price_update(alert_price *p, const alert_constants *c, const alert_goal *goal,
                        const alert_booking *b);
/* Joules per unit of accuracy for the next input. Sets whether nothing more can be done for the bound. */
double alert_price_now(const alert_price *p, const alert_constants *c, const alert_goal *goal,
                       bool *is_exhausted);
bool alert_price_is_sane(const alert_price *p);

#endif
