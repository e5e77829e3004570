/* deciding.c - the choice for the pending input, and what ran in its place. */
#include <string.h>

#include "core/ranges.h"
#include "core/scheduler.h"

double alert_scheduler_usual_deadline(const alert_scheduler *s)
{
    const alert_shared_deadline *shared = &s->now.shared;
    if (s->now.has_own_goal)
        return s->now.own_goal.deadline_s;
    return shared->inputs > 0 ? shared->left_s / (double)shared->inputs : s->task.goal.deadline_s;
}

/* The goal's bound for an input of this deadline: of a budget, an equal share of what is left. */
static double bound_now(const alert_scheduler *s, double deadline_s)
{
    const alert_goal *goal = alert_pending_goal(s);
    const alert_budget *budget = &s->now.budget;
    if (budget->inputs > 0 && !s->now.has_own_goal)
        return budget->left_j / (double)budget->inputs + ALERT_OWED_ROUNDING * goal->bound;
    return goal->power_w > 0.0 ? goal->power_w * deadline_s : goal->bound;
}

/* This bound, moved by the debt of the inputs in its window. It is eased by the rounding error of that debt: without this,
 * exact fractions would take the next better model. */
static double moved_bound(const alert_scheduler *s, double bound)
{
    double ease = ALERT_OWED_ROUNDING * bound;
    if (s->window.count == 0 || s->now.has_own_goal)
        return bound;
    return s->task.goal.objective == ALERT_MIN_ENERGY ? bound + s->window.sum - ease
                                                      : bound - s->window.sum + ease;
}

void alert_scheduler_believe_idle(alert_scheduler *s)
{
    s->belief.idle_ratio = s->task.machine.is_shared ? 0.0 : s->now.idle.ratio;
    s->belief.idle_power_w = s->now.idle.reports > 0 ? 0.0 : alert_idle_power(&s->task);
}

/* NULL where caps change freely, or none is in force yet. */
static const alert_switching *switching_now(alert_scheduler *s)
{
    if (s->now.cap_inputs == 0)
        return NULL;
    s->switching.cap = s->now.cap;
    s->switching.holds_cap = s->now.cap_inputs < s->hold_inputs;
    return &s->switching;
}

static void look_at(alert_scheduler *s)
{
    const alert_outlook *o = &s->outlook;
    s->problem.profile = o->adjusts ? o->adjusted : s->task.profile;
    s->problem.delays = o->delays ? o->model : NULL;
    if (s->learnt)
        s->problem.untried = alert_learnt_untried(s->learnt, s->problem.profile, s->problem.delays);
}

void alert_scheduler_follow_outlook(alert_scheduler *s)
{
    alert_outlook_follow(&s->outlook, s->task.profile, &s->task.machine, s->now.size);
    alert_cache_forget(&s->cache);
    look_at(s);
}

void alert_scheduler_follow_costs(alert_scheduler *s)
{
    alert_outlook_follow_costs(&s->outlook, s->task.profile, &s->task.machine, s->now.size);
    alert_cache_forget_costs(&s->cache);
    look_at(s);
}

void alert_scheduler_give_size(alert_scheduler *s, const double *size)
{
    double next = size ? *size : s->task.profile->size;
    if (next == s->now.size)
        return;
    s->now.size = next;
    alert_scheduler_follow_costs(s);
}

void alert_scheduler_pose(alert_scheduler *s, double deadline_s)
{
    alert_problem *problem = &s->problem;
    alert_belief_set_deadline(&s->belief, alert_time_within(&s->task, deadline_s));
    alert_sums_forget(&s->cache.sums);
    problem->goal = alert_pending_goal(s);
    problem->last = s->now.pending.configuration;
    problem->deadline_s = deadline_s;
    problem->average = bound_now(s, deadline_s);
    problem->bound = moved_bound(s, problem->average);
    problem->switching = switching_now(s);
    problem->sharing = s->now.shared.inputs;
    problem->is_shared = s->task.machine.is_shared;
    problem->time_price_w = s->task.machine.second_w * s->belief.mean;
    if (s->method->pose)
        s->method->pose(s->now.by_method, &s->task, problem);
}

/* By the means of what was learnt, where the choice went by a draw: the sum over the outputs of worth x Pr[this is the
 * last one out by the deadline], and q_fail x Pr[none is]. */
static double expected_accuracy(const alert_scheduler *s, const alert_choice *choice)
{
    const alert_row *row = choice->row;
    if (!s->feedback || alert_feedback_goes_by_mean(s->feedback, row->model))
        return choice->accuracy;
    size_t first = row->position + 1 - row->outputs;
    double accuracy = 0.0, later = 0.0;
    for (size_t k = row->outputs; k-- > 0;) {
        double out = alert_probability(&s->belief, row->output[k].latency_s[choice->column]);
        accuracy += alert_feedback_worth(s->feedback, first + k) * (out - later);
        later = out;
    }
    return alert_clamp(accuracy + alert_pending_goal(s)->q_fail * (1.0 - later), 0.0, 1.0);
}

static void await(alert_scheduler *s, const alert_choice *choice)
{
    s->now.pending = (alert_pending){
        .configuration = {(uint32_t)choice->row->index, (uint32_t)choice->column},
        .deadline_s = s->problem.deadline_s,
        .time_s = s->belief.deadline_s,
        .slowdown_mean = s->belief.mean,
        .slowdown_std = alert_belief_std(&s->belief),
        .energy_j = choice->energy_j,
        .accuracy = expected_accuracy(s, choice),
        .probability = choice->probability,
        .feasible = choice->feasible,
    };
}

/* Lets the choice go by what was learnt from ratings. */
static void follow_feedback(alert_scheduler *s)
{
    if (!alert_feedback_follow(s->feedback))
        return;
    for (size_t i = 0; i < s->task.profile->models; i++)
        s->outlook.model[i].accuracy = alert_feedback_drawn(s->feedback, i);
    alert_scheduler_follow_outlook(s);
}

void alert_scheduler_choose(alert_scheduler *s, double deadline_s)
{
    alert_choice choice;
    if (s->feedback)
        follow_feedback(s);
    alert_scheduler_pose(s, deadline_s);
    alert_choose(&s->problem, &choice);
    await(s, &choice);
}

void alert_scheduler_give_goal(alert_scheduler *s, const alert_goal *goal)
{
    if (!goal && !s->now.has_own_goal)
        return;
    alert_goal own = goal ? alert_goal_in_joules(goal) : s->task.goal;
    s->now.has_own_goal = memcmp(&own, &s->task.goal, sizeof own) != 0;
    own.window = 1;
    own.budget_inputs = 0;
    s->now.own_goal = s->now.has_own_goal ? own : (alert_goal){0};
}

const alert_row *alert_row_that_ran(const alert_scheduler *s, const alert_measurement *m)
{
    const alert_profile *p = s->problem.profile;
    const alert_row *chosen = alert_pending_row(s), *found = NULL;
    bool is_past = m->has_exit && (ptrdiff_t)m->exit > chosen->exit;
    bool stops = m->has_exit && !m->is_sure;
    if (m->model == chosen->model && !stops && !is_past)
        return chosen;
    for (size_t r = 0; r < p->rows; r++) {
        const alert_row *row = &p->row[r];
        bool fits =
            stops ? row->exit == (ptrdiff_t)m->exit : !found || row->outputs > found->outputs;
        if (row->model == m->model && fits)
            found = row;
    }
    return found;
}

void alert_scheduler_run_instead(alert_scheduler *s, const alert_measurement *m)
{
    const alert_row *chosen = alert_pending_row(s), *row = alert_row_that_ran(s, m);
    size_t chosen_column = s->now.pending.configuration.column;
    uint32_t cap = m->has_cap ? alert_cap_in_force(s->task.profile, m->power_cap_w)
                              : chosen->cap[chosen_column];
    alert_choice choice = {
        .row = row, .column = alert_column_of(row, cap), .feasible = s->now.pending.feasible};
    if (row == chosen && choice.column == chosen_column)
        return;
    alert_scheduler_pose(s, s->now.pending.deadline_s);
    alert_weigh(&s->problem, &choice);
    await(s, &choice);
}
