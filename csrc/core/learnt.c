#include "core/learnt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ranges.h"

/* ------------------------------------------------------------------------------ making and freeing */

/* Lays a table into a block of numbers; returns what follows. */
static double *lay(alert_table *t, const alert_learnt *l, const alert_profile *guess, double *at)
{
    size_t size = alert_table_size(guess->models, guess->caps);
    *t = (alert_table){.models = guess->models,
                       .caps = guess->caps,
                       .u = l->u,
                       .mean = at,
                       .covariance = at + size,
                       .gain = l->gain};
    return at + size + size * size;
}

static bool allocate(alert_learnt *l, const alert_profile *guess)
{
    size_t size = alert_table_size(guess->models, guess->caps);
    size_t table = size + size * size, tables = guess->has_power ? 2 : 1;
    l->cells = guess->models * guess->caps;
    l->has_power = guess->has_power;
    l->count = tables * (table + l->cells) + l->cells + 1;
    l->numbers = calloc(l->count, sizeof *l->numbers);
    l->room = calloc(guess->caps + size + 2 * l->cells, sizeof *l->room);
    l->sorting = calloc(guess->caps, sizeof *l->sorting);
    l->spare = alert_profile_copy(guess);
    if (!l->numbers || !l->room || !l->sorting || !l->spare)
        return false;
    l->u = l->room;
    l->gain = l->u + guess->caps;
    l->latency_s = l->gain + size;
    l->power_w = l->latency_s + l->cells;
    double *at = lay(&l->latency, l, guess, l->numbers);
    if (l->has_power)
        at = lay(&l->power, l, guess, at);
    l->runs = at;
    l->log_latency_s = at + l->cells;
    l->log_power_w = l->has_power ? l->log_latency_s + l->cells : NULL;
    l->inputs = l->numbers + l->count - 1;
    return true;
}

/* The logarithm of how far a cap is below the highest finite one. */
static void measure_caps(double *u, const alert_profile *guess)
{
    size_t last = guess->caps - 1;
    if (last > 0 && guess->power_cap_w[last] == HUGE_VAL)
        last--;
    for (size_t j = 0; j < last; j++)
        u[j] = log(guess->power_cap_w[last] / guess->power_cap_w[j]);
}

/* Costs of the whole models, N x M. */
static void read_costs(alert_learnt *l, const alert_profile *guess)
{
    for (size_t r = 0; r < guess->rows; r++) {
        const alert_row *row = &guess->row[r];
        double fraction = row->output[row->outputs - 1].fraction;
        for (size_t j = 0; fraction == 1.0 && j < guess->caps; j++) {
            size_t cell = row->model * guess->caps + row->cap[j];
            l->latency_s[cell] = row->latency_s[j];
            l->power_w[cell] = row->power_w[j];
        }
    }
    for (size_t i = 0; i < l->cells; i++) {
        l->log_latency_s[i] = log(l->latency_s[i]);
        if (l->has_power)
            l->log_power_w[i] = log(l->power_w[i]);
    }
}

int alert_learnt_new(alert_learnt **out, const alert_profile *guess, const alert_constants *c,
                     alert_argument_error *error)
{
    if (guess->models > ALERT_TABLE_MAX || guess->caps > ALERT_TABLE_MAX - guess->models)
        return alert_refuse(error, "profile", "at most 2000 models and caps, to be learnt",
                            (double)guess->models + (double)guess->caps);
    alert_learnt *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    if (!allocate(l, guess)) {
        alert_learnt_free(l);
        return -ENOMEM;
    }
    measure_caps(l->u, guess);
    read_costs(l, guess);
    alert_table_start(&l->latency, c, l->latency_s);
    if (l->has_power)
        alert_table_start(&l->power, c, l->power_w);
    *out = l;
    return 0;
}

void alert_learnt_free(alert_learnt *l)
{
    if (!l)
        return;
    alert_profile_unref(l->spare);
    free(l->numbers);
    free(l->room);
    free(l->sorting);
    free(l);
}

/* ---------------------------------------------------------------------------------------- learning */

static bool was_tried(const alert_learnt *l, size_t model)
{
    size_t cap = 0;
    while (cap < l->latency.caps && !alert_learnt_has_run(l, model, cap))
        cap++;
    return cap < l->latency.caps;
}

/* Of the smallest guess first; the number of models where all have run, or have to wait. */
static size_t next_untried(const alert_learnt *l, const alert_expected *delays)
{
    size_t models = l->latency.models, caps = l->latency.caps, found = models;
    double least = HUGE_VAL;
    for (size_t i = 0; i < models; i++) {
        double guess = alert_table_log(&l->latency, i, caps - 1);
        bool waits = delays && delays[i].delay_s > 0.0;
        if (guess < least && !waits && !was_tried(l, i)) {
            least = guess;
            found = i;
        }
    }
    return found;
}

const alert_row *alert_learnt_untried(const alert_learnt *l, const alert_profile *p,
                                      const alert_expected *delays)
{
    size_t model = next_untried(l, delays);
    const alert_row *whole = NULL;
    for (size_t r = 0; model < p->models && r < p->rows; r++)
        if (p->row[r].model == model && (!whole || p->row[r].outputs > whole->outputs))
            whole = &p->row[r];
    return whole;
}

/* How likely each cause is, after an input whose logarithm was expected with this variance and came out at log_y. */
static void weigh(alert_cause *causes, int count, double off, double variance)
{
    double sum = 0.0;
    for (int k = 0; k < count; k++) {
        double width = sqrt(0.5 * (variance + causes[k].variance));
        double away = off - log(causes[k].slowdown), far = away / width;
        double thin = 1.0 + 0.25 * far * far;
        causes[k].weight /= width * thin * thin * sqrt(thin);
        sum += causes[k].weight;
    }
    for (int k = 0; k < count; k++)
        causes[k].weight = sum > 0.0 ? causes[k].weight / sum : 0.0;
}

double alert_learnt_update(alert_learnt *l, const alert_constants *c, size_t model, size_t cap,
                           const alert_cause *given, int count, double slowdown, double power_w)
{
    size_t cell = model * l->latency.caps + cap;
    double noise = c->table_noise * c->table_noise;
    double log_y = l->log_latency_s[cell] + log(slowdown);
    double off = log_y - alert_table_log(&l->latency, model, cap);
    alert_cause causes[ALERT_CAUSES];
    for (int k = 0; k < count; k++) {
        causes[k] = given[k];
        causes[k].variance += noise;
    }
    weigh(causes, count, off, alert_table_variance(&l->latency, model, cap));
    for (int k = 0; k < count; k++)
        if (causes[k].weight > 0.01)
            alert_table_update(&l->latency, model, cap, log_y - log(causes[k].slowdown),
                               causes[k].variance / causes[k].weight);
    if (l->has_power && power_w > 0.0)
        alert_table_update(&l->power, model, cap, log(power_w), noise);
    l->runs[cell] += 1.0;
    *l->inputs += 1.0;
    return exp(alert_table_log(&l->latency, model, cap) - l->log_latency_s[cell]);
}

void alert_learnt_scale(alert_learnt *l, double factor)
{
    alert_table_scale(&l->latency, log(factor));
}

/* ----------------------------------------------------------------------------------------- serving */

static bool is_far(const alert_table *t, const double *served)
{
    for (size_t i = 0; i < t->models; i++)
        for (size_t j = 0; j < t->caps; j++)
            if (fabs(alert_table_log(t, i, j) - served[i * t->caps + j]) > ALERT_LEARNT_MOVED)
                return true;
    return false;
}

static bool is_power_of_two(double n)
{
    int exponent;
    return frexp(n, &exponent) == 0.5;
}

bool alert_learnt_has_moved(const alert_learnt *l)
{
    return is_power_of_two(*l->inputs) || fmod(*l->inputs, ALERT_LEARNT_INPUTS) == 0.0 ||
           is_far(&l->latency, l->log_latency_s) ||
           (l->has_power && is_far(&l->power, l->log_power_w));
}

static void serve(const alert_table *t, double *served)
{
    for (size_t i = 0; i < t->models; i++)
        for (size_t j = 0; j < t->caps; j++)
            served[i * t->caps + j] =
                alert_clamp(alert_table_log(t, i, j), -ALERT_TABLE_LOG_MAX, ALERT_TABLE_LOG_MAX);
}

static double number_of(double log_y)
{
    return alert_clamp(exp(log_y), ALERT_QUANTITY_MIN, ALERT_QUANTITY_MAX);
}

double alert_learnt_latency(const alert_learnt *l, size_t model, size_t cap)
{
    return number_of(alert_table_log(&l->latency, model, cap));
}

double alert_learnt_power(const alert_learnt *l, size_t model, size_t cap)
{
    return number_of(alert_table_log(&l->power, model, cap));
}

void alert_learnt_make_again(alert_learnt *l)
{
    for (size_t i = 0; i < l->cells; i++) {
        l->latency_s[i] = number_of(l->log_latency_s[i]);
        l->power_w[i] = l->has_power ? number_of(l->log_power_w[i]) : 1.0;
    }
    alert_profile_cost(l->spare, l->latency_s, l->power_w, l->sorting);
}

void alert_learnt_make(alert_learnt *l)
{
    serve(&l->latency, l->log_latency_s);
    if (l->has_power)
        serve(&l->power, l->log_power_w);
    alert_learnt_make_again(l);
}

/* ------------------------------------------------------------------------------------------ saving */

static bool are_within(const char *numbers, size_t first, size_t count, double low, double high)
{
    double x;
    for (size_t k = first; k < first + count; k++) {
        memcpy(&x, numbers + k * sizeof x, sizeof x);
        if (!alert_is_within(x, low, high))
            return false;
    }
    return true;
}

bool alert_learnt_is_sane(const alert_learnt *l, const void *saved)
{
    const char *numbers = saved;
    size_t served = (size_t)(l->log_latency_s - l->numbers), runs = (size_t)(l->runs - l->numbers);
    return alert_table_is_sane(&l->latency, numbers) &&
           (!l->has_power ||
            alert_table_is_sane(&l->power, numbers + (l->power.mean - l->numbers) *
                                                         (ptrdiff_t)sizeof(double))) &&
           are_within(numbers, runs, l->cells, 0.0, ALERT_RUNS_MAX) &&
           are_within(numbers, served, l->count - served - 1, -ALERT_TABLE_LOG_MAX,
                      ALERT_TABLE_LOG_MAX) &&
           are_within(numbers, l->count - 1, 1, 0.0, ALERT_RUNS_MAX);
}
