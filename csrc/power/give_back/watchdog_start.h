/*
 * watchdog_start.h - internal: has values given back even when this process dies.
 *
 * The watchdog is a small program, started by exec in a session of its own. It sleeps on a pidfd of this process. When
 * this process ends without giving back, the watchdog does, by the journal.
 */
#ifndef ALERT_WATCHDOG_START_H
#define ALERT_WATCHDOG_START_H

#include "alert_power.h"
#include "power/give_back/journal.h"

typedef struct alert_watchdog {
    alert_journal *journal; /* NULL while there is none */
    int journal_fd, control_fd;
    int pid; /* 0 while there is no watchdog */
} alert_watchdog;

/* Makes the journal. The caller fills its entries, then starts the watchdog. */
int alert_watchdog_prepare(alert_watchdog *w, const char *directory, size_t entries,
                           alert_power_error *error);
/* Starts `program`, or none where that is NULL. When the start fails, the journal alone is kept. */
int alert_watchdog_start(alert_watchdog *w, const char *program, alert_power_error *error);
/* Ends the watchdog, and removes the journal when every value is back (`done`): else it stays for a later restore.
 * In a forked child (not `owner`) it only lets go of both. */
void alert_watchdog_end(alert_watchdog *w, bool owner, bool done);

#endif
