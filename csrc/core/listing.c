/* listing.c - everything that could be chosen for one input, with what is expected of it. */
#include <math.h>

#include "core/ranges.h"
#include "core/scheduler.h"

size_t alert_scheduler_option_count(const alert_scheduler *s)
{
    return s->rows * s->caps;
}

static alert_option option_of(alert_scheduler *s, const alert_row *row, size_t column)
{
    alert_choice c = {.row = row, .column = column};
    alert_weigh(&s->problem, &c);
    return (alert_option){
        .model = row->model,
        .cap = row->cap[column],
        .exit = row->exit,
        .power_cap_w = s->task.profile->power_cap_w[row->cap[column]],
        .latency_s = s->belief.mean * row->run_s[column],
        .energy_j = s->task.profile->has_power ? c.energy_j : (double)NAN,
        .accuracy = c.accuracy,
        .probability = c.probability,
    };
}

int alert_scheduler_list_options(alert_scheduler *s, const double *deadline_s, alert_option *out,
                                 alert_argument_error *error)
{
    const alert_profile *profile = s->problem.profile;
    int rc = deadline_s ? alert_check(error, "deadline", *deadline_s, &ALERT_SECONDS) : 0;
    if (rc)
        return rc;
    alert_scheduler_pose(s, deadline_s ? *deadline_s : s->now.pending.deadline_s);
    double time_s = s->belief.deadline_s;
    for (size_t r = 0; r < profile->rows; r++)
        for (size_t j = 0; j < profile->caps; j++) {
            const alert_row *row = &profile->row[r];
            alert_belief_set_deadline(&s->belief, time_s); /* that of the option before */
            out[row->position * profile->caps + row->cap[j]] = option_of(s, row, j);
        }
    return 0;
}
