/* check.c - what options and measurements may be. */
#include "core/ranges.h"
#include "core/scheduler.h"

int alert_check_overhead(double overhead_s, alert_argument_error *error)
{
    if (alert_is_quantity(overhead_s))
        return 0;
    return alert_refuse(error, "overhead", "a finite number of seconds >= 0 and <= 1e9",
                        overhead_s);
}

int alert_check_switching(double cost_s, size_t hold_inputs, alert_argument_error *error)
{
    if (!alert_is_quantity(cost_s))
        return alert_refuse(error, "switch_cost", "a finite number of seconds >= 0 and <= 1e9",
                            cost_s);
    if (hold_inputs == 0)
        return alert_refuse(error, "hold_inputs", "at least one input", 0.0);
    return 0;
}

int alert_check_options(const alert_options *o, alert_argument_error *error)
{
    const char *expected;
    double value;
    if (o->method != ALERT_PAPER && o->method != ALERT_CALIBRATED)
        return alert_refuse(error, "method", "a known method", (double)o->method);
    const char *constant = alert_constants_check(&o->constants, &expected, &value);
    if (constant)
        return alert_refuse(error, constant, expected, value);
    int rc = alert_check_overhead(o->overhead_s, error);
    return rc ? rc : alert_check_switching(o->switch_cost_s, o->hold_inputs, error);
}

int alert_scheduler_check(const alert_scheduler *s, const alert_measurement *m,
                          alert_argument_error *error)
{
    ptrdiff_t chosen_exit = s->now.pending.decision.exit;
    if (!alert_is_quantity(m->latency_s))
        return alert_refuse(error, "latency", "a finite number of seconds >= 0 and <= 1e9",
                            m->latency_s);
    if (m->has_energy && !(m->energy_j >= 0.0 && m->energy_j <= ALERT_ENERGY_MAX))
        return alert_refuse(error, "energy", "a finite number of joules >= 0 and <= 1e18",
                            m->energy_j);
    if (m->has_idle_power && !alert_is_quantity(m->idle_power_w))
        return alert_refuse(error, "idle_power", "a finite number of watts >= 0 and <= 1e9",
                            m->idle_power_w);
    if (m->has_deadline && !alert_is_positive(m->next_deadline_s))
        return alert_refuse(error, "deadline", ALERT_EXPECT_SECONDS, m->next_deadline_s);
    if (m->has_exit && chosen_exit < 0)
        return alert_refuse(error, "exit", "none, for the model that ran is traditional",
                            (double)m->exit);
    if (m->has_exit && m->exit > (size_t)chosen_exit)
        return alert_refuse(error, "exit", "an exit not beyond the one chosen", (double)m->exit);
    return 0;
}
