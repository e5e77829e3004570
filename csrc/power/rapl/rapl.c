/* rapl.c - the packages of a machine as one device, through libpowercap. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "power/options.h"
#include "power/parts.h"
#include "power/rapl/machine.h"

#define DEFAULT_ROOT "/sys/class/powercap"
/* No machine is capped below this much a package, whatever it says it can do. */
#define LEAST_W 1.0

typedef struct rapl_options {
    const char *root; /* of the powercap tree */
    int package;      /* one package only; -1 for all of them */
    bool dram;        /* count the energy of dram too */
    double window_s;  /* averaging window asked for with the first cap; 0 leaves the one found */
    alert_numbers cap_range_w; /* for the whole machine; none: from the machine */
} rapl_options;

/* -------------------------------------------------------------------------------------------- opening */

static int check_cap_range(alert_numbers range, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    const double *w = range.value;
    if (range.count == 0 || (w[0] > 0.0 && w[1] > w[0] && w[1] <= 1e6)) /* false for NaN */
        return 0;
    (void)snprintf(why, sizeof why,
                   "expected two numbers of watts, 0 < low < high <= 1e6, got %g and %g", w[0],
                   w[1]);
    return alert_power_refuse(error, EINVAL, "cap_range", why);
}

/* Who is capped and who is counted. Packages that can be read are; dram where it can be. */
static void divide_work(alert_rapl *r, double window_s)
{
    for (size_t i = 0; i < r->device.parts; i++) {
        alert_rapl_zone *z = alert_rapl_zone_at(r, i);
        z->part.caps = i < r->packages;
        z->part.counts = z->part.caps ? !z->mirrors : z->part.read_missing.code == 0;
        z->window_s = window_s;
    }
}

/* The shares of a cap are those of the limits found. */
static void learn_shares(alert_rapl *r, const rapl_options *o)
{
    alert_parts *d = &r->device;
    double least_w = 0.0, found_w = 0.0;
    for (size_t i = 0; i < r->packages; i++) {
        alert_rapl_zone *z = alert_rapl_zone_at(r, i);
        z->found_w = alert_rapl_zone_in_force_w(z);
        found_w += z->found_w;
        if (d->can_cap && !o->cap_range_w.count)
            alert_rapl_zone_doubt_range(z);
        least_w += fmax(z->min_power_w, LEAST_W);
    }
    for (size_t i = 0; i < r->packages && d->can_cap; i++) {
        alert_rapl_zone_at(r, i)->part.weight = alert_rapl_zone_at(r, i)->found_w / found_w;
        alert_rapl_zone_at(r, i)->part.settle_s = o->window_s;
    }
    d->cap_min = o->cap_range_w.count ? o->cap_range_w.value[0] : fmin(least_w, found_w);
    d->cap_max = o->cap_range_w.count ? o->cap_range_w.value[1] : found_w;
}

static void free_machine(alert_parts *d, bool owner)
{
    (void)owner;
    alert_rapl *r = (alert_rapl *)d;
    alert_powercap_unload(&r->api);
    free(r);
}

#define FIELD(name) offsetof(rapl_options, name)
static const alert_power_option_row OPTION[] = {
    {"root", ALERT_OPTION_TEXT, "a path", (double)NAN, 0.0, 0.0, FIELD(root)},
    {"package", ALERT_OPTION_WHOLE, "a number >= 0", -1.0, 0.0, INT_MAX, FIELD(package)},
    {"dram", ALERT_OPTION_FLAG, "0 or 1", 0.0, 0.0, 1.0, FIELD(dram)},
    /* 10 ms is short beside most inferences and long beside RAPL's control loop of about 1 ms. [ours] */
    {"window", ALERT_OPTION_NUMBER, "a number of seconds from 0 to 1000", 0.01, 0.0, 1000.0,
     FIELD(window_s)},
    {"cap_range", ALERT_OPTION_RANGE, "two numbers of watts", (double)NAN, 2.0, 2.0,
     FIELD(cap_range_w)},
};

static const alert_power_kind KIND = {.name = "rapl",
                                      .unit = "W",
                                      .parts = "zones",
                                      .gives_back = true,
                                      .option = OPTION,
                                      .options = sizeof OPTION / sizeof *OPTION};

static const alert_part_ops ZONES = {
    .kind = &KIND,
    .size = sizeof(alert_rapl_zone),
    .own = alert_rapl_zone_own,
    .set = alert_rapl_zone_set,
    .get = alert_rapl_zone_get,
    .energy = alert_rapl_zone_energy,
    .fail = alert_rapl_setting_fail,
    .describe = alert_rapl_zone_describe,
    .close = alert_rapl_zone_close,
    .free = free_machine,
};

static int open_rapl(alert_power **out, const void *options,
                     const alert_give_back_options *give_back, alert_power_error *error)
{
    const rapl_options *o = options;
    const char *root = o->root ? o->root : DEFAULT_ROOT;
    int rc = check_cap_range(o->cap_range_w, error);
    if (rc)
        return rc;
    alert_rapl *r = calloc(1, sizeof *r);
    if (!r)
        return alert_power_fail(error, ENOMEM, "rapl", "out of memory", "");
    alert_parts_begin(&r->device, &ZONES, give_back);
    r->device.tick_s = ALERT_RAPL_TICK_S;
    rc = alert_powercap_load(&r->api, error);
    if (!rc)
        rc = alert_rapl_find_packages(r, root, o->package, error);
    if (!rc && o->dram)
        rc = alert_rapl_find_dram(r, root, o->package < 0, error);
    divide_work(r, o->window_s);
    if (!rc)
        rc = alert_parts_learn(&r->device, error);
    if (!rc)
        learn_shares(r, o);
    return alert_parts_end(out, &r->device, rc, error);
}

const alert_backend ALERT_RAPL = {
    .kind = &KIND,
    .size = sizeof(rapl_options),
    .open = open_rapl,
    .give_back = alert_rapl_give_back,
};
