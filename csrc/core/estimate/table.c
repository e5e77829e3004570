#include "core/estimate/table.h"

#include <math.h>
#include <string.h>

#include "core/ranges.h"

/* Where the entries of a cell's x are that are not 0; they are 1, u, 1 and 1. */
typedef struct cell {
    size_t model, cap;
    double u;
} cell;

static cell cell_of(const alert_table *t, size_t model, size_t cap)
{
    return (cell){2 + model, 2 + t->models + cap, t->u[cap]};
}

/* x' v */
static double along(cell x, const double *v)
{
    return v[0] + x.u * v[1] + v[x.model] + v[x.cap];
}

/* ------------------------------------------------------------------------------------- the prior */

static double mean_within(double mean)
{
    return alert_clamp(mean, -ALERT_TABLE_MEAN_MAX, ALERT_TABLE_MEAN_MAX);
}

/* ln y under a cap, averaged over the models. */
static double mean_log(const alert_table *t, const double *guess, size_t cap)
{
    double sum = 0.0;
    for (size_t i = 0; i < t->models; i++)
        sum += log(guess[i * t->caps + cap]);
    return sum / (double)t->models;
}

/* The power law that fits best; 0 where all caps are the same. */
static double exponent_of(const alert_table *t, const double *guess, double scale)
{
    double both = 0.0, square = 0.0;
    for (size_t j = 0; j < t->caps; j++) {
        both += t->u[j] * (mean_log(t, guess, j) - scale);
        square += t->u[j] * t->u[j];
    }
    double g = square > 0.0 ? both / square : 0.0; /* caps may be all but the same */
    return alert_clamp(g, -ALERT_TABLE_EXPONENT_MAX, ALERT_TABLE_EXPONENT_MAX);
}

void alert_table_start(alert_table *t, const alert_constants *c, const double *guess)
{
    size_t size = alert_table_size(t->models, t->caps), last = t->caps - 1;
    double *m = t->mean, scale = mean_log(t, guess, last), g = exponent_of(t, guess, scale);
    m[0] = scale;
    m[1] = g;
    for (size_t i = 0; i < t->models; i++)
        m[2 + i] = log(guess[i * t->caps + last]) - scale;
    for (size_t j = 0; j < t->caps; j++)
        m[2 + t->models + j] = mean_within(mean_log(t, guess, j) - scale - g * t->u[j]);
    for (size_t k = 0; k < size; k++)
        for (size_t l = 0; l < size; l++)
            t->covariance[k * size + l] = 0.0;
    for (size_t k = 0; k < size; k++) {
        double off = k == 0              ? c->table_scale
                     : k == 1            ? c->table_exponent
                     : k < 2 + t->models ? c->table_size
                                         : c->table_cap;
        t->covariance[k * size + k] = off * off;
    }
}

/* ------------------------------------------------------------------------------------ the cells */

double alert_table_log(const alert_table *t, size_t model, size_t cap)
{
    return along(cell_of(t, model, cap), t->mean);
}

/* Row k of P, times x. */
static double row_times(const alert_table *t, size_t k, cell x)
{
    return along(x, t->covariance + k * alert_table_size(t->models, t->caps));
}

double alert_table_variance(const alert_table *t, size_t model, size_t cap)
{
    cell x = cell_of(t, model, cap);
    double variance = row_times(t, 0, x) + x.u * row_times(t, 1, x) + row_times(t, x.model, x) +
                      row_times(t, x.cap, x);
    return fmax(variance, ALERT_TABLE_VARIANCE_MIN); /* rounding */
}

/* Keeps an entry of P finite, whatever the constants, or the saved numbers, were. */
static double covariance_within(double covariance)
{
    return alert_clamp(covariance, -ALERT_TABLE_VARIANCE_MAX, ALERT_TABLE_VARIANCE_MAX);
}

void alert_table_update(alert_table *t, size_t model, size_t cap, double log_y, double variance)
{
    size_t size = alert_table_size(t->models, t->caps);
    cell x = cell_of(t, model, cap);
    double *gain = t->gain, *p = t->covariance;
    for (size_t k = 0; k < size; k++)
        gain[k] = row_times(t, k, x);
    double own = fmax(along(x, gain), ALERT_TABLE_VARIANCE_MIN), all = own + variance;
    double share = 1.0 / all, left = own * variance * share, *same = &p[x.model * size + x.model];
    double most = own < variance ? ALERT_TABLE_CUT * sqrt(all) : HUGE_VAL;
    double off = alert_clamp(log_y - along(x, t->mean), -most, most) * share;
    for (size_t k = 0; k < size; k++) {
        t->mean[k] = mean_within(t->mean[k] + gain[k] * off);
        for (size_t l = 0; l < size; l++) /* the same for (l, k) */
            p[k * size + l] = covariance_within(p[k * size + l] - gain[k] * gain[l] * share);
    }
    if (left < ALERT_TABLE_LEAST)
        *same = covariance_within(*same + ALERT_TABLE_LEAST - left);
}

void alert_table_scale(alert_table *t, double log_factor)
{
    t->mean[0] = mean_within(t->mean[0] + log_factor);
}

static double at(const char *numbers, size_t k)
{
    double x;
    memcpy(&x, numbers + k * sizeof x, sizeof x);
    return x;
}

bool alert_table_is_sane(const alert_table *t, const void *saved)
{
    const char *mean = saved;
    size_t size = alert_table_size(t->models, t->caps);
    const char *p = mean + size * sizeof(double);
    for (size_t k = 0; k < size; k++) {
        if (!alert_is_within(at(mean, k), -ALERT_TABLE_MEAN_MAX, ALERT_TABLE_MEAN_MAX))
            return false;
        for (size_t l = 0; l < size; l++) {
            double one = at(p, k * size + l);
            if (!alert_is_within(one, -ALERT_TABLE_VARIANCE_MAX, ALERT_TABLE_VARIANCE_MAX) ||
                one != at(p, l * size + k))
                return false;
        }
    }
    return true;
}
