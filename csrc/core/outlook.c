#include "core/outlook.h"

#include <errno.h>
#include <stdlib.h>

#include "core/profile_layout.h"
#include "core/ranges.h"

int alert_outlook_reserve(alert_outlook *o, const alert_profile *profile)
{
    if (o->adjusted)
        return 0;
    o->model = calloc(profile->models, sizeof *o->model);
    o->adjusted = o->model ? alert_profile_copy(profile) : NULL;
    if (!o->adjusted) {
        free(o->model);
        o->model = NULL;
        return -ENOMEM;
    }
    for (size_t i = 0; i < profile->models; i++)
        o->model[i] = ALERT_NOTHING_EXPECTED;
    return 0;
}

void alert_outlook_change_profile(alert_outlook *o, const alert_profile *profile)
{
    if (o->adjusted)
        alert_profile_copy_into(o->adjusted, profile);
}

void alert_outlook_clear(alert_outlook *o)
{
    free(o->model);
    alert_profile_unref(o->adjusted);
}

/* ---------------------------------------------------------------------------------------- latencies */

static double factor_of(const alert_outlook *o, const alert_profile *profile, size_t i, double size)
{
    double factor = o->model[i].factor * (o->offset ? o->offset[i] : 1.0);
    if (size != profile->size) {
        double fixed = profile->fixed_share[i];
        factor *= fixed + (1.0 - fixed) * (size / profile->size);
    }
    return alert_clamp(factor, ALERT_FACTOR.lowest, ALERT_FACTOR.highest);
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Of the columns up to this one; `before` of those before it. */
static alert_minima minima_of_costs(alert_minima before, double run_s, double power_w,
                                    double second_w)
{
    return (alert_minima){.work_j = smaller(before.work_j, (power_w + second_w) * run_s),
                          .power_w = smaller(before.power_w, power_w),
                          .active_j = smaller(before.active_j, power_w * run_s)};
}

static void adjust_costs(alert_profile *p, const alert_row *from, double factor,
                         const alert_machine *machine)
{
    size_t first = from->position * p->caps;
    alert_minima least = {HUGE_VAL, HUGE_VAL, HUGE_VAL};
    for (size_t j = 0; j < p->caps; j++) {
        double run_s = from->run_s[j] * factor;
        p->latency_s[first + j] = from->latency_s[j] * factor;
        if (from->leaves)
            p->run_s[first + j] = run_s;
        if (machine->is_shared)
            least = minima_of_costs(least, run_s, from->power_w[j], machine->bound_w);
        else
            least = (alert_minima){.work_j = from->minima[j].work_j * factor,
                                   .power_w = from->minima[j].power_w,
                                   .active_j = from->minima[j].active_j * factor};
        p->minima[first + j] = least;
    }
    p->row[from->index].overall = least;
}

void alert_outlook_follow_costs(alert_outlook *o, const alert_profile *profile,
                                const alert_machine *machine, double size)
{
    o->adjusts = size != profile->size || machine->is_shared;
    for (size_t i = 0; i < profile->models; i++)
        o->adjusts = o->adjusts || o->model[i].factor != 1.0 || !isnan(o->model[i].accuracy) ||
                     (o->offset && o->offset[i] != 1.0);
    for (size_t r = 0; r < profile->rows; r++) {
        const alert_row *row = &profile->row[r];
        adjust_costs(o->adjusted, row, factor_of(o, profile, row->model, size), machine);
    }
}

/* --------------------------------------------------------------------------------------- accuracies */

static double adjusted_accuracy(const alert_row *from, double expected)
{
    double accuracy = from->output[from->outputs - 1].accuracy, last = from->model_accuracy;
    if (isnan(expected))
        return accuracy;
    return last > 0.0 ? fmin(expected * (accuracy / last), 1.0) : expected;
}

/* What follows from the outputs on the way to a row's exit. */
static void adjust_row(alert_row *row)
{
    row->best_accuracy = row->first_accuracy = row->output[0].accuracy;
    row->ascending = true;
    for (size_t k = 1; k < row->outputs; k++) {
        row->best_accuracy = fmax(row->best_accuracy, row->output[k].accuracy);
        row->ascending = row->ascending && row->output[k].accuracy >= row->output[k - 1].accuracy;
    }
}

void alert_outlook_follow(alert_outlook *o, const alert_profile *profile,
                          const alert_machine *machine, double size)
{
    alert_outlook_follow_costs(o, profile, machine, size);
    o->delays = false;
    for (size_t i = 0; i < profile->models; i++)
        o->delays = o->delays || o->model[i].delay_s > 0.0;
    for (size_t r = 0; r < profile->rows; r++) {
        const alert_row *row = &profile->row[r];
        o->adjusted->output[row->position].accuracy =
            adjusted_accuracy(row, o->model[row->model].accuracy);
    }
    for (size_t r = 0; r < profile->rows; r++)
        adjust_row(&o->adjusted->row[r]);
    alert_profile_sort_by_accuracy(o->adjusted);
}
