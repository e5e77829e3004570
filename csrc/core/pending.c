/* pending.c - the decided input: shown to callers and, once finished, judged, credited and remembered. */
#include <math.h>

#include "core/ranges.h"
#include "core/scheduler.h"

typedef struct outcome {
    ptrdiff_t model;   /* -1: nothing ran */
    ptrdiff_t cap;     /* of the profile, that was in force; -1: nothing ran */
    ptrdiff_t exit;    /* where it stopped; -1 for a traditional model */
    double profiled_s; /* latency of the profile, as it was expected, up to there */
    double power_w;    /* of the profile */
    double accuracy;   /* credited */
    size_t output;     /* the last that was out by the deadline, or else by the end */
    bool met;          /* an output was out by the deadline */
    bool done;         /* that of the exit chosen was, or would have been */
} outcome;

/* Among the outputs of all models, output k of a row. */
static size_t place_of(const alert_row *row, size_t k)
{
    return row->position + 1 - row->outputs + k;
}

/* Of an output in time. */
static double worth_of(const alert_scheduler *s, const alert_row *row, size_t k)
{
    return s->feedback ? alert_feedback_worth(s->feedback, place_of(row, k))
                       : row->output[k].accuracy;
}

static outcome judge(const alert_scheduler *s, const alert_measurement *m)
{
    const alert_pending *ran = &s->now.pending;
    const alert_row *row = alert_pending_row(s);
    size_t column = ran->configuration.column;
    if (m->has_cap)
        column = alert_column_of(row, alert_cap_in_force(s->task.profile, m->power_cap_w));
    bool stopped = m->has_exit && (ptrdiff_t)m->exit < row->exit;
    size_t outputs = stopped && !m->is_sure ? m->exit + 1 : row->outputs;
    outcome o = {.model = (ptrdiff_t)row->model,
                 .cap = row->cap[column],
                 .exit = stopped ? (ptrdiff_t)m->exit : row->exit,
                 .profiled_s = (stopped ? row->output[m->exit].latency_s : row->latency_s)[column],
                 .power_w = row->power_w[column],
                 .output = outputs - 1,
                 .accuracy = alert_pending_goal(s)->q_fail};
    /* an output is out when its share of the measured time is over */
    bool goes_on = stopped && !m->is_sure;
    o.done = m->latency_s * (goes_on ? row->latency_s[column] / o.profiled_s : 1.0) <= ran->time_s;
    for (size_t k = outputs; k-- > 0 && !o.met;)
        if (m->latency_s * (row->output[k].latency_s[column] / o.profiled_s) <= ran->time_s) {
            o.accuracy = worth_of(s, row, k);
            o.output = k;
            o.met = true;
        }
    return o;
}

static outcome missed(const alert_scheduler *s)
{
    const alert_pending *next = &s->now.pending;
    return (outcome){.model = -1,
                     .cap = -1,
                     .output = alert_pending_row(s)->outputs - 1,
                     .exit = -1,
                     .profiled_s = 1.0,
                     .power_w = alert_pending_row(s)->power_w[next->configuration.column],
                     .accuracy = alert_pending_goal(s)->q_fail};
}

/* Watts, as believed beforehand, of a machine that is idle after the input. */
static double idle_power_w(const alert_scheduler *s, const outcome *o)
{
    const alert_idle_filter *idle = &s->now.idle;
    return idle->reports > 0 ? idle->ratio * o->power_w : s->task.profile->idle_power_w;
}

/* Idle seconds after a run: up to the deadline. Inputs that share a deadline have them all after the last one. On a shared
 * machine they are nobody's. */
static double idle_after(const alert_scheduler *s, double run_s)
{
    bool idles = s->now.shared.inputs <= 1 && !s->task.machine.is_shared;
    return idles ? alert_rest(s->now.pending.time_s, run_s) : 0.0;
}

/* The same, spread over the inputs that share a deadline: each is booked with what it leaves of an even share, the last
 * one with what is not booked yet. The sum is the same. But the first inputs bring no credit that the last one takes
 * back. */
static double idle_booked(const alert_scheduler *s, double run_s)
{
    const alert_shared_deadline *shared = &s->now.shared;
    if (s->task.machine.is_shared || isnan(run_s)) /* the input was not run */
        return 0.0;
    if (shared->inputs > 1)
        return shared->share_s - s->task.overhead_s - run_s;
    double booked_s = shared->inputs > 0 ? shared->left_s - shared->share_s : 0.0;
    return idle_after(s, run_s) - booked_s;
}

/* The standing goal's bound for the finished input, whose idle time counts for `idle_s`. An average power allows energy
 * for the time counted: what was taken off the deadline beforehand, the run, and the idle time. */
static double bound_of(const alert_scheduler *s, const alert_measurement *m, double idle_s)
{
    const alert_goal *goal = &s->task.goal;
    const alert_pending *ran = &s->now.pending;
    double before_s = fmax(ran->deadline_s - ran->time_s, 0.0);
    if (goal->power_w == 0.0)
        return goal->bound;
    return isnan(m->latency_s) ? 0.0 : goal->power_w * (before_s + m->latency_s + idle_s);
}

/* What a rating of the pending input needs. */
static void add_ticket(const alert_scheduler *s, alert_decision *out)
{
    out->has_ticket = true;
    out->ask = s->feedback->model[out->model].asks;
    out->ticket = s->feedback->now.first_ticket + s->now.inputs;
}

void alert_scheduler_decision(const alert_scheduler *s, alert_decision *out)
{
    const alert_pending *next = &s->now.pending;
    const alert_row *row = alert_pending_row(s);
    uint32_t column = next->configuration.column, cap = row->cap[column];
    /* every member has its line: else all are set to 0 beforehand, which takes longer */
    *out = (alert_decision){
        .model = row->model,
        .cap = cap,
        .exit = row->exit,
        .power_cap_w = s->task.profile->power_cap_w[cap],
        .latency_s = next->slowdown_mean * row->run_s[column],
        .energy_j = s->task.profile->has_power ? next->energy_j : (double)NAN,
        .accuracy = next->accuracy,
        .probability = next->probability,
        .feasible = next->feasible,
        .estimated = s->learnt && !alert_learnt_has_run(s->learnt, row->model, cap),
        .has_ticket = false,
        .ask = false,
        .ticket = 0,
    };
    if (s->feedback)
        add_ticket(s, out);
}

static void remember(alert_scheduler *s, const alert_measurement *m, const outcome *o,
                     double slowdown)
{
    const alert_pending *ran = &s->now.pending;
    s->history[s->now.inputs % s->history_capacity] = (alert_history_entry){
        .input = s->now.inputs,
        .model = o->model,
        .cap = o->cap,
        .exit = o->exit,
        .power_cap_w = o->cap < 0 ? (double)NAN : s->task.profile->power_cap_w[o->cap],
        .deadline_s = ran->deadline_s,
        .latency_s = m->latency_s,
        .energy_j = m->has_energy ? m->energy_j : (double)NAN,
        .idle_power_w = m->has_idle_power ? m->idle_power_w : (double)NAN,
        .slowdown = slowdown,
        .slowdown_mean = ran->slowdown_mean,
        .slowdown_std = ran->slowdown_std,
        .expected_latency_s =
            ran->slowdown_mean * alert_pending_row(s)->run_s[ran->configuration.column],
        .expected_energy_j = s->task.profile->has_power ? ran->energy_j : (double)NAN,
        .expected_accuracy = ran->accuracy,
        .probability = ran->probability,
        .accuracy = o->accuracy,
        .feasible = ran->feasible != 0,
        .met = o->met,
    };
}

/* Keeps the input's ticket, by which it may be rated. */
static void keep_ticket(alert_scheduler *s, const outcome *o)
{
    alert_ticket_state state = o->model < 0 ? ALERT_TICKET_NOT_RUN
                               : o->met     ? ALERT_TICKET_OPEN
                                            : ALERT_TICKET_LATE;
    alert_feedback_keep(s->feedback, s->now.inputs, state,
                        place_of(alert_pending_row(s), o->output));
}

/* Joules of the finished input, with those of `idle_s` seconds. */
static double joules_with(const alert_scheduler *s, const alert_measurement *m, const outcome *o,
                          double idle_s)
{
    double active_j = m->has_energy ? m->energy_j : o->power_w * m->latency_s;
    double idle_w = m->has_idle_power ? m->idle_power_w : idle_power_w(s, o);
    return active_j + idle_w * idle_s;
}

/* What is credited and expected where energy is bounded. */
static void account_energy(const alert_scheduler *s, const alert_measurement *m, const outcome *o,
                           alert_booking *b)
{
    const alert_pending *ran = &s->now.pending;
    double booked_s = idle_booked(s, m->latency_s);
    b->bound = bound_of(s, m, booked_s);
    b->credited = joules_with(s, m, o, booked_s);
    b->expected = ran->energy_j;
    if (s->now.shared.inputs > 0) {
        double run_s = ran->slowdown_mean * alert_pending_row(s)->run_s[ran->configuration.column];
        b->expected = o->power_w * run_s + idle_power_w(s, o) * idle_booked(s, run_s);
    }
}

/* Counts the finished input under the standing goal. It takes `joules` of the `allowed_j`, and owes the window `owed`. */
static void tally(alert_scheduler *s, const alert_measurement *m, const outcome *o, double joules,
                  double allowed_j, double owed)
{
    const alert_goal *goal = &s->task.goal;
    alert_tally *t = &s->now.tally;
    bool kept = s->window.sum + owed <= ALERT_OWED_ROUNDING * goal->bound;
    if (goal->objective == ALERT_MIN_LATENCY)
        kept = o->accuracy >= goal->bound && joules <= allowed_j;
    t->inputs++;
    t->in_time += o->met;
    t->kept += kept;
    t->accuracy += o->accuracy;
    t->energy_j += joules;
    t->allowed_j += allowed_j;
    t->latency_s += isnan(m->latency_s) ? 0.0 : m->latency_s;
}

/* A promise is for the cap chosen: under another one it is neither kept nor broken. */
static bool is_as_promised(const alert_scheduler *s, const outcome *o)
{
    return o->cap == alert_pending_row(s)->cap[s->now.pending.configuration.column];
}

/* Keeps account of the debt in the goal's budget, of which the input took `joules`. */
static void take_of_budget(alert_scheduler *s, double joules, alert_booking *b)
{
    alert_budget *budget = &s->now.budget;
    budget->left_j = fmax(budget->left_j - joules, -ALERT_ENERGY_MAX);
    b->inputs_left = (double)--budget->inputs;
    b->has_debt = true;
    b->debt = s->task.goal.bound * b->inputs_left - budget->left_j;
}

void alert_scheduler_account(alert_scheduler *s, const alert_measurement *measured,
                             alert_finished *out)
{
    static const alert_measurement NOT_RUN = {.latency_s = (double)NAN, .has_energy = true};
    const alert_pending *ran = &s->now.pending;
    const alert_measurement *m = measured ? measured : &NOT_RUN;
    outcome o = measured ? judge(s, m) : missed(s);
    alert_booking *b = &out->booking;
    *out = (alert_finished){.latency_s = m->latency_s,
                            .profiled_s = o.profiled_s,
                            .slowdown = m->latency_s / o.profiled_s,
                            .power_w = o.power_w,
                            .promised = is_as_promised(s, &o) ? ran->probability : 0.0,
                            .done = o.done,
                            .is_booked = !s->now.has_own_goal,
                            .booking = {.bound = s->task.goal.bound,
                                        .credited = o.accuracy,
                                        .expected = ran->accuracy}};
    double idle_s = idle_after(s, m->latency_s), joules = joules_with(s, m, &o, idle_s);
    double owed = b->bound - o.accuracy, allowed_j = alert_goal_energy(&s->task.goal);
    if (s->task.goal.objective == ALERT_MAX_ACCURACY) {
        allowed_j = bound_of(s, m, idle_s);
        owed = joules - allowed_j;
        account_energy(s, m, &o, b);
    }
    if (s->history_capacity > 0)
        remember(s, m, &o, out->slowdown);
    if (s->feedback)
        keep_ticket(s, &o);
    if (out->is_booked) {
        tally(s, m, &o, joules, allowed_j, owed);
        alert_window_push(&s->window, owed);
    }
    b->has_debt = s->window.capacity > 0;
    b->debt = s->window.sum;
    if (s->now.budget.inputs > 0)
        take_of_budget(s, joules, b);
}

size_t alert_scheduler_history_length(const alert_scheduler *s)
{
    size_t capacity = s->history_capacity;
    return s->now.inputs < capacity ? (size_t)s->now.inputs : capacity;
}

void alert_scheduler_history(const alert_scheduler *s, size_t length, alert_history_entry *out)
{
    uint64_t first = s->now.inputs - alert_scheduler_history_length(s);
    for (size_t i = 0; i < length; i++)
        out[i] = s->history[(first + i) % s->history_capacity];
}
