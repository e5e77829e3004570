#include "power/rapl/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "power/power.h"

int alert_setting_get(const alert_setting *s, uint64_t *out)
{
    powercap_constraint constraint = {.power_limit_uw = s->fd, .time_window_us = s->fd};
    powercap_zone zone = {.enabled = s->fd};
    int enabled = 0, rc;
    switch (s->kind) {
    case ALERT_SETTING_LIMIT_UW:
        rc = s->api->constraint_get_power_limit_uw(&constraint, out);
        break;
    case ALERT_SETTING_WINDOW_US:
        rc = s->api->constraint_get_time_window_us(&constraint, out);
        break;
    default: /* ALERT_SETTING_ENABLED */
        rc = s->api->zone_get_enabled(&zone, &enabled);
        *out = enabled != 0;
        break;
    }
    if (rc == 0 && *out == 0 && s->kind != ALERT_SETTING_ENABLED)
        return -EBADMSG;
    if (rc == 0 && *out < s->held / 2) /* perhaps cut short, which the library does not tell */
        return alert_read_number(s->fd, out);
    return rc;
}

static int write_value(const alert_setting *s, uint64_t value)
{
    powercap_constraint constraint = {.power_limit_uw = s->fd, .time_window_us = s->fd};
    powercap_zone zone = {.enabled = s->fd};
    switch (s->kind) {
    case ALERT_SETTING_LIMIT_UW:
        return s->api->constraint_set_power_limit_uw(&constraint, value);
    case ALERT_SETTING_WINDOW_US:
        return s->api->constraint_set_time_window_us(&constraint, value);
    default: /* ALERT_SETTING_ENABLED */
        return s->api->zone_set_enabled(&zone, (int)value);
    }
}

int alert_setting_refresh(alert_setting *s)
{
    int rc = alert_setting_get(s, &s->found);
    s->held = s->found;
    return rc;
}

int alert_setting_open(alert_setting *s, const alert_powercap *api, alert_setting_kind kind,
                       int dirfd, const char *file)
{
    *s = (alert_setting){.api = api, .kind = kind, .writable = true};
    (void)snprintf(s->file, sizeof s->file, "%s", file);
    s->fd = openat(dirfd, file, O_RDWR | O_CLOEXEC);
    if (s->fd < 0 && alert_power_is_permission(errno)) {
        s->writable = false;
        s->fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
    }
    if (s->fd < 0)
        return -errno;
    int rc = alert_setting_refresh(s);
    if (rc)
        alert_setting_close(s);
    return rc;
}

/* Whatever happens between the two notes, the watchdog knows that the value there is ours. */
int alert_setting_put(alert_setting *s, uint64_t value)
{
    if (s->entry)
        atomic_store(&s->entry->writing, 1);
    uint64_t now;
    int rc = write_value(s, value);
    if (rc == 0) {
        rc = alert_setting_get(s, &now);
        s->unread = rc != 0;
        s->held = rc ? s->held : now;
    }
    if (s->entry) {
        atomic_store(&s->entry->held, s->held);
        atomic_store(&s->entry->writing, s->unread);
    }
    return rc;
}

static int give_back_once(alert_setting *s)
{
    uint64_t now;
    int rc = alert_setting_get(s, &now);
    if (rc)
        return rc;
    if (now != s->held && !s->unread) /* somebody else's */
        return 0;
    rc = alert_setting_put(s, s->found);
    return rc == 0 && s->held != s->found ? -ENODATA : rc;
}

int alert_setting_give_back(alert_setting *s)
{
    if (s->fd < 0 || (s->held == s->found && !s->unread))
        return 0;
    int rc = give_back_once(s);
    for (int i = 1; i < ALERT_GIVE_BACK_TRIES && rc && rc != -ENODEV; i++) {
        (void)usleep(1000); /* EBUSY and the like may pass */
        rc = give_back_once(s);
    }
    return rc;
}

void alert_setting_close(alert_setting *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}
