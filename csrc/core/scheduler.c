/* scheduler.c - alert_scheduler_*: filters, goal, deadlines and choice put together. */
#include "core/scheduler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/constants.h"
#include "core/ranges.h"

/* ------------------------------------------------------------------------------------- deciding */

/* The deadline of the next input where nobody states another. */
static double usual_deadline(const alert_scheduler *s)
{
    const alert_shared_deadline *shared = &s->now.shared;
    return shared->inputs > 0 ? shared->left_s / (double)shared->inputs : s->goal.deadline_s;
}

/* Part of a window's bound by which a sum of decimal fractions may be off. */
#define OWED_ROUNDING 1e-12

/* The goal's bound, moved by what the inputs of its window left owing. What rounding added to that
 * is not asked for: it would take the next better model. */
static double bound_now(const alert_scheduler *s)
{
    if (s->window.count == 0)
        return s->goal.bound;
    double ease = OWED_ROUNDING * s->goal.bound;
    return s->goal.objective == ALERT_MIN_ENERGY ? s->goal.bound + s->window.sum - ease
                                                 : s->goal.bound - s->window.sum + ease;
}

/* The goal's bound has a price, instead of holding for each input. */
static bool is_priced(const alert_scheduler *s)
{
    return s->method == ALERT_CALIBRATED && s->goal.window == 0;
}

static double time_within(const alert_scheduler *s, double deadline_s)
{
    double time = deadline_s - s->overhead_s;
    return time > 0.0 ? time : 0.0;
}

static alert_belief belief_now(const alert_scheduler *s, double deadline_s)
{
    const alert_learned *now = &s->now;
    const alert_mixture *mixture = s->method == ALERT_CALIBRATED ? &s->forecast : NULL;
    return (alert_belief){
        .mean = mixture ? alert_mixture_mean(mixture) : now->slowdown.mean,
        .std = mixture ? alert_mixture_std(mixture) : sqrt(now->slowdown.variance),
        .deadline_s = time_within(s, deadline_s),
        .idle_ratio = now->idle.ratio,
        .idle_power_w = now->idle.started ? 0.0 : s->profile->idle_power_w,
        .mixture = mixture,
    };
}

/* An input that came late, and that nothing can be expected to finish in time. (In time from the start on, it is a
 * matter of the goal.) */
static bool is_lost(const alert_scheduler *s, const alert_belief *b, double deadline_s)
{
    if (s->method != ALERT_CALIBRATED || deadline_s >= s->goal.deadline_s ||
        alert_importance(&s->goal, ALERT_LATENCY) > alert_importance(&s->goal, ALERT_ENERGY))
        return false;
    for (size_t r = 0; r < s->profile->rows; r++)
        if (b->mean * s->profile->row[r].latency_s[0] <= b->deadline_s)
            return false;
    return true;
}

static void choose_switching(alert_scheduler *s, alert_belief *belief, double price, bool lost,
                             alert_choice *out)
{
    alert_switching switching = {.cap = s->now.cap,
                                 .cost_s = s->switch_cost_s,
                                 .hold_inputs = (double)s->hold_inputs,
                                 .held = s->now.served < s->hold_inputs,
                                 .lost = lost};
    alert_choose_switching(s->profile, &s->plan, belief, &s->goal, bound_now(s), price, &switching,
                           out);
}

static void choose(alert_scheduler *s, alert_belief *belief, double deadline_s, alert_choice *out)
{
    bool priced = is_priced(s), lost = is_lost(s, belief, deadline_s);
    double price = priced ? alert_price_now(&s->now.price, s->constants, &s->goal) : -1.0;
    if (s->now.served > 0)
        choose_switching(s, belief, price, lost, out);
    else if (lost)
        alert_choose_fastest(s->profile, belief, &s->goal, out);
    else if (priced)
        alert_choose_priced(s->profile, &s->plan, belief, &s->goal, price,
                            &(alert_place){s->now.pending.row, s->now.pending.column}, out);
    else
        alert_choose(s->profile, &s->plan, belief, &s->goal, bound_now(s), out);
    if (priced && alert_price_is_exhausted(&s->now.price, &s->goal))
        out->feasible = false;
}

static void decide(alert_scheduler *s, double deadline_s)
{
    alert_pending *next = &s->now.pending;
    alert_choice choice;
    next->belief = belief_now(s, deadline_s);
    choose(s, &next->belief, deadline_s, &choice);
    next->belief.mixture = NULL; /* does not outlive the choice */
    next->row = (size_t)(choice.row - s->profile->row);
    next->column = choice.column;
    next->deadline_s = deadline_s;
    next->bound = s->goal.bound;
    alert_decision *d = &next->decision;
    d->model = choice.row->model;
    d->cap = choice.row->cap[choice.column];
    d->exit = choice.row->exit;
    d->power_cap_w = s->profile->power_cap_w[d->cap];
    d->latency_s = next->belief.mean * choice.row->latency_s[choice.column];
    d->energy_j = choice.energy_j;
    d->accuracy = choice.accuracy;
    d->probability = choice.probability;
    d->feasible = choice.feasible;
}

/* ------------------------------------------------------------------------------------- learning */

/* The finished input, against the configuration it ran. */
typedef struct outcome {
    ptrdiff_t exit;    /* where it stopped */
    double profiled_s; /* latency of the profile up to there */
    double power_w;    /* of the profile */
    double accuracy;   /* credited */
    bool met;
} outcome;

static outcome judge(const alert_scheduler *s, const alert_measurement *m)
{
    const alert_pending *ran = &s->now.pending;
    const alert_row *row = &s->profile->row[ran->row];
    outcome o = {.exit = row->exit,
                 .profiled_s = row->latency_s[ran->column],
                 .power_w = row->power_w[ran->column]};
    size_t outputs = row->stairs;
    if (m->has_exit && (ptrdiff_t)m->exit < row->exit) {
        o.exit = (ptrdiff_t)m->exit;
        o.profiled_s /= row->stair[m->exit].stretch;
        outputs = m->exit + 1;
    }
    double full = m->latency_s * row->stair[outputs - 1].stretch; /* had it gone on to the exit */
    o.accuracy =
        alert_row_delivered(row, outputs, full, ran->belief.deadline_s, s->goal.q_fail, &o.met);
    return o;
}

static void remember(alert_scheduler *s, const alert_measurement *m, const outcome *o)
{
    size_t capacity = s->history_capacity;
    if (capacity == 0)
        return;
    const alert_pending *ran = &s->now.pending;
    s->history[s->now.inputs % capacity] = (alert_history_entry){
        .input = s->now.inputs,
        .model = (int64_t)ran->decision.model,
        .cap = (int64_t)ran->decision.cap,
        .exit = o->exit,
        .power_cap_w = ran->decision.power_cap_w,
        .deadline_s = ran->deadline_s,
        .latency_s = m->latency_s,
        .energy_j = m->has_energy ? m->energy_j : (double)NAN,
        .idle_power_w = m->has_idle_power ? m->idle_power_w : (double)NAN,
        .slowdown = m->latency_s / o->profiled_s,
        .slowdown_mean = ran->belief.mean,
        .slowdown_std = ran->belief.std,
        .expected_latency_s = ran->decision.latency_s,
        .expected_energy_j = ran->decision.energy_j,
        .expected_accuracy = ran->decision.accuracy,
        .probability = ran->decision.probability,
        .accuracy = o->accuracy,
        .feasible = ran->decision.feasible,
        .met = o->met,
    };
}

/* Joules of the finished input, idle time up to its deadline included. */
static double credited_energy(const alert_scheduler *s, const alert_measurement *m,
                              const outcome *o)
{
    const alert_belief *b = &s->now.pending.belief;
    double idle_power =
        m->has_idle_power ? m->idle_power_w : b->idle_ratio * o->power_w + b->idle_power_w;
    /* between inputs that share a deadline there is no idle time */
    double rest = s->now.shared.inputs > 1 ? 0.0 : b->deadline_s - m->latency_s;
    double active = m->has_energy ? m->energy_j : o->power_w * m->latency_s;
    return active + idle_power * (rest > 0.0 ? rest : 0.0);
}

/* Books what the input delivered against what its goal asked for. */
static void settle(alert_scheduler *s, const alert_measurement *m, const outcome *o)
{
    const alert_pending *ran = &s->now.pending;
    bool saving = s->goal.objective == ALERT_MIN_ENERGY;
    if (s->window.capacity == 0 && !is_priced(s))
        return;
    double credited = saving ? o->accuracy : credited_energy(s, m, o);
    if (is_priced(s))
        alert_price_update(&s->now.price, s->constants, &s->goal, ran->bound, credited);
    if (s->window.capacity > 0)
        alert_window_push(&s->window, saving ? ran->bound - credited : credited - ran->bound);
}

/* The cap of the finished input is in force now. */
static void note_cap(alert_scheduler *s)
{
    alert_learned *now = &s->now;
    size_t cap = now->pending.decision.cap;
    bool changed = now->served > 0 && cap != now->cap;
    if (changed && now->shared.inputs > 0)
        now->shared.left_s -= s->switch_cost_s;
    now->served = changed ? 1 : now->served + 1;
    now->cap = cap;
}

static void learn(alert_scheduler *s, const alert_measurement *m)
{
    alert_learned *now = &s->now;
    const alert_constants *c = s->constants;
    outcome o = judge(s, m);
    remember(s, m, &o);
    settle(s, m, &o);
    double ratio = m->latency_s / o.profiled_s;
    if (s->method == ALERT_CALIBRATED) {
        alert_regimes_update(&now->regimes, c, &s->forecast, ratio);
        alert_regimes_forecast(&now->regimes, &s->forecast);
    } else {
        alert_slowdown_filter_update(&now->slowdown, c, ratio);
    }
    if (m->has_idle_power)
        alert_idle_filter_update(&now->idle, c, m->idle_power_w, o.power_w,
                                 s->profile->idle_power_w);
    if (now->shared.inputs > 0) {
        now->shared.left_s -= m->latency_s + s->overhead_s;
        now->shared.inputs--;
    }
    if (s->switching)
        note_cap(s);
    now->inputs++;
}

static void start_price(alert_scheduler *s)
{
    alert_price_start(&s->now.price, s->constants, s->profile, &s->goal,
                      time_within(s, s->goal.deadline_s));
}

/* ----------------------------------------------------------------------------- public functions */

static int set_constants(alert_scheduler *s, const alert_constants *given)
{
    s->constants = &ALERT_USUAL_CONSTANTS;
    if (memcmp(given, &ALERT_USUAL_CONSTANTS, sizeof *given) == 0)
        return 0;
    s->own_constants = malloc(sizeof *given);
    if (!s->own_constants)
        return -ENOMEM;
    *s->own_constants = *given;
    s->constants = s->own_constants;
    return 0;
}

int alert_scheduler_new(alert_scheduler **out, alert_profile *profile, const alert_goal *goal,
                        const alert_options *options, alert_argument_error *error)
{
    int rc = alert_goal_check(goal, error);
    if (!rc)
        rc = alert_check_options(options, error);
    if (rc)
        return rc;
    alert_scheduler *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->profile = alert_profile_ref(profile);
    s->goal = *goal;
    s->method = options->method;
    s->overhead_s = options->overhead_s;
    s->switch_cost_s = options->switch_cost_s;
    s->hold_inputs = options->hold_inputs;
    s->history_capacity = options->history_capacity;
    s->switching = options->switch_cost_s > 0.0 || options->hold_inputs > 1;
    rc = set_constants(s, &options->constants);
    if (!rc)
        rc = alert_plan_new(&s->plan, profile, s->method);
    if (!rc)
        rc = alert_window_new(&s->window, goal->window);
    if (!rc && options->history_capacity > 0) {
        s->history = calloc(options->history_capacity, sizeof *s->history);
        rc = s->history ? 0 : -ENOMEM;
    }
    if (rc) {
        alert_scheduler_free(s);
        return rc;
    }
    alert_slowdown_filter_init(&s->now.slowdown, s->constants);
    alert_regimes_init(&s->now.regimes, s->constants);
    alert_regimes_forecast(&s->now.regimes, &s->forecast);
    alert_idle_filter_init(&s->now.idle, s->constants);
    start_price(s);
    decide(s, goal->deadline_s);
    *out = s;
    return 0;
}

void alert_scheduler_free(alert_scheduler *s)
{
    if (!s)
        return;
    alert_plan_clear(&s->plan);
    alert_window_clear(&s->window);
    free(s->own_constants);
    free(s->history);
    alert_profile_unref(s->profile);
    free(s);
}

int alert_scheduler_step(alert_scheduler *s, const alert_measurement *measured, alert_decision *out,
                         alert_argument_error *error)
{
    int rc = alert_scheduler_check(s, measured, error);
    if (rc)
        return rc;
    learn(s, measured);
    decide(s, measured->has_deadline ? measured->next_deadline_s : usual_deadline(s));
    *out = s->now.pending.decision;
    return 0;
}

void alert_scheduler_decision(const alert_scheduler *s, alert_decision *out)
{
    *out = s->now.pending.decision;
}

int alert_scheduler_decide(alert_scheduler *s, const double *deadline_s, alert_decision *out,
                           alert_argument_error *error)
{
    int rc = deadline_s ? alert_check(error, "deadline", *deadline_s, &ALERT_SECONDS) : 0;
    if (rc)
        return rc;
    decide(s, deadline_s ? *deadline_s : s->now.pending.deadline_s);
    *out = s->now.pending.decision;
    return 0;
}

int alert_scheduler_share(alert_scheduler *s, double deadline_s, size_t inputs, alert_decision *out,
                          alert_argument_error *error)
{
    int rc = alert_check(error, "deadline", deadline_s, &ALERT_SECONDS);
    if (!rc && inputs == 0)
        rc = alert_refuse(error, "inputs", "at least one input", 0.0);
    if (rc)
        return rc;
    s->now.shared = (alert_shared_deadline){.left_s = deadline_s, .inputs = inputs};
    decide(s, usual_deadline(s));
    *out = s->now.pending.decision;
    return 0;
}

int alert_scheduler_set_goal(alert_scheduler *s, const alert_goal *goal,
                             alert_argument_error *error)
{
    int rc = alert_goal_check(goal, error);
    if (rc)
        return rc;
    if (goal->objective != s->goal.objective || goal->window != s->goal.window) {
        alert_window window;
        rc = alert_window_new(&window, goal->window);
        if (rc)
            return rc;
        alert_window_clear(&s->window);
        s->window = window;
        s->now.price.owed = 0.0;
        s->now.price.inputs = 0.0;
    }
    bool same = goal->objective == s->goal.objective && goal->bound == s->goal.bound &&
                goal->deadline_s == s->goal.deadline_s && goal->q_fail == s->goal.q_fail;
    s->goal = *goal;
    if (!same)
        start_price(s);
    decide(s, usual_deadline(s));
    return 0;
}

void alert_scheduler_goal(const alert_scheduler *s, alert_goal *out)
{
    *out = s->goal;
}

int alert_scheduler_set_overhead(alert_scheduler *s, double overhead_s, alert_argument_error *error)
{
    int rc = alert_check_overhead(overhead_s, error);
    if (!rc)
        s->overhead_s = overhead_s;
    return rc;
}

double alert_scheduler_overhead(const alert_scheduler *s)
{
    return s->overhead_s;
}

int alert_scheduler_set_switching(alert_scheduler *s, double cost_s, size_t hold_inputs,
                                  alert_argument_error *error)
{
    int rc = alert_check_switching(cost_s, hold_inputs, error);
    if (rc)
        return rc;
    s->switch_cost_s = cost_s;
    s->hold_inputs = hold_inputs;
    s->switching = cost_s > 0.0 || hold_inputs > 1;
    if (!s->switching)
        s->now.served = 0;
    return 0;
}

void alert_scheduler_switching(const alert_scheduler *s, double *cost_s, size_t *hold_inputs)
{
    *cost_s = s->switch_cost_s;
    *hold_inputs = s->hold_inputs;
}

void alert_scheduler_slowdown(const alert_scheduler *s, double *mean, double *std)
{
    alert_belief belief = belief_now(s, s->goal.deadline_s);
    *mean = belief.mean;
    *std = belief.std;
}
