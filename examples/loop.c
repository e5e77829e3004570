/*
 * loop.c - an inference loop in C: `make example` builds it with build/libalert.a and runs it.
 *
 * Two models under two power caps on an imaginary machine, which halfway through takes twice as
 * long for everything. Replace machine() by your own inference, and measure with your own clock.
 */
#include <stdio.h>

#include "alert.h"

enum { MODELS = 2, CAPS = 2, INPUTS = 40 };

static const char *const NAME[MODELS] = {"small", "large"};
static const double CAP_W[CAPS] = {10.0, 20.0};
static const double LATENCY_S[MODELS * CAPS] = {0.020, 0.012, 0.050, 0.030};
static const double POWER_W[MODELS * CAPS] = {9.0, 18.0, 9.5, 19.0};
static const double ACCURACY[MODELS] = {0.71, 0.80};

/* Runs a model under a cap: here, says what doing so would have cost. */
static alert_measurement machine(int input, const alert_decision *d)
{
    size_t configuration = d->model * CAPS + d->cap;
    double latency_s = LATENCY_S[configuration] * (input < INPUTS / 2 ? 1.0 : 2.0);
    return (alert_measurement){
        .latency_s = latency_s, .has_energy = true, .energy_j = latency_s * POWER_W[configuration]};
}

int main(void)
{
    alert_argument_error error;
    alert_profile_data data = {.models = MODELS,
                               .caps = CAPS,
                               .latency_s = LATENCY_S,
                               .power_w = POWER_W,
                               .accuracy = ACCURACY,
                               .power_cap_w = CAP_W,
                               .idle_power_w = 3.0};
    alert_goal goal = {.objective = ALERT_MIN_ENERGY,
                       .deadline_s = 0.080,
                       .bound = 0.75, /* accuracy, on average over the run */
                       .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};
    alert_options options = {
        .method = ALERT_CALIBRATED, .constants = alert_constants_default(), .hold_inputs = 1};
    alert_profile *profile = NULL;
    alert_scheduler *scheduler = NULL;
    if (alert_profile_new(&profile, &data, &error) < 0 ||
        alert_scheduler_new(&scheduler, profile, &goal, &options, &error) < 0) {
        fprintf(stderr, "%s: expected %s, got %g\n", error.name, error.expected, error.value);
        return 1;
    }

    int late = 0;
    double energy_j = 0.0, accuracy = 0.0;
    alert_decision next, done;
    alert_scheduler_decision(scheduler, &next);
    for (int input = 0; input < INPUTS; input++) {
        done = next;
        alert_measurement measured = machine(input, &done);
        if (alert_scheduler_step(scheduler, &measured, &next, &error) < 0)
            return 1;
        bool in_time = measured.latency_s <= goal.deadline_s;
        printf("%2d  %s under %2.0f W  %2.0f ms%s\n", input, NAME[done.model], done.power_cap_w,
               1e3 * measured.latency_s, in_time ? "" : "  late");
        late += !in_time;
        accuracy += in_time ? ACCURACY[done.model] / INPUTS : 0.0;
        energy_j += measured.energy_j;
    }
    printf("%d of %d late, accuracy %.3f, %.2f J\n", late, INPUTS, accuracy, energy_j);

    alert_scheduler_free(scheduler);
    alert_profile_unref(profile);
    return 0;
}
