/* rating.c - a scheduler that learns accuracies from ratings of finished inputs. */
#include <string.h>

#include "core/ranges.h"
#include "core/scheduler.h"

int alert_scheduler_feedback(alert_scheduler *s, uint64_t ticket, double score, uint64_t user,
                             bool *learnt, alert_argument_error *error)
{
    if (!s->feedback)
        return alert_refuse(error, "ticket", "none: this scheduler was made without feedback",
                            (double)ticket);
    int rc = alert_feedback_check_ticket(s->feedback, ticket, s->now.inputs, error);
    if (!rc)
        rc = alert_check(error, "score", score, &ALERT_SHARE);
    if (!rc)
        *learnt = alert_feedback_rate(s->feedback, ticket, score, user);
    return rc;
}

int alert_scheduler_set_context(alert_scheduler *s, const double *context, size_t count,
                                alert_argument_error *error)
{
    alert_feedback *f = s->feedback;
    int rc = alert_feedback_check_context(f, context, count, error);
    if (rc || memcmp(f->now.next_context, context, count * sizeof *context) == 0)
        return rc;
    memcpy(f->now.next_context, context, count * sizeof *context);
    f->now.is_stale = 1;
    return 0;
}

size_t alert_scheduler_context(const alert_scheduler *s, double *out)
{
    if (!s->feedback)
        return 0;
    memcpy(out, s->feedback->now.next_context, sizeof s->feedback->now.next_context);
    return s->feedback->context;
}

static void list_published(const alert_profile *profile, double *mean, double *deviation)
{
    for (size_t r = 0; r < profile->rows; r++) {
        mean[profile->row[r].model] = profile->row[r].model_accuracy;
        deviation[profile->row[r].model] = 0.0;
    }
}

int alert_scheduler_accuracies(const alert_scheduler *s, const double *context, size_t count,
                               double *mean, double *deviation, alert_argument_error *error)
{
    const alert_feedback *f = s->feedback;
    int rc = context ? alert_feedback_check_context(f, context, count, error) : 0;
    if (rc)
        return rc;
    if (f)
        alert_feedback_accuracies(f, context ? context : f->now.next_context, mean, deviation);
    else
        list_published(s->task.profile, mean, deviation);
    return 0;
}
