/*
 * test_memory.c - what allocates, and what becomes of an allocation that fails.
 *
 * Linked with -Wl,--wrap=calloc,--wrap=malloc,--wrap=realloc, so that the test counts allocations, and
 * makes the n-th of them fail.
 */
#include <errno.h>
#include <stdlib.h>

#include "small_scheduler.h"

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *block, size_t size);

static size_t allocations, failing; /* `failing`: the one that fails, counted from 1; 0: none */

static bool fails(void)
{
    return ++allocations == failing;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

/* ------------------------------------------------------------------------------------------ tests */

static void test_a_step_allocates_nothing(void)
{
    static const double FIXED[] = {0.5, 0.25};
    alert_goal goal = GOAL;
    goal.window = 10;
    alert_profile_data data = good_table();
    data.fixed_share = FIXED;
    data.size = 2.0;
    alert_profile *p;
    alert_scheduler *s;
    alert_options options = usual_options();
    EXPECT(alert_profile_new(&p, &data, NULL) == 0);
    EXPECT(alert_scheduler_new(&s, p, &goal, &options, NULL) == 0);
    alert_profile_unref(p);
    size_t before = allocations;
    alert_decision d;
    double deadline_s = 5.0;
    for (int i = 0; i < 100; i++) {
        double size = 1.0 + i % 3;
        (void)step(s, 0.1 * i);
        EXPECT(alert_scheduler_decide(s, &deadline_s, NULL, &size, &d, NULL) == 0);
        EXPECT(alert_scheduler_share(s, 20.0, 3, &d, NULL) == 0);
        EXPECT(alert_scheduler_set_goal(s, &goal, NULL) == 0);
    }
    EXPECT(allocations == before);
    alert_scheduler_free(s);
}

static const alert_feedback_options FEEDBACK = {
    .context = 2, .prior = 20.0, .half_life = 50.0, .first_ticket = 1000};

static void test_a_rating_allocates_nothing(void)
{
    alert_options options = usual_options();
    alert_profile *p = good_profile();
    alert_scheduler *s;
    options.feedback = &FEEDBACK;
    EXPECT(alert_scheduler_new(&s, p, &GOAL, &options, NULL) == 0);
    alert_profile_unref(p);
    size_t before = allocations;
    for (uint64_t i = 0; i < 100; i++) {
        double context[] = {0.01 * (double)i, 0.5};
        bool learnt = false;
        EXPECT(alert_scheduler_set_context(s, context, 2, NULL) == 0);
        (void)step(s, 0.5);
        EXPECT(alert_scheduler_feedback(s, 1000 + i, 1.0, 0, &learnt, NULL) == 0 && learnt);
    }
    EXPECT(allocations == before);
    alert_scheduler_free(s);
}

/* Each allocation fails in its turn; what had been allocated is given back (a sanitizer looks). */
static void test_out_of_memory(void)
{
    static const double FIXED[] = {0.5, 0.25};
    alert_profile_data data = good_table(), sized = data;
    sized.fixed_share = FIXED;
    sized.size = 2.0;
    alert_profile *p = NULL;
    int rc = -ENOMEM;
    size_t failures = 0;
    while (rc == -ENOMEM && failures < 100) {
        failing = allocations + ++failures;
        rc = alert_profile_new(&p, &data, NULL);
    }
    failing = 0;
    EXPECT(rc == 0 && failures > 2);

    alert_goal goal = GOAL;
    goal.window = 10;
    alert_options options = usual_options();
    alert_scheduler *s = NULL;
    alert_profile *q = NULL;
    for (rc = -ENOMEM, failures = 0; rc == -ENOMEM && failures < 100;) {
        failing = allocations + ++failures;
        rc = alert_profile_new(&q, &sized, NULL);
    }
    EXPECT(rc == 0 && failures > 2);
    for (rc = -ENOMEM, failures = 0; rc == -ENOMEM && failures < 100;) {
        failing = allocations + ++failures;
        rc = alert_scheduler_new(&s, q, &goal, &options, NULL);
    }
    EXPECT(rc == 0 && failures > 10); /* room for sizes, too */
    alert_scheduler_free(s);
    size_t without = failures;
    options.feedback = &FEEDBACK;
    for (rc = -ENOMEM, failures = 0; rc == -ENOMEM && failures < 100;) {
        failing = allocations + ++failures;
        rc = alert_scheduler_new(&s, q, &goal, &options, NULL);
    }
    EXPECT(rc == 0 && failures > without + 4);
    alert_scheduler_free(s);
    options.feedback = NULL;
    alert_profile_unref(q);
    for (rc = -ENOMEM, failures = 0; rc == -ENOMEM && failures < 100;) {
        failing = allocations + ++failures;
        rc = alert_scheduler_new(&s, p, &goal, &options, NULL);
    }
    EXPECT(rc == 0 && failures > 2);
    static const double FACTOR[] = {1.01, 1.01};
    alert_expectations expected = {.latency_factor = FACTOR};
    alert_decision before, after;
    alert_scheduler_decision(s, &before);
    for (rc = -ENOMEM, failures = 0; rc == -ENOMEM && failures < 100;) {
        failing = allocations + ++failures;
        rc = alert_scheduler_expect(s, &expected, &after, NULL);
        failing = 0;
        if (rc == -ENOMEM)
            EXPECT(alert_scheduler_decide(s, NULL, NULL, NULL, &after, NULL) == 0 &&
                   after.latency_s == before.latency_s);
    }
    EXPECT(rc == 0 && failures > 2 && after.latency_s == 1.01 * before.latency_s);
    failing = allocations + 1; /* the next time, there is room */
    EXPECT(alert_scheduler_expect(s, &expected, &after, NULL) == 0);
    goal.window = 20;
    failing = allocations + 1;
    EXPECT(alert_scheduler_set_goal(s, &goal, NULL) == -ENOMEM);
    failing = 0;
    alert_scheduler_goal(s, &goal);
    EXPECT(goal.window == 10);
    (void)step(s, 1.0);
    alert_scheduler_free(s);
    alert_profile_unref(p);
    alert_scheduler_free(NULL);
    alert_profile_unref(NULL);
}

int main(void)
{
    test_a_step_allocates_nothing();
    test_a_rating_allocates_nothing();
    test_out_of_memory();
    return expect_failures != 0;
}
