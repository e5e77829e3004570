/*
 * backends.h - internal: a kind of hardware, and the list of all kinds.
 *
 * A backend is one folder and one row of the list in backends.c. A backend whose device consists of parts (parts.h)
 * only says how one part is set, read and described.
 */
#ifndef ALERT_BACKENDS_H
#define ALERT_BACKENDS_H

#include "alert_power.h"
#include "power/give_back/journal.h"

/* How a device gives back what it changes: the options of ALERT_GIVE_BACK. */
typedef struct alert_give_back_options {
    bool observe, guard;
    const char *directory, *watchdog; /* NULL for none */
} alert_give_back_options;

typedef struct alert_backend {
    const alert_power_kind *kind;
    size_t size; /* of its struct of options */
    /* Opens a device by that struct, whose fields are within their ranges. */
    int (*open)(alert_power **out, const void *options, const alert_give_back_options *give_back,
                alert_power_error *error);
    /* Gives back the value of a journal's entry, for a process that has died: in its watchdog, or at a later restore
     * (then `fd` is -1). Returns what alert_setting_give_back does. NULL where `kind->gives_back` is false. */
    int (*give_back)(alert_journal_entry *entry);
} alert_backend;

/* The backend of that name; NULL where there is none. */
const alert_backend *alert_backend_find(const char *name);

#endif
