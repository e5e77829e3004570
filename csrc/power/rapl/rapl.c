/* rapl.c - the packages of a machine as one device, through libpowercap. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "power/options.h"
#include "power/parts.h"
#include "power/rapl/zone.h"

#define DEFAULT_ROOT "/sys/class/powercap"
#define CONTROL      "intel-rapl" /* AMD's counters appear under this name too */
/* No machine is capped below this much a package, whatever it says it can do. */
#define LEAST_W   1.0
#define TWIN      "intel-rapl-mmio"
#define TWINS_MAX 8
#define NO_RAPL                                                                                    \
    "on the machine itself try `modprobe intel_rapl_msr`; virtual machines and containers "        \
    "have no RAPL"
#define HIDDEN                                                                                     \
    "this container hides RAPL: start it with `--privileged`, or with "                            \
    "`-v /sys/devices/virtual/powercap:/powercap` and open with root='/powercap'"
#define NO_MEMORY "memory is not metered here: dram=True counts nothing"
/* Two reads of one counter differ by no more than what a package draws between two ticks. */
#define MIRROR_J 0.5

typedef struct rapl_options {
    const char *root; /* of the powercap tree */
    int package;      /* one package only; -1 for all of them */
    bool dram;        /* count the energy of dram too */
    double window_s;  /* averaging window asked for with the first cap; 0 leaves the one found */
    alert_numbers cap_range_w; /* for the whole machine; none: from the machine */
} rapl_options;

typedef struct rapl {
    alert_parts device; /* its parts are packages first, then dram */
    alert_powercap api;
    size_t packages;
} rapl;

static alert_rapl_zone *zone_at(const rapl *r, size_t index)
{
    return (alert_rapl_zone *)alert_part_at(&r->device, index);
}

/* ------------------------------------------------------------------------------------------ discovery */

/* The N of "package-N" and "package-N-die-M"; negative for other names. */
static int package_of(const char *name)
{
    int package, die, end = 0;
    if (sscanf(name, "package-%d%n", &package, &end) != 1)
        return -1;
    if (name[end] == '\0')
        return package;
    const char *rest = name + end;
    end = 0;
    return sscanf(rest, "-die-%d%n", &die, &end) == 1 && rest[end] == '\0' ? package : -1;
}

static bool is_package(const char *name)
{
    return package_of(name) >= 0;
}

/* Adds the zone in `directory` when it is wanted. A zone whose name cannot be read is a failure: a part of the machine
 * might silently stay without the cap. */
static int add_zone(rapl *r, const char *directory, bool (*wanted)(const char *),
                    alert_power_error *error)
{
    if (alert_parts_reserve(&r->device, r->device.parts + 1) != 0)
        return alert_power_fail(error, ENOMEM, directory, "out of memory", "");
    alert_rapl_zone *z = zone_at(r, r->device.parts);
    int rc = alert_rapl_zone_open(z, &r->api, directory);
    if (rc == 0 && wanted(z->name)) {
        r->device.parts++;
        return 0;
    }
    alert_rapl_zone_close(&z->part);
    return rc == 0 || rc == -ENOENT ? 0
                                    : alert_power_fail(error, -rc, directory, strerror(-rc), "");
}

static int too_long(const char *path, alert_power_error *error)
{
    return alert_power_fail(error, ENAMETOOLONG, path, strerror(ENAMETOOLONG), "");
}

/* A masked control type is a link that leads nowhere, or a folder without anything in it. Where the kernel has no zones,
 * its files are there all the same. */
static const char *remedy_for(const char *control)
{
    struct stat is;
    bool linked = lstat(control, &is) == 0;
    DIR *d = opendir(control);
    if (!d)
        return linked && errno == ENOENT ? HIDDEN : NO_RAPL;
    size_t entries = 0;
    while (readdir(d))
        entries++;
    (void)closedir(d);
    return entries <= 2 ? HIDDEN : NO_RAPL; /* "." and ".." */
}

/* Adds the zones among the children of `directory`, whose names begin with `prefix` and a colon. Zones lie one inside
 * the other: "intel-rapl/intel-rapl:0/intel-rapl:0:1". */
static int add_children(rapl *r, const char *directory, const char *prefix,
                        bool (*wanted)(const char *), alert_power_error *error)
{
    char path[sizeof zone_at(r, 0)->path];
    size_t length = strlen(prefix);
    int rc = 0;
    DIR *d = opendir(directory);
    if (!d) {
        int code = errno;
        return alert_power_fail(error, code, directory, strerror(code), remedy_for(directory));
    }
    for (struct dirent *entry = readdir(d); entry && rc == 0; entry = readdir(d)) {
        if (strncmp(entry->d_name, prefix, length) != 0 || entry->d_name[length] != ':')
            continue;
        int size = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        rc = size < (int)sizeof path ? add_zone(r, path, wanted, error) : too_long(path, error);
    }
    (void)closedir(d);
    return rc;
}

static bool is_dram(const char *name)
{
    return strcmp(name, "dram") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const alert_rapl_zone *)a)->name, ((const alert_rapl_zone *)b)->name);
}

static void keep_package(rapl *r, int package)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->device.parts; i++)
        if (package_of(zone_at(r, i)->name) == package)
            *zone_at(r, kept++) = *zone_at(r, i);
        else
            alert_rapl_zone_close(&zone_at(r, i)->part);
    r->device.parts = kept;
}

static void find_twins(rapl *r, const char *root)
{
    char path[sizeof zone_at(r, 0)->path];
    for (size_t i = 0; i < r->packages; i++)
        for (int n = 0; n < TWINS_MAX; n++) {
            int size = snprintf(path, sizeof path, "%s/" TWIN "/" TWIN ":%d", root, n);
            if (size < (int)sizeof path)
                alert_rapl_zone_add_twin(zone_at(r, i), path);
        }
}

/* On some AMD machines every die shows the counter of its whole package. */
static void find_mirrors(rapl *r)
{
    for (size_t i = 0; i < r->packages; i++)
        for (size_t j = 0; j < i; j++) {
            alert_rapl_zone *a = zone_at(r, j), *b = zone_at(r, i);
            if (package_of(a->name) != package_of(b->name))
                continue;
            double a_j = alert_rapl_zone_counter_j(a), b_j = alert_rapl_zone_counter_j(b);
            b->mirrors = b->mirrors || fabs(a_j - b_j) <= MIRROR_J; /* false for NaN */
        }
}

/* Adds the zones right under a control type. */
static int add_zones(rapl *r, const char *root, const char *control, bool (*wanted)(const char *),
                     alert_power_error *error)
{
    char path[sizeof zone_at(r, 0)->path];
    int size = snprintf(path, sizeof path, "%s/%s", root, control);
    return size < (int)sizeof path ? add_children(r, path, control, wanted, error)
                                   : too_long(path, error);
}

/* The packages are those of `control`, or of its twin where nothing else shows them: where the driver of the MSRs is not
 * loaded, say. */
static int find_packages(rapl *r, const char *root, int package, alert_power_error *error)
{
    char control[sizeof zone_at(r, 0)->path];
    int rc = add_zones(r, root, CONTROL, is_package, error);
    bool twins = r->device.parts > 0;
    if (!twins && (rc == 0 || rc == -ENOENT) && add_zones(r, root, TWIN, is_package, NULL) == 0)
        rc = r->device.parts > 0 ? 0 : rc;
    if (rc)
        return rc;
    (void)snprintf(control, sizeof control, "%s/" CONTROL, root);
    if (r->device.parts == 0)
        return alert_power_fail(error, ENOENT, control, "no package among its zones",
                                remedy_for(control));
    if (package >= 0)
        keep_package(r, package);
    if (r->device.parts == 0)
        return alert_power_fail(error, ENOENT, control, "no package of that number", "");
    r->packages = r->device.parts;
    qsort(r->device.part, r->packages, sizeof(alert_rapl_zone), by_name);
    if (twins)
        find_twins(r, root);
    find_mirrors(r);
    return 0;
}

/* Adds the memory under a zone. */
static int add_dram(rapl *r, const char *directory, alert_power_error *error)
{
    char path[sizeof zone_at(r, 0)->path];
    (void)snprintf(path, sizeof path, "%s", directory); /* zones move as they grow */
    return add_children(r, path, strrchr(path, '/') + 1, is_dram, error);
}

/* Memory is metered under its package, under the package's twin, or beside the packages. */
static int find_dram(rapl *r, const char *root, bool all, alert_power_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < r->packages && !rc; i++) {
        size_t before = r->device.parts;
        rc = add_dram(r, zone_at(r, i)->path, error);
        if (!rc && r->device.parts == before && zone_at(r, i)->twin_path[0])
            rc = add_dram(r, zone_at(r, i)->twin_path, error);
    }
    if (!rc && all && r->device.parts == r->packages)
        (void)!add_zones(r, root, CONTROL, is_dram, NULL); /* which the twin alone may have */
    return rc;
}

/* Says it where the joules will be those of the packages alone. */
static void tell_of_dram(rapl *r, const char *root)
{
    alert_power_error *notice = &r->device.notice;
    for (size_t i = r->packages; i < r->device.parts; i++) {
        const alert_power_error *lack = &zone_at(r, i)->part.read_missing;
        if (lack->code)
            *notice = *lack;
    }
    if (r->device.parts == r->packages)
        (void)alert_power_fail(notice, ENOENT, root, NO_MEMORY, "");
}

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
static void divide_work(rapl *r, double window_s)
{
    for (size_t i = 0; i < r->device.parts; i++) {
        alert_rapl_zone *z = zone_at(r, i);
        z->part.caps = i < r->packages;
        z->part.counts = z->part.caps ? !z->mirrors : z->part.read_missing.code == 0;
        z->window_s = window_s;
    }
}

/* The shares of a cap are those of the limits found. */
static void learn_shares(rapl *r, const rapl_options *o)
{
    alert_parts *d = &r->device;
    double least_w = 0.0, found_w = 0.0;
    for (size_t i = 0; i < r->packages; i++) {
        alert_rapl_zone *z = zone_at(r, i);
        z->found_w = alert_rapl_zone_in_force_w(z);
        found_w += z->found_w;
        if (d->can_cap && !o->cap_range_w.count)
            alert_rapl_zone_doubt_range(z);
        least_w += fmax(z->min_power_w, LEAST_W);
    }
    for (size_t i = 0; i < r->packages && d->can_cap; i++) {
        zone_at(r, i)->part.weight = zone_at(r, i)->found_w / found_w;
        zone_at(r, i)->part.settle_s = o->window_s;
    }
    d->cap_min_w = o->cap_range_w.count ? o->cap_range_w.value[0] : fmin(least_w, found_w);
    d->cap_max_w = o->cap_range_w.count ? o->cap_range_w.value[1] : found_w;
}

static void free_machine(alert_parts *d, bool owner)
{
    (void)owner;
    rapl *r = (rapl *)d;
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
    rapl *r = calloc(1, sizeof *r);
    if (!r)
        return alert_power_fail(error, ENOMEM, "rapl", "out of memory", "");
    alert_parts_begin(&r->device, &ZONES, give_back);
    r->device.tick_s = ALERT_RAPL_TICK_S;
    rc = alert_powercap_load(&r->api, error);
    if (!rc)
        rc = find_packages(r, root, o->package, error);
    if (!rc && o->dram)
        rc = find_dram(r, root, o->package < 0, error);
    if (!rc && o->dram)
        tell_of_dram(r, root);
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
