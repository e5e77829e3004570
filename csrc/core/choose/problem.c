#include "core/choose/problem.h"

bool alert_is_hopelessly_late(const alert_problem *problem)
{
    const alert_goal *goal = problem->goal;
    const alert_profile *profile = problem->profile;
    if (problem->deadline_s >= goal->deadline_s ||
        alert_importance(goal, ALERT_LATENCY) > alert_importance(goal, ALERT_ENERGY))
        return false;
    for (size_t r = 0; r < profile->rows; r++) {
        const alert_row *row = &profile->row[r];
        double run_s = alert_fastest_s(row, problem->caps) * problem->belief->mean;
        if (run_s + alert_delay(problem->delays, row) <= problem->belief->deadline_s)
            return false;
    }
    return true;
}

bool alert_comes_first(const alert_row *a, size_t a_column, const alert_row *b, size_t b_column)
{
    uint32_t a_cap = a->cap[a_column], b_cap = b->cap[b_column];
    if (a_cap != b_cap)
        return a_cap < b_cap;
    return a->model != b->model ? a->model < b->model : a->exit < b->exit;
}
