#include "core/choose/choose.h"

static bool meets_average(const alert_problem *problem, const alert_choice *choice)
{
    return problem->goal->objective == ALERT_MIN_ENERGY ? choice->accuracy >= problem->average
                                                        : choice->energy_j <= problem->average;
}

void alert_choose(const alert_problem *problem, alert_choice *out)
{
    bool is_limited = problem->caps < problem->profile->caps;
    if (problem->switching || problem->delays || is_limited || problem->is_hopelessly_late)
        alert_choose_by_scan(problem, out);
    else if (problem->price >= 0.0)
        alert_choose_priced(problem, out);
    else
        alert_choose_bounded(problem, out);
    if (problem->price < 0.0)
        return;
    out->accuracy = alert_accuracy_given(problem->belief, out->row, out->column,
                                         problem->goal->q_fail, out->probability);
    if (problem->is_exhausted && !meets_average(problem, out))
        out->feasible = false;
}
