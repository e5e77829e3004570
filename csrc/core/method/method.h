/*
 * method.h - internal: what a method is.
 *
 * A method believes something of the slowdown of the next input, learns from every finished one, and chooses. The
 * scheduler does the rest (deadlines, windows, idle power, caps, history), and knows a method by these functions only.
 * To add one: an alert_method and the rows of its constants in alert.h, a file with its functions here, a line in
 * method.c, and its twin in tests/support.
 */
#ifndef ALERT_METHOD_H
#define ALERT_METHOD_H

#include "core/choose/choose.h"

/* What a scheduler was given. */
typedef struct alert_task {
    alert_method method;
    alert_profile *profile;
    const alert_constants *constants;
    alert_goal goal;
    double overhead_s;
} alert_task;

/* A deadline without the overhead. */
static inline double alert_time_within(const alert_task *task, double deadline_s)
{
    double time_s = deadline_s - task->overhead_s;
    return time_s > 0.0 ? time_s : 0.0;
}

/* The input just finished. */
typedef struct alert_finished {
    double slowdown; /* measured latency / that of the profile; may be infinite */
    double power_w;  /* of the profile */
    double
        credited; /* to be held against the bound: accuracy, or joules with idle time up to the deadline */
} alert_finished;

enum { ALERT_METHOD_NUMBERS = 64 };

/* What a method has learnt is a struct of doubles, at most ALERT_METHOD_NUMBERS of them, so that it can be saved by
 * who does not know it. Each of start, learn and resume fills in what is believed now of the slowdown: the mean, std
 * and mixture of `belief`. A method need not have the functions marked (NULL). */
typedef struct alert_method_functions {
    const char *name;
    void (*start)(void *learnt, const alert_task *task, alert_belief *belief);
    void (*learn)(void *learnt, const alert_task *task, const alert_finished *finished,
                  alert_belief *belief);
    /* The numbers come from a saved state: false when one of them is out of its bounds. Works out those that follow
     * from others. */
    bool (*resume)(void *learnt, alert_belief *belief);
    /* The task has another goal than `before`. (NULL) */
    void (*change_goal)(void *learnt, const alert_task *task, const alert_goal *before);
    /* Asks for another choice than the best for each input: sets the price, is_hopelessly_late and is_infeasible of
     * the problem. (NULL) */
    void (*pose)(const void *learnt, const alert_task *task, alert_problem *problem);
} alert_method_functions;

/* NULL for a number that is no method. */
const alert_method_functions *alert_method_of(alert_method method);

#endif
