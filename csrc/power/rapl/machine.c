/* machine.c - finding the packages of a machine, their twins and their memory, by name. */
#include "power/rapl/machine.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONTROL   "intel-rapl" /* AMD's counters appear under this name too */
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

alert_rapl_zone *alert_rapl_zone_at(const alert_rapl *r, size_t index)
{
    return (alert_rapl_zone *)alert_part_at(&r->device, index);
}

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
static int add_zone(alert_rapl *r, const char *directory, bool (*wanted)(const char *),
                    alert_power_error *error)
{
    if (alert_parts_reserve(&r->device, r->device.parts + 1) != 0)
        return alert_power_fail(error, ENOMEM, directory, "out of memory", "");
    alert_rapl_zone *z = alert_rapl_zone_at(r, r->device.parts);
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
static int add_children(alert_rapl *r, const char *directory, const char *prefix,
                        bool (*wanted)(const char *), alert_power_error *error)
{
    char path[sizeof alert_rapl_zone_at(r, 0)->path];
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

static void keep_package(alert_rapl *r, int package)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->device.parts; i++)
        if (package_of(alert_rapl_zone_at(r, i)->name) == package)
            *alert_rapl_zone_at(r, kept++) = *alert_rapl_zone_at(r, i);
        else
            alert_rapl_zone_close(&alert_rapl_zone_at(r, i)->part);
    r->device.parts = kept;
}

static void find_twins(alert_rapl *r, const char *root)
{
    char path[sizeof alert_rapl_zone_at(r, 0)->path];
    for (size_t i = 0; i < r->packages; i++)
        for (int n = 0; n < TWINS_MAX; n++) {
            int size = snprintf(path, sizeof path, "%s/" TWIN "/" TWIN ":%d", root, n);
            if (size < (int)sizeof path)
                alert_rapl_zone_add_twin(alert_rapl_zone_at(r, i), path);
        }
}

/* On some AMD machines every die shows the counter of its whole package. */
static void find_mirrors(alert_rapl *r)
{
    for (size_t i = 0; i < r->packages; i++)
        for (size_t j = 0; j < i; j++) {
            alert_rapl_zone *a = alert_rapl_zone_at(r, j), *b = alert_rapl_zone_at(r, i);
            if (package_of(a->name) != package_of(b->name))
                continue;
            double a_j = alert_rapl_zone_counter_j(a), b_j = alert_rapl_zone_counter_j(b);
            b->mirrors = b->mirrors || fabs(a_j - b_j) <= MIRROR_J; /* false for NaN */
        }
}

/* Adds the zones right under a control type. */
static int add_zones(alert_rapl *r, const char *root, const char *control,
                     bool (*wanted)(const char *), alert_power_error *error)
{
    char path[sizeof alert_rapl_zone_at(r, 0)->path];
    int size = snprintf(path, sizeof path, "%s/%s", root, control);
    return size < (int)sizeof path ? add_children(r, path, control, wanted, error)
                                   : too_long(path, error);
}

int alert_rapl_find_packages(alert_rapl *r, const char *root, int package, alert_power_error *error)
{
    char control[sizeof alert_rapl_zone_at(r, 0)->path];
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
static int add_dram(alert_rapl *r, const char *directory, alert_power_error *error)
{
    char path[sizeof alert_rapl_zone_at(r, 0)->path];
    (void)snprintf(path, sizeof path, "%s", directory); /* zones move as they grow */
    return add_children(r, path, strrchr(path, '/') + 1, is_dram, error);
}

/* Says it where the joules will be those of the packages alone. */
static void tell_of_dram(alert_rapl *r, const char *root)
{
    alert_power_error *notice = &r->device.notice;
    for (size_t i = r->packages; i < r->device.parts; i++) {
        const alert_power_error *lack = &alert_rapl_zone_at(r, i)->part.read_missing;
        if (lack->code)
            *notice = *lack;
    }
    if (r->device.parts == r->packages)
        (void)alert_power_fail(notice, ENOENT, root, NO_MEMORY, "");
}

int alert_rapl_find_dram(alert_rapl *r, const char *root, bool all, alert_power_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < r->packages && !rc; i++) {
        size_t before = r->device.parts;
        rc = add_dram(r, alert_rapl_zone_at(r, i)->path, error);
        if (!rc && r->device.parts == before && alert_rapl_zone_at(r, i)->twin_path[0])
            rc = add_dram(r, alert_rapl_zone_at(r, i)->twin_path, error);
    }
    if (!rc && all && r->device.parts == r->packages)
        (void)!add_zones(r, root, CONTROL, is_dram, NULL); /* which the twin alone may have */
    if (!rc)
        tell_of_dram(r, root);
    return rc;
}
