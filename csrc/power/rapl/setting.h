/* setting.h - internal: the files of a zone that are changed and given back, through libpowercap. */
#ifndef ALERT_RAPL_SETTING_H
#define ALERT_RAPL_SETTING_H

#include "power/give_back/setting.h"
#include "power/rapl/powercap_dl.h"

/* Microwatts, microseconds, and 0 or 1. A limit or window of 0 is -EBADMSG: the library reads text that is no number
 * as 0, and none of them is 0 in use. */
extern const alert_setting_access ALERT_RAPL_LIMIT, ALERT_RAPL_WINDOW, ALERT_RAPL_ENABLED;

/* Opens `file` in the directory of `dirfd`, for writing where that is permitted, and reads what is in it. 0, or -errno
 * and then the setting is not there. */
int alert_rapl_setting_open(alert_setting *s, alert_powercap *api,
                            const alert_setting_access *access, int dirfd, const char *directory,
                            const char *file);
/* A setting that is not there. */
void alert_rapl_setting_none(alert_setting *s);
bool alert_rapl_setting_is_there(const alert_setting *s);
void alert_rapl_setting_close(alert_setting *s);

/* Gives back the value of an entry in a process that has not opened the zone: by plain reads and writes, without the
 * library. Passes over an entry that names another file than those a cap changes. */
int alert_rapl_give_back(alert_journal_entry *entry);

#endif
