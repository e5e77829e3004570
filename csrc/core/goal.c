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

/* Deadline and bounds, by the objective. */
static int check_bounds(const alert_goal *g, alert_argument_error *error)
{
    bool has_deadline = g->objective != ALERT_MIN_LATENCY || g->deadline_s != HUGE_VAL;
    int rc = has_deadline ? alert_check(error, "deadline", g->deadline_s, &ALERT_SECONDS) : 0;
    if (rc)
        return rc;
    if (g->objective == ALERT_MAX_ACCURACY)
        return check_energy(g->bound, error);
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
