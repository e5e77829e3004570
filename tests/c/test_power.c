/* The dispatch of power.c over a device that fails on demand, and the emulated package on a clock that
 * stands still until the test moves it. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alert_power.h"
#include "expect.h"
#include "power/power.h"

/* ----------------------------------------------------------------------------------------- emulated */

typedef struct fake_clock {
    int64_t now_ns;
    int64_t overslept_ns; /* every wait ends that much late */
    int interrupts;       /* waits still to be interrupted half-way */
} fake_clock;

static int64_t fake_now(void *context)
{
    return ((fake_clock *)context)->now_ns;
}

static int fake_wait(void *context, int64_t until_ns)
{
    fake_clock *c = context;
    if (c->interrupts > 0) {
        c->interrupts--;
        c->now_ns += (until_ns - c->now_ns) / 2;
        return -EINTR;
    }
    c->now_ns = until_ns + c->overslept_ns;
    return 0;
}

/* Idle 10 W, peak 90 W, quadratic, half compute: at half frequency 30 W and 1.5 times the time. */
static const alert_power_law LAW = {
    .idle_w = 10.0, .peak_w = 90.0, .exponent = 2.0, .compute = 0.5, .min_frequency = 0.25};

#define HALF_W 30.0
#define SECOND INT64_C(1000000000)

static alert_power *open_on(fake_clock *clock)
{
    alert_power *p = NULL;
    alert_power_clock c = {.now_ns = fake_now, .wait_ns = fake_wait, .context = clock};
    EXPECT(alert_power_open_emulated(&p, &LAW, &c, NULL) == 0);
    return p;
}

static double energy_of(alert_power *p)
{
    double energy_j = -1.0;
    EXPECT(alert_power_energy(p, &energy_j, NULL) == 0);
    return energy_j;
}

static void test_idle_and_full_speed(void)
{
    fake_clock clock = {0};
    alert_power *p = open_on(&clock);
    clock.now_ns += 2 * SECOND;
    EXPECT_NEAR(energy_of(p), 20.0, 1e-9);
    alert_power_begin(p);
    clock.now_ns += SECOND;
    EXPECT_NEAR(energy_of(p), 110.0, 1e-9);
    EXPECT(alert_power_pace(p, false) == 0); /* nothing to wait for at full speed */
    EXPECT(clock.now_ns == 3 * SECOND);
    clock.now_ns += SECOND;
    EXPECT_NEAR(energy_of(p), 120.0, 1e-9);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_a_cap_stretches_work(void)
{
    fake_clock clock = {0};
    double cap_w;
    alert_power *p = open_on(&clock);
    EXPECT(alert_power_set_cap(p, HALF_W, NULL) == 0);
    EXPECT(alert_power_cap(p, &cap_w, NULL) == 0 && cap_w == HALF_W);
    alert_power_begin(p);
    clock.now_ns += 2 * SECOND;
    EXPECT(alert_power_pace(p, false) == -EAGAIN);
    EXPECT(clock.now_ns == 2 * SECOND);
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT(clock.now_ns == 3 * SECOND); /* 2 s x 1.5 */
    EXPECT_NEAR(energy_of(p), 90.0, 1e-9);
    clock.now_ns += SECOND;
    EXPECT_NEAR(energy_of(p), 100.0, 1e-9);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_an_interrupted_wait_goes_on(void)
{
    fake_clock clock = {.interrupts = 3};
    alert_power *p = open_on(&clock);
    EXPECT(alert_power_set_cap(p, HALF_W, NULL) == 0);
    alert_power_begin(p);
    clock.now_ns += 2 * SECOND;
    for (int i = 0; i < 3; i++)
        EXPECT(alert_power_pace(p, true) == -EINTR);
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT(clock.now_ns == 3 * SECOND);
    EXPECT_NEAR(energy_of(p), 90.0, 1e-9);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_oversleeping_is_idle_time(void)
{
    fake_clock clock = {.overslept_ns = SECOND};
    alert_power *p = open_on(&clock);
    EXPECT(alert_power_set_cap(p, HALF_W, NULL) == 0);
    alert_power_begin(p);
    clock.now_ns += 2 * SECOND;
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT_NEAR(energy_of(p), 100.0, 1e-9); /* 3 s at 30 W, 1 s at 10 W */
    EXPECT(alert_power_close(p, NULL) == 0);
}

/* The exits of an anytime model: work goes on after a pace. */
static void test_paces_follow_one_another(void)
{
    fake_clock clock = {0};
    alert_power *p = open_on(&clock);
    EXPECT(alert_power_set_cap(p, HALF_W, NULL) == 0);
    alert_power_begin(p);
    for (int exit = 1; exit <= 3; exit++) {
        double before_j = energy_of(p);
        clock.now_ns += SECOND;
        EXPECT(energy_of(p) >= before_j);
        EXPECT(alert_power_pace(p, true) == 0);
        EXPECT(clock.now_ns == exit * 3 * SECOND / 2);
        EXPECT_NEAR(energy_of(p), exit * 45.0, 1e-9);
    }
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_work_left_unpaced_is_counted(void)
{
    fake_clock clock = {0};
    alert_power *p = open_on(&clock);
    alert_power_begin(p);
    clock.now_ns += SECOND;
    alert_power_begin(p); /* the first model raised, say */
    clock.now_ns += SECOND;
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT_NEAR(energy_of(p), 180.0, 1e-9);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static double cap_of(alert_power *p)
{
    double cap_w = 0.0;
    EXPECT(alert_power_cap(p, &cap_w, NULL) == 0);
    return cap_w;
}

static void test_cap_changed_in_the_middle_of_work(void)
{
    fake_clock clock = {.interrupts = 1};
    alert_power *p = open_on(&clock);
    EXPECT(alert_power_set_cap(p, HALF_W, NULL) == 0);
    alert_power_begin(p);
    clock.now_ns += 2 * SECOND;
    alert_power_error error = {0};
    EXPECT(alert_power_set_cap(p, 90.0, &error) ==
           -EINTR); /* the work so far still takes its 3 s */
    EXPECT(error.code == 0 && cap_of(p) == HALF_W);
    EXPECT(alert_power_set_cap(p, 90.0, &error) == 0);
    EXPECT(clock.now_ns == 3 * SECOND);
    clock.now_ns += SECOND;
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT(clock.now_ns == 4 * SECOND);
    EXPECT_NEAR(energy_of(p), 180.0, 1e-9);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_range(void)
{
    fake_clock clock = {0};
    alert_power_traits about;
    alert_power_error error = {0};
    alert_power *p = open_on(&clock);
    alert_power_about(p, &about);
    EXPECT(about.emulated && about.can_cap && about.can_read);
    EXPECT_NEAR(about.cap_min, 15.0, 1e-12); /* a quarter of the frequency */
    EXPECT(about.cap_max == 90.0);
    const double bad[] = {14.9, 90.1, 0.0, -30.0, (double)NAN, HUGE_VAL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(alert_power_set_cap(p, bad[i], &error) == -ERANGE);
        EXPECT(strcmp(error.where, "power_cap") == 0);
    }
    double cap_w;
    EXPECT(alert_power_cap(p, &cap_w, NULL) == 0 && cap_w == 90.0);
    EXPECT(alert_power_set_cap(p, about.cap_min, NULL) == 0);
    alert_power_begin(p);
    clock.now_ns += SECOND;
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT(clock.now_ns == 5 * SECOND / 2); /* 0.5 / 0.25 + 0.5 */
    EXPECT_NEAR(energy_of(p), 37.5, 1e-9);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_bad_laws(void)
{
    const struct {
        alert_power_law law;
        const char *name;
    } bad[] = {
        {{-1, 90, 2, 0.5, 0.25}, "idle_power"},   {{(double)NAN, 90, 2, 0.5, 0.25}, "idle_power"},
        {{10, 10, 2, 0.5, 0.25}, "peak_power"},   {{10, HUGE_VAL, 2, 0.5, 0.25}, "peak_power"},
        {{10, 90, 0.5, 0.5, 0.25}, "exponent"},   {{10, 90, 2, 1.1, 0.25}, "compute"},
        {{10, 90, 2, 0.5, 0.0}, "min_frequency"}, {{10, 90, 2, 0.5, 1.5}, "min_frequency"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        alert_power *p = NULL;
        alert_power_error error = {0};
        EXPECT(alert_power_open_emulated(&p, &bad[i].law, NULL, &error) == -EINVAL);
        EXPECT(p == NULL && strcmp(error.where, bad[i].name) == 0);
    }
}

/* ----------------------------------------------------------------------------------------- dispatch */

typedef struct stub {
    int writes, closes, owner_closes, fail, note;
    const char *noted; /* where */
    bool cannot_cap;
    double cap_w;
} stub;

static void stub_traits(const void *device, alert_power_traits *out)
{
    *out = (alert_power_traits){.kind = "stub",
                                .unit = "W",
                                .can_cap = !((const stub *)device)->cannot_cap,
                                .can_read = true,
                                .cap_min = 10.0,
                                .cap_max = 20.0};
}

static int stub_set_cap(void *device, double cap_w, alert_power_error *notice,
                        alert_power_error *error)
{
    stub *s = device;
    s->writes++;
    if (s->fail) {
        error->code = s->fail;
        return -s->fail;
    }
    if (s->note)
        (void)alert_power_fail(notice, s->note, s->noted, "", "");
    s->cap_w = cap_w;
    return 0;
}

static int stub_cap(void *device, double *cap_w, alert_power_error *error)
{
    (void)error;
    *cap_w = ((stub *)device)->cap_w;
    return 0;
}

static int stub_energy(void *device, double *energy_j, alert_power_error *notice,
                       alert_power_error *error)
{
    (void)notice;
    (void)device;
    (void)error;
    *energy_j = 1.0;
    return 0;
}

static int stub_close(void *device, bool owner, alert_power_error *error)
{
    (void)error;
    ((stub *)device)->closes++;
    ((stub *)device)->owner_closes += owner;
    return 0;
}

static const alert_power_ops STUB = {.traits = stub_traits,
                                     .set_cap = stub_set_cap,
                                     .cap = stub_cap,
                                     .energy = stub_energy,
                                     .close = stub_close};

static void test_the_same_cap_is_written_once(void)
{
    stub s = {0};
    alert_power *p = NULL;
    EXPECT(alert_power_new(&p, &STUB, &s) == 0);
    for (int i = 0; i < 3; i++)
        EXPECT(alert_power_set_cap(p, 15.0, NULL) == 0);
    EXPECT(s.writes == 1);
    EXPECT(alert_power_set_cap(p, 16.0, NULL) == 0);
    EXPECT(alert_power_set_cap(p, 15.0, NULL) == 0);
    EXPECT(s.writes == 3);
    EXPECT(alert_power_set_cap(p, 20.0 + 1e-10, NULL) == 0); /* a rounding error above the range */
    EXPECT(s.cap_w == 20.0);
    alert_power_begin(p);
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT(alert_power_close(p, NULL) == 0);
    EXPECT(s.closes == 1 && s.owner_closes == 1);
}

static void test_a_refused_cap_is_not_tried_again(void)
{
    stub s = {.fail = EIO};
    alert_power *p = NULL;
    alert_power_error error = {0};
    alert_power_traits about;
    EXPECT(alert_power_new(&p, &STUB, &s) == 0);
    EXPECT(alert_power_set_cap(p, 15.0, &error) == -EIO && error.code == EIO);
    EXPECT(alert_power_set_cap(p, 16.0, &error) == -EIO);
    EXPECT(s.writes == 1);
    EXPECT(alert_power_set_cap(p, 99.0, &error) == -ERANGE);
    alert_power_about(p, &about);
    EXPECT(!about.can_cap);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_a_notice_is_given_once(void)
{
    stub s = {.note = ENODATA, .noted = "package-0"};
    alert_power *p = NULL;
    alert_power_error notice = {0};
    EXPECT(alert_power_new(&p, &STUB, &s) == 0);
    EXPECT(!alert_power_notice(p, &notice));
    EXPECT(alert_power_set_cap(p, 15.0, NULL) == 0);
    EXPECT(alert_power_notice(p, &notice) && notice.code == ENODATA);
    EXPECT(!alert_power_notice(p, &notice));
    EXPECT(alert_power_set_cap(p, 16.0, NULL) == 0 && !alert_power_notice(p, &notice));
    s.noted = "package-1"; /* another matter */
    EXPECT(alert_power_set_cap(p, 17.0, NULL) == 0 && alert_power_notice(p, &notice));
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_a_forked_child_neither_caps_nor_gives_back(void)
{
    stub s = {0};
    alert_power *p = NULL;
    int status = -1;
    EXPECT(alert_power_new(&p, &STUB, &s) == 0);
    pid_t child = fork();
    if (child == 0) {
        double energy_j = 0.0;
        bool refused = alert_power_set_cap(p, 15.0, NULL) == -EPERM && s.writes == 0;
        bool readable = alert_power_energy(p, &energy_j, NULL) == 0;
        refused = alert_power_close(p, NULL) == 0 && refused;
        _exit(refused && readable && s.closes == 1 && s.owner_closes == 0 ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(alert_power_close(p, NULL) == 0);
    EXPECT(s.owner_closes == 1);
}

static void test_nothing_caps_and_reads_nothing(void)
{
    alert_power *p = NULL;
    alert_power_traits about;
    alert_power_error error = {0};
    double value = 1.0;
    const alert_power_option range = {"cap_range", NULL, (const double[]){1.0, 2.0}, 2};
    EXPECT(alert_power_open(&p, "none", &range, 1, &error) == -EINVAL);
    EXPECT(alert_power_open(&p, "none", NULL, 0, &error) == 0);
    alert_power_about(p, &about);
    EXPECT(strcmp(about.kind, "none") == 0 && !about.can_cap && !about.can_read && !about.emulated);
    EXPECT(alert_power_set_cap(p, 10.0, &error) == -EOPNOTSUPP && error.remedy[0]);
    EXPECT(alert_power_cap(p, &value, NULL) < 0);
    EXPECT(alert_power_energy(p, &value, &error) == -EOPNOTSUPP && value == 1.0);
    EXPECT(alert_power_release(p, NULL) == 0);
    alert_power_begin(p);
    EXPECT(alert_power_pace(p, true) == 0);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_a_release_lifts_an_emulated_cap(void)
{
    fake_clock clock = {0};
    alert_power *p = open_on(&clock);
    double cap;
    EXPECT(alert_power_set_cap(p, HALF_W, NULL) == 0);
    alert_power_begin(p);
    clock.now_ns += SECOND;
    EXPECT(alert_power_release(p, NULL) == 0); /* the work so far took its time under the cap */
    EXPECT(clock.now_ns == 3 * SECOND / 2);
    EXPECT(alert_power_cap(p, &cap, NULL) == 0 && cap == LAW.peak_w);
    EXPECT(alert_power_close(p, NULL) == 0);
}

int main(void)
{
    test_nothing_caps_and_reads_nothing();
    test_a_release_lifts_an_emulated_cap();
    test_idle_and_full_speed();
    test_a_cap_stretches_work();
    test_an_interrupted_wait_goes_on();
    test_oversleeping_is_idle_time();
    test_paces_follow_one_another();
    test_work_left_unpaced_is_counted();
    test_cap_changed_in_the_middle_of_work();
    test_range();
    test_bad_laws();
    test_the_same_cap_is_written_once();
    test_a_refused_cap_is_not_tried_again();
    test_a_notice_is_given_once();
    test_a_forked_child_neither_caps_nor_gives_back();
    return expect_failures != 0;
}
