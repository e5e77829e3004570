#include "core/profile.h"

#include <stdlib.h>
#include <string.h>

#include "core/ranges.h"

/* ----------------------------------------------------------------------------------- validation */

/* `columns` is 0 where `values` has one dimension. */
static int check_all(alert_argument_error *error, const char *name, const double *values,
                     size_t count, size_t columns, const alert_range *range)
{
    for (size_t n = 0; n < count; n++)
        if (!alert_is_in(range, values[n]))
            return alert_refuse_at(error, name, columns ? n / columns : n,
                                   columns ? (ptrdiff_t)(n % columns) : -1, range->expected,
                                   values[n]);
    return 0;
}

static int check_caps(const alert_profile_data *d, alert_argument_error *error)
{
    int rc = check_all(error, "power_caps", d->power_cap_w, d->caps, 0, &ALERT_WATTS);
    for (size_t j = 1; j < d->caps && !rc; j++)
        if (d->power_cap_w[j] <= d->power_cap_w[j - 1])
            rc = alert_refuse_at(error, "power_caps", j, -1, "strictly ascending watts",
                                 d->power_cap_w[j]);
    return rc;
}

static int check_exits(const alert_profile_data *d, alert_argument_error *error)
{
    if (!d->exit_count)
        return 0;
    size_t first = 0;
    for (size_t i = 0; i < d->models; i++) {
        size_t count = d->exit_count[i];
        double previous = 0.0;
        for (size_t k = 0; k < count; k++) {
            double fraction = d->exit_fraction[first + k], accuracy = d->exit_accuracy[first + k];
            if (!(fraction > previous && fraction >= ALERT_FRACTION_MIN && fraction <= 1.0))
                return alert_refuse_at(
                    error, "exits", i, (ptrdiff_t)k,
                    "fractions of the model's latency, 1e-9 or more, strictly ascending in (0, 1]",
                    fraction);
            if (!alert_is_in(&ALERT_SHARE, accuracy))
                return alert_refuse_at(error, "exits", i, (ptrdiff_t)k, "an accuracy from 0 to 1",
                                       accuracy);
            previous = fraction;
        }
        if (count > 0 && previous != 1.0)
            return alert_refuse_at(error, "exits", i, (ptrdiff_t)count - 1,
                                   "the fraction 1 for the last exit", previous);
        if (count > 0 && d->exit_accuracy[first + count - 1] != d->accuracy[i])
            return alert_refuse_at(error, "exits", i, (ptrdiff_t)count - 1,
                                   "the model's accuracy for the last exit",
                                   d->exit_accuracy[first + count - 1]);
        first += count;
    }
    return 0;
}

static int check_data(const alert_profile_data *d, alert_argument_error *error)
{
    if (d->models == 0)
        return alert_refuse(error, "latency", "at least one model", 0.0);
    if (d->caps == 0 || d->caps > UINT32_MAX)
        return alert_refuse(error, "power_caps", "at least one power cap", (double)d->caps);
    size_t cells = d->models * d->caps;
    int rc = check_all(error, "latency", d->latency_s, cells, d->caps, &ALERT_SECONDS);
    if (!rc)
        rc = check_all(error, "power", d->power_w, cells, d->caps, &ALERT_WATTS);
    if (!rc)
        rc = check_all(error, "accuracy", d->accuracy, d->models, 0, &ALERT_SHARE);
    if (!rc)
        rc = check_caps(d, error);
    if (!rc)
        rc = alert_check(error, "idle_power", d->idle_power_w, &ALERT_WATTS_OR_0);
    return rc ? rc : check_exits(d, error);
}

/* ------------------------------------------------------------------------------------- building */

typedef struct column {
    double latency_s, power_w;
    uint32_t cap;
} column;

static int by_latency(const void *a, const void *b)
{
    const column *x = a, *y = b;
    if (x->latency_s != y->latency_s)
        return x->latency_s < y->latency_s ? -1 : 1;
    return (x->cap > y->cap) - (x->cap < y->cap);
}

static int by_work(const void *a, const void *b)
{
    const alert_row *x = a, *y = b;
    double x_work = x->overall.work_j, y_work = y->overall.work_j;
    if (x_work != y_work)
        return x_work < y_work ? -1 : 1;
    return (x->output > y->output) - (x->output < y->output); /* by model, then by exit */
}

static int by_accuracy(const void *a, const void *b)
{
    const alert_row *x = *(const alert_row *const *)a, *y = *(const alert_row *const *)b;
    if (x->best_accuracy != y->best_accuracy)
        return x->best_accuracy > y->best_accuracy ? -1 : 1;
    return by_work(x, y);
}

/* The configurations of model i that stop after `fraction` of its latency, in the profile's columns
 * from `first` on, sorted by the whole latency. `sorting` is room for M columns. */
static void fill_columns(alert_profile *p, const alert_profile_data *d, size_t i, double fraction,
                         size_t first, alert_row *row, column *sorting)
{
    for (size_t j = 0; j < d->caps; j++)
        sorting[j] = (column){.latency_s = d->latency_s[i * d->caps + j],
                              .power_w = d->power_w[i * d->caps + j],
                              .cap = (uint32_t)j};
    qsort(sorting, d->caps, sizeof *sorting, by_latency);
    alert_least least = {HUGE_VAL, HUGE_VAL, HUGE_VAL};
    for (size_t j = 0; j < d->caps; j++) {
        double latency = sorting[j].latency_s * fraction, power = sorting[j].power_w;
        p->latency_s[first + j] = latency;
        p->power_w[first + j] = power;
        p->cap[first + j] = sorting[j].cap;
        least.work_j = fmin(least.work_j, power * latency);
        least.power_w = fmin(least.power_w, power);
        double active = (power - d->idle_power_w) * latency;
        least.active_j = fmin(least.active_j, active > 0.0 ? active : ALERT_NO_BOUND);
        p->least[first + j] = least;
    }
    row->columns = d->caps;
    row->latency_s = p->latency_s + first;
    row->power_w = p->power_w + first;
    row->cap = p->cap + first;
    row->least = p->least + first;
    row->overall = least;
}

/* The outputs on the way to exit k of an anytime model whose exits begin at `exit` in the data;
 * for a traditional model its one output. Written at `stair`. `latency_s`: the columns of the
 * model's rows, one after the other. */
static void fill_stairs(const alert_profile_data *d, size_t i, size_t exit, size_t k, bool anytime,
                        const double *latency_s, alert_row *row, alert_stair *stair)
{
    row->model = i;
    row->exit = anytime ? (ptrdiff_t)k : -1;
    row->stairs = k + 1;
    row->stair = stair;
    row->best_accuracy = 0.0;
    row->ascending = true;
    for (size_t m = 0; m <= k; m++) {
        stair[m].stretch = anytime ? d->exit_fraction[exit + k] / d->exit_fraction[exit + m] : 1.0;
        stair[m].accuracy = anytime ? d->exit_accuracy[exit + m] : d->accuracy[i];
        stair[m].latency_s = latency_s + m * d->caps;
        row->best_accuracy = fmax(row->best_accuracy, stair[m].accuracy);
        row->ascending = row->ascending && (m == 0 || stair[m].accuracy >= stair[m - 1].accuracy);
    }
}

static void fill_rows(alert_profile *p, const alert_profile_data *d, column *sorting)
{
    size_t row = 0, stair = 0, exit = 0;
    for (size_t i = 0; i < d->models; i++) {
        size_t exits = d->exit_count ? d->exit_count[i] : 0;
        size_t outputs = exits > 0 ? exits : 1;
        for (size_t k = 0; k < outputs; k++) {
            fill_stairs(d, i, exit, k, exits > 0, p->latency_s + (row - k) * d->caps, &p->row[row],
                        p->stair + stair);
            fill_columns(p, d, i, exits > 0 ? d->exit_fraction[exit + k] : 1.0, row * d->caps,
                         &p->row[row], sorting);
            p->row[row].output = row;
            stair += k + 1;
            row++;
        }
        exit += exits;
    }
    qsort(p->row, p->rows, sizeof *p->row, by_work);
    for (size_t r = 0; r < p->rows; r++)
        p->accurate[r] = &p->row[r];
    qsort(p->accurate, p->rows, sizeof *p->accurate, by_accuracy);
}

/* The rows of the profile and the stairs of them all; false beyond ALERT_CONFIGURATIONS_MAX, so that a small
 * file cannot ask for all the memory there is: an anytime model has half the square of its exits in stairs. */
static bool count_rows(const alert_profile_data *d, size_t *rows, size_t *stairs)
{
    *rows = *stairs = 0;
    for (size_t i = 0; i < d->models; i++) {
        size_t exits = d->exit_count ? d->exit_count[i] : 0;
        size_t outputs = exits > 0 ? exits : 1;
        *rows += outputs;
        *stairs += outputs * (outputs + 1) / 2; /* may wrap, but then there are too many rows */
        if (*rows > ALERT_CONFIGURATIONS_MAX / d->caps || *stairs > ALERT_CONFIGURATIONS_MAX)
            return false;
    }
    return true;
}

static void destroy(alert_profile *p)
{
    free(p->power_cap_w);
    free(p->row);
    free(p->accurate);
    free(p->stair);
    free(p->latency_s);
    free(p->power_w);
    free(p->cap);
    free(p->least);
    free(p);
}

int alert_profile_new(alert_profile **out, const alert_profile_data *d, alert_argument_error *error)
{
    int rc = check_data(d, error);
    if (rc)
        return rc;
    size_t rows, stairs;
    if (!count_rows(d, &rows, &stairs))
        return alert_refuse(error, "exits", "at most 10000000 configurations, exits included",
                            fmax((double)rows * (double)d->caps, (double)stairs));
    alert_profile *p = calloc(1, sizeof *p);
    column *sorting = calloc(d->caps, sizeof *sorting);
    if (!p || !sorting)
        goto no_memory;
    atomic_init(&p->references, 1);
    p->rows = rows;
    p->models = d->models;
    p->caps = d->caps;
    p->idle_power_w = d->idle_power_w;
    p->power_cap_w = calloc(d->caps, sizeof *p->power_cap_w);
    p->row = calloc(p->rows, sizeof *p->row);
    p->accurate = calloc(p->rows, sizeof *p->accurate);
    p->stair = calloc(stairs, sizeof *p->stair);
    p->latency_s = calloc(p->rows * d->caps, sizeof *p->latency_s);
    p->power_w = calloc(p->rows * d->caps, sizeof *p->power_w);
    p->cap = calloc(p->rows * d->caps, sizeof *p->cap);
    p->least = calloc(p->rows * d->caps, sizeof *p->least);
    if (!p->power_cap_w || !p->row || !p->accurate || !p->stair || !p->latency_s || !p->power_w ||
        !p->cap || !p->least)
        goto no_memory;
    memcpy(p->power_cap_w, d->power_cap_w, d->caps * sizeof *p->power_cap_w);
    fill_rows(p, d, sorting);
    free(sorting);
    *out = p;
    return 0;
no_memory:
    free(sorting);
    if (p)
        destroy(p);
    return -ENOMEM;
}

alert_profile *alert_profile_ref(alert_profile *p)
{
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void alert_profile_unref(alert_profile *p)
{
    if (p && atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1)
        destroy(p);
}

double alert_row_delivered(const alert_row *row, size_t outputs, double latency_s, double time_s,
                           double q_fail, bool *any)
{
    *any = false;
    for (size_t k = outputs; k-- > 0;)
        if (latency_s <= time_s * row->stair[k].stretch) {
            *any = true;
            return row->stair[k].accuracy;
        }
    return q_fail;
}
