/*
 * scan_all.h - the best configuration by a scan of all.
 *
 * Written from the rules in rules.h and problem.h. It shares nothing with the search but the integrals.
 */
#ifndef SCAN_ALL_H
#define SCAN_ALL_H

#include "random_problems.h"

typedef struct configuration {
    size_t model, cap;
    ptrdiff_t exit;
    double latency, expected; /* of the quiet machine, and now */
    double run;               /* of the quiet machine: an input may leave early */
    double accuracy, energy, probability;
    double wait, cost;
    double none; /* probability that no output is in time */
} configuration;

static double in_time(const alert_belief *b, double latency)
{
    return b->mixture ? alert_mixture_cdf(b->mixture, latency, b->deadline_s)
                      : alert_normal_cdf((b->deadline_s / latency - b->mean) / b->std);
}

/* Seconds of the quiet machine that an input takes on average. */
static double run_of(const table *x, double full, size_t first, size_t k, size_t exits)
{
    double left = 1.0, run = 0.0;
    if (exits == 0)
        return full;
    for (size_t m = 0; m < k && x->t.exit_share; m++) {
        run += x->share[first + m] * full * x->fraction[first + m];
        left -= x->share[first + m];
    }
    return run + left * full * x->fraction[first + k];
}

static configuration weigh(const table *x, const alert_belief *at_once, double q_fail, size_t i,
                           size_t j, size_t first, size_t k)
{
    alert_belief later_on = *at_once, *b = &later_on;
    alert_belief_set_deadline(b, fmax(b->deadline_s - x->delay[i], 0.0));
    size_t exits = x->exits[i];
    double full = x->latency[i * x->t.caps + j], power = x->power[i * x->t.caps + j];
    double latency = exits > 0 ? full * x->fraction[first + k] : full;
    double quiet_run = run_of(x, full, first, k, exits), run = b->mean * quiet_run;
    double rest = isinf(b->deadline_s) ? 0.0 : fmax(b->deadline_s - run, 0.0);
    configuration c = {.model = i,
                       .cap = j,
                       .exit = exits > 0 ? (ptrdiff_t)k : -1,
                       .latency = latency,
                       .run = quiet_run,
                       .wait = x->delay[i] > 0.0 ? x->delay[i] / b->mean : 0.0,
                       .expected = run + x->delay[i],
                       .energy = power * (run + b->idle_ratio * rest) + b->idle_power_w * rest +
                                 power * x->delay[i],
                       .probability = in_time(b, latency)};
    c.cost = c.energy + x->second_w * c.expected;
    if (exits == 0) {
        c.accuracy = x->accuracy[i] * c.probability + q_fail * (1.0 - c.probability);
        c.none = 1.0 - c.probability;
        return c;
    }
    double later = c.probability;
    c.accuracy = x->reached[first + k] * later;
    for (size_t m = k; m-- > 0;) {
        double earlier = in_time(b, full * x->fraction[first + m]);
        c.accuracy += x->reached[first + m] * (earlier - later);
        later = earlier;
    }
    c.accuracy += q_fail * (1.0 - later);
    c.none = 1.0 - later;
    if (!x->t.exit_share)
        return c;
    double left = 1.0, last = c.probability, done = 0.0;
    for (size_t m = 0; m < k; m++) {
        done += x->share[first + m] * in_time(b, full * x->fraction[first + m]);
        left -= x->share[first + m];
    }
    c.probability = done + left * last;
    return c;
}

static size_t weigh_all(const table *x, const alert_belief *b, double q_fail, configuration *out)
{
    size_t count = 0, first = 0;
    for (size_t i = 0; i < x->t.models; i++) {
        size_t outputs = x->exits[i] > 0 ? x->exits[i] : 1;
        for (size_t k = 0; k < outputs; k++)
            for (size_t j = 0; j < x->t.caps; j++)
                out[count++] = weigh(x, b, q_fail, i, j, first, k);
        first += x->exits[i];
    }
    return count;
}

static size_t rank(const alert_goal *goal, alert_quantity q)
{
    return goal->priority[0] == q ? 0 : goal->priority[1] == q ? 1 : 2;
}

/* Bounds that are still asked for (infinite: none), and by what it is chosen. */
typedef struct rule {
    double probability, accuracy, energy;
    alert_quantity by;
} rule;

/* All bounds, and then the first `kept` in the order of the goal, which has no more than three. */
static rule rule_with(const alert_goal *goal, size_t kept)
{
    bool saves = goal->objective == ALERT_MIN_ENERGY,
         limits = goal->objective == ALERT_MAX_ACCURACY;
    rule all = {.probability = goal->probability > 0.0 ? goal->probability : -HUGE_VAL,
                .accuracy = limits || (!saves && goal->bound == 0.0) ? -HUGE_VAL : goal->bound,
                .energy = saves    ? HUGE_VAL
                          : limits ? goal->bound
                                   : goal->energy_j};
    rule out = {-HUGE_VAL, -HUGE_VAL, HUGE_VAL,
                saves    ? ALERT_ENERGY
                : limits ? ALERT_ACCURACY
                         : ALERT_LATENCY};
    for (size_t i = 0; i < 3; i++) {
        alert_quantity q = goal->priority[i];
        bool keeps = i < kept;
        if (q == ALERT_LATENCY && keeps)
            out.probability = all.probability;
        if (q == ALERT_ACCURACY && keeps)
            out.accuracy = all.accuracy;
        if (q == ALERT_ENERGY && keeps)
            out.energy = all.energy;
        if (!keeps && ((q == ALERT_ACCURACY && isfinite(all.accuracy)) ||
                       (q == ALERT_ENERGY && isfinite(all.energy))))
            if (rank(goal, q) < rank(goal, out.by))
                out.by = q;
    }
    return out;
}

/* By how much a configuration meets what is asked for; negative: it does not. */
static double margin(const configuration *c, rule r)
{
    return fmin(c->probability - r.probability,
                fmin(c->accuracy - r.accuracy, r.energy - c->energy));
}

static bool better(const configuration *a, const configuration *b, rule r)
{
    if (r.by == ALERT_ACCURACY && a->accuracy != b->accuracy)
        return a->accuracy > b->accuracy;
    if (r.by == ALERT_LATENCY && a->expected != b->expected)
        return a->expected < b->expected;
    if (a->cost != b->cost)
        return a->cost < b->cost;
    if (a->cap != b->cap)
        return a->cap < b->cap;
    return a->model != b->model ? a->model < b->model : a->exit < b->exit;
}

/* Whether the difference between two configurations is one of rounding. */
static bool alike(const configuration *a, const configuration *b, rule r)
{
    double x = a->cost, y = b->cost;
    if (r.by == ALERT_ACCURACY)
        x = a->accuracy, y = b->accuracy;
    if (r.by == ALERT_LATENCY)
        x = a->expected, y = b->expected;
    return fabs(x - y) <= 1e-12 * (1.0 + fabs(x) + a->energy);
}

typedef struct verdict {
    const configuration *best;
    bool feasible;
    bool on_edge; /* some configuration lies on a bound, or two are alike, up to rounding */
} verdict;

/* are_exact: ties are. Where inputs leave early, sums of shares are rounded. */
static verdict scan(const configuration *all, size_t count, const alert_goal *goal, bool are_exact)
{
    verdict v = {NULL, true, false};
    for (size_t kept = 4; kept-- > 0 && !v.best;) {
        rule r = rule_with(goal, kept);
        v.feasible = kept == 3;
        for (size_t c = 0; c < count; c++) {
            double spare = margin(&all[c], r);
            v.on_edge = v.on_edge || fabs(spare) < 1e-12;
            if (spare >= 0.0 && (!v.best || better(&all[c], v.best, r))) {
                v.best = &all[c];
            }
        }
        for (size_t c = 0; c < count && v.best; c++)
            if (&all[c] != v.best && margin(&all[c], r) >= 0.0 && alike(&all[c], v.best, r) &&
                !(are_exact && all[c].energy == v.best->energy && all[c].cost == v.best->cost &&
                  all[c].accuracy == v.best->accuracy))
                v.on_edge = true;
    }
    return v;
}

#endif
