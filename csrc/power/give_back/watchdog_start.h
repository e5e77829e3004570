/*
 * watchdog_start.h - internal: sees to it that limits come back even when the process dies.
 *
 * A guard is a journal and a watchdog: a small program, started by exec in a session of its own, that sleeps
 * on a pidfd of this process and gives back what the journal says when this process ends without doing so.
 */
#ifndef ALERT_WATCHDOG_START_H
#define ALERT_WATCHDOG_START_H

#include "alert_power.h"
#include "power/give_back/journal.h"

typedef struct alert_guard {
    alert_journal *journal; /* NULL while there is no guard */
    int journal_fd, control_fd;
    int watchdog; /* its pid; 0 when there is none */
} alert_guard;

/* Makes the journal; the caller fills its entries, then arms the guard. */
int alert_guard_new(alert_guard *g, const char *directory, size_t entries,
                    alert_power_error *error);
/* Starts `program` as watchdog; the journal alone is kept when that fails. */
int alert_guard_arm(alert_guard *g, const char *program, alert_power_error *error);
/* Ends the watchdog and removes the journal; in a forked child (not `owner`) only lets go of them.
 * `done`: everything is back, else the journal stays for a later replay. */
void alert_guard_free(alert_guard *g, bool owner, bool done);

#endif
