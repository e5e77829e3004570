/* scheduler.h - internal: what a scheduler is made of. */
#ifndef ALERT_SCHEDULER_H
#define ALERT_SCHEDULER_H

#include "core/estimate/kalman.h"
#include "core/learning/feedback.h"
#include "core/learnt.h"
#include "core/method/method.h"
#include "core/offsets.h"
#include "core/window.h"

/* Rounding error of a sum of decimal fractions, as a share of the bound. */
#define ALERT_OWED_ROUNDING 1e-12

/* The input that is to run next: what was decided for it, and what was believed then. */
typedef struct alert_pending {
    alert_configuration configuration;
    double deadline_s; /* before the overhead is taken off */
    double time_s;     /* the deadline without the overhead and a change of the cap */
    /* Expected: */
    double slowdown_mean, slowdown_std, energy_j, accuracy, probability;
    uint64_t feasible;
} alert_pending;

/* Inputs that share what is left of one deadline. */
typedef struct alert_shared_deadline {
    double left_s;
    double share_s;  /* of each, at first */
    uint64_t inputs; /* still to come; 0 when none is shared */
} alert_shared_deadline;

/* Of a goal with a budget. */
typedef struct alert_budget {
    double left_j;
    uint64_t inputs; /* left; 0 where there is none, or no more */
} alert_budget;

/* All that changes from step to step, apart from the two rings. It has neither pointers nor padding, and is saved as
 * it is. */
typedef struct alert_learned {
    double by_method[ALERT_METHOD_NUMBERS];
    alert_idle_filter idle;
    alert_shared_deadline shared;
    alert_budget budget;
    alert_tally tally;
    alert_pending pending;
    alert_goal own_goal;   /* of the pending input, where it has one */
    uint64_t has_own_goal; /* 0 or 1 */
    double size;           /* of the pending input; the profile's where it has no other */
    uint64_t inputs;       /* finished */
    /* Where changing the cap costs something: */
    uint64_t cap;        /* of the last finished input: the one in force */
    uint64_t cap_inputs; /* served by that cap; 0 while no cap is known */
} alert_learned;

struct alert_scheduler {
    size_t models, caps, rows; /* of every profile of the task: may be read while it is stepped */
    alert_task task;
    const alert_method_functions *method;
    alert_constants *own_constants; /* NULL where the usual ones serve */
    alert_switching switching;      /* `cap` and `holds_cap` are set for each choice */
    bool is_switching_costly;
    size_t hold_inputs, history_capacity;
    double power_limit_w; /* no cap above it is chosen; infinite for none */
    alert_learned now;
    alert_belief belief;   /* of the next input */
    alert_problem problem; /* the choice for it */
    alert_cache cache;
    alert_outlook outlook;    /* what the caller expects */
    alert_feedback *feedback; /* accuracies learnt from ratings; NULL where they are not */
    alert_learnt *learnt;     /* costs learnt while serving; NULL where the profile stands */
    alert_offsets offsets;    /* of models against their profile; {0} where none are learnt */
    alert_window window;
    alert_history_entry *history; /* ring; input n is at n % history_capacity */
};

/* The goal of the pending input. */
static inline const alert_goal *alert_pending_goal(const alert_scheduler *s)
{
    return s->now.has_own_goal ? &s->now.own_goal : &s->task.goal;
}

/* Gives the next input a goal of its own; NULL, or the standing goal: none. */
void alert_scheduler_give_goal(alert_scheduler *s, const alert_goal *goal);
/* The size of the next input; NULL: the profile's. */
void alert_scheduler_give_size(alert_scheduler *s, const double *size);
/* The deadline of the next input when the caller states none. */
double alert_scheduler_usual_deadline(const alert_scheduler *s);
/* Poses the problem of the choice for the next input. */
void alert_scheduler_pose(alert_scheduler *s, double deadline_s);
/* Poses the problem, and chooses. */
void alert_scheduler_choose(alert_scheduler *s, double deadline_s);

/* The row of what ran instead of the choice: its model, and where it stopped, or was to stop. NULL: the model has no such exit. */
const alert_row *alert_row_that_ran(const alert_scheduler *s, const alert_measurement *measured);
/* Lets what ran take the place of what was chosen, with what would have been expected of it. */
void alert_scheduler_run_instead(alert_scheduler *s, const alert_measurement *measured);

/* Updates the parts of the belief that follow from the idle filter. */
void alert_scheduler_believe_idle(alert_scheduler *s);

/* Goes on to the next input: one is done with. */
void alert_scheduler_pass(alert_scheduler *s);
/* An input was served under this cap, and it is in force now. Whether it is another than before. */
bool alert_scheduler_serve_under(alert_scheduler *s, uint32_t cap);

/* Where offsets are learnt: learns from the input just finished, of them and of the slowdown. Allocates memory the first time
 * that one is to be served, and goes on without it where memory is short. */
void alert_scheduler_learn_offsets(alert_scheduler *s, const alert_finished *finished);

/* Where the profile is learnt: */
/* Learns from the input just finished, of the profile and of the slowdown. The profile may become another one. */
void alert_scheduler_learn_costs(alert_scheduler *s, const alert_measurement *measured,
                                 const alert_finished *finished);
/* Takes over numbers that alert_learnt_is_sane() has passed, unaligned. */
void alert_scheduler_resume_profile(alert_scheduler *s, const void *numbers);

/* Lets the next choice be made by what s->outlook says. */
void alert_scheduler_follow_outlook(alert_scheduler *s);
/* The same, where accuracies and delays are as before. */
void alert_scheduler_follow_costs(alert_scheduler *s);

/* The row of the pending configuration, as it was expected. */
static inline const alert_row *alert_pending_row(const alert_scheduler *s)
{
    return &s->problem.profile->row[s->now.pending.configuration.row];
}

/* Judges the input just finished against the configuration that it ran, remembers it, and books it in the window. NULL: it
 * was not run. */
void alert_scheduler_account(alert_scheduler *s, const alert_measurement *measured,
                             alert_finished *out);

/* Each returns 0, or describes the first thing out of range and returns -EINVAL. */
int alert_check_overhead(double overhead_s, alert_argument_error *error);
int alert_check_switching(double cost_s, size_t hold_inputs, alert_argument_error *error);
int alert_check_machine_price(const double *price_w, alert_argument_error *error);
/* NULL is fine. */
int alert_check_size(const alert_profile *profile, const double *size, alert_argument_error *error);
int alert_check_options(const alert_options *options, alert_argument_error *error);
/* The goal, and whether the profile knows what it bounds. */
int alert_check_goal_for(const alert_profile *profile, const alert_goal *goal,
                         alert_argument_error *error);

#endif
