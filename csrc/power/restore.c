/* restore.c - giving back what processes that died together with their watchdogs have left, by their journals. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "alert_power.h"
#include "power/backends.h"
#include "power/give_back/journal.h"
#include "power/give_back/process.h"

/* The backend's result; -EOPNOTSUPP for hardware that this version does not know. The descriptor was the dead
 * process's. */
static int restore_entry(alert_journal_entry *e)
{
    e->kind[sizeof e->kind - 1] = '\0';
    e->path[sizeof e->path - 1] = '\0';
    e->fd = -1;
    const alert_backend *backend = alert_backend_find(e->kind);
    return backend && backend->give_back ? backend->give_back(e) : -EOPNOTSUPP;
}

/* True when every entry is as it was found, or is somebody else's. What is gone needs nothing back. */
static bool restore_entries(alert_journal *j, alert_power_report report, void *context)
{
    bool done = true;
    for (uint32_t i = 0; i < j->entries; i++) {
        alert_journal_entry *e = &j->entry[i];
        int rc = restore_entry(e);
        if (rc && report)
            report(context, e->path, e->found, rc);
        done = done && (rc >= 0 || rc == -ENOENT || rc == -ENODEV);
    }
    return done;
}

/* Forked children of a dead process may keep the lock of its journal as long as they live. */
static bool is_abandoned(const alert_journal *j, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    return alert_process_started(j->pid) != j->pid_started &&
           alert_process_started(j->watchdog) != j->watchdog_started;
}

/* A reboot undoes every write. Where the boot id cannot be read, the values there decide. */
static bool is_of_another_boot(const alert_journal *j)
{
    char boot[sizeof j->boot];
    alert_boot_id(boot, sizeof boot);
    return boot[0] && j->boot[0] && memcmp(boot, j->boot, sizeof boot) != 0;
}

static void restore_file(int dirfd, const char *name, alert_power_report report, void *context)
{
    int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    alert_journal *j = alert_journal_map(fd);
    if (j && is_abandoned(j, fd) && (is_of_another_boot(j) || restore_entries(j, report, context)))
        (void)unlinkat(dirfd, name, 0);
    if (j)
        alert_journal_close(j, fd, false);
    else
        (void)close(fd);
}

/* Waits for others, who take milliseconds, whatever signals come. */
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
    int rc = lock(dirfd); /* one restore at a time */
    for (struct dirent *entry = rc ? NULL : readdir(d); entry; entry = readdir(d)) {
        size_t length = strlen(entry->d_name);
        if (length > sizeof ALERT_JOURNAL_SUFFIX &&
            strcmp(entry->d_name + length + 1 - sizeof ALERT_JOURNAL_SUFFIX,
                   ALERT_JOURNAL_SUFFIX) == 0)
            restore_file(dirfd, entry->d_name, report, context);
    }
    (void)closedir(d);
    return rc;
}
