/* lock.c - owning a zone, noting what was found in it, giving it back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "power/give_back/lock.h"
#include "power/power.h"
#include "power/rapl/zone.h"

/* What a cap may change, in the order it is given back: should something fail on the way, a limit at its old
 * value matters most. */
static void settings_of(alert_rapl_zone *z, alert_setting *out[ALERT_RAPL_ENTRIES])
{
    out[0] = &z->short_term;
    out[1] = &z->long_term;
    out[2] = &z->long_window;
    out[3] = &z->enabled;
}

static bool is_changeable(const alert_setting *s)
{
    return s->fd >= 0 && s->writable;
}

int alert_rapl_zone_own(alert_rapl_zone *z, alert_power_error *error)
{
    char path[sizeof z->path + sizeof z->long_term.file + 1];
    alert_setting *setting[ALERT_RAPL_ENTRIES];
    if (!z->can_cap)
        return 0;
    (void)snprintf(path, sizeof path, "%s/%s", z->path, z->long_term.file);
    int rc = alert_own(z->long_term.fd, path, error);
    if (rc)
        return rc;
    z->owned = true;
    settings_of(z, setting);
    for (size_t i = 0; i < ALERT_RAPL_ENTRIES; i++) {
        rc = setting[i]->fd >= 0 ? alert_setting_refresh(setting[i]) : 0;
        if (rc)
            return alert_rapl_cap_fail(z, setting[i], rc, error);
    }
    return 0;
}

void alert_rapl_zone_guard(alert_rapl_zone *z, alert_journal_entry entry[ALERT_RAPL_ENTRIES])
{
    alert_setting *setting[ALERT_RAPL_ENTRIES];
    settings_of(z, setting);
    for (size_t i = 0; i < ALERT_RAPL_ENTRIES; i++)
        if (is_changeable(setting[i])) {
            (void)snprintf(entry[i].path, sizeof entry[i].path, "%s/%s", z->path, setting[i]->file);
            entry[i].fd = setting[i]->fd;
            entry[i].found = setting[i]->found;
            atomic_store(&entry[i].held, setting[i]->held);
            setting[i]->entry = &entry[i];
        }
}

int alert_rapl_zone_give_back(alert_rapl_zone *z, alert_power_error *error)
{
    alert_setting *setting[ALERT_RAPL_ENTRIES];
    char where[sizeof z->path + ALERT_POWERCAP_FILE + 1], why[ALERT_POWER_TEXT];
    int first = 0;
    settings_of(z, setting);
    for (size_t i = 0; i < ALERT_RAPL_ENTRIES; i++) {
        int rc = alert_setting_give_back(setting[i]);
        if (rc == 0 || rc == -ENODEV || first) /* what is gone needs nothing back */
            continue;
        (void)snprintf(where, sizeof where, "%s/%s", z->path, setting[i]->file);
        (void)snprintf(why, sizeof why, "%llu, as found there, could not be given back: %s",
                       (unsigned long long)setting[i]->found, strerror(-rc));
        bool noted = setting[i]->entry != NULL; /* else nobody else knows */
        first = alert_power_fail(error, -rc, where, why,
                                 noted ? "`alert restore` and the next start try again" : "");
    }
    return first;
}

void alert_rapl_zone_disown(alert_rapl_zone *z)
{
    if (z->owned)
        alert_disown(z->long_term.fd);
    z->owned = false;
}
