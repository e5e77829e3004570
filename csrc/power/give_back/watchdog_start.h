/*
 * watchdog_start.h - internal: has values given back even when this process dies.
 *
 * The watchdog is a small program, started by exec in a session of its own, and no child of this process. It sleeps
 * on a pidfd of this process, and on its end of a pair of sockets. When this process ends without giving back, or
 * runs another program, the watchdog gives back, by the journal.
 */
#ifndef ALERT_WATCHDOG_START_H
#define ALERT_WATCHDOG_START_H

#include "alert_power.h"
#include "power/give_back/journal.h"

typedef struct alert_watchdog {
    alert_journal *journal; /* NULL while there is none */
    int journal_fd;
    int control_fd;      /* of the sockets; -1 while there is no watchdog */
    const char *program; /* NULL for none */
} alert_watchdog;

/* Makes the journal, an anonymous one where the directory will not do. The caller fills its entries, then starts the
 * watchdog. `program` stays the caller's. Where values are less well guarded than they should be, `notice` says so,
 * here and below; a failure means that there is no journal at all. */
int alert_watchdog_prepare(alert_watchdog *w, const char *program, const char *directory,
                           size_t entries, alert_power_error *notice);
/* Starts the program, if any, and waits until it watches. When the start fails, the journal alone is kept. */
void alert_watchdog_start(alert_watchdog *w, alert_power_error *notice);
/* Starts another watchdog where the one there was has ended. */
void alert_watchdog_renew(alert_watchdog *w, alert_power_error *notice);
/* Ends the watchdog, and removes the journal when every value is back (`done`): else it stays for a later restore.
 * Waits for the watchdog's end for a second at most, or until a signal comes. In a forked child (not `owner`) it only
 * lets go of both. */
void alert_watchdog_end(alert_watchdog *w, bool owner, bool done);

#endif
