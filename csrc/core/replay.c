/* replay.c - a scheduler driven over a recorded run. */
#include "core/ranges.h"
#include "core/scheduler.h"

static int check_sharing(const alert_output_trace *r, alert_argument_error *error)
{
    for (size_t i = 0; r->sharing && i < r->inputs; i++) {
        bool starts = i == 0 || r->sharing[i - 1] == 1;
        size_t left = r->sharing[i];
        if (starts ? left < 1 || left > r->inputs - i : left != r->sharing[i - 1] - 1)
            return alert_refuse_at(error, "sharing", i, -1,
                                   "the inputs left that share a deadline: W, ..., 2, 1",
                                   (double)left);
    }
    return 0;
}

static int check_accuracy(const alert_output_trace *r, alert_argument_error *error)
{
    for (size_t i = 0; r->accuracy && i < r->inputs; i++)
        for (size_t k = 0; k < r->outputs; k++) {
            double accuracy = r->accuracy[i * r->outputs + k];
            if (!(accuracy >= 0.0 && accuracy <= 1.0))
                return alert_refuse_at(error, "accuracy", i, (ptrdiff_t)k, "a number from 0 to 1",
                                       accuracy);
        }
    return 0;
}

static int check(const alert_scheduler *s, const alert_scheduler *system,
                 const alert_output_trace *r, alert_argument_error *error)
{
    if (r->outputs != s->task.profile->rows)
        return alert_refuse(error, "outputs", "as many as the models of the profile have",
                            (double)r->outputs);
    if (r->caps != (system ? system : s)->task.profile->caps)
        return alert_refuse(error, "caps", "as many as the profile has", (double)r->caps);
    int rc = alert_check(error, "idle_power", r->idle_power_w, &ALERT_WATTS_OR_0);
    if (!rc)
        rc = check_accuracy(r, error);
    return rc ? rc : check_sharing(r, error);
}

/* The output at which a run of `row` stops: each next one is begun only if it is expected in time
 * by the pace so far. time_s[k * caps] is when output k is out. */
static size_t stop_at(const alert_row *row, const double *time_s, size_t caps, double deadline_s)
{
    const alert_output *output = row->output;
    size_t k = 0;
    while (k + 1 < row->outputs &&
           time_s[k * caps] * (output[k + 1].fraction / output[k].fraction) <= deadline_s)
        k++;
    return k;
}

/* The last of the outputs up to `stopped` that is out by the deadline; -1 for none. */
static ptrdiff_t delivered(const double *time_s, size_t caps, size_t stopped, double deadline_s)
{
    ptrdiff_t k = (ptrdiff_t)stopped;
    while (k >= 0 && !(time_s[(size_t)k * caps] <= deadline_s))
        k--;
    return k;
}

/* The accuracy of output k of `row` on input i. */
static double accuracy_of(const alert_output_trace *r, const alert_row *row, size_t i, size_t k)
{
    size_t first = row->position - (row->outputs - 1);
    return r->accuracy ? r->accuracy[i * r->outputs + first + k] : row->output[k].accuracy;
}

/* Runs input i on the model and exit that `s` chose, under `cap`. */
static void run(const alert_scheduler *s, size_t cap, const alert_output_trace *r, size_t i,
                alert_measurement *measured, alert_outcome *out)
{
    const alert_pending *pending = &s->now.pending;
    const alert_row *row = alert_pending_row(s);
    double deadline = pending->time_s;
    size_t chosen = row->outputs - 1;
    size_t first = (i * r->outputs + row->position - chosen) * r->caps + cap;
    const double *time = r->latency_s + first;
    size_t stopped = stop_at(row, time, r->caps, deadline);
    ptrdiff_t last = delivered(time, r->caps, stopped, deadline);
    bool pauses = !r->sharing || r->sharing[i] == 1;
    double latency = time[stopped * r->caps], energy = r->energy_j[first + stopped * r->caps];
    double rest = pauses ? alert_rest(deadline, latency) : 0.0;
    *measured = (alert_measurement){
        .latency_s = latency,
        .has_energy = true,
        .energy_j = energy,
        .has_exit = row->exit >= 0,
        .exit = stopped,
    };
    *out = (alert_outcome){
        .model = (uint32_t)row->model,
        .cap = (uint32_t)cap,
        .exit = (int32_t)row->exit,
        .stopped = row->exit < 0 ? -1 : (int32_t)stopped,
        .deadline_s = deadline,
        .latency_s = latency,
        .energy_j = energy + r->idle_power_w * rest,
        .accuracy = last < 0 ? alert_pending_goal(s)->q_fail : accuracy_of(r, row, i, (size_t)last),
        .probability = pending->probability,
        .feasible = pending->feasible != 0,
        .met = last >= 0,
        .done = time[chosen * r->caps] <= deadline,
    };
}

/* Where input i is the first of several that share a deadline. */
static int share(alert_scheduler *s, const alert_output_trace *r, size_t i,
                 alert_argument_error *error)
{
    alert_decision decision;
    if (!r->sharing || r->sharing[i] == 1 || (i > 0 && r->sharing[i - 1] > 1))
        return 0;
    return alert_scheduler_share(s, (double)r->sharing[i] * s->task.goal.deadline_s, r->sharing[i],
                                 &decision, error);
}

static int replay_one(alert_scheduler *s, alert_scheduler *system, const alert_output_trace *r,
                      size_t i, alert_outcome *out, alert_argument_error *error)
{
    alert_measurement measured;
    alert_decision decision;
    int rc = share(s, r, i, error);
    if (!rc && system)
        rc = share(system, r, i, error);
    if (rc)
        return rc;
    alert_scheduler_decision(system ? system : s, &decision);
    run(s, decision.cap, r, i, &measured, out);
    rc = alert_scheduler_step(s, &measured, &decision, error);
    if (!rc && system) {
        measured.has_exit = false;
        rc = alert_scheduler_step(system, &measured, &decision, error);
    }
    return rc;
}

int alert_replay(alert_scheduler *s, alert_scheduler *system, const alert_output_trace *trace,
                 alert_outcome *out, alert_argument_error *error)
{
    int rc = check(s, system, trace, error);
    for (size_t i = 0; !rc && i < trace->inputs; i++) {
        rc = replay_one(s, system, trace, i, &out[i], error);
        if (rc && error)
            error->index[0] = (ptrdiff_t)i;
    }
    return rc;
}
