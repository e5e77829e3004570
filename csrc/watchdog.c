/*
 * watchdog.c - the program that gives limits back when the process that capped has died.
 *
 *     alert-watchdog JOURNAL_FD PIDFD CONTROL_FD
 *
 * Sleeps until the process behind PIDFD ends, or has let go of the other end of CONTROL_FD: then it runs another
 * program. Gives back the values in the journal, removes the journal and ends. A byte on CONTROL_FD says that the
 * process has given everything back itself; the watchdog sends one when it begins to watch.
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
#include "power/give_back/process.h"

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
    char byte;
    for (;;) {
        (void)poll(wait, 2, -1); /* a failure or a signal leaves `revents` alone: once more */
        if (wait[1].revents)
            return read(control, &byte, 1) != 1;
        if (wait[0].revents)
            return true;
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
    alert_journal *j;
    if (alert_journal_map(&j, keep[0]) != 0)
        return 1;
    for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++)
        (void)signal(IGNORED[i], SIG_IGN);
    pid_t pid = fork();
    if (pid != 0) /* the process that caps has no child that it did not make itself */
        _exit(pid < 0 ? 3 : 0);
    (void)prctl(PR_SET_NAME, "alert-watchdog");
    (void)!chdir("/"); /* keep no file system busy */
    close_others(j, keep);
    j->watchdog_started = alert_process_started(getpid());
    j->watchdog = getpid();
    (void)!write(keep[2], "w", 1);
    if (wait_for_end(keep[1], keep[2]))
        give_back(j, keep[0]);
    return 0;
}
