/* test_learnt.c - a profile that is learnt while serving, without Python: sums, saved numbers, memory.
 *
 * Linked with -Wl,--wrap=calloc, so that the test counts allocations, and lets one of them fail. */
#include <stdlib.h>
#include <string.h>

#include "core/scheduler.h"
#include "expect.h"
#include "two_models.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static size_t allocations, failing; /* `failing`: the one that fails, counted from 1; 0: none */

void *__wrap_calloc(size_t count, size_t size)
{
    return ++allocations == failing ? NULL : __real_calloc(count, size);
}

static const alert_goal GOAL = {.objective = ALERT_MIN_ENERGY,
                                .deadline_s = 1.0,
                                .bound = 0.7,
                                .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};

/* NULL where memory is short. */
static alert_scheduler *learner(void)
{
    alert_profile *p = NULL;
    alert_scheduler *s = NULL;
    alert_profile_data data = good_table();
    alert_options options = {.method = ALERT_CALIBRATED,
                             .constants = alert_constants_default(),
                             .hold_inputs = 1,
                             .history_capacity = 3,
                             .learns = true};
    if (alert_profile_new(&p, &data, NULL) == 0 &&
        alert_scheduler_new(&s, p, &GOAL, &options, NULL) != 0)
        s = NULL;
    alert_profile_unref(p);
    return s;
}

/* A tenth of the guess. */
static void serve(alert_scheduler *s, size_t inputs)
{
    for (size_t n = 0; n < inputs; n++) {
        alert_decision d;
        alert_scheduler_decision(s, &d);
        double latency_s = 0.1 * LATENCY[2 * d.model + d.cap];
        if (d.exit == 0)
            latency_s *= FRACTION[0];
        alert_measurement m = {
            .latency_s = latency_s, .has_energy = true, .energy_j = 0.8 * CAP[d.cap] * latency_s};
        EXPECT(alert_scheduler_step(s, &m, &d, NULL) == 0);
    }
}

static void test_the_table_is_learnt(void)
{
    alert_scheduler *s = learner();
    double latency_s[4], power_w[4], spread[4];
    uint64_t runs[4];
    alert_known known = {latency_s, power_w, spread, runs};
    serve(s, 300);
    EXPECT(alert_scheduler_known(s, &known));
    for (size_t cell = 0; cell < 4; cell++) {
        EXPECT(spread[cell] > 0.0 && spread[cell] < 0.3);
        if (runs[cell] > 50) {
            EXPECT_NEAR(latency_s[cell] / (0.1 * LATENCY[cell]), 1.0, 0.05);
            EXPECT_NEAR(power_w[cell] / (0.8 * CAP[cell % 2]), 1.0, 0.02);
        }
    }
    EXPECT(runs[0] + runs[1] + runs[2] + runs[3] == 300);
    EXPECT(runs[1] > 0 && runs[3] > 0); /* each model ran first under the highest cap */
    alert_scheduler_free(s);
}

static void test_a_covariance_stays_symmetric_and_positive(size_t updates)
{
    enum { MODELS = 5, CAPS = 4, SIZE = 2 + MODELS + CAPS };
    double mean[SIZE], covariance[SIZE * SIZE], gain[SIZE], guess[MODELS * CAPS];
    const double u[CAPS] = {1.1, 0.7, 0.2, 0.0};
    alert_constants c = alert_constants_default();
    alert_table t = {MODELS, CAPS, u, mean, covariance, gain};
    for (size_t cell = 0; cell < MODELS * CAPS; cell++)
        guess[cell] = 0.01 * (double)(1 + cell % 7);
    alert_table_start(&t, &c, guess);
    uint64_t random = 1;
    for (size_t n = 0; n < updates; n++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t i = (random >> 33) % MODELS, j = (random >> 40) % CAPS;
        double noise = (double)(random >> 50) / 16384.0 - 0.5;
        alert_table_update(&t, i, j, -3.0 + noise, n % 3 == 0 ? 1e-3 : 0.3);
    }
    for (size_t k = 0; k < SIZE; k++)
        for (size_t l = 0; l < SIZE; l++)
            EXPECT(covariance[k * SIZE + l] == covariance[l * SIZE + k]);
    for (size_t i = 0; i < MODELS; i++)
        for (size_t j = 0; j < CAPS; j++) {
            double variance = alert_table_variance(&t, i, j);
            EXPECT(variance > 0.0 && variance < 0.1);
            EXPECT_NEAR(alert_table_log(&t, i, j), -3.0, 0.2);
        }
}

static void test_a_step_allocates_nothing(void)
{
    alert_scheduler *s = learner();
    size_t before = allocations;
    serve(s, 200);
    EXPECT(allocations == before);
    alert_scheduler_free(s);
}

static void test_saved_numbers_go_on(void)
{
    alert_scheduler *s = learner(), *again = learner(), *third = learner();
    alert_decision one, other;
    serve(s, 37);
    size_t size = alert_scheduler_state_size(s), count = alert_scheduler_learnt_count(s);
    char *state = malloc(size);
    double *numbers = malloc(count * sizeof *numbers);
    alert_scheduler_save(s, state);
    alert_scheduler_learnt(s, numbers);
    EXPECT(alert_scheduler_restore(again, state, size, NULL) == 0);
    EXPECT(alert_scheduler_learn_on(third, numbers, count, NULL) == 0);
    EXPECT(alert_scheduler_learn_on(third, numbers, count - 1, NULL) == -EINVAL);
    serve(s, 50);
    serve(again, 50);
    alert_scheduler_decision(s, &one);
    alert_scheduler_decision(again, &other);
    EXPECT(memcmp(&one, &other, sizeof one) == 0);
    numbers[0] = (double)NAN;
    EXPECT(alert_scheduler_learn_on(third, numbers, count, NULL) == -EINVAL);
    free(state);
    free(numbers);
    alert_scheduler_free(s);
    alert_scheduler_free(again);
    alert_scheduler_free(third);
}

static void test_out_of_memory(void)
{
    alert_scheduler *s = NULL;
    for (size_t n = 1; !s && n < 100; n++) {
        failing = allocations + n;
        s = learner();
    }
    failing = 0;
    EXPECT(s != NULL);
    alert_scheduler_free(s);
}

int main(void)
{
    test_the_table_is_learnt();
    test_a_covariance_stays_symmetric_and_positive(1000000);
    test_a_step_allocates_nothing();
    test_saved_numbers_go_on();
    test_out_of_memory();
    return expect_failures != 0;
}
