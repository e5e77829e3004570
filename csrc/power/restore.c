/* restore.c - giving back what processes that died together with their watchdogs have left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "alert_power.h"
#include "power/give_back/journal.h"

/* A journal can name no other files than those a device changes. */
static bool is_setting(const char *path)
{
    const char *name = strrchr(path, '/');
    if (!name)
        return false;
    if (strcmp(name, "/enabled") == 0)
        return true;
    if (strncmp(name, "/constraint_", 12) != 0)
        return false;
    const char *unit = strrchr(name, '_');
    return strcmp(unit, "_uw") == 0 || strcmp(unit, "_us") == 0;
}

static int replay_entry(alert_journal_entry *e)
{
    if (e->kind == ALERT_ENTRY_GPU) /* the driver knows no other things by this name */
        return alert_journal_give_back(e, -1);
    if (!is_setting(e->path))
        return 0;
    int fd = open(e->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int rc = alert_journal_give_back(e, fd);
    (void)close(fd);
    return rc;
}

/* True when every entry is as it was found, or is somebody else's. */
static bool replay_entries(alert_journal *j, alert_power_report report, void *context)
{
    bool done = true;
    for (uint32_t i = 0; i < j->entries; i++) {
        alert_journal_entry *e = &j->entry[i];
        e->path[sizeof e->path - 1] = '\0';
        int rc = replay_entry(e);
        if (rc && report)
            report(context, e->path, e->found, rc);
        /* what is gone needs nothing back */
        done = done && (rc >= 0 || rc == -ENOENT || rc == -ENODEV);
    }
    return done;
}

/* Forked children of a dead process keep its locks for as long as they live. */
static bool is_abandoned(const alert_journal *j, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    return alert_process_started(j->pid) != j->pid_started &&
           alert_process_started(j->watchdog) != j->watchdog_started;
}

/* What was written before a reboot is gone. Where the boot id cannot be told, what is still there decides. */
static bool is_of_another_boot(const alert_journal *j)
{
    char boot[sizeof j->boot];
    alert_journal_boot(boot, sizeof boot);
    return boot[0] && j->boot[0] && memcmp(boot, j->boot, sizeof boot) != 0;
}

static void replay_file(int dirfd, const char *name, alert_power_report report, void *context)
{
    int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    alert_journal *j = alert_journal_map(fd);
    if (j && is_abandoned(j, fd) && (is_of_another_boot(j) || replay_entries(j, report, context)))
        (void)unlinkat(dirfd, name, 0);
    if (j)
        alert_journal_close(j, fd, false);
    else
        (void)close(fd);
}

/* Waits for others, whatever signals come: they take milliseconds. */
static int lock(int fd)
{
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int alert_power_restore(const char *directory, alert_power_report report, void *context)
{
    int dirfd = alert_journal_directory(directory);
    if (dirfd < 0)
        return dirfd == -ENOENT ? 0 : dirfd;
    DIR *d = fdopendir(dirfd);
    if (!d) {
        int rc = -errno;
        (void)close(dirfd);
        return rc;
    }
    int rc = lock(dirfd); /* one replay at a time */
    for (struct dirent *entry = rc ? NULL : readdir(d); entry; entry = readdir(d)) {
        size_t length = strlen(entry->d_name);
        if (length > sizeof ALERT_JOURNAL_SUFFIX &&
            strcmp(entry->d_name + length + 1 - sizeof ALERT_JOURNAL_SUFFIX,
                   ALERT_JOURNAL_SUFFIX) == 0)
            replay_file(dirfd, entry->d_name, report, context);
    }
    (void)closedir(d);
    return rc;
}
