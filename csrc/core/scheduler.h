/* scheduler.h - internal: what a scheduler is made of. */
#ifndef ALERT_SCHEDULER_H
#define ALERT_SCHEDULER_H

#include "core/choose/cap_switch.h"
#include "core/estimate/kalman.h"
#include "core/estimate/regimes.h"
#include "core/method/price.h"
#include "core/window.h"

/* The input that is to run next: what was decided for it and what was believed then. */
typedef struct alert_pending {
    size_t row, column; /* the configuration, in the profile's rows */
    double deadline_s;  /* before the overhead is taken off */
    alert_belief belief;
    double bound; /* the goal's, before the window moved it */
    alert_decision decision;
} alert_pending;

/* Inputs that share what is left of one deadline. */
typedef struct alert_shared_deadline {
    double left_s;
    size_t inputs; /* still to come; 0 when none is shared */
} alert_shared_deadline;

/* All that changes from step to step, apart from the two rings. */
typedef struct alert_learned {
    alert_slowdown_filter slowdown; /* ALERT_PAPER */
    alert_regimes regimes;          /* ALERT_CALIBRATED */
    alert_price price;              /* ALERT_CALIBRATED, goals that hold on average over the run */
    alert_idle_filter idle;
    alert_shared_deadline shared;
    alert_pending pending;
    uint64_t inputs; /* finished */
    /* Where changing the cap costs something: */
    size_t cap;      /* in force, that of the last finished input */
    uint64_t served; /* inputs by that cap; 0 while it is not known */
} alert_learned;

struct alert_scheduler {
    alert_profile *profile;
    alert_goal goal;
    /* Its options; constants of its own only where they are not the usual ones. */
    alert_method method;
    const alert_constants *constants;
    alert_constants *own_constants;
    double overhead_s, switch_cost_s;
    size_t hold_inputs, history_capacity;
    bool switching; /* changing the cap costs something */
    alert_learned now;
    alert_mixture forecast; /* by now.regimes */
    alert_plan plan;
    alert_window window;
    alert_history_entry *history; /* ring; input n is at n % history_capacity */
};

/* Each returns 0, or describes the first thing out of range and returns -EINVAL. */
int alert_check_overhead(double overhead_s, alert_argument_error *error);
int alert_check_switching(double cost_s, size_t hold_inputs, alert_argument_error *error);
int alert_check_options(const alert_options *options, alert_argument_error *error);

#endif
