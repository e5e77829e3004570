/*
 * method.h - internal: what a method is.
 *
 * A method learns from every finished input, states a belief about the slowdown of the next one, and may pose the
 * problem of the choice in its own way. The scheduler does the rest: deadlines, windows, idle power, caps, history. It
 * knows a method by the functions below only. To add one: an alert_method and the rows of its constants in alert.h, a
 * file with its functions in this folder, a line in method.c, and its twin in tests/support.
 */
#ifndef ALERT_METHOD_H
#define ALERT_METHOD_H

#include "core/choose/choose.h"
#include "core/machine.h"
#include "core/method/price.h"

/* What a scheduler was given. */
typedef struct alert_task {
    alert_method method;
    alert_profile *profile;
    size_t caps; /* that may be chosen: the lowest ones of the profile */
    const alert_constants *constants;
    const double *offset; /* a factor on the latencies of each model (offsets.h); NULL: none */
    alert_goal goal;
    double overhead_s;
    alert_machine machine;
    alert_point *room; /* for a point a row, while a goal is set */
} alert_task;

/* Watts drawn between inputs, as far as the profile says and as they are counted. */
static inline double alert_idle_power(const alert_task *task)
{
    return task->machine.is_shared ? 0.0 : task->profile->idle_power_w;
}

/* A deadline without the overhead. */
static inline double alert_time_within(const alert_task *task, double deadline_s)
{
    double time_s = deadline_s - task->overhead_s;
    return time_s > 0.0 ? time_s : 0.0;
}

/* The input just finished. */
typedef struct alert_finished {
    double latency_s, profiled_s; /* measured, and that of the profile */
    double slowdown;              /* their ratio; may be infinite */
    double power_w;               /* of the profile */
    /* The probability that the configuration chosen would be done in time; 0 where another ran. */
    double promised;
    bool done;      /* it was, or would have been without a stop at an earlier exit */
    bool is_booked; /* the task's goal counts this input: it had no goal of its own */
    alert_booking
        booking; /* accuracy, or joules with idle time; that of a shared deadline is spread evenly */
} alert_finished;

enum { ALERT_METHOD_NUMBERS = 44 };

/* A method keeps what it has learnt in a struct of doubles, at most ALERT_METHOD_NUMBERS of them: the scheduler saves it
 * without knowing it. Each of start, learn and resume states the belief: its mean, std and mixture. Functions marked
 * (NULL) may be missing. */
typedef struct alert_method_functions {
    const char *name;
    bool has_offsets; /* models may be off their profile: offsets.h; asks for change_profile */
    void (*start)(void *learnt, const alert_task *task, alert_belief *belief);
    void (*learn)(void *learnt, const alert_task *task, const alert_finished *finished,
                  alert_belief *belief);
    /* Books an input that was not run: nothing is learnt of the slowdown. (NULL) */
    void (*miss)(void *learnt, const alert_task *task, const alert_finished *missed);
    /* Goes on from saved numbers: checks them, and works out those that follow from others. False when one of them is
     * out of its bounds. */
    bool (*resume)(void *learnt, const alert_task *task, alert_belief *belief);
    /* Takes note that the task's goal is another one than `before`. (NULL) */
    void (*change_goal)(void *learnt, const alert_task *task, const alert_goal *before);
    /* Divides all slowdowns by a factor that brings that of the quiet machine nearer to 1, and returns it: a learnt
     * profile takes it over. (NULL) */
    double (*set_quiet)(void *learnt, const alert_task *task, alert_belief *belief);
    /* Takes note that the task's profile has other costs than `before`, or that other caps may be chosen. (NULL) */
    void (*change_profile)(void *learnt, const alert_task *task, const alert_task *before);
    /* Takes note that idle time counts, or no longer does. (NULL) */
    void (*count_idle)(void *learnt, const alert_task *task);
    /* Sets is_hopelessly_late and price of the problem, and what goes with a price, by the problem's goal: the task's,
     * or one whose bounds hold for this input alone. Without this function, bounds hold for each input. (NULL) */
    void (*pose)(void *learnt, const alert_task *task, alert_problem *problem);
} alert_method_functions;

/* NULL for a number that is no method. */
const alert_method_functions *alert_method_of(alert_method method);

#endif
