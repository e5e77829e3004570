#include "core/goal.h"

#include "core/ranges.h"

static bool is_permutation(const alert_quantity priority[3])
{
    unsigned seen = 0;
    for (int i = 0; i < 3; i++)
        if ((unsigned)priority[i] <= ALERT_ENERGY)
            seen |= 1u << priority[i];
    return seen == 7u;
}

static int check_energy(double energy_j, alert_argument_error *error)
{
    return energy_j == HUGE_VAL ? 0 : alert_check(error, "energy", energy_j, &ALERT_JOULES);
}

/* Joules, watts or a budget. */
static int check_spending(const alert_goal *g, alert_argument_error *error)
{
    if (g->power_w != 0.0)
        return alert_check(error, "power", g->power_w, &ALERT_WATTS);
    if (g->budget_inputs > ALERT_BUDGET_MAX)
        return alert_refuse(error, "inputs", "at most 1e12 inputs", (double)g->budget_inputs);
    if (g->budget_inputs > 0 && g->window > 1)
        return alert_refuse(error, "window", "none, or 1 for each input, with a budget",
                            (double)g->window);
    if (g->budget_inputs > 0)
        return alert_check(error, "energy", g->bound, &ALERT_JOULES);
    return check_energy(g->bound, error);
}

/* Deadline and bounds, by the objective. */
static int check_bounds(const alert_goal *g, alert_argument_error *error)
{
    bool has_deadline = g->objective != ALERT_MIN_LATENCY || g->deadline_s != HUGE_VAL;
    int rc = has_deadline ? alert_check(error, "deadline", g->deadline_s, &ALERT_SECONDS) : 0;
    if (rc)
        return rc;
    if (g->objective == ALERT_MAX_ACCURACY)
        return check_spending(g, error);
    if (g->power_w != 0.0)
        return alert_refuse(error, "power", "0, unless for the highest accuracy", g->power_w);
    if (g->budget_inputs != 0)
        return alert_refuse(error, "inputs", "0, unless for the highest accuracy",
                            (double)g->budget_inputs);
    rc = alert_check(error, "accuracy", g->bound, &ALERT_SHARE);
    if (rc || g->objective == ALERT_MIN_ENERGY)
        return rc;
    if (g->window != 1)
        return alert_refuse(error, "window",
                            "1: the bounds of the lowest latency hold for each input",
                            (double)g->window);
    return check_energy(g->energy_j, error);
}

int alert_goal_check(const alert_goal *g, alert_argument_error *error)
{
    if ((unsigned)g->objective > ALERT_MIN_LATENCY)
        return alert_refuse(error, "objective",
                            "ALERT_MIN_ENERGY, ALERT_MAX_ACCURACY or ALERT_MIN_LATENCY",
                            (double)g->objective);
    int rc = check_bounds(g, error);
    if (!rc)
        rc = alert_check(error, "probability", g->probability, &ALERT_BELOW_1);
    if (!rc)
        rc = alert_check(error, "q_fail", g->q_fail, &ALERT_SHARE);
    if (rc)
        return rc;
    if (!is_permutation(g->priority))
        return alert_refuse(error, "priority", "latency, accuracy and energy, each once",
                            (double)NAN);
    if (g->window > ALERT_WINDOW_MAX)
        return alert_refuse(error, "window", "at most 1000000 inputs", (double)g->window);
    return 0;
}
