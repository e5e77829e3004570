/*
 * belief.h - internal: what is believed of the next input, and the expectations of a configuration that follow.
 *
 * The slowdown xi is Normal(mean, std^2) [A/R]: a configuration of profiled latency t is done by T with probability
 * F(T / t) [A/R]. Or mixture.h has the probability [ours]. It falls as t rises, so Pr >= r means that t x <= T for some
 * x(r, T), and in a row, which ascends in latency, the configurations that are likely enough to be in time come first.
 *
 * Inputs may leave an anytime model at an exit before the one chosen, as they are sure of their output there. With the
 * share S_k of the inputs that get to output k, S_0 = 1, and t_k its time, an input runs and is done by T [ours]
 *
 *     run_s = t_0 + sum over k >= 1 of S_k (t_k - t_(k-1)),     P_0 + sum over k >= 1 of S_k (P_k - P_(k-1))
 *
 * seconds on average, and with this probability. A sure output would not have changed: the accuracies stay as they are.
 */
#ifndef ALERT_BELIEF_H
#define ALERT_BELIEF_H

#include "core/estimate/mixture.h"
#include "core/estimate/normal.h"
#include "core/estimate/sums.h"
#include "core/goal.h"

typedef struct alert_belief {
    double mean;                  /* of the slowdown */
    double std;                   /* > 0; of a normal slowdown */
    double deadline_s;            /* T: the deadline less the overhead, >= 0; infinite for none */
    double idle_until_s;          /* the same, or 0 without a deadline: nothing is idle then */
    double idle_ratio;            /* phi; 0 until an idle power has been reported */
    double idle_power_w;          /* the profile's idle power until then; 0 afterwards */
    const alert_mixture *mixture; /* how long runs take; NULL where the slowdown is normal */
    alert_sums
        *sums; /* kept for the choice at hand; NULL: none. A column is asked under one deadline */
} alert_belief;

/* Of the slowdown. No choice needs that of a mixture. */
static inline double alert_belief_std(const alert_belief *b)
{
    return b->mixture ? alert_mixture_std(b->mixture) : b->std;
}

static inline void alert_belief_set_deadline(alert_belief *b, double deadline_s)
{
    b->deadline_s = deadline_s;
    b->idle_until_s = deadline_s < HUGE_VAL ? deadline_s : 0.0;
}

/* Probability that an output whose profiled time is latency_s is out by the deadline. */
static inline double alert_probability(const alert_belief *b, double latency_s)
{
    if (b->mixture)
        return alert_mixture_cdf(b->mixture, latency_s, b->deadline_s);
    return alert_normal_cdf((b->deadline_s / latency_s - b->mean) / b->std);
}

/* The x with Pr >= r exactly when t x <= T. z: the normal quantile of r. */
static inline double alert_slowdown_quantile(const alert_belief *b, double r, double z)
{
    return b->mixture ? alert_mixture_quantile(b->mixture, r, b->deadline_s) : b->mean + b->std * z;
}

/* Whether the quantile costs less than a few probabilities. */
static inline bool alert_has_quick_quantile(const alert_belief *b)
{
    return !b->mixture;
}

/* Whether a configuration that runs `quantile` times as long as profiled is done by the deadline. */
static inline bool alert_is_in_time(const alert_belief *b, const alert_row *row, size_t column,
                                    double quantile)
{
    return row->latency_s[column] * quantile <= b->deadline_s;
}

/* Expected energy [R], joules up to the deadline, or up to the end where that comes later:
 * p mu t + (phi p or the profile's idle power) max(T - mu t, 0). Without a deadline nothing is idle. */
static inline double alert_energy(const alert_belief *b, const alert_row *row, size_t column)
{
    double power_w = row->power_w[column], run = b->mean * row->run_s[column];
    double rest = b->idle_until_s - run;
    rest = rest > 0.0 ? rest : 0.0;
    return power_w * (run + b->idle_ratio * rest) + b->idle_power_w * rest;
}

/* alert_accuracy() of a row with outputs on the way to its exit. `probability`: that its exit is out by the deadline; becomes
 * that of the input, which may leave earlier. */
double alert_accuracy_of_outputs(const alert_belief *b, const alert_row *row, size_t column,
                                 double q_fail, double *probability);

/* Expected accuracy of the configuration in one column of `row` [R]: the sum over its outputs of accuracy x Pr[this is
 * the last one out by the deadline], and q_fail x Pr[none is]. Sets the probability that an input is done by the deadline. */
static inline double alert_accuracy(const alert_belief *b, const alert_row *row, size_t column,
                                    double q_fail, double *probability)
{
    double in_time = *probability = alert_probability(b, row->latency_s[column]);
    if (row->outputs > 1)
        return alert_accuracy_of_outputs(b, row, column, q_fail, probability);
    return row->best_accuracy * in_time + q_fail * (1.0 - in_time);
}

/* The same, where the probability is known. */
static inline double alert_accuracy_given(const alert_belief *b, const alert_row *row,
                                          size_t column, double q_fail, double probability)
{
    if (row->leaves)
        return alert_accuracy(b, row, column, q_fail, &probability);
    if (row->outputs > 1)
        return alert_accuracy_of_outputs(b, row, column, q_fail, &probability);
    return row->best_accuracy * probability + q_fail * (1.0 - probability);
}

/* Whether expected accuracy falls along the row, up to rounding. */
static inline bool alert_is_ordered(const alert_row *row, double q_fail)
{
    return row->ascending && row->first_accuracy >= q_fail;
}

/* The factors of a lower bound of the energy of several columns. It has two sums of terms; the larger one counts. */
typedef struct alert_lower_bound {
    double work; /* the one: work */
    double share, power_s, active,
        rest_j; /* the other: work, power, active energy, and a constant */
} alert_lower_bound;

/* With rest >= T - mu t, and rest >= 0, the energy p mu t + (phi p + W) rest is at least
 *     mu p t                                 always,
 *     mu (p - W) t + W T                     while phi = 0,
 *     (1 - phi) mu p t + phi p T             while W = 0 and phi <= 1.
 * No difference of large numbers is taken (active_j is used where it is positive). So a reduction by 1e-9 is enough to
 * keep the bound below the energies despite rounding. */
static inline alert_lower_bound alert_lower_bound_of(const alert_belief *b)
{
    double mean = b->mean * (1.0 - 1e-9), deadline_s = b->idle_until_s * (1.0 - 1e-9);
    alert_lower_bound l = {.work = mean};
    if (b->idle_ratio == 0.0) {
        l.active = mean;
        l.rest_j = b->idle_power_w * deadline_s;
    } else if (b->idle_ratio <= 1.0) {
        l.share = (1.0 - b->idle_ratio) * mean;
        l.power_s = b->idle_ratio * deadline_s;
    }
    return l;
}

/* Not more than the expected energy of any column that the minima are taken over. */
static inline double alert_energy_lower_bound(const alert_lower_bound *l, const alert_minima *m)
{
    double bound = l->work * m->work_j;
    double sharper =
        l->share * m->work_j + l->power_s * m->power_w + l->active * m->active_j + l->rest_j;
    return sharper > bound ? sharper : bound;
}

#endif
