/*
 * journal.h - internal: what has to be given back, in a file that outlives the process.
 *
 * The file is mapped by the process that caps and by its watchdog, so that noting a write costs two stores.
 * It lies in a directory that only its user may write to, is locked (flock) as long as either process lives,
 * and is removed when everything is back. What is found there unlocked was left by a death of both, and is
 * for alert_power_restore.
 */
#ifndef ALERT_JOURNAL_H
#define ALERT_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALERT_JOURNAL_SUFFIX ".journal"
/* How often a value is given back that does not take, a millisecond apart. */
#define ALERT_GIVE_BACK_TRIES 5

typedef enum alert_entry_kind {
    ALERT_ENTRY_FILE, /* `path` holds a number */
    ALERT_ENTRY_GPU   /* `path` is its UUID, the number its power limit in milliwatts */
} alert_entry_kind;

typedef struct alert_journal_entry {
    char path[600];
    uint32_t kind;
    int32_t
        fd; /* of that file, or of the GPU's lock file, in the process that caps and in its watchdog */
    _Atomic uint32_t
        writing; /* a write has begun and has not been read back: what is there is ours */
    uint64_t found;
    _Atomic uint64_t held; /* read back after the last write */
} alert_journal_entry;

typedef struct alert_journal {
    char magic[8];
    char boot[40];  /* the kernel's boot id: what was written before a reboot is gone */
    char path[400]; /* of this file */
    int32_t pid, watchdog;
    uint64_t pid_started, watchdog_started; /* tells a pid from a later one of the same number */
    uint32_t entries;
    alert_journal_entry entry[];
} alert_journal;

/* Makes a journal of that many entries, locked, with all entries zero but for fd -1. Not yet replayable:
 * alert_journal_commit makes it so. 0 or -errno. */
int alert_journal_create(alert_journal **out, int *fd, const char *directory, size_t entries);
int alert_journal_commit(alert_journal *j);
/* Maps the journal behind `fd`; NULL when it is none, or another user's. */
alert_journal *alert_journal_map(int fd);
/* Unmaps it and closes `fd`; removes the file when everything has been given back. */
void alert_journal_close(alert_journal *j, int fd, bool remove);

/* Writes what was found to the file behind `fd`, or to the GPU, if it still holds what was written. 1 when it did, 0
 * when there was nothing to do or somebody else's value stays, or -errno: -ENODEV when the GPU is gone, -ENODATA when
 * what was found does not take. */
int alert_journal_give_back(alert_journal_entry *e, int fd);

/* The number in the file behind `fd`; -EBADMSG where there is none, or the reading was cut short: the kernel ends
 * what it shows with a newline. */
int alert_read_number(int fd, uint64_t *out);

/* A descriptor of the directory; -errno, -EPERM when others than this user may write to it. */
int alert_journal_directory(const char *directory);
/* The kernel's boot id; empty where it cannot be told. */
void alert_journal_boot(char *out, size_t size);

/* When the process of that pid was started, in clock ticks since boot; 0 when there is none. */
uint64_t alert_process_started(int pid);

#endif
