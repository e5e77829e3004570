/* restore.c - giving back what processes that died together with their watchdogs have left, by their journals. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "alert_power.h"
#include "power/backends.h"
#include "power/give_back/descriptor.h"
#include "power/give_back/journal.h"
#include "power/give_back/process.h"
#include "power/power.h"

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
            report(context, e->path, &e->found, rc < 0 ? strerror(-rc) : NULL);
        done = done && (rc >= 0 || rc == -ENOENT || rc == -ENODEV);
    }
    return done;
}

/* A child made past the handlers of fork() keeps the lock of its dead parent's journal as long as it lives. */
static bool is_abandoned(const alert_journal *j, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    return alert_namespaces_agree(j->namespaces, alert_namespaces_here()) &&
           alert_process_started(j->pid) != j->pid_started &&
           (j->watchdog == 0 || alert_process_started(j->watchdog) != j->watchdog_started);
}

/* A reboot undoes every write. Where the boot id cannot be read, the values there decide. */
static bool is_of_another_boot(const alert_journal *j)
{
    char boot[sizeof j->boot];
    alert_boot_id(boot, sizeof boot);
    return boot[0] && j->boot[0] && memcmp(boot, j->boot, sizeof boot) != 0;
}

/* A journal that is passed over needs somebody's attention. */
static void restore_file(int dirfd, const char *name, const char *path, alert_power_report report,
                         void *context)
{
    alert_journal *j = NULL;
    int fd =
        alert_descriptor_lift(openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    int rc = fd < 0 ? -errno : alert_journal_map(&j, fd);
    if (rc == -ENOENT) /* its process has just removed it */
        return;
    if (rc && report)
        report(context, path, NULL, alert_journal_why(rc));
    if (j && is_abandoned(j, fd) && (is_of_another_boot(j) || restore_entries(j, report, context)))
        (void)unlinkat(dirfd, name, 0);
    if (j)
        alert_journal_close(j, fd, false);
    else if (fd >= 0)
        (void)close(fd);
}

/* Its process died before there was anything to give back. */
static void remove_unfinished(int dirfd, const char *name)
{
    int fd =
        alert_descriptor_lift(openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(dirfd, name, 0);
    (void)close(fd);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);
    return length > end && strcmp(name + length - end, suffix) == 0;
}

static void restore_directory(DIR *d, const char *directory, alert_power_report report,
                              void *context)
{
    char path[4096];
    for (struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (ends_with(entry->d_name, ALERT_JOURNAL_SUFFIX))
            restore_file(dirfd(d), entry->d_name, path, report, context);
        else if (ends_with(entry->d_name, ALERT_JOURNAL_UNFINISHED))
            remove_unfinished(dirfd(d), entry->d_name);
    }
}

int alert_power_restore(const char *directory, alert_power_report report, void *context,
                        alert_power_error *error)
{
    int fd = alert_journal_directory(directory);
    if (fd == -ENOENT)
        return 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int rc = fd < 0 ? fd : d ? alert_journal_lock(fd) : -errno;
    if (!rc) {
        restore_directory(d, directory, report, context);
        alert_journal_unlock(fd);
    }
    if (d)
        (void)closedir(d);
    else if (fd >= 0)
        (void)close(fd);
    return rc ? alert_power_fail(error, -rc, directory, alert_journal_why(rc), "") : 0;
}
