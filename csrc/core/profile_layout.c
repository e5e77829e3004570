#include "core/profile_layout.h"

#include <math.h>
#include <stdlib.h>

static int by_latency(const void *a, const void *b)
{
    const alert_column *x = a, *y = b;
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
    return (x->position > y->position) - (x->position < y->position); /* by model, then by exit */
}

static int by_accuracy(const void *a, const void *b)
{
    const alert_row *x = *(const alert_row *const *)a, *y = *(const alert_row *const *)b;
    if (x->best_accuracy != y->best_accuracy)
        return x->best_accuracy > y->best_accuracy ? -1 : 1;
    return by_work(x, y);
}

void alert_profile_sort_by_accuracy(alert_profile *p)
{
    qsort(p->accurate, p->rows, sizeof *p->accurate, by_accuracy);
}

void alert_profile_sort(alert_profile *p)
{
    qsort(p->row, p->rows, sizeof *p->row, by_work);
    for (size_t r = 0; r < p->rows; r++) {
        p->row[r].index = r;
        p->accurate[r] = &p->row[r];
    }
    alert_profile_sort_by_accuracy(p);
}

/* Of its model's latency, the share that an input takes on average: belief.h. */
static double run_fraction_of(const alert_row *row)
{
    double sum = row->output[0].fraction;
    for (size_t k = 1; k < row->outputs; k++)
        sum += row->output[k].reached * (row->output[k].fraction - row->output[k - 1].fraction);
    return sum;
}

void alert_profile_cost_row(alert_profile *p, alert_row *row, const double *latency_s,
                            const double *power_w, alert_column *sorting)
{
    size_t first = row->position * p->caps;
    double fraction = row->output[row->outputs - 1].fraction, run_fraction = run_fraction_of(row);
    for (size_t j = 0; j < p->caps; j++)
        sorting[j] = (alert_column){
            .latency_s = latency_s[j], .power_w = power_w ? power_w[j] : 1.0, .cap = (uint32_t)j};
    qsort(sorting, p->caps, sizeof *sorting, by_latency);
    alert_minima least = {HUGE_VAL, HUGE_VAL, HUGE_VAL};
    for (size_t j = 0; j < p->caps; j++) {
        double latency = sorting[j].latency_s * fraction, power = sorting[j].power_w;
        double run = row->leaves ? sorting[j].latency_s * run_fraction : latency;
        double active = (power - p->idle_power_w) * run;
        least.work_j = fmin(least.work_j, power * run);
        least.power_w = fmin(least.power_w, power);
        least.active_j = fmin(least.active_j, active > 0.0 ? active : ALERT_NO_BOUND);
        p->latency_s[first + j] = latency;
        if (row->leaves)
            p->run_s[first + j] = run;
        p->power_w[first + j] = power;
        p->cap[first + j] = sorting[j].cap;
        p->minima[first + j] = least;
    }
    row->overall = least;
}

void alert_profile_cost(alert_profile *p, const double *latency_s, const double *power_w,
                        alert_column *sorting)
{
    for (size_t r = 0; r < p->rows; r++) {
        size_t first = p->row[r].model * p->caps;
        alert_profile_cost_row(p, &p->row[r], latency_s + first, power_w ? power_w + first : NULL,
                               sorting);
    }
    alert_profile_sort(p);
}
