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
    if (g->objective != ALERT_MIN_ENERGY && g->objective != ALERT_MAX_ACCURACY)
        return alert_refuse(error, "objective", "ALERT_MIN_ENERGY or ALERT_MAX_ACCURACY",
                            (double)g->objective);
    if (!alert_is_positive(g->deadline_s))
        return alert_refuse(error, "deadline", ALERT_EXPECT_SECONDS, g->deadline_s);
    if (g->objective == ALERT_MIN_ENERGY && !alert_is_fraction(g->bound))
        return alert_refuse(error, "accuracy", ALERT_EXPECT_ACCURACY, g->bound);
    if (g->objective == ALERT_MAX_ACCURACY && !(g->bound > 0.0 && g->bound <= ALERT_ENERGY_MAX))
        return alert_refuse(error, "energy", "a finite number of joules > 0 and <= 1e18", g->bound);
    if (!(g->probability >= 0.0 && g->probability < 1.0))
        return alert_refuse(error, "probability", "a number from 0 to 1, 1 excluded",
                            g->probability);
    if (!alert_is_fraction(g->q_fail))
        return alert_refuse(error, "q_fail", ALERT_EXPECT_ACCURACY, g->q_fail);
    if (!is_permutation(g->priority))
        return alert_refuse(error, "priority", "latency, accuracy and energy, each once",
                            (double)NAN);
    if (g->window > ALERT_WINDOW_MAX)
        return alert_refuse(error, "window", "at most 1000000 inputs", (double)g->window);
    return 0;
}
