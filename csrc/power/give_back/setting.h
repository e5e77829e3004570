/*
 * setting.h - internal: one value of the hardware that is changed and given back.
 *
 * Every write is read back, and noted before and after. Whenever this process dies, its watchdog knows whether the
 * value there is ours. A value is given back only while it is: a later change by somebody else stays.
 *
 * Some values show the lowest of several requests, of which ours is one: the kernel cools a machine by another. Then a
 * lower value may hide ours, and only a write tells.
 */
#ifndef ALERT_SETTING_H
#define ALERT_SETTING_H

#include "alert_power.h"
#include "power/give_back/journal.h"

typedef struct alert_setting alert_setting;

/* How the hardware's value is read and written. Both return 0 or -errno. */
typedef struct alert_setting_access {
    int (*read)(const alert_setting *s, uint64_t *value);
    int (*write)(const alert_setting *s, uint64_t value);
    bool shows_lowest; /* of several requests, of which the value written is one */
} alert_setting_access;

struct alert_setting {
    const alert_setting_access *access;
    void *context;               /* of `access`: a library, a device */
    bool writable;               /* false: it is only read */
    alert_journal_entry own;     /* the notes while there is no journal */
    alert_journal_entry *noting; /* the notes in the journal; NULL while there is none */
};

/* The notes in use. */
const alert_journal_entry *alert_setting_entry(const alert_setting *s);
/* The value read back after the last write; the one found before the first. */
uint64_t alert_setting_held(const alert_setting *s);

/* The value there now. */
int alert_setting_get(const alert_setting *s, uint64_t *value) ALERT_MUST_CHECK;
/* Takes the value there now as the one found. */
int alert_setting_find(alert_setting *s) ALERT_MUST_CHECK;
/* Before the first write of a value that shows the lowest request: where a write of `highest` shows that the value found
 * is somebody else's limit, our request is taken to have been `highest`, and that is given back. The caller writes
 * next. 0 or -errno. */
int alert_setting_uncover(alert_setting *s, uint64_t highest) ALERT_MUST_CHECK;
/* Goes on noting in the journal. */
void alert_setting_note_in(alert_setting *s, alert_journal_entry *entry);
/* Writes the value and reads it back. 0 says that both could be done, not that the value took. */
int alert_setting_put(alert_setting *s, uint64_t value);
/* Writes the value found, when the one there is ours. 1 when it was given back; 0 when there was nothing to give
 * back, or somebody else's value stays; else -errno: -ENODEV when the device is gone, -ENODATA when the value does
 * not take. */
int alert_setting_give_back(alert_setting *s);

#endif
