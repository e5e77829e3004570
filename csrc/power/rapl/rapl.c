/* rapl.c - the packages of a machine as one device, through libpowercap. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/give_back/watchdog_start.h"
#include "power/power.h"
#include "power/rapl/zone.h"

#define DEFAULT_ROOT "/sys/class/powercap"
#define CONTROL      "intel-rapl" /* AMD's counters appear under this name too */
/* No machine is capped below this much a package, whatever it says it can do. */
#define LEAST_W 1.0
/* The kernel's counter ticks about once a millisecond. */
#define TICK_S    1e-3
#define TWIN      "intel-rapl-mmio"
#define TWINS_MAX 8
#define NO_RAPL                                                                                    \
    "on the machine itself try `modprobe intel_rapl_msr`; virtual machines and containers have "   \
    "no "                                                                                          \
    "RAPL"
/* Two reads of one counter differ by no more than what a package draws between two ticks. */
#define MIRROR_J 0.5

typedef struct rapl {
    alert_powercap api;
    alert_rapl_options options;
    alert_rapl_zone *zone; /* packages first, then dram */
    size_t zones, packages;
    double found_w; /* sum of the packages' limits: the shares of a cap are those found */
    bool can_cap, can_read;
    char watchdog[512], journal[400]; /* empty for none */
    alert_guard guard;
} rapl;

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

/* Adds the zone in `directory` when it is wanted. Where that cannot be told, a part of the machine might stay
 * without the cap, and nobody would hear of it. */
static int add_zone(rapl *r, const char *directory, bool (*wanted)(const char *),
                    alert_power_error *error)
{
    alert_rapl_zone *grown = realloc(r->zone, (r->zones + 1) * sizeof *grown);
    if (!grown)
        return alert_power_fail(error, ENOMEM, directory, "out of memory", "");
    r->zone = grown;
    alert_rapl_zone *z = &r->zone[r->zones];
    int rc = alert_rapl_zone_open(z, &r->api, directory);
    if (rc == 0 && wanted(z->name)) {
        r->zones++;
        return 0;
    }
    alert_rapl_zone_close(z);
    return rc == 0 || rc == -ENOENT ? 0
                                    : alert_power_fail(error, -rc, directory, strerror(-rc), "");
}

static int too_long(const char *path, alert_power_error *error)
{
    return alert_power_fail(error, ENAMETOOLONG, path, strerror(ENAMETOOLONG), "");
}

/* The zones among the children of `directory`, whose names begin with `prefix` and a colon. Zones sit one
 * inside the other: "intel-rapl/intel-rapl:0/intel-rapl:0:1". */
static int add_children(rapl *r, const char *directory, const char *prefix,
                        bool (*wanted)(const char *), alert_power_error *error)
{
    char path[sizeof r->zone->path];
    size_t length = strlen(prefix);
    int rc = 0;
    DIR *d = opendir(directory);
    if (!d)
        return alert_power_fail(error, errno, directory, strerror(errno), NO_RAPL);
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
    for (size_t i = 0; i < r->zones; i++)
        if (package_of(r->zone[i].name) == package)
            r->zone[kept++] = r->zone[i];
        else
            alert_rapl_zone_close(&r->zone[i]);
    r->zones = kept;
}

static void find_twins(rapl *r, const char *root)
{
    char path[sizeof r->zone->path];
    for (size_t i = 0; i < r->packages; i++)
        for (int n = 0; n < TWINS_MAX; n++) {
            int size = snprintf(path, sizeof path, "%s/" TWIN "/" TWIN ":%d", root, n);
            if (size < (int)sizeof path)
                alert_rapl_zone_add_twin(&r->zone[i], path);
        }
}

/* On some AMD machines every die shows the counter of its whole package. */
static void find_mirrors(rapl *r)
{
    double a_j, b_j;
    for (size_t i = 0; i < r->packages; i++)
        for (size_t j = 0; j < i; j++) {
            alert_rapl_zone *a = &r->zone[j], *b = &r->zone[i];
            if (package_of(a->name) != package_of(b->name))
                continue;
            a_j = alert_rapl_zone_counter_j(a);
            b_j = alert_rapl_zone_counter_j(b);
            b->mirrors = b->mirrors || fabs(a_j - b_j) <= MIRROR_J; /* false for NaN */
        }
}

static int discover(rapl *r, const char *root, alert_power_error *error)
{
    char control[sizeof r->zone->path], path[sizeof r->zone->path];
    int size = snprintf(control, sizeof control, "%s/" CONTROL, root);
    int rc = size < (int)sizeof control ? add_children(r, control, CONTROL, is_package, error)
                                        : too_long(control, error);
    if (rc)
        return rc;
    if (r->zones == 0)
        return alert_power_fail(error, ENOENT, control, "no package among its zones", NO_RAPL);
    if (r->options.package >= 0)
        keep_package(r, r->options.package);
    if (r->zones == 0)
        return alert_power_fail(error, ENOENT, control, "no package of that number", "");
    r->packages = r->zones;
    qsort(r->zone, r->packages, sizeof *r->zone, by_name);
    find_twins(r, root);
    find_mirrors(r);
    for (size_t i = 0; r->options.dram && i < r->packages; i++) {
        (void)snprintf(path, sizeof path, "%s",
                       r->zone[i].path); /* the zones move as they grow in number */
        rc = add_children(r, path, strrchr(path, '/') + 1, is_dram, error);
        if (rc)
            return rc;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------ functions */

static void rapl_traits(const void *device, alert_power_traits *out)
{
    const rapl *r = device;
    double least_w = 0.0, settle_s = 0.0;
    for (size_t i = 0; i < r->packages; i++) {
        least_w += fmax(r->zone[i].min_power_w, LEAST_W);
        settle_s = fmax(settle_s, alert_rapl_zone_settle_s(&r->zone[i]));
    }
    *out = (alert_power_traits){.kind = "rapl",
                                .can_cap = r->can_cap && !r->options.observe,
                                .can_read = r->can_read,
                                .tick_s = TICK_S};
    if (!r->can_cap)
        return;
    bool given = r->options.cap_max_w > 0.0;
    out->cap_min_w = given ? r->options.cap_min_w : fmin(least_w, r->found_w);
    out->cap_max_w = given ? r->options.cap_max_w : r->found_w;
    out->settle_s = r->zone[0].prepared ? settle_s : fmax(r->options.window_s, 0.0);
}

static const alert_power_error *missing(const alert_rapl_zone *z, bool caps)
{
    return caps ? &z->cap_missing : &z->read_missing;
}

/* Hands on the first thing missing for caps, or for energy: there is one. */
static int say_missing(const rapl *r, bool caps, alert_power_error *error)
{
    const alert_rapl_zone *z = r->zone;
    while (!missing(z, caps)->code)
        z++;
    return alert_power_hand_on(error, missing(z, caps));
}

/* Before the first write. Without a guard the cap is put all the same, and the caller hears of it. */
static void start_guard(rapl *r, alert_power_error *notice)
{
    if (alert_guard_new(&r->guard, r->journal, r->packages * ALERT_RAPL_ENTRIES, notice) != 0)
        return;
    for (size_t i = 0; i < r->packages; i++)
        alert_rapl_zone_guard(&r->zone[i], &r->guard.journal->entry[i * ALERT_RAPL_ENTRIES]);
    (void)alert_guard_arm(&r->guard, r->watchdog[0] ? r->watchdog : NULL, notice);
}

static int rapl_set_cap(void *device, double cap_w, alert_power_error *notice,
                        alert_power_error *error)
{
    rapl *r = device;
    if (!r->can_cap)
        return say_missing(r, true, error);
    if (r->options.observe)
        return alert_power_fail(error, EPERM, "power cap", "the device was opened to observe only",
                                "");
    if (r->journal[0] && !r->guard.journal && !r->zone[0].prepared)
        start_guard(r, notice);
    for (size_t i = 0; i < r->packages; i++) {
        double share_w = cap_w * r->zone[i].found_w / r->found_w;
        int rc = alert_rapl_zone_cap(&r->zone[i], share_w, r->options.window_s, notice, error);
        if (rc)
            return rc;
    }
    return 0;
}

static int rapl_cap(void *device, double *cap_w, alert_power_error *error)
{
    const rapl *r = device;
    double sum_w = 0.0, limit_w;
    for (size_t i = 0; i < r->packages; i++) {
        int rc = alert_rapl_zone_limit(&r->zone[i], &limit_w, error);
        if (rc)
            return rc;
        sum_w += limit_w;
    }
    *cap_w = sum_w;
    return 0;
}

static int rapl_energy(void *device, double *energy_j, alert_power_error *error)
{
    rapl *r = device;
    double sum_j = 0.0, zone_j;
    if (!r->can_read)
        return say_missing(r, false, error);
    for (size_t i = 0; i < r->zones; i++) {
        if (r->zone[i].mirrors || !r->zone[i].can_read) /* dram: packages can all be read here */
            continue;
        int rc = alert_rapl_zone_energy(&r->zone[i], &zone_j, error);
        if (rc)
            return rc;
        sum_j += zone_j;
    }
    *energy_j = sum_j;
    return 0;
}

static int rapl_close(void *device, bool owner, alert_power_error *error)
{
    rapl *r = device;
    int first = 0;
    for (size_t i = 0; owner && i < r->packages; i++) {
        int rc = alert_rapl_zone_give_back(&r->zone[i], first ? NULL : error);
        first = first ? first : rc;
    }
    alert_guard_free(&r->guard, owner, first == 0);
    for (size_t i = 0; i < r->zones; i++) {
        if (owner)
            alert_rapl_zone_disown(&r->zone[i]);
        alert_rapl_zone_close(&r->zone[i]);
    }
    free(r->zone);
    alert_powercap_unload(&r->api);
    free(r);
    return first;
}

static const alert_power_ops RAPL = {
    .traits = rapl_traits,
    .set_cap = rapl_set_cap,
    .cap = rapl_cap,
    .energy = rapl_energy,
    .close = rapl_close,
};

/* -------------------------------------------------------------------------------------------- opening */

alert_rapl_options alert_rapl_options_default(void)
{
    /* 10 ms is short beside most inferences and long beside RAPL's control loop of about 1 ms. [ours] */
    return (alert_rapl_options){.root = DEFAULT_ROOT, .package = -1, .window_s = 0.01};
}

static int check_options(const alert_rapl_options *o, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    bool range_ok = (o->cap_min_w == 0.0 && o->cap_max_w == 0.0) ||
                    (o->cap_min_w > 0.0 && o->cap_max_w > o->cap_min_w && o->cap_max_w <= 1e6);
    if (!range_ok) {
        (void)snprintf(why, sizeof why,
                       "expected two numbers of watts, 0 < low < high <= 1e6, got %g and %g",
                       o->cap_min_w, o->cap_max_w);
        return alert_power_refuse(error, EINVAL, "cap_range", why);
    }
    if (!(o->window_s >= 0.0 && o->window_s <= 1000.0)) {
        (void)snprintf(why, sizeof why, "expected a number of seconds from 0 to 1000, got %g",
                       o->window_s);
        return alert_power_refuse(error, EINVAL, "window", why);
    }
    return 0;
}

static int learn_abilities(rapl *r, alert_power_error *error)
{
    r->can_cap = r->can_read = true;
    for (size_t i = 0; i < r->packages; i++) {
        alert_rapl_zone *z = &r->zone[i];
        if (!r->options.observe) {
            int rc = alert_rapl_zone_own(z, error);
            if (rc)
                return rc;
            alert_rapl_zone_try(z);
        }
        r->can_cap = r->can_cap && z->can_cap;
        r->can_read = r->can_read && z->can_read;
        z->found_w = alert_rapl_zone_in_force_w(z);
        r->found_w += z->found_w;
    }
    if (r->can_cap || r->can_read || r->options.observe)
        return 0;
    int rc = say_missing(r, true, error);
    /* Where there is nothing to cap by nature, what is missing is the right to read. */
    return rc == -ENOENT ? say_missing(r, false, error) : rc;
}

static int open_machine(rapl *r, alert_power_error *error)
{
    const char *root = r->options.root ? r->options.root : DEFAULT_ROOT;
    int rc = alert_powercap_load(&r->api, error);
    if (!rc && r->journal[0] &&
        !r->options.observe) /* what a dead process has left is no limit found */
        (void)!alert_power_restore(r->journal, NULL, NULL);
    if (!rc)
        rc = discover(r, root, error);
    return rc ? rc : learn_abilities(r, error);
}

int alert_power_open_rapl(alert_power **out, const alert_rapl_options *options,
                          alert_power_error *error)
{
    int rc = check_options(options, error);
    if (rc)
        return rc;
    rapl *r = calloc(1, sizeof *r);
    if (!r)
        return alert_power_fail(error, ENOMEM, "rapl device", "out of memory", "");
    r->options = *options;
    (void)snprintf(r->watchdog, sizeof r->watchdog, "%s",
                   options->watchdog ? options->watchdog : "");
    (void)snprintf(r->journal, sizeof r->journal, "%s", options->journal ? options->journal : "");
    rc = open_machine(r, error);
    r->options.root = r->options.watchdog = r->options.journal = NULL; /* the caller's strings */
    if (rc) {
        (void)rapl_close(r, true, NULL); /* the zones owned so far are free again */
        return rc;
    }
    rc = alert_power_new(out, &RAPL, r);
    return rc ? alert_power_fail(error, -rc, "rapl device", "out of memory", "") : 0;
}

size_t alert_power_rapl_zones(const alert_power *p)
{
    const rapl *r = alert_power_device(p, &RAPL);
    return r ? r->zones : 0;
}

void alert_power_rapl_zone(const alert_power *p, size_t index, alert_rapl_zone_info *out)
{
    const rapl *r = alert_power_device(p, &RAPL);
    alert_rapl_zone_describe(&r->zone[index], out);
}
