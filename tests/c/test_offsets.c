/* test_offsets.c - models that are off their profile, without Python: the law by hand, saved numbers, memory.
 *
 * Linked with -Wl,--wrap=calloc,--wrap=malloc, so that the test counts allocations, and lets one of them fail. */
#include <stdlib.h>
#include <string.h>

#include "core/scheduler.h"
#include "small_scheduler.h"

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);

static size_t allocations, failing; /* `failing`: the one that fails, counted from 1; 0: none */

void *__wrap_calloc(size_t count, size_t size)
{
    return ++allocations == failing ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
    return ++allocations == failing ? NULL : __real_malloc(size);
}

/* ---------------------------------------------------------------------------------- the law, by hand */

/* Of a quiet machine: the level is 1, the spread 0.05, and there is no other regime. */
static alert_belief quiet_belief(alert_mixture *m)
{
    alert_mixture_set(m, 0.0, (double[]){1.0, 1.0}, (double[]){0.05, 0.13}, 1.0, 0.004);
    return (alert_belief){.mean = 1.0, .mixture = m};
}

static alert_offsets offsets_of(const alert_constants *c, size_t models)
{
    alert_offsets o = {0};
    EXPECT(alert_offsets_new(&o, c, models) == 0);
    return o;
}

static void test_the_law(void)
{
    alert_constants c = alert_constants_default();
    alert_mixture m;
    alert_belief quiet = quiet_belief(&m);
    alert_offsets o = offsets_of(&c, 2);
    *o.last = 0.0;
    EXPECT(alert_offsets_learn(&o, &c, &quiet, 1, 0.01, 1.5) == 1.0);
    EXPECT_NEAR(o.learnt[1], 1.1563505424479832, 1e-12); /* a first run may be slow by itself */
    EXPECT_NEAR(o.variance[1], 0.025498596877436542, 1e-12);
    *o.last = 0.0;
    EXPECT_NEAR(alert_offsets_learn(&o, &c, &quiet, 1, 0.01, 1.5), o.learnt[1], 0.0);
    EXPECT_NEAR(o.learnt[1], 1.4100086698085628, 1e-12);
    EXPECT_NEAR(o.variance[1], 0.01, 1e-12);
    EXPECT(o.served[1] == 1.0 && o.learnt[0] == 1.0);
    alert_offsets_serve(&o, 1, o.learnt[1]);
    EXPECT(o.served[1] == o.learnt[1] && o.before[1] == 1.0);
    /* against the latency served, what is left is small */
    *o.last = 0.0;
    EXPECT(alert_offsets_learn(&o, &c, &quiet, 1, 0.01, 1.5 / o.served[1]) == o.served[1]);
    EXPECT_NEAR(o.learnt[1], 1.4605417060560313, 1e-12);
    alert_offsets_clear(&o);
}

static void test_only_a_change_of_model_teaches(void)
{
    alert_constants c = alert_constants_default();
    alert_mixture m;
    alert_belief quiet = quiet_belief(&m);
    alert_offsets o = offsets_of(&c, 2);
    EXPECT(alert_offsets_learn(&o, &c, &quiet, 0, 0.01, 1.5) == 1.0);
    EXPECT_NEAR(o.learnt[0], 1.1563505424479832, 1e-9);
    double first = o.learnt[0];
    for (int n = 0; n < 100; n++)
        EXPECT(alert_offsets_learn(&o, &c, &quiet, 0, 0.01, 1.5) == 1.0);
    EXPECT(o.learnt[0] == first && *o.last == 0.0);
    alert_offsets_clear(&o);
}

/* Of model 1, after an input as quiet as the machine; model 0 ran before. Sets what is learnt, returns what is served. */
static double after_quiet(double before, double served, double *learnt)
{
    alert_constants c = alert_constants_default();
    alert_mixture m;
    alert_belief quiet = quiet_belief(&m);
    alert_offsets o = offsets_of(&c, 2);
    *o.last = 0.0;
    o.served[0] = before;
    o.served[1] = served;
    o.learnt[1] = *learnt;
    o.variance[1] = 0.01; /* it has run before */
    double factor = alert_offsets_learn(&o, &c, &quiet, 1, 0.01, *learnt / served);
    *learnt = o.learnt[1];
    alert_offsets_clear(&o);
    return factor;
}

static void test_of_two_models_that_are_off_alike_the_machine_has_a_part(void)
{
    static const double BEFORE[] = {0.5, 1.0, 2.0};
    for (size_t n = 0; n < 3; n++) {
        double slower = 1.4, quicker = 0.7;
        (void)after_quiet(BEFORE[n], 1.4, &slower);
        (void)after_quiet(BEFORE[n], 0.7, &quicker);
        EXPECT_NEAR(slower, n == 2 ? 1.3540983606557377 : 1.4, 1e-12);
        EXPECT_NEAR(quicker, n == 0 ? 0.7251497005988024 : 0.7, 1e-12);
    }
}

static void test_an_offset_that_is_pulled_is_served_until_it_is_close_to_1(void)
{
    static const double LEARNT[] = {1.05, 1.18, 1.3}; /* of a model served with 1.6 */
    for (size_t n = 0; n < 3; n++) {
        double alone = LEARNT[n], alike = LEARNT[n];
        EXPECT_NEAR(after_quiet(1.0, 1.6, &alone), n < 2 ? 1.0 : LEARNT[n], 1e-12);
        EXPECT_NEAR(after_quiet(2.0, 1.6, &alike), n < 1 ? 1.0 : alike, 1e-12);
        EXPECT(alone == LEARNT[n] && alike < LEARNT[n]);
    }
}

static void test_what_is_far_away_teaches_nothing(void)
{
    alert_constants c = alert_constants_default();
    alert_mixture m;
    alert_belief quiet = quiet_belief(&m);
    alert_offsets o = offsets_of(&c, 2);
    static const double FAR[] = {3.4, 0.29, 100.0, 0.0, HUGE_VAL};
    /* hardly the first cause, for a first run */
    EXPECT(alert_offsets_learn(&o, &c, &quiet, 0, 0.01, 3.2) == 1.0 && o.learnt[0] == 1.0);
    o.variance[0] = o.variance[1] = 0.01; /* they have run before */
    for (size_t n = 0; n < 10; n++)
        EXPECT(alert_offsets_learn(&o, &c, &quiet, n % 2, 0.01, FAR[n / 2]) == 1.0);
    EXPECT(o.learnt[0] == 1.0 && o.learnt[1] == 1.0);
    alert_offsets_clear(&o);
}

/* Numbers stay within their bounds whatever comes, with constants at the ends of their ranges. */
static void test_no_stream_drives_it_out_of_bounds(double constant)
{
    alert_constants c = alert_constants_default();
    c.offset_spread = c.offset_least = c.offset_far = c.offset_served = constant;
    c.table_noise = constant;
    c.offset_new = constant < 1.0 ? 0.0 : 1.0;
    alert_mixture m;
    alert_belief quiet = quiet_belief(&m);
    alert_offsets o = offsets_of(&c, 3);
    uint64_t random = 1;
    for (int n = 0; n < 3000; n++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        double slowdown = pow(10.0, (double)(random >> 40) / 2097152.0 - 4.0);
        size_t model = (random >> 33) % 3;
        double factor = alert_offsets_learn(&o, &c, &quiet, model, 0.01, slowdown);
        EXPECT(factor > 0.0 && isfinite(factor));
        alert_offsets_serve(&o, model, factor);
        EXPECT(alert_offsets_are_sane(&o, o.numbers));
    }
    alert_offsets_clear(&o);
}

static void test_numbers_are_looked_at(void)
{
    alert_constants c = alert_constants_default();
    alert_offsets o = offsets_of(&c, 2);
    static const double BAD[][2] = {{0.01, 21.0}, {-1.0, HUGE_VAL}, {0.0, 21.0}, {-1.0, 0.5}};
    EXPECT(o.count == 7 && alert_offsets_are_sane(&o, o.numbers));
    EXPECT(!alert_offsets_are_served(&o, o.numbers));
    for (size_t k = 0; k < o.count; k++) {
        double was = o.numbers[k];
        for (int i = 0; i < 3; i++) {
            o.numbers[k] = i < 2 ? BAD[k / 2][i] : (double)NAN;
            EXPECT(!alert_offsets_are_sane(&o, o.numbers));
        }
        o.numbers[k] = was;
    }
    o.served[1] = 1.5;
    EXPECT(alert_offsets_are_sane(&o, o.numbers) && alert_offsets_are_served(&o, o.numbers));
    alert_offsets_clear(&o);
}

/* ---------------------------------------------------------------------------------- of a scheduler */

static alert_scheduler *scheduler_by(alert_method method, bool learns)
{
    alert_scheduler *s = NULL;
    alert_profile *p = good_profile();
    alert_options options = usual_options();
    options.method = method;
    options.learns = learns;
    EXPECT(alert_scheduler_new(&s, p, &GOAL, &options, NULL) == 0);
    alert_profile_unref(p);
    return s;
}

/* Both models in turn, under the higher cap; the second takes `own` times its profile. */
static alert_decision take_turns(alert_scheduler *s, int inputs, double slowdown, double own)
{
    alert_decision d = {0};
    for (int n = 0; n < inputs; n++) {
        size_t model = (size_t)(n % 2);
        alert_measurement m = {.latency_s = LATENCY[2 * model + 1] * slowdown * (model ? own : 1.0),
                               .has_cap = true,
                               .power_cap_w = 20.0,
                               .has_model = true,
                               .model = model};
        EXPECT(alert_scheduler_step(s, &m, &d, NULL) == 0);
    }
    return d;
}

static double expected_of(alert_scheduler *s, size_t model)
{
    alert_option option[6];
    double found = 0.0;
    EXPECT(alert_scheduler_option_count(s) == 6);
    EXPECT(alert_scheduler_list_options(s, NULL, option, NULL) == 0);
    for (size_t i = 0; i < 6; i++)
        if (option[i].model == model && option[i].cap == 1 && option[i].exit != 0)
            found = option[i].latency_s;
    return found;
}

static void test_a_model_off_its_profile_is_found(void)
{
    alert_scheduler *s = scheduler_by(ALERT_CALIBRATED, false);
    double factor[2], mean, std;
    (void)take_turns(s, 40, 1.0, 1.8);
    alert_scheduler_offsets(s, factor);
    alert_scheduler_slowdown(s, &mean, &std);
    EXPECT(factor[0] == 1.0);
    EXPECT(factor[1] > 1.5 && factor[1] < 2.0); /* served anew where it moves by 10 % */
    EXPECT_NEAR(mean, 1.0, 0.1);
    EXPECT_NEAR(expected_of(s, 0), mean * LATENCY[1], 1e-12);
    EXPECT_NEAR(expected_of(s, 1), mean * factor[1] * LATENCY[3], 1e-12);
    alert_scheduler_free(s);
}

static void test_contention_is_no_offset(void)
{
    alert_scheduler *s = scheduler_by(ALERT_CALIBRATED, false);
    double factor[2];
    for (int n = 0; n < 10; n++) {
        (void)take_turns(s, 20, n % 2 ? 2.2 : 1.0, 1.0);
        alert_scheduler_offsets(s, factor);
        EXPECT(factor[0] == 1.0 && factor[1] == 1.0);
    }
    alert_scheduler_free(s);
}

static void test_others_have_none(void)
{
    alert_scheduler *paper = scheduler_by(ALERT_PAPER, false);
    alert_scheduler *learner = scheduler_by(ALERT_CALIBRATED, true);
    double factor[2];
    (void)take_turns(paper, 40, 1.0, 1.8);
    (void)take_turns(learner, 40, 1.0, 1.8);
    alert_scheduler_offsets(paper, factor);
    EXPECT(factor[0] == 1.0 && factor[1] == 1.0 && paper->offsets.count == 0);
    alert_scheduler_offsets(learner, factor);
    EXPECT(factor[0] == 1.0 && factor[1] == 1.0 && learner->offsets.count == 0);
    alert_scheduler_free(paper);
    alert_scheduler_free(learner);
}

static void test_a_saved_state_goes_on(void)
{
    alert_scheduler *s = scheduler_by(ALERT_CALIBRATED, false);
    alert_scheduler *other = scheduler_by(ALERT_CALIBRATED, false);
    (void)take_turns(s, 31, 1.0, 1.8);
    size_t size = alert_scheduler_state_size(s);
    char *state = malloc(size), *again = malloc(size);
    alert_scheduler_save(s, state);
    failing = allocations + 1; /* there is no room for the latencies served */
    EXPECT(alert_scheduler_restore(other, state, size, NULL) == -ENOMEM);
    failing = 0;
    EXPECT(expected_of(other, 1) < 1.2 * LATENCY[3]);
    EXPECT(alert_scheduler_restore(other, state, size, NULL) == 0);
    EXPECT(expected_of(other, 1) == expected_of(s, 1));
    alert_decision a = take_turns(s, 30, 1.1, 1.9), b = take_turns(other, 30, 1.1, 1.9);
    EXPECT(memcmp(&a, &b, sizeof a) == 0);
    alert_scheduler_save(s, state);
    alert_scheduler_save(other, again);
    EXPECT(memcmp(state, again, size) == 0);
    double bad = 21.0;
    memcpy(state + size - 2 * sizeof bad, &bad, sizeof bad);
    EXPECT(alert_scheduler_restore(other, state, size, NULL) == -EINVAL);
    free(state);
    free(again);
    alert_scheduler_free(s);
    alert_scheduler_free(other);
}

static void test_memory_is_taken_once(void)
{
    alert_scheduler *s = scheduler_by(ALERT_CALIBRATED, false);
    size_t before = allocations;
    (void)take_turns(s, 100, 1.0, 1.0);
    EXPECT(allocations == before);
    (void)take_turns(s, 100, 1.0, 1.8);
    size_t after = allocations;
    EXPECT(after > before);
    (void)take_turns(s, 100, 1.0, 1.0);
    (void)take_turns(s, 100, 1.0, 2.5);
    EXPECT(allocations == after);
    alert_scheduler_free(s);
}

static void test_without_memory_the_profile_stands(void)
{
    alert_scheduler *s = scheduler_by(ALERT_CALIBRATED, false);
    double factor[2] = {0.0, 0.0};
    for (int n = 0; n < 20; n++) {
        failing = allocations + 1;
        (void)take_turns(s, 2, 1.0, 1.8);
        alert_scheduler_offsets(s, factor);
        EXPECT(factor[1] == 1.0);
    }
    failing = 0;
    (void)take_turns(s, 2, 1.0, 1.8);
    alert_scheduler_offsets(s, factor);
    EXPECT(factor[1] > 1.3);
    alert_scheduler_free(s);
    for (size_t n = 1; n < 40; n++) {
        alert_profile *p = good_profile();
        alert_options options = usual_options();
        options.method = ALERT_CALIBRATED;
        failing = allocations + n;
        int rc = alert_scheduler_new(&s, p, &GOAL, &options, NULL);
        failing = 0;
        EXPECT(rc == 0 || rc == -ENOMEM);
        if (rc == 0)
            alert_scheduler_free(s);
        alert_profile_unref(p);
    }
}

int main(void)
{
    test_the_law();
    test_only_a_change_of_model_teaches();
    test_of_two_models_that_are_off_alike_the_machine_has_a_part();
    test_an_offset_that_is_pulled_is_served_until_it_is_close_to_1();
    test_what_is_far_away_teaches_nothing();
    test_no_stream_drives_it_out_of_bounds(1e-300);
    test_no_stream_drives_it_out_of_bounds(1.0);
    test_no_stream_drives_it_out_of_bounds(1e6);
    test_numbers_are_looked_at();
    test_a_model_off_its_profile_is_found();
    test_contention_is_no_offset();
    test_others_have_none();
    test_a_saved_state_goes_on();
    test_memory_is_taken_once();
    test_without_memory_the_profile_stands();
    return expect_failures != 0;
}
