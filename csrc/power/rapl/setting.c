#include "power/rapl/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"
#include "power/give_back/number_file.h"
#include "power/power.h"

static int fd_of(const alert_setting *s)
{
    return alert_setting_entry(s)->fd;
}

/* -------------------------------------------------------------------------------------------- access */

/* What the library has read, unless it is no number, or was perhaps cut short: the library tells neither. */
static int check_number(const alert_setting *s, int rc, uint64_t *value)
{
    if (rc == 0 && *value == 0)
        return -EBADMSG;
    if (rc == 0 && *value < alert_setting_held(s) / 2)
        return alert_read_number(fd_of(s), value);
    return rc;
}

static int read_limit(const alert_setting *s, uint64_t *value)
{
    const alert_powercap *api = s->context;
    powercap_constraint constraint = {.power_limit_uw = fd_of(s)};
    return check_number(s, api->constraint_get_power_limit_uw(&constraint, value), value);
}

static int write_limit(const alert_setting *s, uint64_t value)
{
    const alert_powercap *api = s->context;
    powercap_constraint constraint = {.power_limit_uw = fd_of(s)};
    return api->constraint_set_power_limit_uw(&constraint, value);
}

static int read_window(const alert_setting *s, uint64_t *value)
{
    const alert_powercap *api = s->context;
    powercap_constraint constraint = {.time_window_us = fd_of(s)};
    return check_number(s, api->constraint_get_time_window_us(&constraint, value), value);
}

static int write_window(const alert_setting *s, uint64_t value)
{
    const alert_powercap *api = s->context;
    powercap_constraint constraint = {.time_window_us = fd_of(s)};
    return api->constraint_set_time_window_us(&constraint, value);
}

static int read_enabled(const alert_setting *s, uint64_t *value)
{
    const alert_powercap *api = s->context;
    powercap_zone zone = {.enabled = fd_of(s)};
    int enabled = 0;
    int rc = api->zone_get_enabled(&zone, &enabled);
    *value = enabled != 0;
    return rc;
}

static int write_enabled(const alert_setting *s, uint64_t value)
{
    const alert_powercap *api = s->context;
    powercap_zone zone = {.enabled = fd_of(s)};
    return api->zone_set_enabled(&zone, (int)value);
}

const alert_setting_access ALERT_RAPL_LIMIT = {.read = read_limit, .write = write_limit};
const alert_setting_access ALERT_RAPL_WINDOW = {.read = read_window, .write = write_window};
const alert_setting_access ALERT_RAPL_ENABLED = {.read = read_enabled, .write = write_enabled};

/* -------------------------------------------------------------------------------------------- files */

void alert_rapl_setting_none(alert_setting *s)
{
    *s = (alert_setting){.own.fd = -1};
}

bool alert_rapl_setting_is_there(const alert_setting *s)
{
    return fd_of(s) >= 0;
}

int alert_rapl_setting_open(alert_setting *s, alert_powercap *api,
                            const alert_setting_access *access, int dirfd, const char *directory,
                            const char *file)
{
    alert_rapl_setting_none(s);
    s->access = access;
    s->context = api;
    (void)snprintf(s->own.kind, sizeof s->own.kind, "rapl");
    (void)snprintf(s->own.path, sizeof s->own.path, "%s/%s", directory, file);
    s->own.fd = alert_descriptor_lift(openat(dirfd, file, O_RDWR | O_CLOEXEC));
    s->writable = s->own.fd >= 0;
    if (s->own.fd < 0 && alert_power_is_permission(errno))
        s->own.fd = alert_descriptor_lift(openat(dirfd, file, O_RDONLY | O_CLOEXEC));
    if (s->own.fd < 0)
        return -errno;
    int rc = alert_setting_find(s);
    if (rc)
        alert_rapl_setting_close(s);
    return rc;
}

void alert_rapl_setting_close(alert_setting *s)
{
    if (s->own.fd >= 0)
        (void)close(s->own.fd);
    s->own.fd = -1;
}

/* -------------------------------------------------------------------------------------- giving back */

/* A journal can name no other files than those a cap changes. */
static bool is_setting(const char *path)
{
    const char *name = strrchr(path, '/');
    if (!name)
        return false;
    if (strcmp(name, "/enabled") == 0)
        return true;
    if (strncmp(name, "/constraint_", 12) != 0)
        return false;
    const char *unit = strrchr(name, '_');
    return strcmp(unit, "_uw") == 0 || strcmp(unit, "_us") == 0;
}

int alert_rapl_give_back(alert_journal_entry *entry)
{
    bool ours = entry->fd >= 0 || is_setting(entry->path);
    return ours ? alert_number_file_give_back(entry, &ALERT_NUMBER_FILE) : 0;
}
