#include "power/rapl/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power/power.h"

#define MICRO           1e-6
#define CONSTRAINTS_MAX 16

#define REMEDY_CAP "writing limits needs root, or the rule that `alert info` prints"
#define REMEDY_READ                                                                                \
    "energy is readable by root only since Linux 5.10 (CVE-2020-8694): run as root, grant "        \
    "CAP_DAC_READ_SEARCH, "                                                                        \
    "or install the rule that `alert info` prints"

/* ------------------------------------------------------------------------------------------- failures */

int alert_rapl_fail(const alert_rapl_zone *z, const char *file, int rc, const char *remedy,
                    alert_power_error *error)
{
    char where[sizeof z->path + ALERT_POWERCAP_FILE + 1];
    (void)snprintf(where, sizeof where, "%s/%s", z->path, file);
    return alert_power_fail(error, -rc, where, strerror(-rc), remedy);
}

int alert_rapl_cap_fail(const alert_rapl_zone *z, const alert_setting *s, int rc,
                        alert_power_error *error)
{
    const char *remedy = alert_power_is_permission(-rc) ? REMEDY_CAP
                         : -rc == ENODATA || -rc == EIO ? ALERT_RAPL_REMEDY_LOCK
                                                        : "";
    return alert_rapl_fail(z, s->file, rc, remedy, error);
}

/* ------------------------------------------------------------------------------------------ discovery */

static void trim(char *text)
{
    text[strcspn(text, "\n")] = '\0';
}

/* A descriptor of a zone's file, or -errno. */
static int open_zone_file(const alert_rapl_zone *z, int dirfd, powercap_zone_file which)
{
    char file[ALERT_POWERCAP_FILE];
    (void)z->api->zone_file_get_name(which, file, sizeof file);
    int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Likewise, of the constraint of that number. */
static int open_constraint_file(const alert_rapl_zone *z, int dirfd, uint32_t number,
                                powercap_constraint_file which)
{
    char file[ALERT_POWERCAP_FILE];
    (void)z->api->constraint_file_get_name(which, number, file, sizeof file);
    int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int read_zone_name(alert_rapl_zone *z, int dirfd)
{
    powercap_zone fd = {.name = open_zone_file(z, dirfd, POWERCAP_ZONE_FILE_NAME)};
    if (fd.name < 0)
        return fd.name;
    ssize_t size = z->api->zone_get_name(&fd, z->name, sizeof z->name);
    (void)close(fd.name);
    trim(z->name);
    return size < 0 ? (int)size : 0;
}

/* The constraint of that number: 0 with its name, or -errno; -ENOENT after the last one. */
static int read_constraint_name(const alert_rapl_zone *z, int dirfd, uint32_t number, char *name,
                                size_t size)
{
    powercap_constraint fd = {
        .name = open_constraint_file(z, dirfd, number, POWERCAP_CONSTRAINT_FILE_NAME)};
    if (fd.name < 0)
        return fd.name;
    ssize_t length = z->api->constraint_get_name(&fd, name, size);
    (void)close(fd.name);
    trim(name);
    return length < 0 ? (int)length : 0;
}

static int open_setting(const alert_rapl_zone *z, int dirfd, uint32_t number,
                        powercap_constraint_file which, alert_setting_kind kind, alert_setting *out)
{
    char file[ALERT_POWERCAP_FILE];
    (void)z->api->constraint_file_get_name(which, number, file, sizeof file);
    return alert_setting_open(out, z->api, kind, dirfd, file);
}

/* The lowest limit a constraint states, in watts; 0 where it states none worth believing. */
static double read_min_power_w(const alert_rapl_zone *z, int dirfd, uint32_t number)
{
    uint64_t least_uw = 0;
    powercap_constraint fd = {.min_power_uw = open_constraint_file(
                                  z, dirfd, number, POWERCAP_CONSTRAINT_FILE_MIN_POWER_UW)};
    if (fd.min_power_uw < 0)
        return 0.0;
    int rc = z->api->constraint_get_min_power_uw(&fd, &least_uw);
    (void)close(fd.min_power_uw);
    return rc ? 0.0 : (double)least_uw * MICRO;
}

/* Constraints come in any order and number (newer clients have a third, peak_power): they go by name. */
static void open_constraints(alert_rapl_zone *z, int dirfd)
{
    char name[64];
    int rc = -ENOENT, hidden = 0;
    for (uint32_t i = 0; i < CONSTRAINTS_MAX; i++) {
        int named = read_constraint_name(z, dirfd, i, name, sizeof name);
        if (named == -ENOENT)
            break;
        if (named < 0 && !hidden)
            hidden = named;
        if (named == 0 && strcmp(name, "long_term") == 0) {
            rc = open_setting(z, dirfd, i, POWERCAP_CONSTRAINT_FILE_POWER_LIMIT_UW,
                              ALERT_SETTING_LIMIT_UW, &z->long_term);
            (void)open_setting(z, dirfd, i, POWERCAP_CONSTRAINT_FILE_TIME_WINDOW_US,
                               ALERT_SETTING_WINDOW_US, &z->long_window);
            z->min_power_w = read_min_power_w(z, dirfd, i);
        } else if (named == 0 && strcmp(name, "short_term") == 0) {
            (void)open_setting(z, dirfd, i, POWERCAP_CONSTRAINT_FILE_POWER_LIMIT_UW,
                               ALERT_SETTING_LIMIT_UW, &z->short_term);
            (void)open_setting(z, dirfd, i, POWERCAP_CONSTRAINT_FILE_TIME_WINDOW_US,
                               ALERT_SETTING_WINDOW_US, &z->short_window);
        }
    }
    if (rc == -ENOENT && hidden) /* perhaps long_term's: some kernels show root alone the names */
        (void)alert_rapl_fail(z, "constraint_*_name", hidden,
                              alert_power_is_permission(-hidden) ? REMEDY_CAP : "",
                              &z->cap_missing);
    else if (rc == -ENOENT)
        (void)alert_power_fail(&z->cap_missing, ENOENT, z->path,
                               "no long_term constraint: this zone only counts energy", "");
    else if (rc == -EBADMSG)
        (void)alert_rapl_fail(z, z->long_term.file, rc,
                              "the limit found is 0 W or no number: the zone is not in use",
                              &z->cap_missing);
    else if (rc)
        (void)alert_rapl_cap_fail(z, &z->long_term, rc, &z->cap_missing);
    else if (!z->long_term.writable)
        (void)alert_rapl_cap_fail(z, &z->long_term, -EACCES, &z->cap_missing);
    z->can_cap = z->cap_missing.code == 0;
}

/* The library reads what is not a number as 0. A working counter shows exactly 0 once in 2^32 readings, and
 * then the next reading makes up for the one refused here. */
static int read_counter(const alert_rapl_zone *z, uint64_t *out)
{
    int rc = z->api->zone_get_energy_uj(&z->fd, out);
    return rc == 0 && *out == 0 ? -EBADMSG : rc;
}

static void open_counter(alert_rapl_zone *z, int dirfd)
{
    powercap_zone range = {.max_energy_range_uj =
                               open_zone_file(z, dirfd, POWERCAP_ZONE_FILE_MAX_ENERGY_RANGE_UJ)};
    if (range.max_energy_range_uj >= 0) {
        if (z->api->zone_get_max_energy_range_uj(&range, &z->range_uj) != 0)
            z->range_uj = 0;
        (void)close(range.max_energy_range_uj);
    }
    z->fd.energy_uj = open_zone_file(z, dirfd, POWERCAP_ZONE_FILE_ENERGY_UJ);
    int rc = z->fd.energy_uj >= 0 ? read_counter(z, &z->last_uj) : z->fd.energy_uj;
    z->can_read = rc == 0;
    if (rc)
        (void)alert_rapl_fail(z, "energy_uj", rc, alert_power_is_permission(-rc) ? REMEDY_READ : "",
                              &z->read_missing);
}

int alert_rapl_zone_open(alert_rapl_zone *z, const alert_powercap *api, const char *directory)
{
    *z = (alert_rapl_zone){.api = api, .fd.energy_uj = -1};
    z->long_term.fd = z->long_window.fd = z->short_term.fd = z->short_window.fd = -1;
    z->enabled.fd = z->twin_limit.fd = z->twin_enabled.fd = -1;
    (void)snprintf(z->path, sizeof z->path, "%s", directory);
    int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return -errno;
    int rc = read_zone_name(z, dirfd);
    if (rc == 0) {
        char file[ALERT_POWERCAP_FILE];
        open_constraints(z, dirfd);
        open_counter(z, dirfd);
        (void)api->zone_file_get_name(POWERCAP_ZONE_FILE_ENABLED, file, sizeof file);
        (void)alert_setting_open(&z->enabled, api, ALERT_SETTING_ENABLED, dirfd, file);
    }
    (void)close(dirfd);
    return rc;
}

/* --------------------------------------------------------------------------------------------- energy */

int alert_rapl_zone_energy(alert_rapl_zone *z, double *energy_j, alert_power_error *error)
{
    uint64_t now_uj;
    int rc = read_counter(z, &now_uj);
    if (rc == 0 && now_uj < z->last_uj) /* a wrap, or cut short, which the library does not tell */
        rc = alert_read_number(z->fd.energy_uj, &now_uj);
    if (rc)
        return alert_rapl_fail(z, "energy_uj", rc, "", error);
    if (now_uj >= z->last_uj)
        z->total_uj += now_uj - z->last_uj;
    else if (z->range_uj > z->last_uj)
        z->total_uj += z->range_uj - z->last_uj + now_uj;
    else /* started again at 0, or wrapped at a place nobody states: at least this much was drawn */
        z->total_uj += now_uj;
    z->last_uj = now_uj;
    *energy_j = (double)z->total_uj * MICRO;
    return 0;
}

double alert_rapl_zone_counter_j(const alert_rapl_zone *z)
{
    uint64_t now_uj;
    return read_counter(z, &now_uj) ? (double)NAN : (double)now_uj * MICRO;
}

/* ------------------------------------------------------------------------------------------ the rest */

void alert_rapl_zone_close(alert_rapl_zone *z)
{
    alert_setting_close(&z->long_term);
    alert_setting_close(&z->long_window);
    alert_setting_close(&z->short_term);
    alert_setting_close(&z->short_window);
    alert_setting_close(&z->enabled);
    alert_setting_close(&z->twin_limit);
    alert_setting_close(&z->twin_enabled);
    if (z->fd.energy_uj >= 0)
        (void)close(z->fd.energy_uj);
    z->fd.energy_uj = -1;
}

static double in_units(const alert_setting *s)
{
    uint64_t value;
    return s->fd >= 0 && alert_setting_get(s, &value) == 0 ? (double)value * MICRO : (double)NAN;
}

void alert_rapl_zone_describe(const alert_rapl_zone *z, alert_rapl_zone_info *out)
{
    uint64_t enabled;
    *out = (alert_rapl_zone_info){.can_cap = z->can_cap,
                                  .can_read = z->can_read,
                                  .mirrors = z->mirrors,
                                  .enabled = -1,
                                  .limit_w = in_units(&z->long_term),
                                  .window_s = in_units(&z->long_window),
                                  .short_term_w = in_units(&z->short_term),
                                  .twin_limit_w = in_units(&z->twin_limit),
                                  .cap_missing = z->cap_missing,
                                  .read_missing = z->read_missing};
    (void)snprintf(out->name, sizeof out->name, "%s", z->name);
    (void)snprintf(out->path, sizeof out->path, "%s", z->path);
    if (z->enabled.fd >= 0 && alert_setting_get(&z->enabled, &enabled) == 0)
        out->enabled = enabled != 0;
}
