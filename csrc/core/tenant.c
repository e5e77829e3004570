/* tenant.c - a scheduler that shares its machine with others. */
#include "core/ranges.h"
#include "core/scheduler.h"

/* ------------------------------------------------------------------------- the price of the machine */

int alert_scheduler_set_machine_price(alert_scheduler *s, const double *price_w,
                                      alert_argument_error *error)
{
    int rc = alert_check_machine_price(price_w, error);
    if (!rc && price_w)
        rc = alert_outlook_reserve(&s->outlook, s->task.profile);
    if (rc)
        return rc;
    alert_machine before = s->task.machine;
    s->task.machine = alert_machine_of(s->task.profile, price_w);
    bool stays = s->task.machine.is_shared == before.is_shared;
    if (!stays || s->task.machine.bound_w != before.bound_w)
        alert_scheduler_follow_costs(s);
    if (stays)
        return 0;
    if (s->method->count_idle)
        s->method->count_idle(s->now.by_method, &s->task);
    alert_scheduler_believe_idle(s);
    return 0;
}

bool alert_scheduler_machine_price(const alert_scheduler *s, double *price_w)
{
    *price_w = s->task.machine.price_w;
    return s->task.machine.is_shared;
}

/* ------------------------------------------------------------------------------- a limit on the power */

int alert_scheduler_set_power_limit(alert_scheduler *s, double power_limit_w,
                                    alert_argument_error *error)
{
    const alert_profile *profile = s->task.profile;
    if (!(power_limit_w >= profile->power_cap_w[0]))
        return alert_refuse(error, "power_limit", "no less than the lowest power cap",
                            power_limit_w);
    s->power_limit_w = power_limit_w;
    s->problem.caps = alert_cap_in_force(profile, power_limit_w) + 1U;
    if (s->problem.caps == s->task.caps)
        return 0;
    alert_task before = s->task;
    s->task.caps = s->problem.caps;
    if (s->method->change_profile)
        s->method->change_profile(s->now.by_method, &s->task, &before);
    return 0;
}

double alert_scheduler_power_limit(const alert_scheduler *s)
{
    return s->power_limit_w;
}

/* ------------------------------------------------------------------------------ what others do to it */

void alert_scheduler_missed(alert_scheduler *s, alert_decision *out)
{
    alert_finished missed;
    alert_scheduler_account(s, NULL, &missed);
    if (s->method->miss)
        s->method->miss(s->now.by_method, &s->task, &missed);
    alert_scheduler_pass(s);
    alert_scheduler_give_goal(s, NULL);
    alert_scheduler_give_size(s, NULL);
    alert_scheduler_choose(s, alert_scheduler_usual_deadline(s));
    alert_scheduler_decision(s, out);
}

int alert_scheduler_note_cap(alert_scheduler *s, double power_cap_w, alert_argument_error *error)
{
    int rc = alert_check(error, "power_cap", power_cap_w, &ALERT_CAP);
    if (!rc && s->is_switching_costly)
        (void)alert_scheduler_serve_under(s, alert_cap_in_force(s->task.profile, power_cap_w));
    return rc;
}
