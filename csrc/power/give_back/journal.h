/*
 * journal.h - internal: what has to be given back, in a file that outlives the process.
 *
 * The process that caps and its watchdog map the file, so that noting a write costs two stores. The file lies in
 * a directory that only its user may write to. Both processes hold a lock (flock) on the file, and remove the
 * file when every value is back. A journal without that lock was left by the death of both, and is for
 * alert_power_restore.
 *
 * An anonymous journal lies in memory alone, where there is no such directory, or no room in it. It serves the
 * watchdog, and ends with both processes.
 *
 * A journal knows no hardware: an entry names the backend that can read and write its value.
 */
#ifndef ALERT_JOURNAL_H
#define ALERT_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power/give_back/process.h"

#define ALERT_JOURNAL_SUFFIX     ".journal"
#define ALERT_JOURNAL_UNFINISHED ".tmp" /* nothing was written yet by the process that makes it */

/* One value that is changed and given back. Its unit is the hardware's. */
typedef struct alert_journal_entry {
    char kind[16];            /* the name of its backend */
    char path[600];           /* its file, or the id of its device */
    int32_t fd;               /* of that file, or of the device's lock; -1 for none */
    _Atomic uint32_t writing; /* a write has begun and was not read back: the value there is ours */
    uint64_t found;           /* before the first write */
    _Atomic uint64_t held;    /* read back after the last write */
} alert_journal_entry;

typedef struct alert_journal {
    char magic[8];
    char boot[40];  /* the kernel's boot id: a reboot undoes every write */
    char path[400]; /* of this file; empty for an anonymous journal */
    alert_namespaces namespaces;
    int32_t pid, watchdog;                  /* 0 while there is no watchdog */
    uint64_t pid_started, watchdog_started; /* tells a pid from a later one of the same number */
    uint32_t entries;
    alert_journal_entry entry[];
} alert_journal;

/* Makes a journal of that many entries, locked. Entries are zero but for fd -1. alert_power_restore sees the
 * journal after alert_journal_commit only. All return 0 or -errno. */
int alert_journal_create(alert_journal **out, int *fd, const char *directory, size_t entries);
int alert_journal_create_anonymous(alert_journal **out, int *fd, size_t entries);
int alert_journal_commit(alert_journal *j);
/* Removes the file, and goes on without. */
void alert_journal_make_anonymous(alert_journal *j);
/* Maps the journal behind `fd`: -EBADMSG when the file is no journal of this layout, -EPERM when it is another
 * user's. */
int alert_journal_map(alert_journal **out, int fd);
/* Unmaps the journal and closes `fd`; also removes the file where `remove` says so. */
void alert_journal_close(alert_journal *j, int fd, bool remove);

/* A descriptor of the directory, or -errno; -EPERM when others than this user may write to the directory. */
int alert_journal_directory(const char *directory);
/* Locks the directory: whoever removes files there, or makes one, does so alone. Waits for others, who take
 * milliseconds, whatever signals come; -EWOULDBLOCK when that takes seconds. */
int alert_journal_lock(int dirfd);
void alert_journal_unlock(int dirfd);
/* Says what a failure of these functions means. */
const char *alert_journal_why(int rc);

#endif
