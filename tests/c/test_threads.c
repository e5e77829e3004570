/*
 * test_threads.c - threads that share one profile, each with schedulers of its own; for the thread
 * sanitizer, which reports what the checks here cannot see.
 */
#include <pthread.h>
#include <string.h>

#include "expect.h"
#include "two_models.h"

enum { THREADS = 4, SCHEDULERS = 50, STEPS = 100 };

typedef struct worker {
    pthread_t thread;
    alert_profile *profile; /* a reference of its own */
    int failures;           /* of calls */
    alert_decision last;
} worker;

static int use(alert_profile *profile, alert_method method, alert_decision *last)
{
    alert_scheduler *s;
    alert_goal goal = {.objective = ALERT_MIN_ENERGY,
                       .deadline_s = 4.0,
                       .bound = 0.7,
                       .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};
    alert_options options = {
        .method = method, .constants = alert_constants_default(), .hold_inputs = 1};
    int failures = alert_scheduler_new(&s, profile, &goal, &options, NULL) != 0;
    if (failures)
        return failures;
    for (int i = 0; i < STEPS; i++) {
        alert_measurement m = {.latency_s = i % 7 == 0 ? 3.0 : 1.0};
        failures += alert_scheduler_step(s, &m, last, NULL) != 0;
        goal.window = (size_t)(i % 3);
        failures += alert_scheduler_set_goal(s, &goal, NULL) != 0;
    }
    alert_scheduler_free(s);
    return failures;
}

static void *work(void *argument)
{
    worker *w = argument;
    for (int i = 0; i < SCHEDULERS; i++)
        w->failures += use(w->profile, i % 2 ? ALERT_CALIBRATED : ALERT_PAPER, &w->last);
    alert_profile_unref(w->profile); /* the last of them all frees it */
    return NULL;
}

int main(void)
{
    alert_profile_data data = good_table();
    alert_profile *profile = NULL;
    worker workers[THREADS];
    memset(workers, 0, sizeof workers);
    EXPECT(alert_profile_new(&profile, &data, NULL) == 0);
    for (int t = 0; t < THREADS; t++) {
        workers[t].profile = alert_profile_ref(profile);
        EXPECT(pthread_create(&workers[t].thread, NULL, work, &workers[t]) == 0);
    }
    alert_profile_unref(profile);
    for (int t = 0; t < THREADS; t++)
        EXPECT(pthread_join(workers[t].thread, NULL) == 0);
    for (int t = 0; t < THREADS; t++) {
        EXPECT(workers[t].failures == 0);
        EXPECT(workers[t].last.model == workers[0].last.model);
        EXPECT(workers[t].last.cap == workers[0].last.cap);
        EXPECT_NEAR(workers[t].last.energy_j, workers[0].last.energy_j, 0.0);
    }
    return expect_failures != 0;
}
