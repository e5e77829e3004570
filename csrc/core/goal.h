/* goal.h - internal: what a goal asks for. */
#ifndef ALERT_GOAL_H
#define ALERT_GOAL_H

#include <math.h>

#include "alert.h"

/* The inputs that the bound holds for together: 1 where it holds for each, or there is none; 0 for the whole run. */
static inline size_t alert_goal_window(const alert_goal *goal)
{
    return goal->bound < HUGE_VAL ? goal->window : 1;
}

/* The goal with its bound in joules, where it is stated in watts. */
static inline alert_goal alert_goal_in_joules(const alert_goal *goal)
{
    alert_goal out = *goal;
    if (goal->power_w > 0.0)
        out.bound = goal->power_w * goal->deadline_s;
    return out;
}

/* The energy allowed per input; infinity where it has no bound. */
static inline double alert_goal_energy(const alert_goal *goal)
{
    return goal->objective == ALERT_MAX_ACCURACY  ? goal->bound
           : goal->objective == ALERT_MIN_LATENCY ? goal->energy_j
                                                  : HUGE_VAL;
}

/* Whether what was owed under the goal before counts for nothing under this one. */
static inline bool alert_goal_starts_anew(const alert_goal *goal, const alert_goal *before)
{
    return goal->objective != before->objective ||
           alert_goal_window(goal) != alert_goal_window(before) ||
           goal->budget_inputs != before->budget_inputs ||
           (goal->budget_inputs > 0 && goal->bound != before->bound);
}

/* Seconds of idle time between the end of a run and the deadline; without a deadline there is none. */
static inline double alert_rest(double deadline_s, double run_s)
{
    return run_s < deadline_s && deadline_s < HUGE_VAL ? deadline_s - run_s : 0.0;
}

#endif
