#include "power/rapl/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"
#include "power/give_back/number_file.h"
#include "power/power.h"

#define MICRO 1e-6
/* A package draws less than so many times its highest limit, and none draws so much. [ours] */
#define MOST_FACTOR 5.0
#define MOST_W      1000.0
/* A counter that is stepped once a second or two shows the joules of that time at once. [ours] */
#define BURST_S         2.0
#define BURST_J         600.0
#define CONSTRAINTS_MAX 16

#define REMEDY_LOCK                                                                                \
    "the firmware may have locked the limit: look for a power limit lock in the BIOS setup"
#define REMEDY_CAP "writing limits needs root, or the rule that `alert info` prints"
#define REMEDY_READ                                                                                \
    "energy is readable by root only since Linux 5.10 (CVE-2020-8694): run as root, grant "        \
    "CAP_DAC_READ_SEARCH, or install the rule that `alert info` prints"

#define WHERE_SIZE (sizeof((alert_rapl_zone *)0)->path + ALERT_POWERCAP_FILE + 1)

/* ------------------------------------------------------------------------------------------- failures */

int alert_rapl_fail(const alert_rapl_zone *z, const char *file, int rc, const char *remedy,
                    alert_power_error *error)
{
    char where[WHERE_SIZE];
    (void)snprintf(where, sizeof where, "%s/%s", z->path, file);
    return alert_power_fail(error, -rc, where, strerror(-rc), remedy);
}

int alert_rapl_setting_fail(const alert_part *part, const alert_setting *s, int rc,
                            alert_power_error *error)
{
    (void)part;
    bool locked = rc == -ENODATA || rc == -EIO;
    const char *remedy = locked ? REMEDY_LOCK : alert_power_remedy(rc, REMEDY_CAP);
    return alert_power_fail(error, -rc, s->own.path, strerror(-rc), remedy);
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
    int fd = alert_descriptor_lift(openat(dirfd, file, O_RDONLY | O_CLOEXEC));
    return fd < 0 ? -errno : fd;
}

/* A descriptor of a file of the constraint of that number, or -errno. */
static int open_constraint_file(const alert_rapl_zone *z, int dirfd, uint32_t number,
                                powercap_constraint_file which)
{
    char file[ALERT_POWERCAP_FILE];
    (void)z->api->constraint_file_get_name(which, number, file, sizeof file);
    int fd = alert_descriptor_lift(openat(dirfd, file, O_RDONLY | O_CLOEXEC));
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

/* Reads the name of the constraint of that number: 0 or -errno, -ENOENT after the last one. */
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

static int open_limit(const alert_rapl_zone *z, int dirfd, uint32_t number, alert_setting *out)
{
    char file[ALERT_POWERCAP_FILE];
    (void)z->api->constraint_file_get_name(POWERCAP_CONSTRAINT_FILE_POWER_LIMIT_UW, number, file,
                                           sizeof file);
    return alert_rapl_setting_open(out, z->api, &ALERT_RAPL_LIMIT, dirfd, z->path, file);
}

static int open_window(const alert_rapl_zone *z, int dirfd, uint32_t number, alert_setting *out)
{
    char file[ALERT_POWERCAP_FILE];
    (void)z->api->constraint_file_get_name(POWERCAP_CONSTRAINT_FILE_TIME_WINDOW_US, number, file,
                                           sizeof file);
    return alert_rapl_setting_open(out, z->api, &ALERT_RAPL_WINDOW, dirfd, z->path, file);
}

/* The lowest limit a constraint states, in watts; 0 where it states none. */
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

/* What the processor states as its highest limit, in watts; 0 where it states none. Only a hint: some state nonsense. */
static double read_max_power_w(const alert_rapl_zone *z, int dirfd, uint32_t number)
{
    uint64_t most_uw = 0;
    powercap_constraint fd = {.max_power_uw = open_constraint_file(
                                  z, dirfd, number, POWERCAP_CONSTRAINT_FILE_MAX_POWER_UW)};
    if (fd.max_power_uw < 0)
        return 0.0;
    int rc = z->api->constraint_get_max_power_uw(&fd, &most_uw);
    (void)close(fd.max_power_uw);
    return rc ? 0.0 : (double)most_uw * MICRO;
}

/* What it says that opened the file for reading only. */
static int why_not_writable(const alert_setting *s)
{
    return faccessat(AT_FDCWD, s->own.path, W_OK, AT_EACCESS) == 0 ? -EACCES : -errno;
}

/* What stands in the way of a cap, by the result of opening long_term; `hidden` is the failure to read a name. */
static void learn_cap_missing(alert_rapl_zone *z, int rc, int hidden)
{
    alert_power_error *lack = &z->part.cap_missing;
    const alert_setting *limit = &z->part.setting[ALERT_RAPL_LONG_TERM];
    if (rc == -ENOENT &&
        hidden) /* perhaps that of long_term: some kernels show names to root only */
        (void)alert_rapl_fail(z, "constraint_*_name", hidden,
                              alert_power_remedy(hidden, REMEDY_CAP), lack);
    else if (rc == -ENOENT)
        (void)alert_power_fail(lack, ENOENT, z->path,
                               "no long_term constraint: this zone only counts energy", "");
    else if (rc == -EBADMSG)
        (void)alert_power_fail(lack, EBADMSG, limit->own.path, strerror(EBADMSG),
                               "the limit found is 0 W or no number: the zone is not in use");
    else if (rc)
        (void)alert_rapl_setting_fail(&z->part, limit, rc, lack);
    else if (!limit->writable)
        (void)alert_rapl_setting_fail(&z->part, limit, why_not_writable(limit), lack);
}

/* The limit of a constraint that is only read; 0 where it has none. */
static uint64_t read_limit_uw(const alert_rapl_zone *z, int dirfd, uint32_t number)
{
    alert_setting limit;
    uint64_t limit_uw = open_limit(z, dirfd, number, &limit) ? 0 : alert_setting_held(&limit);
    alert_rapl_setting_close(&limit);
    return limit_uw;
}

static double highest_w(const alert_rapl_zone *z)
{
    const alert_setting *s = z->part.setting;
    uint64_t most_uw = z->peak_uw;
    for (int which = ALERT_RAPL_SHORT_TERM; which <= ALERT_RAPL_LONG_TERM; which++)
        if (alert_rapl_setting_is_there(&s[which]) && alert_setting_held(&s[which]) > most_uw)
            most_uw = alert_setting_held(&s[which]);
    return (double)most_uw * MICRO;
}

/* Constraints come in any order and number (newer clients have a third, peak_power): they go by name. */
static void open_constraints(alert_rapl_zone *z, int dirfd)
{
    alert_setting *setting = z->part.setting;
    char name[64];
    int rc = -ENOENT, hidden = 0;
    for (uint32_t i = 0; i < CONSTRAINTS_MAX; i++) {
        int named = read_constraint_name(z, dirfd, i, name, sizeof name);
        if (named == -ENOENT)
            break;
        if (named < 0 && !hidden)
            hidden = named;
        if (named == 0 && strcmp(name, "long_term") == 0) {
            rc = open_limit(z, dirfd, i, &setting[ALERT_RAPL_LONG_TERM]);
            (void)open_window(z, dirfd, i, &setting[ALERT_RAPL_LONG_WINDOW]);
            z->min_power_w = read_min_power_w(z, dirfd, i);
            z->max_power_w = read_max_power_w(z, dirfd, i);
        } else if (named == 0 && strcmp(name, "short_term") == 0) {
            (void)open_limit(z, dirfd, i, &setting[ALERT_RAPL_SHORT_TERM]);
            (void)open_window(z, dirfd, i, &z->short_window);
        } else if (named == 0 && strcmp(name, "peak_power") == 0) {
            z->peak_uw = read_limit_uw(z, dirfd, i);
        }
    }
    learn_cap_missing(z, rc, hidden);
    z->highest_w = highest_w(z);
}

/* The library reads text that is no number as 0. A working counter shows exactly 0 once in 2^32 readings; then the
 * next reading makes up for the one refused here. */
static int read_counter(const alert_rapl_zone *z, uint64_t *out)
{
    int rc = z->api->zone_get_energy_uj(&z->fd, out);
    return rc == 0 && *out == 0 ? -EBADMSG : rc;
}

static void open_counter(alert_rapl_zone *z, int dirfd)
{
    alert_counter *c = &z->counter;
    uint64_t now_uj = 0;
    powercap_zone range = {.max_energy_range_uj =
                               open_zone_file(z, dirfd, POWERCAP_ZONE_FILE_MAX_ENERGY_RANGE_UJ)};
    if (range.max_energy_range_uj >= 0) {
        if (z->api->zone_get_max_energy_range_uj(&range, &c->range) != 0)
            c->range = 0;
        (void)close(range.max_energy_range_uj);
    }
    z->fd.energy_uj = open_zone_file(z, dirfd, POWERCAP_ZONE_FILE_ENERGY_UJ);
    c->unit_j = MICRO;
    c->tick_s = ALERT_RAPL_TICK_S;
    c->most_w = z->highest_w > 0.0 ? fmin(MOST_FACTOR * z->highest_w, MOST_W) : MOST_W;
    c->burst_j = fmin(BURST_S * c->most_w, BURST_J);
    int rc = z->fd.energy_uj >= 0 ? read_counter(z, &now_uj) : z->fd.energy_uj;
    alert_counter_start(c, now_uj, alert_counter_now_s());
    if (rc)
        (void)alert_rapl_fail(z, "energy_uj", rc, alert_power_remedy(rc, REMEDY_READ),
                              &z->part.read_missing);
}

static void clear(alert_rapl_zone *z, alert_powercap *api, const char *directory)
{
    *z = (alert_rapl_zone){.api = api, .fd.energy_uj = -1};
    z->part.lock_fd = -1;
    z->part.settings = ALERT_RAPL_SETTINGS;
    for (size_t i = 0; i < ALERT_RAPL_SETTINGS; i++)
        alert_rapl_setting_none(&z->part.setting[i]);
    alert_rapl_setting_none(&z->short_window);
    alert_rapl_setting_none(&z->twin_limit);
    alert_rapl_setting_none(&z->twin_short);
    alert_rapl_setting_none(&z->twin_enabled);
    (void)snprintf(z->path, sizeof z->path, "%s", directory);
}

int alert_rapl_zone_open(alert_rapl_zone *z, alert_powercap *api, const char *directory)
{
    clear(z, api, directory);
    int dirfd = alert_descriptor_lift(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dirfd < 0)
        return -errno;
    int rc = read_zone_name(z, dirfd);
    if (rc == 0) {
        char file[ALERT_POWERCAP_FILE];
        open_constraints(z, dirfd);
        open_counter(z, dirfd);
        (void)api->zone_file_get_name(POWERCAP_ZONE_FILE_ENABLED, file, sizeof file);
        (void)alert_rapl_setting_open(&z->part.setting[ALERT_RAPL_IS_ENABLED], api,
                                      &ALERT_RAPL_ENABLED, dirfd, z->path, file);
    }
    (void)close(dirfd);
    return rc;
}

void alert_rapl_zone_close(alert_part *part)
{
    alert_rapl_zone *z = (alert_rapl_zone *)part;
    for (size_t i = 0; i < ALERT_RAPL_SETTINGS; i++)
        alert_rapl_setting_close(&part->setting[i]);
    alert_rapl_setting_close(&z->short_window);
    alert_rapl_setting_close(&z->twin_limit);
    alert_rapl_setting_close(&z->twin_short);
    alert_rapl_setting_close(&z->twin_enabled);
    if (z->fd.energy_uj >= 0)
        (void)close(z->fd.energy_uj);
    z->fd.energy_uj = -1;
}

/* --------------------------------------------------------------------------------------------- energy */

int alert_rapl_zone_energy(alert_part *part, double *energy_j, alert_power_error *notice,
                           alert_power_error *error)
{
    alert_rapl_zone *z = (alert_rapl_zone *)part;
    alert_counter *c = &z->counter;
    char where[WHERE_SIZE];
    uint64_t now_uj;
    int rc = read_counter(z, &now_uj);
    if (rc == 0 && now_uj < c->last) /* a wrap; or cut short, which the library does not tell */
        rc = alert_read_number(z->fd.energy_uj, &now_uj);
    if (rc)
        return alert_rapl_fail(z, "energy_uj", rc, "", error);
    rc = alert_counter_take(c, now_uj, alert_counter_now_s());
    (void)snprintf(where, sizeof where, "%s/energy_uj", z->path);
    alert_counter_tell(c, where, notice);
    *energy_j = alert_counter_j(c);
    if (rc == -ENODATA && !part->caps && c->total == 0) { /* memory can be done without */
        part->counts = false;
        (void)alert_counter_fail(c, rc, where, notice);
        return 0;
    }
    return rc ? alert_counter_fail(c, rc, where, error) : 0;
}

double alert_rapl_zone_counter_j(const alert_rapl_zone *z)
{
    uint64_t now_uj;
    return read_counter(z, &now_uj) ? (double)NAN : (double)now_uj * MICRO;
}
