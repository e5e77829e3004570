/*
 * random_problems.h - random tables, beliefs and goals, for the test of the search.
 *
 * The tables have ties, are not monotone in anything, and have anytime models among theirs. Of many of them the core sees the
 * profile and what is expected beyond it, and the scan the product of the two. Some machines are shared, and their time has
 * a price.
 */
#ifndef RANDOM_PROBLEMS_H
#define RANDOM_PROBLEMS_H

#include <string.h>

#include "core/choose/choose.h"

enum { MODELS = 6, CAPS = 40, EXITS = 12, CONFIGURATIONS = MODELS * CAPS * EXITS };

static unsigned long long state;

/* xorshift64* */
static unsigned long long bits(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ULL;
}

static double uniform(double low, double high)
{
    return low + (high - low) * (double)(bits() >> 11) * 0x1p-53;
}

static size_t below(size_t n)
{
    return (size_t)(bits() >> 33) % n;
}

typedef struct table {
    alert_profile_data t;
    double second; /* unit of time: what holds for milliseconds holds for minutes */
    double latency[MODELS * CAPS], power[MODELS * CAPS], accuracy[MODELS], cap[CAPS];
    size_t exits[MODELS];
    double fraction[MODELS * EXITS], reached[MODELS * EXITS];
    double share[MODELS * EXITS]; /* of the inputs that leave at an exit */
    double delay[MODELS];         /* before a model can start */
    bool is_shared;
    double
        second_w; /* that a second costs beside the power drawn; 0 where the machine is not shared */
} table;

/* Coarse grids make ties. */
static double value(bool coarse, double low, double high)
{
    return coarse ? low + (high - low) * (double)(1 + below(4)) / 4.0 : uniform(low, high);
}

/* Of k exits. From a third of the models no input leaves early. */
static void random_shares(double *share, size_t k)
{
    double sum = 0.0;
    bool leave = below(3) > 0;
    for (size_t e = 0; e < k; e++)
        sum += share[e] = leave && below(3) > 0 ? uniform(0.0, 1.0) : 0.0;
    for (size_t e = 0; e < k && sum > 0.0; e++)
        share[e] /= sum;
}

static void random_exits(table *x, bool coarse)
{
    size_t first = 0;
    for (size_t i = 0; i < x->t.models; i++) {
        size_t k = x->exits[i] = below(3) == 0 ? 1 + below(EXITS) : 0;
        for (size_t e = 0; e < k; e++) {
            x->fraction[first + e] = (double)(e + 1) / (double)k;
            if (!coarse && e + 1 < k)
                x->fraction[first + e] -= uniform(0.0, 0.9 / (double)k);
            x->reached[first + e] = value(coarse, 0.1, 1.0);
        }
        if (k > 0)
            x->accuracy[i] = x->reached[first + k - 1];
        random_shares(&x->share[first], k);
        first += k;
    }
}

/* No second costs less than nothing, nor nothing: costs of 0 would differ by rounding only. */
static void random_machine(table *x)
{
    double least = HUGE_VAL, price = 0.0;
    x->is_shared = below(3) == 0;
    for (size_t c = 0; c < x->t.models * x->t.caps; c++)
        least = fmin(least, x->power[c]);
    if (below(3) > 0)
        price = uniform(0.0, below(2) == 0 ? x->t.idle_power_w : 200.0);
    x->second_w = x->is_shared ? fmax(price - x->t.idle_power_w, -0.9 * least) : 0.0;
}

static void random_table(table *x)
{
    bool coarse = below(2) == 0;
    x->second = below(4) == 0 ? uniform(0.001, 1000.0) : 1.0;
    memset(x->delay, 0, sizeof x->delay);
    x->t = (alert_profile_data){.models = 1 + below(MODELS),
                                .caps = 1 + below(below(8) == 0 ? CAPS : 7),
                                .latency_s = x->latency,
                                .power_w = x->power,
                                .accuracy = x->accuracy,
                                .power_cap_w = x->cap,
                                .idle_power_w = below(4) == 0 ? 0.0 : value(coarse, 1.0, 20.0),
                                .exit_count = x->exits,
                                .exit_fraction = x->fraction,
                                .exit_accuracy = x->reached,
                                .exit_share = below(3) == 0 ? x->share : NULL};
    for (size_t c = 0; c < x->t.models * x->t.caps; c++) {
        x->latency[c] = x->second * value(coarse, 0.01, 0.1);
        x->power[c] = value(coarse, 5.0, 40.0);
    }
    for (size_t i = 0; i < x->t.models; i++)
        x->accuracy[i] = value(coarse, 0.2, 1.0);
    for (size_t j = 0; j < x->t.caps; j++)
        x->cap[j] = 10.0 + (double)j;
    random_exits(x, coarse);
    random_machine(x);
}

/* Exact for powers of two: ties stay ties. */
static void random_expectations(const table *x, alert_expected e[MODELS])
{
    bool delays = below(3) == 0;
    for (size_t i = 0; i < x->t.models; i++) {
        e[i] = (alert_expected){.factor = ldexp(1.0, (int)below(5) - 2), .accuracy = (double)NAN};
        if (below(2) == 0)
            e[i].accuracy = value(below(2) == 0, 0.1, 1.0);
        if (delays && below(2) == 0)
            e[i].delay_s = x->second * value(below(2) == 0, 0.0, 0.1);
    }
}

static void expect_of_table(table *x, const alert_expected e[MODELS])
{
    size_t exit = 0;
    for (size_t i = 0; i < x->t.models; i++) {
        double accuracy = x->accuracy[i];
        for (size_t j = 0; j < x->t.caps; j++)
            x->latency[i * x->t.caps + j] *= e[i].factor;
        for (size_t k = 0; k < x->exits[i]; k++, exit++)
            if (!isnan(e[i].accuracy))
                x->reached[exit] = fmin(e[i].accuracy * (x->reached[exit] / accuracy), 1.0);
        if (!isnan(e[i].accuracy))
            x->accuracy[i] = e[i].accuracy;
        x->delay[i] = e[i].delay_s;
    }
}

static alert_goal random_goal(double second)
{
    static const alert_quantity ORDER[6][3] = {
        {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY},
        {ALERT_LATENCY, ALERT_ENERGY, ALERT_ACCURACY},
        {ALERT_ACCURACY, ALERT_LATENCY, ALERT_ENERGY},
        {ALERT_ACCURACY, ALERT_ENERGY, ALERT_LATENCY},
        {ALERT_ENERGY, ALERT_LATENCY, ALERT_ACCURACY},
        {ALERT_ENERGY, ALERT_ACCURACY, ALERT_LATENCY},
    };
    alert_goal goal = {.objective = (alert_objective)below(3),
                       .deadline_s = 1.0,
                       .energy_j = below(3) == 0 ? HUGE_VAL : second * uniform(0.05, 6.0),
                       .probability = below(2) == 0 ? 0.0 : uniform(0.05, 0.999),
                       .q_fail = below(2) == 0 ? 0.0 : uniform(0.0, 0.6)};
    goal.bound = goal.objective == ALERT_MAX_ACCURACY ? goal.energy_j
                 : below(4) == 0                      ? 0.0
                                                      : uniform(0.0, 1.0);
    memcpy(goal.priority, ORDER[below(6)], sizeof goal.priority);
    return goal;
}

static alert_belief random_belief(const table *x)
{
    alert_belief b = {.mean = uniform(0.3, 2.5),
                      .std = below(3) == 0 ? uniform(1e-6, 0.02) : uniform(0.02, 1.0)};
    double deadline_s = below(10) == 0 ? 0.0 : x->second * uniform(0.005, 0.25);
    alert_belief_set_deadline(&b, below(10) == 0 ? HUGE_VAL : deadline_s); /* or none */
    if (x->is_shared)
        return b; /* idle time is nobody's */
    if (below(2) == 0)
        b.idle_power_w = x->t.idle_power_w;
    else
        b.idle_ratio = uniform(0.0, below(4) == 0 ? 2.0 : 0.6);
    return b;
}

static alert_mixture random_mixture(double second)
{
    double other = below(4) == 0 ? 0.0 : uniform(0.0, 0.5), level = uniform(0.3, 2.5);
    alert_mixture mixture;
    alert_mixture_set(&mixture, other, (double[]){level, level * uniform(0.3, 3.0)},
                      (double[]){uniform(0.005, 0.4), uniform(0.005, 0.4)},
                      below(2) == 0 ? 0.0 : uniform(0.0, 4.0), second * uniform(0.001, 0.3));
    if (below(2) == 0)
        mixture.kept = uniform(0.9, 1.0);
    mixture.certain = below(2) == 0 ? 1.0 : mixture.kept;
    return mixture;
}

#endif
