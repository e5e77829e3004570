/* small_scheduler.h - schedulers over the table of two_models.h. */
#ifndef SMALL_SCHEDULER_H
#define SMALL_SCHEDULER_H

#include "expect.h"
#include "two_models.h"

static const alert_goal GOAL = {.objective = ALERT_MIN_ENERGY,
                                .deadline_s = 10.0,
                                .bound = 0.7,
                                .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};

static inline alert_options usual_options(void)
{
    return (alert_options){
        .constants = alert_constants_default(), .hold_inputs = 1, .history_capacity = 3};
}

static inline alert_profile *good_profile(void)
{
    alert_profile *p = NULL;
    alert_profile_data data = good_table();
    EXPECT(alert_profile_new(&p, &data, NULL) == 0);
    return p;
}

static inline alert_scheduler *scheduler_for(const alert_goal *goal)
{
    alert_scheduler *s = NULL;
    alert_profile *p = good_profile();
    alert_options options = usual_options();
    EXPECT(alert_scheduler_new(&s, p, goal, &options, NULL) == 0);
    alert_profile_unref(p); /* the scheduler has a reference of its own */
    return s;
}

static inline alert_decision step(alert_scheduler *s, double latency_s)
{
    alert_decision d;
    alert_measurement m = {.latency_s = latency_s};
    EXPECT(alert_scheduler_step(s, &m, &d, NULL) == 0);
    return d;
}

#endif
