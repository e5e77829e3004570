/* nvml.c - the NVIDIA GPUs of a machine as one device, through NVIDIA's management library. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "power/give_back/watchdog_start.h"
#include "power/nvml/gpu.h"
#include "power/power.h"

#define MILLI 1e-3
/* Cards of the last generations take some tens of milliseconds to reach a new limit, and step their energy
 * counters some tens of times a second; neither can be asked for. [ours] */
#define SETTLE_S 0.1
#define TICK_S   0.02
/* Weight of one change of the cap in the average of what it costs. */
#define COST_WEIGHT 0.25

typedef struct nvml {
    alert_nvml api;
    alert_nvml_options options;
    alert_nvml_gpu *gpu;
    size_t gpus;
    bool can_cap, can_read;
    double switch_cost_s;
    char directory[400], watchdog[512]; /* empty for none */
    alert_guard guard;
} nvml;

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ------------------------------------------------------------------------------------------ functions */

static void nvml_traits(const void *device, alert_power_traits *out)
{
    const nvml *n = device;
    *out = (alert_power_traits){.kind = "nvml",
                                .can_cap = n->can_cap && !n->options.observe,
                                .can_read = n->can_read,
                                .switch_cost_s = n->switch_cost_s,
                                .settle_s = n->options.settle_s,
                                .tick_s = TICK_S};
    for (size_t i = 0; n->can_cap && i < n->gpus; i++) {
        out->cap_min_w += n->gpu[i].least_mw * MILLI;
        out->cap_max_w += n->gpu[i].most_mw * MILLI;
    }
}

static const alert_power_error *missing(const alert_nvml_gpu *g, bool caps)
{
    return caps ? &g->cap_missing : &g->read_missing;
}

/* Hands on the first thing missing for caps, or for energy: there is one. */
static int say_missing(const nvml *n, bool caps, alert_power_error *error)
{
    const alert_nvml_gpu *g = n->gpu;
    while (!missing(g, caps)->code)
        g++;
    return alert_power_hand_on(error, missing(g, caps));
}

/* Before the first write. Without a guard the cap is put all the same, and the caller hears of it. */
static void start_guard(nvml *n, alert_power_error *notice)
{
    if (alert_guard_new(&n->guard, n->directory, n->gpus, notice) != 0)
        return;
    for (size_t i = 0; i < n->gpus; i++)
        alert_nvml_gpu_guard(&n->gpu[i], &n->guard.journal->entry[i]);
    (void)alert_guard_arm(&n->guard, n->watchdog[0] ? n->watchdog : NULL, notice);
}

/* Each GPU's share lies as far up between its constraints as the cap does between their sums. */
static double share_w(const nvml *n, const alert_nvml_gpu *g, double cap_w)
{
    alert_power_traits t;
    nvml_traits(n, &t);
    double width_w = t.cap_max_w - t.cap_min_w;
    double height = width_w > 0.0 ? (cap_w - t.cap_min_w) / width_w : 0.0;
    return (g->least_mw + height * (g->most_mw - g->least_mw)) * MILLI;
}

static int nvml_set_cap(void *device, double cap_w, alert_power_error *notice,
                        alert_power_error *error)
{
    nvml *n = device;
    if (!n->can_cap)
        return say_missing(n, true, error);
    if (n->options.observe)
        return alert_power_fail(error, EPERM, "power cap", "the device was opened to observe only",
                                "");
    if (n->options.guard && !n->guard.journal && !n->gpu[0].capped)
        start_guard(n, notice);
    double begun_s = now_s();
    for (size_t i = 0; i < n->gpus; i++) {
        int rc = alert_nvml_gpu_cap(&n->gpu[i], share_w(n, &n->gpu[i], cap_w), notice, error);
        if (rc)
            return rc;
    }
    if (isnan(n->options.switch_cost_s))
        n->switch_cost_s += COST_WEIGHT * (now_s() - begun_s - n->switch_cost_s);
    return 0;
}

static int nvml_cap(void *device, double *cap_w, alert_power_error *error)
{
    const nvml *n = device;
    double sum_w = 0.0, limit_w;
    for (size_t i = 0; i < n->gpus; i++) {
        int rc = alert_nvml_gpu_limit(&n->gpu[i], &limit_w, error);
        if (rc)
            return rc;
        sum_w += limit_w;
    }
    *cap_w = sum_w;
    return 0;
}

static int nvml_energy(void *device, double *energy_j, alert_power_error *error)
{
    nvml *n = device;
    double sum_j = 0.0, gpu_j;
    if (!n->can_read)
        return say_missing(n, false, error);
    for (size_t i = 0; i < n->gpus; i++) {
        int rc = alert_nvml_gpu_energy(&n->gpu[i], &gpu_j, error);
        if (rc)
            return rc;
        sum_j += gpu_j;
    }
    *energy_j = sum_j;
    return 0;
}

static int nvml_close(void *device, bool owner, alert_power_error *error)
{
    nvml *n = device;
    int first = 0;
    for (size_t i = 0; owner && i < n->gpus; i++) {
        int rc = alert_nvml_gpu_give_back(&n->gpu[i], first ? NULL : error);
        first = first ? first : rc;
    }
    alert_guard_free(&n->guard, owner, first == 0);
    for (size_t i = 0; i < n->gpus; i++)
        alert_nvml_gpu_close(&n->gpu[i], owner);
    free(n->gpu);
    if (owner) /* the library's connection to the driver is not one of a forked child */
        alert_nvml_unload(&n->api);
    free(n);
    return first;
}

static const alert_power_ops NVML = {
    .traits = nvml_traits,
    .set_cap = nvml_set_cap,
    .cap = nvml_cap,
    .energy = nvml_energy,
    .close = nvml_close,
};

/* -------------------------------------------------------------------------------------------- opening */

alert_nvml_options alert_nvml_options_default(void)
{
    return (alert_nvml_options){.guard = true, .switch_cost_s = (double)NAN, .settle_s = SETTLE_S};
}

static int check_seconds(const char *name, double value, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    if (value >= 0.0 && value <= 1000.0) /* false for NaN */
        return 0;
    (void)snprintf(why, sizeof why, "expected a number of seconds from 0 to 1000, got %g", value);
    return alert_power_refuse(error, EINVAL, name, why);
}

static int add_gpu(nvml *n, unsigned index, unsigned count, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    bool twice = false;
    for (size_t i = 0; i < n->gpus; i++)
        twice = twice || n->gpu[i].index == index;
    if (index >= count || twice) {
        (void)snprintf(why, sizeof why, "expected indices below %u, each once, got %u", count,
                       index);
        return alert_power_refuse(error, EINVAL, "gpus", why);
    }
    int rc = alert_nvml_gpu_open(&n->gpu[n->gpus], &n->api, index, error);
    n->gpus += rc == 0;
    return rc;
}

static int find_gpus(nvml *n, alert_power_error *error)
{
    const alert_nvml_options *o = &n->options;
    unsigned count = 0;
    int code = n->api.count(&count);
    if (code)
        return alert_nvml_fail(&n->api, code, "NVML", NULL, error);
    if (count == 0)
        return alert_power_fail(error, ENODEV, "NVML", "the driver shows no GPU",
                                "in a container, start it with the GPUs: `--gpus all`");
    size_t wanted = o->gpus ? o->gpus : count;
    n->gpu = calloc(wanted, sizeof *n->gpu);
    if (!n->gpu)
        return alert_power_fail(error, ENOMEM, "nvml device", "out of memory", "");
    int rc = 0;
    for (size_t i = 0; i < wanted && !rc; i++)
        rc = add_gpu(n, o->gpus ? o->gpu[i] : (unsigned)i, count, error);
    return rc;
}

/* Owns what can be capped. Trying whether it can shows what it costs. */
static int learn_abilities(nvml *n, alert_power_error *error)
{
    double begun_s = now_s();
    n->can_cap = n->can_read = true;
    for (size_t i = 0; i < n->gpus; i++) {
        alert_nvml_gpu *g = &n->gpu[i];
        int rc = n->options.observe ? 0 : alert_nvml_gpu_own(g, n->directory, error);
        if (rc)
            return rc;
        n->can_cap = n->can_cap && g->can_cap;
        n->can_read = n->can_read && g->can_read;
    }
    double measured_s = n->can_cap && !n->options.observe ? now_s() - begun_s : 0.0;
    n->switch_cost_s = isnan(n->options.switch_cost_s) ? measured_s : n->options.switch_cost_s;
    return n->can_cap || n->can_read || n->options.observe ? 0 : say_missing(n, true, error);
}

static int open_machine(nvml *n, alert_power_error *error)
{
    int rc = alert_nvml_load(&n->api, error);
    if (!rc && n->options.guard &&
        !n->options.observe) /* what a dead process has left is no limit found */
        (void)!alert_power_restore(n->directory, NULL, NULL);
    if (!rc)
        rc = find_gpus(n, error);
    return rc ? rc : learn_abilities(n, error);
}

int alert_power_open_nvml(alert_power **out, const alert_nvml_options *options,
                          alert_power_error *error)
{
    bool given = !isnan(options->switch_cost_s);
    int rc = given ? check_seconds("switch_cost", options->switch_cost_s, error) : 0;
    if (!rc)
        rc = check_seconds("settle", options->settle_s, error);
    if (rc)
        return rc;
    nvml *n = calloc(1, sizeof *n);
    if (!n)
        return alert_power_fail(error, ENOMEM, "nvml device", "out of memory", "");
    n->options = *options;
    (void)snprintf(n->directory, sizeof n->directory, "%s", options->directory);
    (void)snprintf(n->watchdog, sizeof n->watchdog, "%s",
                   options->watchdog ? options->watchdog : "");
    rc = open_machine(n, error);
    n->options.gpu = NULL; /* the caller's */
    n->options.directory = n->options.watchdog = NULL;
    if (rc) {
        (void)nvml_close(n, true, NULL); /* the GPUs owned so far are free again */
        return rc;
    }
    rc = alert_power_new(out, &NVML, n);
    return rc ? alert_power_fail(error, -rc, "nvml device", "out of memory", "") : 0;
}

size_t alert_power_nvml_gpus(const alert_power *p)
{
    const nvml *n = alert_power_device(p, &NVML);
    return n ? n->gpus : 0;
}

void alert_power_nvml_gpu(const alert_power *p, size_t index, alert_nvml_gpu_info *out)
{
    const nvml *n = alert_power_device(p, &NVML);
    const alert_nvml_gpu *g = &n->gpu[index];
    bool limits = g->most_mw > 0;
    *out = (alert_nvml_gpu_info){.index = g->index,
                                 .can_cap = g->can_cap,
                                 .can_read = g->can_read,
                                 .limit_w = limits ? g->found_mw * MILLI : (double)NAN,
                                 .cap_min_w = limits ? g->least_mw * MILLI : (double)NAN,
                                 .cap_max_w = limits ? g->most_mw * MILLI : (double)NAN,
                                 .cap_missing = g->cap_missing,
                                 .read_missing = g->read_missing};
    (void)snprintf(out->name, sizeof out->name, "%s", g->name);
    (void)snprintf(out->uuid, sizeof out->uuid, "%s", g->uuid);
}
