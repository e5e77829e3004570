#include "core/offsets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ranges.h"

int alert_offsets_new(alert_offsets *o, const alert_constants *c, size_t models)
{
    double *numbers = calloc(4 * models + 1, sizeof *numbers);
    if (!numbers)
        return -ENOMEM;
    *o = (alert_offsets){.models = models,
                         .numbers = numbers,
                         .count = 3 * models + 1,
                         .learnt = numbers,
                         .variance = numbers + models,
                         .served = numbers + 2 * models,
                         .last = numbers + 3 * models,
                         .before = numbers + 3 * models + 1};
    for (size_t i = 0; i < models; i++) {
        o->learnt[i] = o->served[i] = 1.0;
        o->variance[i] = c->offset_spread * c->offset_spread;
    }
    *o->last = (double)models;
    return 0;
}

void alert_offsets_clear(alert_offsets *o)
{
    free(o->numbers);
}

/* ---------------------------------------------------------------------------------------- learning */

static bool is_within_factor(double x, double y, double factor)
{
    return x <= factor * y && y <= factor * x;
}

/* Nearly half of the difference of the logarithms: it takes a division only. */
static double half_distance(double x, double y)
{
    return (x - y) / (x + y);
}

/* How likely the first cause is the one of a run with the slowdown x. */
static double share_of_first(const alert_cause *causes, int count, double x, double variance)
{
    double dense[ALERT_CAUSES], sum = 0.0;
    for (int k = 0; k < count; k++) {
        double off = half_distance(x, causes[k].slowdown);
        double square = 0.5 * (variance + causes[k].variance), thin = square + off * off;
        dense[k] = causes[k].weight * (square * square) / (thin * thin * sqrt(thin));
        sum += dense[k];
    }
    return dense[0] / sum;
}

/* Of the way from y to x, this share: as a factor on what is at y. */
static double step_towards(double x, double y, double share)
{
    double half = share * half_distance(x, y);
    return (1.0 + half) / (1.0 - half);
}

/* noise: variance of the logarithm of x. */
static void follow(alert_offsets *o, const alert_constants *c, size_t model, double x, double quiet,
                   double noise)
{
    double *learnt = &o->learnt[model], *variance = &o->variance[model];
    double gain = *variance / (*variance + noise);
    *learnt = alert_clamp(*learnt * step_towards(x, quiet, gain), 1.0 / ALERT_OFFSET_MAX,
                          ALERT_OFFSET_MAX);
    double rest = gain * noise, least = c->offset_least * c->offset_least;
    *variance = rest > least ? rest : least;
}

/* The factor to serve, where the profile counts as right within the factor `right`. */
static double due(const alert_offsets *o, size_t model, double right)
{
    double learnt = o->learnt[model], served = o->served[model];
    double next = is_within_factor(learnt, 1.0, right) ? 1.0 : learnt;
    return is_within_factor(next, served, ALERT_OFFSET_MOVED) ? served : next;
}

double alert_offsets_learn(alert_offsets *o, const alert_constants *c, const alert_belief *belief,
                           size_t model, double profiled_s, double slowdown)
{
    size_t before = (size_t)*o->last;
    if (before == model)
        return o->served[model];
    *o->last = (double)model;
    bool are_off_alike =
        before < o->models && (o->served[before] - 1.0) * (o->served[model] - 1.0) > 0.0;
    bool is_new = o->variance[model] >= c->offset_spread * c->offset_spread;
    alert_cause causes[ALERT_CAUSES];
    int count =
        alert_causes_of(belief, profiled_s, is_new ? c->offset_new : ALERT_UNKNOWN_CAUSE, causes);
    double noise = c->table_noise * c->table_noise, quiet = causes[0].slowdown;
    double x = alert_clamp(slowdown, 1.0 / ALERT_RATIO_MAX, ALERT_RATIO_MAX) *
               (o->served[model] / o->learnt[model]);
    double share = share_of_first(causes, count, x, o->variance[model] + noise);
    if (share > ALERT_OFFSET_SHARE && is_within_factor(x, quiet, c->offset_far)) {
        follow(o, c, model, x, quiet, (causes[0].variance + noise) / share);
        if (are_off_alike)
            o->learnt[model] *= step_towards(1.0, o->learnt[model], ALERT_OFFSET_PULL);
    }
    return due(o, model, are_off_alike ? ALERT_OFFSET_MOVED : c->offset_served);
}

void alert_offsets_serve(alert_offsets *o, size_t model, double factor)
{
    memcpy(o->before, o->served, o->models * sizeof *o->served);
    o->served[model] = factor;
}

/* ------------------------------------------------------------------------------------------- saved */

static double number_at(const void *numbers, size_t k)
{
    double x;
    memcpy(&x, (const char *)numbers + k * sizeof x, sizeof x);
    return x;
}

bool alert_offsets_are_sane(const alert_offsets *o, const void *numbers)
{
    size_t n = o->models;
    double last = number_at(numbers, 3 * n);
    bool sane = alert_is_within(last, 0.0, (double)n) && last == floor(last);
    for (size_t i = 0; i < n && sane; i++) {
        double variance = number_at(numbers, n + i);
        sane = variance >= 0.0 && isfinite(variance);
        for (size_t k = i; k < 3 * n; k += 2 * n) /* learnt, and served */
            sane = sane &&
                   alert_is_within(number_at(numbers, k), 1.0 / ALERT_OFFSET_MAX, ALERT_OFFSET_MAX);
    }
    return sane;
}

bool alert_offsets_are_served(const alert_offsets *o, const void *numbers)
{
    size_t first = (size_t)(o->served - o->numbers), k = first;
    while (k < first + o->models && number_at(numbers, k) == 1.0)
        k++;
    return k < first + o->models;
}
