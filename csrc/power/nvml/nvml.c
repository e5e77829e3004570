/* nvml.c - the NVIDIA GPUs of a machine as one device, through NVIDIA's management library. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "power/nvml/gpu.h"
#include "power/options.h"
#include "power/parts.h"

#define MILLI 1e-3
/* Cards of the last generations take some tens of milliseconds to reach a new limit; the library does not tell.
 * [ours] */
#define SETTLE_S 0.1
#define GPUS_MAX 256

typedef struct nvml_options {
    alert_numbers gpus;        /* indices, as nvidia-smi counts; none: all of the machine */
    double switch_cost_s;      /* what one change of the cap costs the caller; NaN: measured */
    double settle_s;           /* from a change of the cap until it acts */
    alert_numbers cap_range_w; /* of all GPUs together; none: up to the limits found */
} nvml_options;

typedef struct nvml {
    alert_parts device;
    alert_nvml api;
} nvml;

static alert_nvml_gpu *gpu_at(const nvml *n, size_t index)
{
    return (alert_nvml_gpu *)alert_part_at(&n->device, index);
}

static int add_gpu(nvml *n, unsigned index, unsigned count, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    bool twice = false;
    for (size_t i = 0; i < n->device.parts; i++)
        twice = twice || gpu_at(n, i)->index == index;
    if (index >= count || twice) {
        (void)snprintf(why, sizeof why, "expected indices below %u, each once, got %u", count,
                       index);
        return alert_power_refuse(error, EINVAL, "gpus", why);
    }
    int rc = alert_nvml_gpu_open(gpu_at(n, n->device.parts), &n->api, index, error);
    n->device.parts += rc == 0;
    return rc;
}

static int find_gpus(nvml *n, alert_numbers chosen, alert_power_error *error)
{
    unsigned count = 0;
    int code = n->api.count(&count);
    if (code)
        return alert_nvml_fail(&n->api, code, "NVML", NULL, error);
    if (count == 0)
        return alert_power_fail(error, ENODEV, "NVML", "the driver shows no GPU",
                                "in a container, start it with the GPUs: `--gpus all`");
    size_t wanted = chosen.count ? chosen.count : count;
    if (alert_parts_reserve(&n->device, wanted) != 0)
        return alert_power_fail(error, ENOMEM, "nvml", "out of memory", "");
    int rc = 0;
    for (size_t i = 0; i < wanted && !rc; i++)
        rc = add_gpu(n, (unsigned)(chosen.count ? chosen.value[i] : (double)i), count, error);
    return rc;
}

static int check_cap_range(const nvml *n, alert_numbers range, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    double least_w = 0.0, most_w = 0.0;
    for (size_t i = 0; i < n->device.parts; i++) {
        least_w += gpu_at(n, i)->least_mw * MILLI;
        most_w += gpu_at(n, i)->most_mw * MILLI;
    }
    const double *w = range.value;
    if (range.count == 0 || !n->device.can_cap ||
        (w[0] >= least_w && w[1] > w[0] && w[1] <= most_w)) /* false for NaN */
        return 0;
    (void)snprintf(why, sizeof why,
                   "expected two numbers of watts, %g <= low < high <= %g, got %g and %g", least_w,
                   most_w, w[0], w[1]);
    return alert_power_refuse(error, EINVAL, "cap_range", why);
}

/* The highest cap of a GPU: its limit found, or where a range is given the driver's constraint. */
static double top_w(const alert_nvml_gpu *g, bool given)
{
    uint64_t found_mw = g->part.setting[0].own.found;
    return (given || found_mw > g->most_mw ? g->most_mw : (double)found_mw) * MILLI;
}

/* Each GPU's share lies as far up between its lowest and highest cap as the cap between their sums. */
static void learn_shares(nvml *n, const nvml_options *o)
{
    alert_parts *d = &n->device;
    bool given = o->cap_range_w.count > 0;
    double low_w = 0.0, high_w = 0.0;
    for (size_t i = 0; i < d->parts; i++) {
        low_w += gpu_at(n, i)->least_mw * MILLI;
        high_w += top_w(gpu_at(n, i), given);
    }
    for (size_t i = 0; i < d->parts; i++) {
        alert_nvml_gpu *g = gpu_at(n, i);
        g->part.base = g->least_mw * MILLI;
        g->part.weight = high_w > low_w ? (top_w(g, given) - g->part.base) / (high_w - low_w) : 0.0;
        g->part.settle_s = o->settle_s;
    }
    d->cap_min = given ? o->cap_range_w.value[0] : low_w;
    d->cap_max = given ? o->cap_range_w.value[1] : high_w;
}

static void free_library(alert_parts *d, bool owner)
{
    nvml *n = (nvml *)d;
    if (owner) /* a forked child has no connection to the driver */
        alert_nvml_unload(&n->api);
    free(n);
}

#define FIELD(name) offsetof(nvml_options, name)
static const alert_power_option_row OPTION[] = {
    {"gpus", ALERT_OPTION_INDICES, "1 to 256 indices", (double)NAN, 1.0, GPUS_MAX, FIELD(gpus)},
    {"switch_cost", ALERT_OPTION_NUMBER, "a number of seconds from 0 to 1000", (double)NAN, 0.0,
     1000.0, FIELD(switch_cost_s)},
    {"settle", ALERT_OPTION_NUMBER, "a number of seconds from 0 to 1000", SETTLE_S, 0.0, 1000.0,
     FIELD(settle_s)},
    {"cap_range", ALERT_OPTION_RANGE, "two numbers of watts", (double)NAN, 2.0, 2.0,
     FIELD(cap_range_w)},
};

static const alert_power_kind KIND = {.name = "nvml",
                                      .unit = "W",
                                      .parts = "gpus",
                                      .gives_back = true,
                                      .option = OPTION,
                                      .options = sizeof OPTION / sizeof *OPTION};

static const alert_part_ops GPUS = {
    .kind = &KIND,
    .size = sizeof(alert_nvml_gpu),
    .own = alert_nvml_gpu_own,
    .set = alert_nvml_gpu_set,
    .get = alert_nvml_gpu_get,
    .energy = alert_nvml_gpu_energy,
    .fail = alert_nvml_gpu_fail,
    .describe = alert_nvml_gpu_describe,
    .close = alert_nvml_gpu_close,
    .free = free_library,
};

static int open_nvml(alert_power **out, const void *options,
                     const alert_give_back_options *give_back, alert_power_error *error)
{
    const nvml_options *o = options;
    nvml *n = calloc(1, sizeof *n);
    if (!n)
        return alert_power_fail(error, ENOMEM, "nvml", "out of memory", "");
    alert_parts_begin(&n->device, &GPUS, give_back);
    n->device.tick_s = ALERT_NVML_TICK_S;
    n->device.switch_cost_s = o->switch_cost_s;
    int rc = alert_nvml_load(&n->api, error);
    if (!rc)
        rc = find_gpus(n, o->gpus, error);
    if (!rc)
        rc = alert_parts_learn(&n->device, error);
    if (!rc)
        rc = check_cap_range(n, o->cap_range_w, error);
    if (!rc)
        learn_shares(n, o);
    return alert_parts_end(out, &n->device, rc, error);
}

const alert_backend ALERT_NVML = {
    .kind = &KIND,
    .size = sizeof(nvml_options),
    .open = open_nvml,
    .give_back = alert_nvml_give_back,
};
