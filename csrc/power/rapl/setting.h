/*
 * setting.h - internal: one file of the powercap tree that is changed and given back.
 *
 * A setting remembers what was found in it and what it held after the last write. It is given back only
 * while it still holds that: a later change by somebody else stays.
 */
#ifndef ALERT_RAPL_SETTING_H
#define ALERT_RAPL_SETTING_H

#include "power/give_back/journal.h"
#include "power/rapl/powercap_dl.h"

typedef enum alert_setting_kind {
    ALERT_SETTING_LIMIT_UW,
    ALERT_SETTING_WINDOW_US,
    ALERT_SETTING_ENABLED
} alert_setting_kind;

typedef struct alert_setting {
    const alert_powercap *api;
    alert_setting_kind kind;
    int fd; /* -1 where there is no such file, or it may not even be read */
    bool writable;
    char file[ALERT_POWERCAP_FILE];
    uint64_t found;
    alert_journal_entry *entry; /* where writes are noted; NULL before there is a guard */
    uint64_t held;              /* read back after the last write; `found` before the first */
    bool unread; /* the last write could not be read back: what is there now is ours */
} alert_setting;

/* Opens `file` in the directory `dirfd`, for writing where that is permitted, and reads what is in it. 0, or
 * -errno with fd -1. */
int alert_setting_open(alert_setting *s, const alert_powercap *api, alert_setting_kind kind,
                       int dirfd, const char *file);
/* -EBADMSG for a limit or window of 0: the library reads what is no number as 0, and none of them is 0 in use. */
int alert_setting_get(const alert_setting *s, uint64_t *out) ALERT_MUST_CHECK;
/* Takes what is in it now as what was found. */
int alert_setting_refresh(alert_setting *s) ALERT_MUST_CHECK;
/* Writes and reads back into `held`. 0 says only that both could be done. */
int alert_setting_put(alert_setting *s, uint64_t value);
/* 0 also when there was nothing to give back; -ENODATA when what was found does not take. */
int alert_setting_give_back(alert_setting *s);
void alert_setting_close(alert_setting *s);

#endif
