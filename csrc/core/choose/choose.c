#include "core/choose/choose.h"

static bool meets_average(const alert_problem *problem, const alert_choice *choice)
{
    return problem->goal->objective == ALERT_MIN_ENERGY ? choice->accuracy >= problem->average
                                                        : choice->energy_j <= problem->average;
}

/* Under the highest cap that may be chosen. */
static void choose_row(const alert_problem *problem, const alert_row *row, bool feasible,
                       alert_choice *out)
{
    size_t column = alert_column_of(row, (uint32_t)(problem->caps - 1));
    *out = (alert_choice){.row = row, .column = column, .feasible = feasible};
    alert_weigh(problem, out);
}

void alert_choose(const alert_problem *problem, alert_choice *out)
{
    if (problem->untried) {
        choose_row(problem, problem->untried, true, out);
        return;
    }
    bool is_limited = problem->caps < problem->profile->caps;
    bool is_a_sum = problem->profile->run_s && problem->goal->probability > 0.0;
    if (problem->switching || problem->delays || is_limited || is_a_sum ||
        problem->is_hopelessly_late)
        alert_choose_by_scan(problem, out);
    else if (problem->price >= 0.0)
        alert_choose_priced(problem, out);
    else
        alert_choose_bounded(problem, out);
    if (!out->row) /* no cost is a number, which the ranges of all arguments rule out */
        choose_row(problem, problem->profile->row, false, out);
    if (problem->price < 0.0)
        return;
    out->accuracy = alert_accuracy_given(problem->belief, out->row, out->column,
                                         problem->goal->q_fail, out->probability);
    if (problem->is_exhausted && !meets_average(problem, out))
        out->feasible = false;
}
