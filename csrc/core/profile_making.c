/* profile_making.c - a profile from data that is checked, and its copies. */
#include "core/profile.h"

#include <stdlib.h>
#include <string.h>

#include "core/profile_layout.h"
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
    size_t finite =
        d->caps - (d->power_cap_w[d->caps - 1] == HUGE_VAL); /* the last may be no cap */
    int rc = check_all(error, "power_caps", d->power_cap_w, finite, 0, &ALERT_FINITE_CAP);
    for (size_t j = 1; j < d->caps && !rc; j++)
        if (d->power_cap_w[j] <= d->power_cap_w[j - 1])
            rc = alert_refuse_at(error, "power_caps", j, -1, "strictly ascending numbers",
                                 d->power_cap_w[j]);
    return rc;
}

/* Rounding error of a sum of shares. */
#define SHARES_ROUNDING 1e-9

/* Of model i, whose first exit is `first` among all. */
static int check_shares(const alert_profile_data *d, size_t i, size_t first,
                        alert_argument_error *error)
{
    double sum = 0.0;
    for (size_t k = 0; d->exit_share && k < d->exit_count[i]; k++) {
        if (!alert_is_in(&ALERT_SHARE, d->exit_share[first + k]))
            return alert_refuse_at(error, "exit_shares", i, (ptrdiff_t)k, ALERT_SHARE.expected,
                                   d->exit_share[first + k]);
        sum += d->exit_share[first + k];
    }
    if (sum != 0.0 && fabs(sum - 1.0) > SHARES_ROUNDING)
        return alert_refuse_at(error, "exit_shares", i, -1, "shares that sum to 1", sum);
    return 0;
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
        int rc = check_shares(d, i, first, error);
        if (rc)
            return rc;
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
    if (!rc && d->power_w)
        rc = check_all(error, "power", d->power_w, cells, d->caps, &ALERT_WATTS);
    if (!rc)
        rc = check_all(error, "accuracy", d->accuracy, d->models, 0, &ALERT_SHARE);
    if (!rc)
        rc = check_caps(d, error);
    if (!rc)
        rc = alert_check(error, "idle_power", d->idle_power_w, &ALERT_WATTS_OR_0);
    if (!rc && d->fixed_share)
        rc = check_all(error, "fixed_share", d->fixed_share, d->models, 0, &ALERT_SHARE);
    if (!rc && d->fixed_share)
        rc = alert_check(error, "size", d->size, &ALERT_SIZE);
    return rc ? rc : check_exits(d, error);
}

/* ------------------------------------------------------------------------------------- building */

static size_t outputs_of(const alert_profile_data *d, size_t i)
{
    return d->exit_count && d->exit_count[i] > 0 ? d->exit_count[i] : 1;
}

/* Row r, which stops at output k of model i. The rows of the model before it are filled. The costs
 * come later. */
static void fill_row(alert_profile *p, const alert_profile_data *d, size_t i, size_t k, size_t r)
{
    size_t first = r * d->caps;
    const alert_row *before = k > 0 ? &p->row[r - 1] : NULL;
    const alert_output *output = &p->output[r];
    double accuracy = output->accuracy;
    p->row[r] = (alert_row){
        .model = i,
        .exit = d->exit_count && d->exit_count[i] > 0 ? (ptrdiff_t)k : -1,
        .position = r,
        .outputs = k + 1,
        .output = &p->output[r - k],
        .columns = d->caps,
        .latency_s = p->latency_s + first,
        .run_s = (output->reached < 1.0 ? p->run_s : p->latency_s) + first,
        .leaves = output->reached < 1.0,
        .power_w = p->power_w + first,
        .cap = p->cap + first,
        .model_accuracy = d->accuracy[i],
        .best_accuracy = before ? fmax(before->best_accuracy, accuracy) : accuracy,
        .first_accuracy = before ? before->first_accuracy : accuracy,
        .ascending = !before || (before->ascending && accuracy >= p->output[r - 1].accuracy),
        .minima = p->minima + first,
        .is_long = outputs_of(d, i) > ALERT_LONG,
        .long_model = p->long_models,
        .long_first = p->long_outputs,
    };
}

/* Share of the inputs that get past an output, which is exit n of all. Rounding leaves no fewer than none. */
static double reached_after(const alert_output *output, const alert_profile_data *d, size_t n)
{
    return d->exit_share ? fmax(output->reached - d->exit_share[n], 0.0) : 1.0;
}

static void fill_rows(alert_profile *p, const alert_profile_data *d, alert_column *sorting)
{
    size_t r = 0, exit = 0;
    for (size_t i = 0; i < d->models; i++) {
        size_t exits = d->exit_count ? d->exit_count[i] : 0;
        for (size_t k = 0; k < outputs_of(d, i); k++, r++) {
            double fraction = exits > 0 ? d->exit_fraction[exit + k] : 1.0;
            p->output[r] = (alert_output){
                .fraction = fraction,
                .accuracy = exits > 0 ? d->exit_accuracy[exit + k] : d->accuracy[i],
                .reached = k > 0 ? reached_after(&p->output[r - 1], d, exit + k - 1) : 1.0,
                .latency_s = p->latency_s + r * d->caps,
            };
            fill_row(p, d, i, k, r);
            alert_profile_cost_row(p, &p->row[r], &d->latency_s[i * d->caps],
                                   d->power_w ? &d->power_w[i * d->caps] : NULL, sorting);
        }
        exit += exits;
        if (exits > ALERT_LONG) {
            p->long_models++;
            p->long_outputs += exits;
        }
    }
    alert_profile_sort(p);
}

/* Counts the rows of the profile, and how often one of them passes an output: half the square of its exits for an
 * anytime model. A step may have to look at all of that, so a small file must not ask for too much: false beyond
 * ALERT_CONFIGURATIONS_MAX. */
static bool count_rows(const alert_profile_data *d, size_t *rows, size_t *passed)
{
    *rows = *passed = 0;
    for (size_t i = 0; i < d->models; i++) {
        size_t outputs = outputs_of(d, i);
        *rows += outputs;
        *passed += outputs * (outputs + 1) / 2; /* may wrap, but then there are too many rows */
        if (*rows > ALERT_CONFIGURATIONS_MAX / d->caps || *passed > ALERT_CONFIGURATIONS_MAX)
            return false;
    }
    return true;
}

static bool allocate(alert_profile *p, bool has_sizes, bool has_leaves)
{
    size_t columns = p->rows * p->caps;
    p->power_cap_w = calloc(p->caps, sizeof *p->power_cap_w);
    p->row = calloc(p->rows, sizeof *p->row);
    p->accurate = calloc(p->rows, sizeof *p->accurate);
    p->output = calloc(p->rows, sizeof *p->output);
    p->latency_s = calloc(columns, sizeof *p->latency_s);
    p->power_w = calloc(columns, sizeof *p->power_w);
    p->cap = calloc(columns, sizeof *p->cap);
    p->minima = calloc(columns, sizeof *p->minima);
    if (has_sizes)
        p->fixed_share = calloc(p->models, sizeof *p->fixed_share);
    if (has_leaves)
        p->run_s = calloc(columns, sizeof *p->run_s);
    return (!has_sizes || p->fixed_share) && (!has_leaves || p->run_s) && p->power_cap_w &&
           p->row && p->accurate && p->output && p->latency_s && p->power_w && p->cap && p->minima;
}

static void destroy(alert_profile *p)
{
    free(p->power_cap_w);
    free(p->fixed_share);
    free(p->row);
    free(p->accurate);
    free(p->output);
    free(p->latency_s);
    free(p->run_s);
    free(p->power_w);
    free(p->cap);
    free(p->minima);
    free(p);
}

int alert_profile_new(alert_profile **out, const alert_profile_data *d, alert_argument_error *error)
{
    size_t rows, passed;
    int rc = check_data(d, error);
    if (rc)
        return rc;
    if (!count_rows(d, &rows, &passed))
        return alert_refuse(error, "exits", "at most 10000000 configurations, exits included",
                            fmax((double)rows * (double)d->caps, (double)passed));
    alert_profile *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    atomic_init(&p->references, 1);
    p->models = d->models;
    p->caps = d->caps;
    p->rows = rows;
    p->has_power = d->power_w != NULL;
    p->idle_power_w = p->has_power ? d->idle_power_w : 0.0;
    p->size = d->fixed_share ? d->size : 1.0;
    alert_column *sorting = calloc(d->caps, sizeof *sorting);
    if (!sorting || !allocate(p, d->fixed_share != NULL, d->exit_share != NULL)) {
        free(sorting);
        destroy(p);
        return -ENOMEM;
    }
    memcpy(p->power_cap_w, d->power_cap_w, d->caps * sizeof *p->power_cap_w);
    if (d->fixed_share)
        memcpy(p->fixed_share, d->fixed_share, d->models * sizeof *p->fixed_share);
    fill_rows(p, d, sorting);
    free(sorting);
    *out = p;
    return 0;
}

/* The same place in the copy. */
static alert_row copied_row(const alert_profile *p, const alert_row *row)
{
    size_t first = row->position * p->caps;
    alert_row copy = *row;
    copy.output = &p->output[row->position + 1 - row->outputs];
    copy.latency_s = p->latency_s + first;
    copy.run_s = (row->leaves ? p->run_s : p->latency_s) + first;
    copy.power_w = p->power_w + first;
    copy.cap = p->cap + first;
    copy.minima = p->minima + first;
    return copy;
}

void alert_profile_copy_into(alert_profile *p, const alert_profile *from)
{
    size_t columns = from->rows * from->caps;
    memcpy(p->power_cap_w, from->power_cap_w, p->caps * sizeof *p->power_cap_w);
    if (from->fixed_share)
        memcpy(p->fixed_share, from->fixed_share, p->models * sizeof *p->fixed_share);
    memcpy(p->output, from->output, p->rows * sizeof *p->output);
    memcpy(p->latency_s, from->latency_s, columns * sizeof *p->latency_s);
    if (from->run_s)
        memcpy(p->run_s, from->run_s, columns * sizeof *p->run_s);
    memcpy(p->power_w, from->power_w, columns * sizeof *p->power_w);
    memcpy(p->cap, from->cap, columns * sizeof *p->cap);
    memcpy(p->minima, from->minima, columns * sizeof *p->minima);
    for (size_t r = 0; r < p->rows; r++) {
        p->row[r] = copied_row(p, &from->row[r]);
        p->output[r].latency_s = p->latency_s + r * p->caps;
        p->accurate[r] = &p->row[from->accurate[r]->index];
    }
}

alert_profile *alert_profile_copy(const alert_profile *from)
{
    alert_profile *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    atomic_init(&p->references, 1);
    p->models = from->models;
    p->caps = from->caps;
    p->rows = from->rows;
    p->long_models = from->long_models;
    p->long_outputs = from->long_outputs;
    p->has_power = from->has_power;
    p->idle_power_w = from->idle_power_w;
    p->size = from->size;
    if (!allocate(p, from->fixed_share != NULL, from->run_s != NULL)) {
        destroy(p);
        return NULL;
    }
    alert_profile_copy_into(p, from);
    return p;
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
