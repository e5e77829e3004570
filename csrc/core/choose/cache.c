/* cache.c - what a search need not work out again for every step. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/choose/choose.h"

int alert_plan_new(alert_plan *plan, const alert_profile *profile, alert_method method)
{
    bool by_quantile = method == ALERT_PAPER;
    /* no goal has this probability, so the first use works everything out */
    *plan = (alert_plan){.probability = -1.0};
    if (by_quantile)
        plan->accuracy_z = calloc(profile->rows, sizeof *plan->accuracy_z);
    else
        plan->first = calloc(profile->rows, sizeof *plan->first);
    return plan->accuracy_z || plan->first ? 0 : -ENOMEM;
}

void alert_plan_clear(alert_plan *plan)
{
    free(plan->accuracy_z);
    free(plan->first);
    *plan = (alert_plan){0};
}

void alert_plan_renew(alert_plan *plan, const alert_profile *profile, const alert_goal *goal,
                      double bound)
{
    plan->accuracy = bound;
    plan->q_fail = goal->q_fail;
    plan->probability = goal->probability;
    plan->time_z = alert_normal_quantile(goal->probability);
    for (size_t r = 0; plan->accuracy_z && r < profile->rows; r++)
        plan->accuracy_z[r] = (double)NAN;
    plan->hopeless = 0;
    while (plan->hopeless < profile->rows && bound > goal->q_fail &&
           profile->row[plan->hopeless].best_accuracy < bound)
        plan->hopeless++;
}

double alert_plan_work_out_z(alert_plan *plan, const alert_profile *profile, size_t r)
{
    const alert_row *row = &profile->row[r];
    double share = (plan->accuracy - plan->q_fail) / (row->best_accuracy - plan->q_fail);
    plan->accuracy_z[r] = row->stairs == 1 ? alert_normal_quantile(share) : -HUGE_VAL;
    return plan->accuracy_z[r];
}
