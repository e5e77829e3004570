/* emulated.c - a package that exists as a law only, by pacing real work (equations in alert_power.h). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "power/backends.h"
#include "power/options.h"
#include "power/power.h"

/* A sleep wakes up late: beside other work, by a time slice of some milliseconds. So the end of a wait is spun. A real
 * package that its cap slows down is busy all along, too. */
#define SPIN_NS       5000000
#define PEAK_EXPECTED "a number of watts > idle_power and <= 1e9"

typedef struct emulated {
    alert_power_law law;
    alert_power_clock clock;
    double cap_w;
    double stretch;  /* time at this cap / time at the highest frequency, >= 1 */
    double busy_w;   /* drawn by work under this cap */
    double energy_j; /* drawn up to mark_ns */
    int64_t mark_ns;
    int64_t due_ns; /* when the work being paced is done; 0 when nothing is */
    bool busy;      /* work has run since mark_ns */
} emulated;

/* ---------------------------------------------------------------------------------------------- clock */

static int64_t system_now_ns(void *context)
{
    (void)context;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int system_wait_ns(void *context, int64_t until_ns)
{
    int64_t sleep_ns = until_ns - SPIN_NS;
    if (sleep_ns > system_now_ns(context)) {
        struct timespec t = {.tv_sec = (time_t)(sleep_ns / 1000000000),
                             .tv_nsec = (long)(sleep_ns % 1000000000)};
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
            return -EINTR;
    }
    while (system_now_ns(context) < until_ns)
        ;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ law */

#define FIELD(name) offsetof(alert_power_law, name)
#define ROWS        (sizeof OPTION / sizeof *OPTION)
/* A laptop-sized package. The exponent lies between 2 (voltage nearly fixed) and 3 (voltage proportional to the
 * frequency). A memory share of 0.3 is between a network bound by its matrix products and one bound by its weights.
 * [ours] */
static const alert_power_option_row OPTION[] = {
    {"idle_power", ALERT_OPTION_NUMBER, "a number of watts >= 0 and <= 1e9", 5.0, 0.0, 1e9,
     FIELD(idle_w)},
    {"peak_power", ALERT_OPTION_NUMBER, PEAK_EXPECTED, 25.0, 0.0, 1e9, FIELD(peak_w)},
    {"exponent", ALERT_OPTION_NUMBER, "a number from 1 to 5", 2.5, 1.0, 5.0, FIELD(exponent)},
    {"compute", ALERT_OPTION_NUMBER, "a number from 0 to 1", 0.7, 0.0, 1.0, FIELD(compute)},
    {"min_frequency", ALERT_OPTION_NUMBER, "a number from 0.01 to 1", 0.3, 0.01, 1.0,
     FIELD(min_frequency)},
};

static const alert_power_kind KIND = {
    .name = "emulated", .unit = "W", .option = OPTION, .options = ROWS};

static double power_at(const alert_power_law *law, double frequency)
{
    return law->idle_w + (law->peak_w - law->idle_w) * pow(frequency, law->exponent);
}

static void apply(emulated *e, double cap_w)
{
    const alert_power_law *law = &e->law;
    double f = pow((cap_w - law->idle_w) / (law->peak_w - law->idle_w), 1.0 / law->exponent);
    f = fmin(fmax(f, law->min_frequency), 1.0);
    e->cap_w = cap_w;
    e->stretch = law->compute / f + 1.0 - law->compute;
    e->busy_w = power_at(law, f);
}

static int check_law(const alert_power_law *law, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    int rc = alert_options_check(OPTION, ROWS, law, error);
    if (rc || law->peak_w > law->idle_w)
        return rc;
    (void)snprintf(why, sizeof why, "expected " PEAK_EXPECTED ", got %.12g", law->peak_w);
    return alert_power_refuse(error, EINVAL, "peak_power", why);
}

/* ------------------------------------------------------------------------------------------- accounts */

/* Joules from mark_ns to now_ns. */
static double since_mark(const emulated *e, int64_t now_ns)
{
    int64_t busy_ns = 0;
    if (e->busy) /* a wait that overslept the end of paced work was idle */
        busy_ns = (e->due_ns > 0 && e->due_ns < now_ns ? e->due_ns : now_ns) - e->mark_ns;
    int64_t idle_ns = now_ns - e->mark_ns - busy_ns;
    return (e->busy_w * (double)busy_ns + e->law.idle_w * (double)idle_ns) * 1e-9;
}

static void book(emulated *e, int64_t now_ns, bool busy)
{
    e->energy_j += since_mark(e, now_ns);
    e->mark_ns = now_ns;
    e->due_ns = 0;
    e->busy = busy;
}

/* ------------------------------------------------------------------------------------------ functions */

static void emulated_traits(const void *device, alert_power_traits *out)
{
    const emulated *e = device;
    *out = (alert_power_traits){.kind = KIND.name,
                                .unit = KIND.unit,
                                .emulated = true,
                                .can_cap = true,
                                .can_read = true,
                                .cap_min = power_at(&e->law, e->law.min_frequency),
                                .cap_max = e->law.peak_w};
}

static void emulated_begin(void *device)
{
    emulated *e = device;
    book(e, e->clock.now_ns(e->clock.context), true);
}

/* Work may go on after a pace without another begin: then the time since the mark was work all along. Energy read in
 * between took that time for idle, which draws less, so that energy never runs backwards. */
static int emulated_pace(void *device, bool wait)
{
    emulated *e = device;
    int64_t now_ns = e->clock.now_ns(e->clock.context);
    if (e->due_ns == 0) {
        e->busy = true;
        e->due_ns = e->mark_ns + (int64_t)llround((double)(now_ns - e->mark_ns) * e->stretch);
    }
    if (now_ns < e->due_ns) {
        if (!wait)
            return -EAGAIN;
        int rc = e->clock.wait_ns(e->clock.context, e->due_ns);
        if (rc)
            return rc;
        now_ns = e->clock.now_ns(e->clock.context);
    }
    book(e, now_ns, false);
    return 0;
}

static int emulated_set_cap(void *device, double cap_w, alert_power_error *notice,
                            alert_power_error *error)
{
    (void)notice;
    (void)error;
    emulated *e = device;
    if (e->busy) { /* the work so far ran under the old cap, and takes its time under that cap */
        int rc = emulated_pace(e, true);
        if (rc)
            return rc;
        e->busy = true;
    }
    apply(e, cap_w);
    return 0;
}

/* Found was the highest frequency. */
static int emulated_release(void *device, alert_power_error *error)
{
    return emulated_set_cap(device, ((const emulated *)device)->law.peak_w, NULL, error);
}

static int emulated_cap(void *device, double *cap_w, alert_power_error *error)
{
    (void)error;
    *cap_w = ((const emulated *)device)->cap_w;
    return 0;
}

static int emulated_energy(void *device, double *energy_j, alert_power_error *notice,
                           alert_power_error *error)
{
    (void)notice;
    (void)error;
    const emulated *e = device;
    *energy_j = e->energy_j + since_mark(e, e->clock.now_ns(e->clock.context));
    return 0;
}

static int emulated_close(void *device, bool owner, alert_power_error *error)
{
    (void)owner, (void)error;
    free(device);
    return 0;
}

static const alert_power_ops EMULATED = {
    .traits = emulated_traits,
    .set_cap = emulated_set_cap,
    .release = emulated_release,
    .cap = emulated_cap,
    .energy = emulated_energy,
    .begin = emulated_begin,
    .pace = emulated_pace,
    .close = emulated_close,
};

int alert_power_open_emulated(alert_power **out, const alert_power_law *law,
                              const alert_power_clock *clock, alert_power_error *error)
{
    int rc = check_law(law, error);
    if (rc)
        return rc;
    emulated *e = calloc(1, sizeof *e);
    if (!e)
        return alert_power_fail(error, ENOMEM, "emulated device", "out of memory", "");
    e->law = *law;
    e->clock =
        clock ? *clock : (alert_power_clock){.now_ns = system_now_ns, .wait_ns = system_wait_ns};
    e->mark_ns = e->clock.now_ns(e->clock.context);
    apply(e, law->peak_w);
    rc = alert_power_new(out, &EMULATED, e);
    return rc ? alert_power_fail(error, -rc, "emulated device", "out of memory", "") : 0;
}

static int open_emulated(alert_power **out, const void *options,
                         const alert_give_back_options *give_back, alert_power_error *error)
{
    (void)give_back; /* it changes nothing */
    return alert_power_open_emulated(out, options, NULL, error);
}

const alert_backend ALERT_EMULATED = {
    .kind = &KIND, .size = sizeof(alert_power_law), .open = open_emulated};
