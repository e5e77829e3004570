/*
 * choose.h - internal: the choice of the next configuration [A/R].
 *
 *     minimise energy     lowest expected energy with accuracy >= bound and probability >= Pr;
 *     maximise accuracy   highest expected accuracy with energy <= bound and probability >= Pr.
 *
 * Ties go to the lower energy, then the lower cap, the lower model index, the lower exit.
 *
 * When nothing meets every bound, they are given up one after the other from the least important
 * until something meets those that are left. The objective then still decides, unless the accuracy
 * or energy bound was given up and is more important than the objective: then it decides (highest
 * accuracy; lowest energy). Latency needs no such turn: expected accuracy counts lateness.
 *
 * The result is what a scan of all configurations by these rules would give, for any table. Three
 * properties keep the search short:
 *   - along a row (ascending latency) probability falls (up to rounding), and with it expected accuracy where
 *     accuracies ascend from exit to exit and none is below q_fail (an ordered row): the
 *     configurations that are accurate enough come first, and bisection finds the last of them;
 *   - alert_least bounds the energy of the first columns of a row, and the bound falls along the
 *     row: columns, and whole rows, that cannot beat the best so far (or cannot be afforded) are
 *     passed over;
 *   - in an ordered row of one output, accuracy >= Q is the same as t (mean + z std) <= T, where z
 *     depends on the goal and the row alone: no normal integral is taken in the search. (Where the
 *     slowdown is a mixture, the few integrals of a bisection are cheaper than its quantile.)
 */
#ifndef ALERT_CHOOSE_H
#define ALERT_CHOOSE_H

#include <math.h>

#include "core/estimate/belief.h"

typedef struct alert_choice {
    const alert_row *row;
    size_t column; /* into the row */
    double energy_j, accuracy, probability;
    bool feasible;
} alert_choice;

/* What need not be worked out again for every step. By the paper's method, for each row of the profile with one output
 * the normal quantile that its latency must keep: it follows from the goal, is worked out when first asked for, and is
 * kept until the goal or its bound changes. */
typedef struct alert_plan {
    double accuracy, q_fail, probability; /* for which the quantiles hold */
    double time_z;                        /* quantile of the least probability; -infinity: none */
    size_t hopeless;                      /* rows that come first and cannot have the accuracy */
    double *accuracy_z;                   /* ALERT_PAPER: one a row; NaN: not worked out yet */
    /* ALERT_CALIBRATED: one a row, the first column that the last priced search could afford */
    uint32_t *first;
} alert_plan;

int alert_plan_new(alert_plan *plan, const alert_profile *profile,
                   alert_method method) ALERT_MUST_CHECK;
void alert_plan_clear(alert_plan *plan);
/* Forgets what holds for another goal. */
void alert_plan_renew(alert_plan *plan, const alert_profile *profile, const alert_goal *goal,
                      double bound);

static inline void alert_plan_follow(alert_plan *plan, const alert_profile *profile,
                                     const alert_goal *goal, double bound)
{
    if (plan->accuracy != bound || plan->q_fail != goal->q_fail ||
        plan->probability != goal->probability)
        alert_plan_renew(plan, profile, goal, bound);
}

double alert_plan_work_out_z(alert_plan *plan, const alert_profile *profile, size_t r);

/* For a bound above q_fail and a row `r` that can have it: where the row has one output, the z with accuracy >= bound
 * exactly when t (mean + z std) <= T; else -infinity. */
static inline double alert_plan_accuracy_z(alert_plan *plan, const alert_profile *profile, size_t r)
{
    double z = plan->accuracy_z[r];
    return isnan(z) ? alert_plan_work_out_z(plan, profile, r) : z;
}

/* The last tie-break: lower cap, lower model index, lower exit. */
bool alert_comes_first(const alert_row *a, size_t a_column, const alert_row *b, size_t b_column);

/* `bound` stands for goal->bound, which a window may have moved. */
void alert_choose(const alert_profile *profile, alert_plan *plan, const alert_belief *belief,
                  const alert_goal *goal, double bound, alert_choice *out);

/* A configuration: an index into the rows of a profile, and one into its columns. */
typedef struct alert_place {
    size_t row, column;
} alert_place;

/* The choice where the goal's bound has a price, in joules per unit of accuracy (price.h): the lowest
 * energy - price x accuracy among those with probability >= Pr, or among all when there are none. Ties go as above.
 *
 * The search begins at `last`, which may be any configuration; the nearer to the result, the shorter. Only a
 * configuration with
 *     energy <= lowest value so far + price x accuracy
 * can beat the best so far. A row is walked from the first column for which that may hold at the row's highest
 * accuracy. In an ordered row the accuracy of each one looked at limits that of all slower ones; the walk ends when
 * alert_least says that none of them takes so little energy. What is slower than alert_mixture_mark() is known to be
 * late so often that most such rows need no integral. `belief` has a mixture. */
void alert_choose_priced(const alert_profile *profile, alert_plan *plan, const alert_belief *belief,
                         const alert_goal *goal, double price, const alert_place *last,
                         alert_choice *out);

/* The choice for an input that came late, and that nothing can be expected to finish in time: the lowest latency, so
 * that it is as little late as can be, and a queue of late inputs drains. Ties go as above. [ours] */
void alert_choose_fastest(const alert_profile *profile, const alert_belief *belief,
                          const alert_goal *goal, alert_choice *out);
size_t alert_importance(const alert_goal *goal, alert_quantity quantity);

#endif
