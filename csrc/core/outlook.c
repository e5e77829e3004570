#include "core/outlook.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int alert_outlook_reserve(alert_outlook *o, const alert_profile *profile)
{
    if (!o->model)
        o->model = calloc(profile->models, sizeof *o->model);
    if (o->model && !o->adjusted)
        o->adjusted = alert_profile_copy(profile);
    return o->model && o->adjusted ? 0 : -ENOMEM;
}

void alert_outlook_clear(alert_outlook *o)
{
    free(o->model);
    alert_profile_unref(o->adjusted);
}

/* Costs and accuracy of a row's own output. */
static void adjust_output(alert_profile *p, const alert_row *row, const alert_expected *e)
{
    size_t first = row->position * p->caps;
    alert_output *output = &p->output[row->position];
    for (size_t j = 0; j < p->caps; j++) {
        p->latency_s[first + j] = row->latency_s[j] * e->factor;
        p->minima[first + j].work_j = row->minima[j].work_j * e->factor;
        p->minima[first + j].active_j = row->minima[j].active_j * e->factor;
    }
    output->accuracy = row->output[row->outputs - 1].accuracy;
    if (!isnan(e->accuracy))
        output->accuracy = row->model_accuracy > 0.0
                               ? fmin(e->accuracy * (output->accuracy / row->model_accuracy), 1.0)
                               : e->accuracy;
}

/* What follows from the outputs on the way to a row's exit. */
static void adjust_row(alert_row *row)
{
    row->overall = row->minima[row->columns - 1];
    row->best_accuracy = row->output[0].accuracy;
    row->ascending = true;
    for (size_t k = 1; k < row->outputs; k++) {
        row->best_accuracy = fmax(row->best_accuracy, row->output[k].accuracy);
        row->ascending = row->ascending && row->output[k].accuracy >= row->output[k - 1].accuracy;
    }
}

void alert_outlook_follow(alert_outlook *o, const alert_profile *profile)
{
    o->adjusts = o->delays = false;
    for (size_t i = 0; i < profile->models; i++) {
        o->adjusts = o->adjusts || o->model[i].factor != 1.0 || !isnan(o->model[i].accuracy);
        o->delays = o->delays || o->model[i].delay_s > 0.0;
    }
    if (!o->adjusts)
        return;
    for (size_t r = 0; r < profile->rows; r++)
        adjust_output(o->adjusted, &profile->row[r], &o->model[profile->row[r].model]);
    for (size_t r = 0; r < profile->rows; r++)
        adjust_row(&o->adjusted->row[r]);
    alert_profile_sort_by_accuracy(o->adjusted);
}
