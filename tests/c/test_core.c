/*
 * test_core.c - the decision core without Python.
 *
 * Linked with -Wl,--wrap=calloc,--wrap=malloc,--wrap=realloc, so that the test counts allocations, and
 * makes the n-th of them fail.
 */
#include <stdlib.h>
#include <string.h>

#include "core/choose/choose.h"
#include "core/estimate/kalman.h"
#include "core/estimate/regimes.h"
#include "core/ranges.h"
#include "core/scheduler.h"
#include "core/window.h"
#include "expect.h"
#include "two_models.h"

/* ------------------------------------------------------------------------------------ allocations */

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

/* -------------------------------------------------------------------------------------- a profile */

static const alert_goal GOAL = {.objective = ALERT_MIN_ENERGY,
                                .deadline_s = 10.0,
                                .bound = 0.7,
                                .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};

static alert_options usual_options(void)
{
    return (alert_options){
        .constants = alert_constants_default(), .hold_inputs = 1, .history_capacity = 3};
}

static alert_profile *good_profile(void)
{
    alert_profile *p = NULL;
    alert_profile_data data = good_table();
    EXPECT(alert_profile_new(&p, &data, NULL) == 0);
    return p;
}

static alert_scheduler *scheduler_for(const alert_goal *goal)
{
    alert_scheduler *s = NULL;
    alert_profile *p = good_profile();
    alert_options options = usual_options();
    EXPECT(alert_scheduler_new(&s, p, goal, &options, NULL) == 0);
    alert_profile_unref(p); /* the scheduler has a reference of its own */
    return s;
}

static alert_decision step(alert_scheduler *s, double latency_s)
{
    alert_decision d;
    alert_measurement m = {.latency_s = latency_s};
    EXPECT(alert_scheduler_step(s, &m, &d, NULL) == 0);
    return d;
}

/* ----------------------------------------------------------------------------------------- normal */

static void test_the_normal_distribution(void)
{
    /* known to more digits than a double has */
    EXPECT_NEAR(alert_normal_cdf(0.0), 0.5, 0.0);
    EXPECT_NEAR(alert_normal_cdf(1.0), 0.84134474606854294859, 2e-16);
    EXPECT_NEAR(alert_normal_cdf(-1.0), 0.15865525393145705141, 1e-16);
    EXPECT_NEAR(alert_normal_cdf(-10.0) / 7.6198530241605260660e-24, 1.0, 1e-14);
    EXPECT(alert_normal_cdf(ALERT_Z_CERTAIN) == 1.0 && alert_normal_cdf(6.9) < 1.0);
    EXPECT(alert_normal_cdf(-HUGE_VAL) == 0.0 && alert_normal_cdf(HUGE_VAL) == 1.0);
    EXPECT_NEAR(alert_normal_quantile(0.5), 0.0, 0.0);
    EXPECT_NEAR(alert_normal_quantile(0.975), 1.9599639845400542355, 1e-15);
    EXPECT_NEAR(alert_normal_quantile(0.025), -1.9599639845400542355, 1e-15);
    EXPECT_NEAR(alert_normal_quantile(1e-20), -9.262340089798408, 1e-13);
    EXPECT(alert_normal_quantile(0.0) == -HUGE_VAL);
    EXPECT(alert_normal_quantile(1.0) == ALERT_Z_CERTAIN);
    EXPECT(alert_normal_quantile(1.0 - 1e-16) <= ALERT_Z_CERTAIN);
    for (double z = -8.0; z < ALERT_Z_CERTAIN; z += 0.0625) /* what is left is rounding of z^2 */
        EXPECT_NEAR(2.0 * alert_normal_cdf(z) / erfc(-z * sqrt(0.5)), 1.0, 2e-14);
    for (double z = -8.0; z < 6.0; z += 0.0625)
        EXPECT_NEAR(alert_normal_quantile(alert_normal_cdf(z)), z, z > 4.0 ? 1e-7 : 1e-11);
}

/* The ceiling of a search that looks at runs of half a deadline. */
static double ceiling_at(const alert_mixture *m, double latency_s, double deadline_s)
{
    alert_ceiling ceiling = alert_mixture_ceiling(m, 0.5 * deadline_s, deadline_s);
    return alert_ceiling_at(&ceiling, 1.0 / latency_s);
}

/* Along a row, and at every deadline, longer runs are done less often; the quantile says where, and the ceiling lies above. */
static void test_longer_runs_are_done_less_often(void)
{
    static const double LEVEL[] = {1.0, 1.3}, SPREAD[] = {0.06, 0.4}, OTHER[] = {0.0, 0.3, 0.8};
    for (size_t i = 0; i < 3; i++)
        for (double deadline_s = 0.001; deadline_s < 0.1; deadline_s *= 1.7) {
            alert_mixture m;
            alert_mixture_set(&m, OTHER[i], LEVEL, SPREAD, 1.5, 0.004);
            double before = 1.0, ceiling = 1.0;
            double half = deadline_s / alert_mixture_quantile(&m, 0.5, deadline_s);
            for (double t = 1e-4; t < 0.2; t *= 1.003) {
                double p = alert_mixture_cdf(&m, t, deadline_s);
                double above = ceiling_at(&m, t, deadline_s);
                EXPECT(p <= above && above <= ceiling);
                EXPECT(p <= before + 1e-15);
                ceiling = above;
                EXPECT(fabs(t - half) < 1e-9 * half || (p >= 0.5) == (t < half));
                before = p;
            }
        }
}

/* Half a slice is lost by every other run, two and a half by each. */
static void test_slices_are_lost_whole(void)
{
    alert_mixture m;
    alert_mixture_set(&m, 1.0, (double[]){1.0, 1.0}, (double[]){0.01, 0.01}, 1.0, 0.004);
    EXPECT_NEAR(alert_mixture_cdf(&m, 0.002, 0.004), 0.5, 2e-4);
    EXPECT_NEAR(alert_mixture_cdf(&m, 0.002, 0.008), 1.0, 2e-4);
    EXPECT_NEAR(alert_mixture_cdf(&m, 0.01, 0.016), 0.0, 2e-4);
    EXPECT_NEAR(alert_mixture_cdf(&m, 0.01, 0.02), 0.5, 2e-4);
    EXPECT_NEAR(alert_mixture_cdf(&m, 0.01, 0.024), 1.0, 2e-4);
    EXPECT(alert_mixture_cdf(&m, 0.01, 0.0) == 0.0);
    EXPECT_NEAR(alert_mixture_mean(&m), 2.0, 1e-12);
}

/* A rate of 1 is allowed, and rounding may not lift it above that; so is next to nothing as its weight. */
static void test_regimes_keep_their_invariants(double change_inputs)
{
    alert_constants c = alert_constants_default();
    uint32_t random = 1;
    c.change_rate = 1.0;
    c.change_inputs = change_inputs;
    c.outlier = 1e-100; /* no outliers: every input counts */
    for (size_t run = 0; run < 2000; run++) {
        alert_regimes r;
        alert_mixture forecast;
        alert_regimes_init(&r, &c);
        for (size_t i = 0; i < 40; i++) {
            random = random * 1664525u + 1013904223u;
            alert_regimes_forecast(&r, &c, &forecast);
            EXPECT(forecast.other >= 0.0 && forecast.other <= 1.0);
            alert_regimes_calibrate(&r, &c, (random >> 8) / 0x1p24, random & 1);
            EXPECT(forecast.certain == forecast.kept && forecast.kept >= 1.0 - ALERT_BROKEN_MAX);
            double profiled_s = i % 2 == 0 ? 1e-9 : 1e9;
            double slowdown = exp((random >> 8) / 0x1p23 * 15.0 - 15.0);
            alert_regimes_update(&r, &c, &forecast, profiled_s, slowdown * profiled_s);
            EXPECT(alert_regimes_are_sane(&r));
        }
    }
}

/* ---------------------------------------------------------------------------------------- filters */

/* The numbers are worked out by hand in tests/core/test_filters.py. */
static void test_first_steps_of_the_filters(void)
{
    alert_constants c = alert_constants_default();
    alert_slowdown_filter f;
    alert_slowdown_filter_init(&f, &c);
    alert_slowdown_filter_update(&f, &c, 1.5);
    EXPECT_NEAR(f.gain, 0.993377483443709, 1e-14);
    EXPECT_NEAR(f.mean, 1.496688741721854, 1e-14);
    alert_slowdown_filter_update(&f, &c, 2.5);
    EXPECT_NEAR(f.process_noise, 0.202689794307267, 1e-14);
    EXPECT_NEAR(f.variance, 0.203683171790711, 1e-14);
    alert_slowdown_filter_update(&f, &c, 1.0);
    EXPECT_NEAR(f.process_noise, 0.758581982943956, 1e-14);
    EXPECT_NEAR(f.gain, 0.998685208897965, 1e-14);
    EXPECT_NEAR(f.mean, 1.001965741840304, 1e-14);
    EXPECT_NEAR(f.innovation, -1.495098223026835, 1e-14);

    alert_idle_filter idle;
    alert_idle_filter_init(&idle, &c);
    EXPECT(idle.reports == 0 && idle.ratio == 0.0);
    alert_idle_filter_update(&idle, &c, 6.0, 20.0, 5.0);
    EXPECT(idle.reports == 1);
    EXPECT_NEAR(idle.ratio, 0.295495495495495, 1e-14);
    alert_idle_filter_update(&idle, &c, 4.0, 20.0, 5.0);
    EXPECT_NEAR(idle.ratio, 0.247512326311071, 1e-14);
    EXPECT_NEAR(idle.variance, 0.000502465262214, 1e-14);
}

static void test_filters_keep_their_invariants(void)
{
    static const double RATIO[] = {0.0, HUGE_VAL, 1e300, 0.0, 1e-300, 1.0, 1e6, 0.0};
    alert_constants c = alert_constants_default();
    alert_slowdown_filter f;
    alert_slowdown_filter_init(&f, &c);
    for (size_t i = 0; i < 8 * 8 * 8; i++) {
        alert_slowdown_filter_update(&f, &c, RATIO[(i ^ i / 8 ^ i / 64) % 8]);
        EXPECT(f.mean >= 0.0 && f.mean <= ALERT_RATIO_MAX);
        EXPECT(f.variance > 0.0 && isfinite(f.variance) && f.process_noise >= c.q0);
        EXPECT(f.gain >= 0.0 && f.gain <= 1.0);
    }
}

static void test_the_window(void)
{
    alert_window w;
    EXPECT(alert_window_new(&w, 4) == 0); /* the three inputs before the next */
    double owed[200], sum;
    for (size_t i = 0; i < 200; i++) {
        owed[i] = (double)((i * 37) % 11) - 4.5;
        alert_window_push(&w, owed[i]);
        sum = owed[i] + (i > 0 ? owed[i - 1] : 0.0) + (i > 1 ? owed[i - 2] : 0.0);
        EXPECT_NEAR(w.sum, sum, 1e-12);
    }
    alert_window_clear(&w);
    EXPECT(alert_window_new(&w, 1) == 0 && w.capacity == 0);
    alert_window_push(&w, 3.0);
    EXPECT(w.sum == 0.0);
}

/* ----------------------------------------------------------------------------------- bad arguments */

static bool refused(const alert_profile_data *t, const char *name, ptrdiff_t i, ptrdiff_t j)
{
    alert_profile *p = NULL;
    alert_argument_error error = {0};
    int rc = alert_profile_new(&p, t, &error);
    return rc == -EINVAL && !p && strcmp(error.name, name) == 0 && error.index[0] == i &&
           error.index[1] == j && error.expected && alert_profile_new(&p, t, NULL) == -EINVAL;
}

static void test_bad_tables(void)
{
    static const double BAD[] = {0.0, -1.0, (double)NAN, HUGE_VAL, 2e9};
    double values[4];
    for (size_t b = 0; b < sizeof BAD / sizeof BAD[0]; b++) {
        for (ptrdiff_t at = 0; at < 4; at++) {
            alert_profile_data t = good_table();
            memcpy(values, LATENCY, sizeof values);
            values[at] = BAD[b];
            t.latency_s = values;
            EXPECT(refused(&t, "latency", at / 2, at % 2));
            memcpy(values, POWER, sizeof values);
            values[at] = BAD[b];
            t = good_table();
            t.power_w = values;
            EXPECT(refused(&t, "power", at / 2, at % 2));
        }
        alert_profile_data t = good_table();
        t.power_cap_w = (const double[]){BAD[b], 20.0};
        EXPECT(refused(&t, "power_caps", 0, -1));
    }
    alert_profile_data t = good_table();
    t.power_cap_w = (const double[]){20.0, 20.0};
    EXPECT(refused(&t, "power_caps", 1, -1));
    t = good_table();
    t.accuracy = (const double[]){0.6, 1.5};
    EXPECT(refused(&t, "accuracy", 1, -1));
    t = good_table();
    t.idle_power_w = -1.0;
    EXPECT(refused(&t, "idle_power", -1, -1));
    t = good_table();
    t.models = 0;
    EXPECT(refused(&t, "latency", -1, -1));
    t = good_table();
    t.caps = 0;
    EXPECT(refused(&t, "power_caps", -1, -1));
    t.caps = (size_t)UINT32_MAX + 1;
    EXPECT(refused(&t, "power_caps", -1, -1));
    t = good_table();
    t.exit_fraction = (const double[]){1.0, 1.0};
    EXPECT(refused(&t, "exits", 1, 1));
    t = good_table();
    t.exit_accuracy = (const double[]){0.5, 0.7};
    EXPECT(refused(&t, "exits", 1, 1));
}

static void test_bad_options(void)
{
    alert_profile *p = good_profile();
    alert_scheduler *s = NULL;
    alert_argument_error error = {0};
    alert_options options = usual_options();
    options.method = (alert_method)7;
    EXPECT(alert_scheduler_new(&s, p, &GOAL, &options, &error) == -EINVAL);
    EXPECT(strcmp(error.name, "method") == 0 && error.value == 7.0);
    alert_goal goal = GOAL;
    goal.deadline_s = 0.0;
    options = usual_options();
    EXPECT(alert_scheduler_new(&s, p, &goal, &options, &error) == -EINVAL && !s);
    EXPECT(strcmp(error.name, "deadline") == 0);
    alert_profile_unref(p);
}

static int with_constant(const alert_constant *row, double value, alert_argument_error *error)
{
    alert_options options = usual_options();
    alert_profile *p = good_profile();
    alert_scheduler *s = NULL;
    memcpy((char *)&options.constants + row->offset, &value, sizeof value);
    int rc = alert_scheduler_new(&s, p, &GOAL, &options, error);
    alert_scheduler_free(s);
    alert_profile_unref(p);
    return rc;
}

static void test_every_constant_has_its_row_and_its_range(void)
{
    size_t count;
    const alert_constant *row = alert_constants_table(&count);
    alert_constants usual = alert_constants_default();
    EXPECT(count * sizeof(double) == sizeof usual);
    for (size_t i = 0; i < count; i++, row++) {
        const alert_range *range = row->range;
        const double bad[] = {range->lowest - 1.0, range->highest * 1.01, (double)NAN};
        EXPECT(row->offset == i * sizeof(double) && row->methods != 0);
        EXPECT(row->provenance[0] == '[' && row->meaning[0] != '\0');
        EXPECT(memcmp((char *)&usual + row->offset, &row->usual, sizeof row->usual) == 0);
        for (size_t b = 0; b < 3; b++) {
            alert_argument_error error;
            EXPECT(with_constant(row, bad[b], &error) == -EINVAL);
            EXPECT(strcmp(error.name, row->name) == 0 && error.expected == range->expected);
        }
        EXPECT(with_constant(row, range->lowest, NULL) == (range->above ? -EINVAL : 0));
        EXPECT(with_constant(row, range->highest, NULL) == 0);
    }
}

/* A measurement out of range ends a replay there; who wants to know which need not. */
static void test_a_bad_recording(void)
{
    static const double ENERGY[12] = {0.0};
    double latency[12];
    for (size_t i = 0; i < 12; i++)
        latency[i] = i < 6 ? 1.0 : -1.0; /* of three outputs under two caps: the second input's */
    alert_output_trace r = {
        .inputs = 2, .outputs = 3, .caps = 2, .latency_s = latency, .energy_j = ENERGY};
    alert_outcome out[2];
    alert_argument_error error = {0};
    alert_scheduler *s = scheduler_for(&GOAL);
    EXPECT(alert_replay(s, NULL, &r, out, NULL) == -EINVAL);
    EXPECT(alert_scheduler_history_length(s) == 1);
    EXPECT(alert_replay(s, NULL, &r, out, &error) == -EINVAL);
    EXPECT(strcmp(error.name, "latency") == 0 && error.index[0] == 1);
    alert_scheduler_free(s);
}

static void test_a_refused_step_changes_nothing(void)
{
    alert_scheduler *s = scheduler_for(&GOAL);
    (void)step(s, 1.0);
    size_t size = alert_scheduler_state_size(s);
    char *before = malloc(size), *after = malloc(size);
    alert_scheduler_save(s, before);
    static const alert_measurement BAD[] = {
        {.latency_s = -1.0},
        {.latency_s = HUGE_VAL},
        {.latency_s = 1.0, .has_energy = true, .energy_j = -1.0},
        {.latency_s = 1.0, .has_idle_power = true, .idle_power_w = -1.0},
        {.latency_s = 1.0, .has_deadline = true, .next_deadline_s = 0.0},
        {.latency_s = 1.0, .has_exit = true, .exit = 7},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        alert_decision d = {.model = 77};
        alert_argument_error error;
        EXPECT(alert_scheduler_step(s, &BAD[i], &d, &error) == -EINVAL && d.model == 77);
    }
    EXPECT(alert_scheduler_set_overhead(s, -1.0, NULL) == -EINVAL);
    alert_goal goal = GOAL;
    goal.priority[0] = ALERT_ENERGY;
    EXPECT(alert_scheduler_set_goal(s, &goal, NULL) == -EINVAL);
    alert_scheduler_save(s, after);
    EXPECT(memcmp(before, after, size) == 0);
    free(before);
    free(after);
    alert_scheduler_free(s);
}

/* ------------------------------------------------------------------------------------- scheduling */

static void test_choices(void)
{
    alert_decision d;
    alert_scheduler *s = scheduler_for(&GOAL);
    alert_scheduler_decision(s, &d);
    EXPECT(d.model == 1 && d.cap == 0 && d.exit == 1 && d.power_cap_w == 10.0 && d.feasible);
    EXPECT_NEAR(d.energy_j, 36.0, 0.0);
    EXPECT_NEAR(d.accuracy, 0.8, 0.0);
    d = step(s, 12.0); /* six times as slow: under 20 W it is still in time */
    EXPECT(d.model == 1 && d.cap == 1 && d.exit == 1 && d.feasible);
    d = step(s, 12.0); /* twelve times: only the first exit is, which is not accurate enough */
    EXPECT(!d.feasible && d.model == 1 && d.cap == 1 && d.exit == 1);
    EXPECT(d.accuracy > 0.5 && d.accuracy < 0.7 && d.probability < 0.5);
    alert_goal goal = GOAL;
    goal.objective = ALERT_MAX_ACCURACY;
    goal.bound = 1e6;
    EXPECT(alert_scheduler_set_goal(s, &goal, NULL) == 0);
    alert_scheduler_goal(s, &goal);
    EXPECT(goal.objective == ALERT_MAX_ACCURACY);
    alert_scheduler_free(s);
}

static void test_the_history_is_a_ring(void)
{
    alert_history_entry entry[3];
    alert_scheduler *s = scheduler_for(&GOAL);
    for (uint64_t n = 0; n < 10; n++) {
        size_t length = alert_scheduler_history_length(s);
        EXPECT(length == (n < 3 ? n : 3));
        alert_scheduler_history(s, length, entry);
        for (size_t i = 0; i < length; i++)
            EXPECT(entry[i].input == n - length + i);
        if (length > 0) {
            alert_scheduler_history(s, 1, entry);
            EXPECT(entry[0].input == n - length);
        }
        (void)step(s, 1.0 + (double)n);
    }
    alert_scheduler_free(s);
}

/* Whatever is in the padding of an entry, a saved state has zeros there. */
static void test_no_padding_is_saved(void)
{
    size_t used = offsetof(alert_history_entry, met) + 1,
           padding = sizeof(alert_history_entry) - used;
    alert_scheduler *s = scheduler_for(&GOAL);
    (void)step(s, 1.0);
    size_t size = alert_scheduler_state_size(s), entry = size - 3 * sizeof(alert_history_entry);
    char *before = malloc(size), *after = malloc(size), zeros[8] = {0};
    alert_scheduler_save(s, before);
    memset((char *)s->history + used, 0x5a, padding);
    alert_scheduler_save(s, after);
    EXPECT(padding > 0 && memcmp(after + entry + used, zeros, padding) == 0);
    EXPECT(memcmp(before, after, size) == 0);
    free(before);
    free(after);
    alert_scheduler_free(s);
}

static void test_a_state_is_for_one_method(void)
{
    alert_profile *p = good_profile();
    alert_scheduler *paper = scheduler_for(&GOAL), *calibrated = NULL;
    alert_options options = usual_options();
    options.method = ALERT_CALIBRATED;
    EXPECT(alert_scheduler_new(&calibrated, p, &GOAL, &options, NULL) == 0);
    size_t size = alert_scheduler_state_size(paper);
    char *state = malloc(size);
    EXPECT(alert_scheduler_state_size(calibrated) == size);
    alert_scheduler_save(paper, state);
    EXPECT(alert_scheduler_restore(calibrated, state, size, NULL) == -EINVAL);
    alert_scheduler_save(calibrated, state);
    EXPECT(alert_scheduler_restore(paper, state, size, NULL) == -EINVAL);
    EXPECT(alert_scheduler_restore(calibrated, state, size, NULL) == 0);
    free(state);
    alert_scheduler_free(paper);
    alert_scheduler_free(calibrated);
    alert_profile_unref(p);
}

static void test_a_saved_state_goes_on(void)
{
    alert_goal goal = GOAL;
    goal.window = 5;
    alert_scheduler *s = scheduler_for(&goal), *other = scheduler_for(&goal);
    for (int i = 0; i < 9; i++)
        (void)step(s, 0.5 + 0.25 * i);
    size_t size = alert_scheduler_state_size(s);
    char *state = malloc(size);
    alert_scheduler_save(s, state);
    EXPECT(alert_scheduler_restore(other, state, size - 1, NULL) == -EINVAL);
    EXPECT(alert_scheduler_restore(other, state, size, NULL) == 0);
    for (int i = 0; i < 9; i++) {
        alert_decision a = step(s, 1.0 + i), b = step(other, 1.0 + i);
        EXPECT(a.model == b.model && a.cap == b.cap && a.exit == b.exit);
        EXPECT(a.energy_j == b.energy_j && a.accuracy == b.accuracy);
    }
    free(state);
    alert_scheduler_free(s);
    alert_scheduler_free(other);
}

/* ----------------------------------------------------------------------------------------- memory */

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

static void test_a_profile_lives_as_long_as_somebody_uses_it(void)
{
    alert_scheduler *s = scheduler_for(&GOAL); /* holds the only reference */
    (void)step(s, 1.0);
    alert_scheduler_free(s);
    alert_profile *p = good_profile();
    EXPECT(alert_profile_ref(p) == p);
    alert_profile_unref(p);
    EXPECT(p->rows == 3);
    alert_profile_unref(p);
}

int main(void)
{
    test_the_normal_distribution();
    test_first_steps_of_the_filters();
    test_filters_keep_their_invariants();
    test_longer_runs_are_done_less_often();
    test_slices_are_lost_whole();
    test_regimes_keep_their_invariants(30.0);
    test_regimes_keep_their_invariants(1e-310);
    test_the_window();
    test_bad_tables();
    test_bad_options();
    test_every_constant_has_its_row_and_its_range();
    test_a_bad_recording();
    test_a_refused_step_changes_nothing();
    test_choices();
    test_the_history_is_a_ring();
    test_a_saved_state_goes_on();
    test_no_padding_is_saved();
    test_a_state_is_for_one_method();
    test_a_step_allocates_nothing();
    test_a_rating_allocates_nothing();
    test_out_of_memory();
    test_a_profile_lives_as_long_as_somebody_uses_it();
    return expect_failures != 0;
}
