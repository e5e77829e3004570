/*
 * step_core.c - alert_scheduler_step() alone, as bench_step.py and instructions.py run it.
 *
 *     step_core TABLE METHOD STEPS ROUNDS [feedback]
 *
 * TABLE is a file of doubles: models, caps, objective, deadline, bound, idle power; then the latency
 * and power tables, the accuracies, the power caps. METHOD is an alert_method. Prints the nanoseconds a step took, one line a
 * round. The latencies fed back are the profile's, slowed down by a fixed pseudo-random factor.
 */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "alert.h"

enum { HEADER = 6, FACTORS = 1024 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double *read_doubles(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long size = ftell(file);
    double *values = malloc((size_t)size);
    rewind(file);
    if (values && fread(values, 1, (size_t)size, file) != (size_t)size)
        values = NULL;
    fclose(file);
    return values;
}

static alert_scheduler *make_scheduler(const double *v, alert_method method, bool learns)
{
    size_t models = (size_t)v[0], caps = (size_t)v[1];
    const double *latency = v + HEADER, *power = latency + models * caps;
    const double *accuracy = power + models * caps;
    alert_profile_data data = {.models = models,
                               .caps = caps,
                               .latency_s = latency,
                               .power_w = power,
                               .accuracy = accuracy,
                               .power_cap_w = accuracy + models,
                               .idle_power_w = v[5]};
    alert_goal goal = {.objective = (alert_objective)v[2],
                       .deadline_s = v[3],
                       .bound = v[4],
                       .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};
    alert_options options = {.method = method,
                             .hold_inputs = 1,
                             .constants = alert_constants_default(),
                             .history_capacity = 1024};
    alert_feedback_options feedback = {.prior = 20.0, .half_life = HUGE_VAL};
    if (learns)
        options.feedback = &feedback;
    alert_profile *profile;
    alert_scheduler *scheduler;
    if (alert_profile_new(&profile, &data, NULL) != 0 ||
        alert_scheduler_new(&scheduler, profile, &goal, &options, NULL) != 0)
        return NULL;
    alert_profile_unref(profile);
    return scheduler;
}

int main(int argc, char **argv)
{
    double *values = argc >= 5 ? read_doubles(argv[1]) : NULL;
    alert_scheduler *scheduler =
        values ? make_scheduler(values, (alert_method)atoi(argv[2]), argc > 5) : NULL;
    if (!scheduler)
        return 2;
    long steps = atol(argv[3]), rounds = atol(argv[4]);
    double factor[FACTORS];
    unsigned long random = 1;
    for (int i = 0; i < FACTORS; i++) {
        random = (random * 1103515245UL + 12345UL) & 0x7fffffffUL;
        factor[i] = 0.8 + 0.4 * (double)random / (double)0x7fffffffUL;
    }
    size_t caps = (size_t)values[1];
    alert_decision choice;
    alert_scheduler_decision(scheduler, &choice);
    for (long round = 0; round < rounds; round++) {
        double begin = seconds();
        for (long i = 0; i < steps; i++) {
            double profiled = values[HEADER + choice.model * caps + choice.cap];
            alert_measurement measured = {
                .latency_s = profiled * factor[i % FACTORS], .has_energy = true, .energy_j = 0.5};
            if (alert_scheduler_step(scheduler, &measured, &choice, NULL) != 0)
                return 1;
        }
        printf("%.3f\n", 1e9 * (seconds() - begin) / (double)steps);
    }
    alert_scheduler_free(scheduler);
    free(values);
    return 0;
}
