/*
 * test_loop.c - the closed loop: the decision core drives the emulated package, on a clock that stands
 * still until the test moves it. Every time and every joule is exact, so that no timing decides.
 */
#include "alert.h"
#include "alert_power.h"
#include "expect.h"

enum { MODELS = 3, CAPS = 4, PHASE = 40, INPUTS = 3 * PHASE };

static int64_t now_ns;

static int64_t fake_now(void *context)
{
    (void)context;
    return now_ns;
}

static int fake_wait(void *context, int64_t until_ns)
{
    (void)context;
    now_ns = until_ns;
    return 0;
}

static const alert_power_law LAW = {
    .idle_w = 10.0, .peak_w = 90.0, .exponent = 2.0, .compute = 0.7, .min_frequency = 0.25};
static const double CAP[CAPS] = {20.0, 40.0, 60.0, 90.0};
static const double WORK[MODELS] = {0.010, 0.020, 0.040}; /* seconds, quiet and at full speed */
static const double ACCURACY[MODELS] = {0.60, 0.70, 0.80};
static const double DEADLINE = 0.150;

static alert_power *package(void)
{
    alert_power *p = NULL;
    alert_power_clock clock = {.now_ns = fake_now, .wait_ns = fake_wait};
    EXPECT(alert_power_open_emulated(&p, &LAW, &clock, NULL) == 0);
    return p;
}

static double joules(alert_power *p)
{
    double energy_j = -1.0;
    EXPECT(alert_power_energy(p, &energy_j, NULL) == 0);
    return energy_j;
}

/* Runs a model under a cap while everything is `contention` times as slow. */
static void run(alert_power *p, size_t model, double cap_w, double contention, double *latency_s,
                double *energy_j)
{
    EXPECT(alert_power_set_cap(p, cap_w, NULL) == 0);
    double before = joules(p);
    int64_t begun = now_ns;
    alert_power_begin(p);
    now_ns += (int64_t)(WORK[model] * contention * 1e9);
    EXPECT(alert_power_pace(p, true) == 0);
    *latency_s = (double)(now_ns - begun) * 1e-9;
    *energy_j = joules(p) - before;
}

static alert_profile *measure(alert_power *p)
{
    double latency[MODELS * CAPS], power[MODELS * CAPS], energy;
    alert_profile *profile = NULL;
    for (size_t i = 0; i < MODELS; i++)
        for (size_t j = 0; j < CAPS; j++) {
            run(p, i, CAP[j], 1.0, &latency[i * CAPS + j], &energy);
            power[i * CAPS + j] = energy / latency[i * CAPS + j];
            EXPECT(power[i * CAPS + j] <= CAP[j] * (1.0 + 1e-6));
        }
    alert_profile_data data = {.models = MODELS,
                               .caps = CAPS,
                               .latency_s = latency,
                               .power_w = power,
                               .accuracy = ACCURACY,
                               .power_cap_w = CAP,
                               .idle_power_w = LAW.idle_w};
    EXPECT(alert_profile_new(&profile, &data, NULL) == 0);
    return profile;
}

/* What one phase of the stream came to. */
typedef struct phase {
    size_t late;
    double slowdown, cap_w, accuracy; /* at its end */
} phase;

static phase run_phase(alert_power *p, alert_scheduler *s, double contention)
{
    alert_decision d;
    alert_decision *next = &d;
    phase result = {0};
    alert_scheduler_decision(s, next);
    for (int i = 0; i < PHASE; i++) {
        alert_measurement m = {.has_energy = true};
        int64_t begun = now_ns;
        run(p, d.model, d.power_cap_w, contention, &m.latency_s, &m.energy_j);
        result.late += m.latency_s > DEADLINE;
        result.cap_w = d.power_cap_w;
        result.accuracy = ACCURACY[d.model];
        EXPECT(alert_scheduler_step(s, &m, next, NULL) == 0);
        int64_t due = begun + (int64_t)(DEADLINE * 1e9);
        now_ns = due > now_ns ? due : now_ns;
    }
    double std;
    alert_scheduler_slowdown(s, &result.slowdown, &std);
    return result;
}

int main(void)
{
    alert_power *p = package();
    alert_profile *profile = measure(p);
    alert_goal goal = {.objective = ALERT_MIN_ENERGY,
                       .deadline_s = DEADLINE,
                       .bound = 0.69,
                       .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};
    alert_options options = {
        .constants = alert_constants_default(), .hold_inputs = 1, .history_capacity = INPUTS};
    alert_scheduler *s = NULL;
    EXPECT(alert_scheduler_new(&s, profile, &goal, &options, NULL) == 0);

    phase quiet = run_phase(p, s, 1.0);
    phase busy = run_phase(p, s, 3.0);
    phase again = run_phase(p, s, 1.0);

    EXPECT_NEAR(quiet.slowdown, 1.0, 1e-4);
    EXPECT_NEAR(busy.slowdown, 3.0, 1e-4); /* the estimate follows */
    EXPECT_NEAR(again.slowdown, 1.0, 1e-4);
    EXPECT(busy.cap_w > quiet.cap_w); /* and the choice follows the estimate */
    EXPECT(again.cap_w == quiet.cap_w && again.accuracy == quiet.accuracy);
    EXPECT(quiet.accuracy >= goal.bound && busy.accuracy >= goal.bound);
    EXPECT(quiet.late == 0 && again.late == 0); /* and deadlines are kept, */
    EXPECT(busy.late <= 1); /* but for the input that was the first to meet it */

    static alert_history_entry record[INPUTS];
    EXPECT(alert_scheduler_history_length(s) == INPUTS);
    alert_scheduler_history(s, INPUTS, record);
    for (size_t i = 0; i < INPUTS; i++) /* a cap is kept to, whatever the load */
        EXPECT(record[i].energy_j <= record[i].power_cap_w * record[i].latency_s * (1.0 + 1e-6));
    alert_scheduler_free(s);
    alert_profile_unref(profile);
    EXPECT(alert_power_close(p, NULL) == 0);
    return expect_failures != 0;
}
