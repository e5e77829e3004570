/*
 * belief.h - internal: what is believed of the next input, and what follows for a configuration.
 *
 * The slowdown xi has the distribution F = Normal(mean, std^2) [A/R], or that of mixture.h [ours], so a
 * configuration of profiled latency t is done by T with probability F(T / t) [A/R], and Pr >= r means
 * t F^-1(r) <= T: along a row, which ascends in latency, the configurations that are likely enough to be in
 * time come first.
 */
#ifndef ALERT_BELIEF_H
#define ALERT_BELIEF_H

#include "core/estimate/mixture.h"
#include "core/estimate/normal.h"
#include "core/profile.h"

typedef struct alert_belief {
    double mean, std;             /* of the slowdown; std > 0 */
    double deadline_s;            /* T: the deadline less the overhead, >= 0 */
    double idle_ratio;            /* phi; 0 until an idle power has been reported */
    double idle_power_w;          /* the profile's idle power until then; 0 afterwards */
    const alert_mixture *mixture; /* distribution of the slowdown; NULL where it is normal */
} alert_belief;

/* Probability that an output whose profiled time is latency_s is out by the deadline. */
static inline double alert_probability(const alert_belief *b, double latency_s)
{
    double x = b->deadline_s / latency_s;
    return b->mixture ? alert_mixture_cdf(b->mixture, x) : alert_normal_cdf((x - b->mean) / b->std);
}

/* F^-1(r): a slowdown that is not exceeded with probability r. z: the normal quantile of r. */
static inline double alert_slowdown_quantile(const alert_belief *b, double r, double z)
{
    return b->mixture ? alert_mixture_quantile(b->mixture, r) : b->mean + b->std * z;
}

/* Expected energy [R], joules up to the deadline (or up to the end where that comes later):
 * p mu t + (phi p or the profile's idle power) max(T - mu t, 0). */
static inline double alert_energy(const alert_belief *b, double latency_s, double power_w)
{
    double run = b->mean * latency_s;
    double rest = run < b->deadline_s ? b->deadline_s - run : 0.0;
    return power_w * (run + b->idle_ratio * rest) + b->idle_power_w * rest;
}

/* The same where the row has outputs on the way to its exit. */
double alert_accuracy_of_stairs(const alert_belief *b, const alert_row *row, size_t column,
                                double q_fail, double in_time);

/* Expected accuracy of the configuration in one column of `row` [R]: the sum over its outputs of
 * accuracy x Pr[this is the last one out by the deadline], q_fail for none at all. `probability` is
 * that the configuration itself is done by the deadline. */
static inline double alert_accuracy(const alert_belief *b, const alert_row *row, size_t column,
                                    double q_fail, double *probability)
{
    double in_time = *probability = alert_probability(b, row->latency_s[column]);
    if (row->stairs > 1)
        return alert_accuracy_of_stairs(b, row, column, q_fail, in_time);
    return row->best_accuracy * in_time + q_fail * (1.0 - in_time);
}

/* What alert_least_energy() makes of a belief, once for a whole search. */
typedef struct alert_floor {
    double work;                           /* one bound goes with work alone, */
    double share, power_s, active, rest_j; /* the other with work, power and active energy */
} alert_floor;

/* With rest >= T - mu t, and rest >= 0, the energy p mu t + (phi p + W) rest is at least
 *     mu p t                                 always,
 *     mu (p - W) t + W T                     while phi = 0,
 *     (1 - phi) mu p t + phi p T             while W = 0 and phi <= 1.
 * No difference of large numbers is taken (active_j is used where it is positive), so that a small part off is enough
 * to keep rounding from lifting the bound above what it bounds. */
static inline alert_floor alert_floor_of(const alert_belief *b)
{
    double mean = b->mean * (1.0 - 1e-9), deadline_s = b->deadline_s * (1.0 - 1e-9);
    alert_floor f = {.work = mean};
    if (b->idle_ratio == 0.0) {
        f.active = mean;
        f.rest_j = b->idle_power_w * deadline_s;
    } else if (b->idle_ratio <= 1.0) {
        f.share = (1.0 - b->idle_ratio) * mean;
        f.power_s = b->idle_ratio * deadline_s;
    }
    return f;
}

/* Not more than the expected energy of any column that `least` sums up: smallest term by smallest term. */
static inline double alert_least_energy(const alert_floor *f, const alert_least *least)
{
    double bound = f->work * least->work_j;
    double sharper = f->share * least->work_j + f->power_s * least->power_w +
                     f->active * least->active_j + f->rest_j;
    return sharper > bound ? sharper : bound;
}

#endif
