/* scheduler.c - deadlines, windows, caps and a method put together. */
#include "core/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "core/constants.h"
#include "core/ranges.h"

/* ------------------------------------------------------------------------------------- learning */

bool alert_scheduler_serve_under(alert_scheduler *s, uint32_t cap)
{
    alert_learned *now = &s->now;
    bool changed = now->cap_inputs > 0 && cap != now->cap;
    now->cap_inputs = changed ? 1 : now->cap_inputs + 1;
    now->cap = cap;
    return changed;
}

/* The cap of the finished input is in force now. */
static void note_cap(alert_scheduler *s)
{
    alert_learned *now = &s->now;
    uint32_t cap = alert_pending_row(s)->cap[now->pending.configuration.column];
    if (alert_scheduler_serve_under(s, cap) && now->shared.inputs > 0)
        now->shared.left_s -= s->switching.cost_s;
}

void alert_scheduler_pass(alert_scheduler *s)
{
    s->now.inputs++;
    if (s->now.shared.inputs > 0)
        s->now.shared.inputs--;
}

static void learn(alert_scheduler *s, const alert_measurement *m)
{
    alert_learned *now = &s->now;
    if (m->has_model)
        alert_scheduler_run_instead(s, m);
    alert_finished finished;
    alert_scheduler_account(s, m, &finished);
    if (s->learnt)
        alert_scheduler_learn_costs(s, m, &finished);
    else if (s->offsets.served)
        alert_scheduler_learn_offsets(s, &finished);
    else
        s->method->learn(now->by_method, &s->task, &finished, &s->belief);
    if (m->has_idle_power && s->task.profile->has_power) {
        alert_idle_filter_update(&now->idle, s->task.constants, m->idle_power_w, finished.power_w,
                                 s->task.profile->idle_power_w);
        alert_scheduler_believe_idle(s);
    }
    if (now->shared.inputs > 0)
        now->shared.left_s -= m->latency_s + s->task.overhead_s +
                              alert_delay(s->problem.delays, alert_pending_row(s));
    if (s->is_switching_costly)
        note_cap(s);
    alert_scheduler_pass(s);
}

/* ---------------------------------------------------------------------------- making and freeing */

static int set_constants(alert_scheduler *s, const alert_constants *given)
{
    s->task.constants = &ALERT_USUAL_CONSTANTS;
    if (memcmp(given, &ALERT_USUAL_CONSTANTS, sizeof *given) == 0)
        return 0;
    s->own_constants = malloc(sizeof *given);
    if (!s->own_constants)
        return -ENOMEM;
    *s->own_constants = *given;
    s->task.constants = s->own_constants;
    return 0;
}

static void set_switching(alert_scheduler *s, double cost_s, size_t hold_inputs)
{
    s->switching.cost_s = cost_s;
    s->switching.hold_inputs = (double)hold_inputs;
    s->hold_inputs = hold_inputs;
    s->is_switching_costly = cost_s > 0.0 || hold_inputs > 1;
    if (!s->is_switching_costly)
        s->now.cap_inputs = 0;
}

static void start_budget(alert_scheduler *s, const alert_goal *goal)
{
    s->now.budget = (alert_budget){0};
    if (goal->budget_inputs > 0)
        s->now.budget = (alert_budget){.left_j = goal->bound * (double)goal->budget_inputs,
                                       .inputs = goal->budget_inputs};
}

/* The profile becomes a copy of our own. */
static int begin_learning(alert_scheduler *s, alert_argument_error *error)
{
    alert_profile *own = alert_profile_copy(s->task.profile);
    if (!own)
        return -ENOMEM;
    alert_profile_unref(s->task.profile);
    s->task.profile = own;
    return alert_learnt_new(&s->learnt, own, s->task.constants, error);
}

static int begin_offsets(alert_scheduler *s)
{
    int rc = alert_offsets_new(&s->offsets, s->task.constants, s->models);
    s->task.offset = s->outlook.offset = s->offsets.served;
    return rc;
}

static int allocate(alert_scheduler *s, const alert_options *options, alert_argument_error *error)
{
    int rc = set_constants(s, &options->constants);
    if (!rc && options->learns)
        rc = begin_learning(s, error);
    else if (!rc && s->method->has_offsets && s->models > 1)
        rc = begin_offsets(s);
    if (!rc)
        rc = alert_cache_new(&s->cache, s->task.profile);
    s->task.room = calloc(s->task.profile->rows, sizeof *s->task.room);
    if (!rc && !s->task.room)
        rc = -ENOMEM;
    if (!rc)
        rc = alert_window_new(&s->window, alert_goal_window(&s->task.goal));
    if (!rc && options->feedback) {
        s->feedback = alert_feedback_new(options->feedback, s->task.profile);
        rc = s->feedback ? 0 : -ENOMEM;
    }
    if (!rc && (s->task.profile->fixed_share || s->task.machine.is_shared || s->feedback))
        rc = alert_outlook_reserve(&s->outlook, s->task.profile);
    if (rc || options->history_capacity == 0)
        return rc;
    s->history_capacity = options->history_capacity;
    s->history = calloc(s->history_capacity, sizeof *s->history);
    return s->history ? 0 : -ENOMEM;
}

int alert_scheduler_new(alert_scheduler **out, alert_profile *profile, const alert_goal *goal,
                        const alert_options *options, alert_argument_error *error)
{
    int rc = alert_check_goal_for(profile, goal, error);
    if (!rc)
        rc = alert_check_options(options, error);
    if (rc)
        return rc;
    alert_scheduler *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->models = profile->models;
    s->caps = profile->caps;
    s->rows = profile->rows;
    s->task = (alert_task){.method = options->method,
                           .profile = alert_profile_ref(profile),
                           .caps = profile->caps,
                           .goal = alert_goal_in_joules(goal),
                           .overhead_s = options->overhead_s,
                           .machine = alert_machine_of(profile, options->machine_price_w)};
    s->method = alert_method_of(options->method);
    set_switching(s, options->switch_cost_s, options->hold_inputs);
    rc = allocate(s, options, error);
    if (rc) {
        alert_scheduler_free(s);
        return rc;
    }
    start_budget(s, &s->task.goal);
    s->now.size = profile->size;
    s->power_limit_w = HUGE_VAL;
    alert_idle_filter_init(&s->now.idle, s->task.constants);
    s->problem = (alert_problem){.profile = s->task.profile,
                                 .cache = &s->cache,
                                 .belief = &s->belief,
                                 .caps = profile->caps,
                                 .price = -1.0};
    if (s->learnt)
        s->problem.untried = alert_learnt_untried(s->learnt, s->task.profile, NULL);
    s->belief.sums = &s->cache.sums;
    if (s->task.machine.is_shared)
        alert_scheduler_follow_costs(s);
    s->method->start(s->now.by_method, &s->task, &s->belief);
    alert_scheduler_believe_idle(s);
    alert_scheduler_choose(s, goal->deadline_s);
    *out = s;
    return 0;
}

void alert_scheduler_free(alert_scheduler *s)
{
    if (!s)
        return;
    alert_cache_clear(&s->cache);
    alert_outlook_clear(&s->outlook);
    alert_feedback_free(s->feedback);
    alert_learnt_free(s->learnt);
    alert_offsets_clear(&s->offsets);
    alert_window_clear(&s->window);
    free(s->own_constants);
    free(s->task.room);
    free(s->history);
    alert_profile_unref(s->task.profile);
    free(s);
}

/* -------------------------------------------------------------------------------- input by input */

int alert_scheduler_step(alert_scheduler *s, const alert_measurement *measured, alert_decision *out,
                         alert_argument_error *error)
{
    int rc = alert_scheduler_check(s, measured, error);
    if (rc)
        return rc;
    learn(s, measured);
    alert_scheduler_give_goal(s, measured->next_goal);
    alert_scheduler_give_size(s, measured->has_size ? &measured->next_size : NULL);
    alert_scheduler_choose(s, measured->has_deadline ? measured->next_deadline_s
                                                     : alert_scheduler_usual_deadline(s));
    alert_scheduler_decision(s, out);
    return 0;
}

int alert_scheduler_decide(alert_scheduler *s, const double *deadline_s, const alert_goal *goal,
                           const double *size, alert_decision *out, alert_argument_error *error)
{
    int rc = deadline_s ? alert_check(error, "deadline", *deadline_s, &ALERT_SECONDS) : 0;
    if (!rc && goal)
        rc = alert_check_goal_for(s->task.profile, goal, error);
    if (!rc)
        rc = alert_check_size(s->task.profile, size, error);
    if (rc)
        return rc;
    if (size)
        alert_scheduler_give_size(s, size);
    double usual_s = s->now.pending.deadline_s;
    if (goal) {
        alert_scheduler_give_goal(s, goal);
        usual_s = alert_scheduler_usual_deadline(s);
    }
    alert_scheduler_choose(s, deadline_s ? *deadline_s : usual_s);
    alert_scheduler_decision(s, out);
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
    s->now.shared = (alert_shared_deadline){
        .left_s = deadline_s, .share_s = deadline_s / (double)inputs, .inputs = inputs};
    alert_scheduler_give_goal(s, NULL);
    alert_scheduler_choose(s, alert_scheduler_usual_deadline(s));
    alert_scheduler_decision(s, out);
    return 0;
}

void alert_scheduler_slowdown(const alert_scheduler *s, double *mean, double *std)
{
    *mean = s->belief.mean;
    *std = alert_belief_std(&s->belief);
}

/* -------------------------------------------------------------------------------------- settings */

int alert_scheduler_set_goal(alert_scheduler *s, const alert_goal *goal,
                             alert_argument_error *error)
{
    alert_goal before = s->task.goal;
    int rc = alert_check_goal_for(s->task.profile, goal, error);
    if (rc)
        return rc;
    alert_goal after = alert_goal_in_joules(goal);
    if (alert_goal_starts_anew(&after, &before)) {
        alert_window window;
        rc = alert_window_new(&window, alert_goal_window(&after));
        if (rc)
            return rc;
        alert_window_clear(&s->window);
        s->window = window;
        start_budget(s, &after);
    }
    if (memcmp(&after, &before, sizeof after) != 0)
        s->now.tally = (alert_tally){0};
    s->task.goal = after;
    if (s->method->change_goal)
        s->method->change_goal(s->now.by_method, &s->task, &before);
    alert_scheduler_give_goal(s, NULL);
    alert_scheduler_choose(s, alert_scheduler_usual_deadline(s));
    return 0;
}

void alert_scheduler_goal(const alert_scheduler *s, alert_goal *out)
{
    *out = s->task.goal;
}

void alert_scheduler_tally(const alert_scheduler *s, alert_tally *out)
{
    *out = s->now.tally;
}

void alert_scheduler_budget(const alert_scheduler *s, double *left_j, size_t *inputs)
{
    *left_j = s->now.budget.inputs > 0 ? s->now.budget.left_j : 0.0;
    *inputs = (size_t)s->now.budget.inputs;
}

int alert_scheduler_set_overhead(alert_scheduler *s, double overhead_s, alert_argument_error *error)
{
    int rc = alert_check_overhead(overhead_s, error);
    if (!rc)
        s->task.overhead_s = overhead_s;
    return rc;
}

double alert_scheduler_overhead(const alert_scheduler *s)
{
    return s->task.overhead_s;
}

int alert_scheduler_set_switching(alert_scheduler *s, double cost_s, size_t hold_inputs,
                                  alert_argument_error *error)
{
    int rc = alert_check_switching(cost_s, hold_inputs, error);
    if (!rc)
        set_switching(s, cost_s, hold_inputs);
    return rc;
}

void alert_scheduler_switching(const alert_scheduler *s, double *cost_s, size_t *hold_inputs)
{
    *cost_s = s->switching.cost_s;
    *hold_inputs = s->hold_inputs;
}
