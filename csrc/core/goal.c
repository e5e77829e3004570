/* goal.c - what a goal may be. */
#include "core/ranges.h"

static bool is_permutation(const alert_quantity priority[3])
{
    unsigned seen = 0;
    for (int i = 0; i < 3; i++)
        if ((unsigned)priority[i] <= ALERT_ENERGY)
            seen |= 1u << priority[i];
    return seen == 7u;
}

int alert_goal_check(const alert_goal *g, alert_argument_error *error)
{
    bool saving = g->objective == ALERT_MIN_ENERGY;
    if (!saving && g->objective != ALERT_MAX_ACCURACY)
        return alert_refuse(error, "objective", "ALERT_MIN_ENERGY or ALERT_MAX_ACCURACY",
                            (double)g->objective);
    int rc = alert_check(error, "deadline", g->deadline_s, &ALERT_SECONDS);
    if (!rc)
        rc = alert_check(error, saving ? "accuracy" : "energy", g->bound,
                         saving ? &ALERT_SHARE : &ALERT_JOULES);
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
