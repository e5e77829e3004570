/* check.c - what options and measurements may be. */
#include "core/ranges.h"
#include "core/scheduler.h"

int alert_check_overhead(double overhead_s, alert_fault *fault)
{
    if (alert_is_quantity(overhead_s))
        return 0;
    return alert_fault_in(fault, "overhead", "a finite number of seconds >= 0 and <= 1e9",
                          overhead_s);
}

int alert_check_switching(double cost_s, size_t dwell, alert_fault *fault)
{
    if (!alert_is_quantity(cost_s))
        return alert_fault_in(fault, "switch_cost", "a finite number of seconds >= 0 and <= 1e9",
                              cost_s);
    if (dwell == 0)
        return alert_fault_in(fault, "dwell", "at least one input", 0.0);
    return 0;
}

int alert_check_options(const alert_options *o, alert_fault *fault)
{
    const char *expected;
    double value;
    if (o->method != ALERT_PAPER && o->method != ALERT_CALIBRATED)
        return alert_fault_in(fault, "method", "a known method", (double)o->method);
    const char *constant = alert_constants_check(&o->constants, &expected, &value);
    if (constant)
        return alert_fault_in(fault, constant, expected, value);
    int rc = alert_check_overhead(o->overhead_s, fault);
    return rc ? rc : alert_check_switching(o->switch_cost_s, o->dwell, fault);
}

int alert_scheduler_check(const alert_scheduler *s, const alert_measurement *m, alert_fault *fault)
{
    ptrdiff_t chosen_exit = s->now.pending.decision.exit;
    if (!alert_is_quantity(m->latency_s))
        return alert_fault_in(fault, "latency", "a finite number of seconds >= 0 and <= 1e9",
                              m->latency_s);
    if (m->has_energy && !(m->energy_j >= 0.0 && m->energy_j <= ALERT_ENERGY_MAX))
        return alert_fault_in(fault, "energy", "a finite number of joules >= 0 and <= 1e18",
                              m->energy_j);
    if (m->has_idle_power && !alert_is_quantity(m->idle_power_w))
        return alert_fault_in(fault, "idle_power", "a finite number of watts >= 0 and <= 1e9",
                              m->idle_power_w);
    if (m->has_deadline && !alert_is_positive(m->next_deadline_s))
        return alert_fault_in(fault, "deadline", ALERT_EXPECT_SECONDS, m->next_deadline_s);
    if (m->has_exit && chosen_exit < 0)
        return alert_fault_in(fault, "exit", "none, for the model that ran is traditional",
                              (double)m->exit);
    if (m->has_exit && m->exit > (size_t)chosen_exit)
        return alert_fault_in(fault, "exit", "an exit not beyond the one chosen", (double)m->exit);
    return 0;
}
