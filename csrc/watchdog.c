/*
 * watchdog.c - the program that gives limits back when the process that capped has died.
 *
 *     alert-watchdog JOURNAL_FD PIDFD CONTROL_FD
 *
 * Sleeps until the process behind PIDFD ends, gives back the values in the journal, removes the journal and ends. A
 * byte on CONTROL_FD says that the process has given everything back itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "power/backends.h"
#include "power/give_back/journal.h"

static bool is_needed(const alert_journal *j, int fd)
{
    for (uint32_t i = 0; i < j->entries; i++)
        if (j->entry[i].fd == fd)
            return true;
    return false;
}

/* Files inherited by accident would stay open as long as the watchdog lives. */
static void close_others(const alert_journal *j, const int keep[3])
{
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *entry = d ? readdir(d) : NULL; entry; entry = readdir(d)) {
        int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(d) && fd != keep[0] && fd != keep[1] && fd != keep[2] &&
            !is_needed(j, fd))
            (void)close(fd);
    }
    if (d)
        (void)closedir(d);
}

/* True when the process has ended, false when it has said that nothing is left to do. */
static bool wait_for_end(int pidfd, int control)
{
    struct pollfd wait[] = {{.fd = pidfd, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    for (;;) {
        (void)poll(wait, 2, -1); /* a failure or a signal leaves `revents` alone: once more */
        if (wait[1].revents & POLLIN)
            return false;
        if (wait[0].revents)
            return true;
        if (wait[1].revents) /* the end of the pipe: the process is about to end */
            wait[1].fd = -1;
    }
}

/* An entry without a descriptor was never this process's to write. */
static int give_back_entry(alert_journal_entry *e)
{
    const alert_backend *backend = e->fd >= 0 ? alert_backend_find(e->kind) : NULL;
    return backend && backend->give_back ? backend->give_back(e) : 0;
}

static void give_back(alert_journal *j, int journal_fd)
{
    bool done = true;
    for (uint32_t i = 0; i < j->entries; i++) {
        int rc = give_back_entry(&j->entry[i]);
        done = done && (rc >= 0 || rc == -ENODEV); /* a part that is gone needs nothing back */
    }
    /* Only now may others lock them. Children of the dead process hold copies of the descriptors. */
    for (uint32_t i = 0; i < j->entries; i++)
        if (j->entry[i].fd >= 0)
            (void)flock(j->entry[i].fd, LOCK_UN);
    alert_journal_close(j, journal_fd, done);
}

int main(int argc, char **argv)
{
    static const int IGNORED[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE,
                                  SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};
    if (argc != 4)
        return 2;
    const int keep[3] = {atoi(argv[1]), atoi(argv[2]), atoi(argv[3])};
    alert_journal *j = alert_journal_map(keep[0]);
    if (!j)
        return 1;
    for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++)
        (void)signal(IGNORED[i], SIG_IGN);
    (void)prctl(PR_SET_NAME, "alert-watchdog");
    (void)!chdir("/"); /* keep no file system busy */
    close_others(j, keep);
    if (wait_for_end(keep[1], keep[2]))
        give_back(j, keep[0]);
    return 0;
}
