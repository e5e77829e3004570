/* arguments.c - what options and measurements may be. */
#include "core/constants.h"
#include "core/ranges.h"
#include "core/scheduler.h"

#define NO_BOUND_EXPECTED                                                                          \
    "no bound where the profile has no power (state it as busy_power= of Profile.measure)"

int alert_check_overhead(double overhead_s, alert_argument_error *error)
{
    return alert_check(error, "overhead", overhead_s, &ALERT_SECONDS_OR_0);
}

int alert_check_switching(double cost_s, size_t hold_inputs, alert_argument_error *error)
{
    int rc = alert_check(error, "switch_cost", cost_s, &ALERT_SECONDS_OR_0);
    if (!rc && hold_inputs == 0)
        rc = alert_refuse(error, "hold_inputs", "at least one input", 0.0);
    return rc;
}

int alert_check_size(const alert_profile *profile, const double *size, alert_argument_error *error)
{
    if (size && !profile->fixed_share)
        return alert_refuse(error, "size", "None, for a profile without fixed_share", *size);
    return size ? alert_check(error, "size", *size, &ALERT_SIZE) : 0;
}

int alert_check_machine_price(const double *price_w, alert_argument_error *error)
{
    return price_w ? alert_check(error, "machine_price", *price_w, &ALERT_WATTS_OR_0) : 0;
}

int alert_check_options(const alert_options *o, alert_argument_error *error)
{
    if (!alert_method_of(o->method))
        return alert_refuse(error, "method", "a known method", (double)o->method);
    int rc = alert_constants_check(&o->constants, error);
    if (!rc)
        rc = alert_check_overhead(o->overhead_s, error);
    if (!rc)
        rc = alert_check_machine_price(o->machine_price_w, error);
    if (!rc && o->feedback)
        rc = alert_feedback_check(o->feedback, error);
    return rc ? rc : alert_check_switching(o->switch_cost_s, o->hold_inputs, error);
}

static int refuse_bound_on_energy(const alert_goal *goal, alert_argument_error *error)
{
    if (goal->power_w > 0.0)
        return alert_refuse(error, "power", NO_BOUND_EXPECTED, goal->power_w);
    if (goal->budget_inputs > 0)
        return alert_refuse(error, "budget", NO_BOUND_EXPECTED,
                            goal->bound * (double)goal->budget_inputs);
    double energy_j = alert_goal_energy(goal);
    return energy_j < HUGE_VAL ? alert_refuse(error, "energy", NO_BOUND_EXPECTED, energy_j) : 0;
}

int alert_check_goal_for(const alert_profile *profile, const alert_goal *goal,
                         alert_argument_error *error)
{
    int rc = alert_goal_check(goal, error);
    return rc || profile->has_power ? rc : refuse_bound_on_energy(goal, error);
}

static int check_what_ran(const alert_scheduler *s, const alert_measurement *m,
                          alert_argument_error *error)
{
    if (m->has_model && m->model >= s->task.profile->models)
        return alert_refuse(error, "model", "the index of a model of the profile",
                            (double)m->model);
    if (!m->has_exit)
        return m->is_sure ? alert_refuse(error, "sure", "False where no exit is given", 1.0) : 0;
    const alert_row *row = m->has_model ? alert_row_that_ran(s, m) : alert_pending_row(s);
    if (!row)
        return alert_refuse(error, "exit", "an exit of the model that ran", (double)m->exit);
    if (row->exit < 0)
        return alert_refuse(error, "exit", "None for a model without exits", (double)m->exit);
    if (m->exit > (size_t)row->exit)
        return alert_refuse(error, "exit", "an exit not beyond the one chosen", (double)m->exit);
    return 0;
}

int alert_scheduler_check(const alert_scheduler *s, const alert_measurement *m,
                          alert_argument_error *error)
{
    int rc = alert_check(error, "latency", m->latency_s, &ALERT_SECONDS_OR_0);
    if (!rc && m->has_energy)
        rc = alert_check(error, "energy", m->energy_j, &ALERT_JOULES_OR_0);
    if (!rc && m->has_idle_power)
        rc = alert_check(error, "idle_power", m->idle_power_w, &ALERT_WATTS_OR_0);
    if (!rc && m->has_deadline)
        rc = alert_check(error, "deadline", m->next_deadline_s, &ALERT_SECONDS);
    if (!rc && m->has_cap)
        rc = alert_check(error, "power_cap", m->power_cap_w, &ALERT_CAP);
    if (!rc && m->next_goal)
        rc = alert_check_goal_for(s->task.profile, m->next_goal, error);
    if (!rc && m->has_size)
        rc = alert_check_size(s->task.profile, &m->next_size, error);
    return rc ? rc : check_what_ran(s, m, error);
}
