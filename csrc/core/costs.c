/* costs.c - costs that are learnt while serving, of a profile or as offsets: what an input teaches, and what follows. [ours] */
#include <math.h>
#include <string.h>

#include "core/ranges.h"
#include "core/scheduler.h"

/* ------------------------------------------------------------------------------------ from an input */

/* The cap that the pending configuration ran under. */
static uint32_t cap_that_ran(const alert_scheduler *s, const alert_measurement *m)
{
    return m->has_cap ? alert_cap_in_force(s->task.profile, m->power_cap_w)
                      : alert_pending_row(s)->cap[s->now.pending.configuration.column];
}

static double power_drawn(const alert_measurement *m)
{
    bool is_known = m->has_energy && m->energy_j > 0.0 && m->latency_s > 0.0;
    return is_known
               ? alert_clamp(m->energy_j / m->latency_s, ALERT_QUANTITY_MIN, ALERT_QUANTITY_MAX)
               : 0.0;
}

/* The input, against latencies that differ from those it was chosen by. */
static alert_finished against(const alert_finished *finished, double factor)
{
    alert_finished rest = *finished;
    rest.profiled_s = alert_clamp(rest.profiled_s * factor, ALERT_QUANTITY_MIN, ALERT_QUANTITY_MAX);
    rest.slowdown = rest.latency_s / rest.profiled_s;
    return rest;
}

/* ---------------------------------------------------------------------------------- to the next choice */

/* The pending configuration, in a profile of another order. */
static alert_configuration same_in(const alert_profile *p, const alert_row *row, size_t column)
{
    size_t r = 0;
    while (p->row[r].position != row->position)
        r++;
    return (alert_configuration){(uint32_t)r,
                                 (uint32_t)alert_column_of(&p->row[r], row->cap[column])};
}

/* The profile that was made takes the place of the one in use. */
static void take_over(alert_scheduler *s)
{
    alert_profile *before = s->task.profile;
    s->task.profile = s->learnt->spare;
    s->learnt->spare = before;
    s->task.machine = alert_machine_of(s->task.profile,
                                       s->task.machine.is_shared ? &s->task.machine.price_w : NULL);
    alert_outlook_change_profile(&s->outlook, s->task.profile);
    if (s->outlook.model)
        alert_scheduler_follow_outlook(s);
    else
        s->problem.profile = s->task.profile;
    s->problem.untried = alert_learnt_untried(s->learnt, s->problem.profile, s->problem.delays);
    alert_cache_forget(&s->cache);
}

static void renew(alert_scheduler *s)
{
    if (s->method->set_quiet)
        alert_learnt_scale(s->learnt, s->method->set_quiet(s->now.by_method, &s->task, &s->belief));
    alert_scheduler_believe_idle(s);
    alert_learnt_make(s->learnt);
    alert_task before = s->task;
    s->now.pending.configuration =
        same_in(s->learnt->spare, alert_pending_row(s), s->now.pending.configuration.column);
    take_over(s);
    if (s->method->change_profile)
        s->method->change_profile(s->now.by_method, &s->task, &before);
}

void alert_scheduler_learn_costs(alert_scheduler *s, const alert_measurement *m,
                                 const alert_finished *finished)
{
    size_t model = alert_pending_row(s)->model, cap = cap_that_ran(s, m);
    double slowdown = alert_clamp(finished->slowdown, 1.0 / ALERT_RATIO_MAX, ALERT_RATIO_MAX);
    alert_cause causes[ALERT_CAUSES];
    int count = alert_causes_of(&s->belief, finished->profiled_s, ALERT_UNKNOWN_CAUSE, causes);
    double factor = alert_learnt_update(s->learnt, s->task.constants, model, cap, causes, count,
                                        slowdown, power_drawn(m));
    alert_finished rest = against(finished, factor);
    s->method->learn(s->now.by_method, &s->task, &rest, &s->belief);
    if (alert_learnt_has_moved(s->learnt))
        renew(s);
    s->problem.untried = alert_learnt_untried(s->learnt, s->problem.profile, s->problem.delays);
}

void alert_scheduler_learn_offsets(alert_scheduler *s, const alert_finished *finished)
{
    const alert_constants *c = s->task.constants;
    alert_offsets *o = &s->offsets;
    size_t model = alert_pending_row(s)->model;
    double served = o->served[model],
           next = alert_offsets_learn(o, c, &s->belief, model, finished->profiled_s,
                                      finished->slowdown);
    if (next == served || alert_outlook_reserve(&s->outlook, s->task.profile) != 0) {
        s->method->learn(s->now.by_method, &s->task, finished, &s->belief);
        return;
    }
    alert_finished rest = against(finished, next / served);
    s->method->learn(s->now.by_method, &s->task, &rest, &s->belief);
    alert_offsets_serve(o, model, next);
    alert_scheduler_follow_costs(s);
    alert_task before = s->task;
    before.offset = o->before;
    s->method->change_profile(s->now.by_method, &s->task, &before);
}

void alert_scheduler_resume_profile(alert_scheduler *s, const void *numbers)
{
    memcpy(s->learnt->numbers, numbers, s->learnt->count * sizeof *s->learnt->numbers);
    alert_learnt_make_again(s->learnt);
    take_over(s);
}

/* ---------------------------------------------------------------------------------------- to callers */

bool alert_scheduler_known(const alert_scheduler *s, alert_known *out)
{
    const alert_learnt *l = s->learnt;
    for (size_t cell = 0; l && cell < l->cells; cell++) {
        size_t i = cell / l->latency.caps, j = cell % l->latency.caps;
        out->latency_s[cell] = alert_learnt_latency(l, i, j);
        out->spread[cell] = sqrt(alert_table_variance(&l->latency, i, j));
        out->runs[cell] = (uint64_t)l->runs[cell];
        if (l->has_power && out->power_w)
            out->power_w[cell] = alert_learnt_power(l, i, j);
    }
    return l != NULL;
}

void alert_scheduler_offsets(const alert_scheduler *s, double *out)
{
    for (size_t i = 0; i < s->models; i++)
        out[i] = s->offsets.served ? s->offsets.served[i] : 1.0;
}

size_t alert_scheduler_cells(const alert_scheduler *s)
{
    return s->models * s->caps;
}

size_t alert_scheduler_learnt_count(const alert_scheduler *s)
{
    return s->learnt ? s->learnt->count : 0;
}

void alert_scheduler_learnt(const alert_scheduler *s, double *out)
{
    if (s->learnt)
        memcpy(out, s->learnt->numbers, s->learnt->count * sizeof *out);
}

int alert_scheduler_learn_on(alert_scheduler *s, const double *numbers, size_t count,
                             alert_argument_error *error)
{
    if (count != alert_scheduler_learnt_count(s) || count == 0 ||
        !alert_learnt_is_sane(s->learnt, numbers))
        return alert_refuse(error, "learnt", "the numbers of a profile like this one",
                            (double)count);
    alert_scheduler_resume_profile(s, numbers);
    s->method->start(s->now.by_method, &s->task, &s->belief);
    alert_scheduler_believe_idle(s);
    alert_scheduler_choose(s, alert_scheduler_usual_deadline(s));
    return 0;
}
