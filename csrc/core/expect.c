/* expect.c - what a caller expects of the next inputs, model by model. */
#include <math.h>

#include "core/ranges.h"
#include "core/scheduler.h"

static int check_all(const char *name, const double *values, size_t models,
                     const alert_range *range, alert_argument_error *error)
{
    for (size_t i = 0; values && i < models; i++)
        if (!alert_is_in(range, values[i]))
            return alert_refuse_at(error, name, i, -1, range->expected, values[i]);
    return 0;
}

static int check(const alert_scheduler *s, const alert_expectations *e, alert_argument_error *error)
{
    size_t models = s->task.profile->models;
    int rc = check_all("accuracy", e->accuracy, models, &ALERT_SHARE, error);
    if (!rc && e->accuracy && s->feedback)
        rc = alert_refuse_at(error, "accuracy", 0, -1,
                             "None where accuracies are learnt from feedback", e->accuracy[0]);
    if (!rc)
        rc = check_all("latency", e->latency_factor, models, &ALERT_FACTOR, error);
    return rc ? rc : check_all("delay", e->delay_s, models, &ALERT_SECONDS_OR_0, error);
}

int alert_scheduler_expect(alert_scheduler *s, const alert_expectations *e, alert_decision *out,
                           alert_argument_error *error)
{
    size_t models = s->task.profile->models;
    int rc = check(s, e, error);
    if (!rc)
        rc = alert_outlook_reserve(&s->outlook, s->task.profile);
    if (rc)
        return rc;
    for (size_t i = 0; i < models; i++)
        s->outlook.model[i] = (alert_expected){
            .delay_s = e->delay_s ? e->delay_s[i] : 0.0,
            .factor = e->latency_factor ? e->latency_factor[i] : 1.0,
            .accuracy = e->accuracy   ? e->accuracy[i]
                        : s->feedback ? alert_feedback_drawn(s->feedback, i)
                                      : (double)NAN,
        };
    alert_scheduler_follow_outlook(s);
    return alert_scheduler_decide(s, NULL, NULL, NULL, out, error);
}

size_t alert_scheduler_models(const alert_scheduler *s)
{
    return s->models;
}
