/* test_estimate.c - distributions, regimes, filters and the window, without a scheduler. */
#include "core/estimate/kalman.h"
#include "core/estimate/normal.h"
#include "core/estimate/regimes.h"
#include "core/ranges.h"
#include "core/window.h"
#include "expect.h"

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

int main(void)
{
    test_the_normal_distribution();
    test_longer_runs_are_done_less_often();
    test_slices_are_lost_whole();
    test_regimes_keep_their_invariants(30.0);
    test_regimes_keep_their_invariants(1e-310);
    test_first_steps_of_the_filters();
    test_filters_keep_their_invariants();
    test_the_window();
    return expect_failures != 0;
}
