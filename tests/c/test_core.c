/* test_core.c - schedulers and their arguments, without Python. */
#include <stdlib.h>
#include <string.h>

#include "core/ranges.h"
#include "core/scheduler.h"
#include "small_scheduler.h"

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
    alert_profile_data data = good_table();
    data.models = 1; /* has no offset: the states are of one size */
    alert_profile *p = NULL;
    alert_scheduler *paper = NULL, *calibrated = NULL;
    alert_options options = usual_options();
    EXPECT(alert_profile_new(&p, &data, NULL) == 0);
    EXPECT(alert_scheduler_new(&paper, p, &GOAL, &options, NULL) == 0);
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
    test_a_profile_lives_as_long_as_somebody_uses_it();
    return expect_failures != 0;
}
