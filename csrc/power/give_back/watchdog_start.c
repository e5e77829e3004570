#include "power/give_back/watchdog_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power/give_back/process.h"
#include "power/power.h"

#define UNGUARDED "should this process be killed, the limits it found are not given back at once"

int alert_watchdog_prepare(alert_watchdog *w, const char *directory, size_t entries,
                           alert_power_error *error)
{
    *w = (alert_watchdog){.journal_fd = -1, .control_fd = -1};
    int rc = alert_journal_create(&w->journal, &w->journal_fd, directory, entries);
    return rc ? alert_power_fail(error, -rc, directory, strerror(-rc), UNGUARDED) : 0;
}

/* The files the watchdog needs, and no terminal. */
static int share_files(posix_spawn_file_actions_t *files, const alert_watchdog *w, int pidfd,
                       int control)
{
    const int shared[] = {w->journal_fd, pidfd, control};
    int rc = 0;
    /* A reader of this process's output would wait as long as the watchdog holds the output open. */
    for (int fd = 0; fd <= 2 && !rc; fd++)
        rc = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
    for (size_t i = 0; i < 3 && !rc; i++) /* onto itself: clears close-on-exec in the child */
        rc = posix_spawn_file_actions_adddup2(files, shared[i], shared[i]);
    for (uint32_t i = 0; i < w->journal->entries && !rc; i++) {
        int fd = w->journal->entry[i].fd;
        rc = fd >= 0 ? posix_spawn_file_actions_adddup2(files, fd, fd) : 0;
    }
    return rc;
}

/* A session of its own, and signals as a new program has them. */
static void leave_session(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
}

static int spawn(alert_watchdog *w, const char *program, int pidfd, int control)
{
    char journal_text[12], pidfd_text[12], control_text[12];
    char *argv[] = {"alert-watchdog", journal_text, pidfd_text, control_text, NULL};
    char search_path[4096], *environment[] = {NULL, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    pid_t pid = 0;
    (void)snprintf(journal_text, sizeof journal_text, "%d", w->journal_fd);
    (void)snprintf(pidfd_text, sizeof pidfd_text, "%d", pidfd);
    (void)snprintf(control_text, sizeof control_text, "%d", control);
    const char *libraries = getenv("LD_LIBRARY_PATH"); /* a backend's library may be there */
    if (libraries && snprintf(search_path, sizeof search_path, "LD_LIBRARY_PATH=%s", libraries) <
                         (int)sizeof search_path)
        environment[0] = search_path;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return -rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -rc;
    }
    leave_session(&attributes);
    rc = share_files(&files, w, pidfd, control);
    if (!rc)
        rc = posix_spawn(&pid, program, &files, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    w->pid = rc ? 0 : pid;
    return -rc;
}

int alert_watchdog_start(alert_watchdog *w, const char *program, alert_power_error *error)
{
    int control[2];
    int rc = alert_journal_commit(w->journal);
    if (rc)
        return alert_power_fail(error, -rc, w->journal->path, strerror(-rc), UNGUARDED);
    if (!program)
        return 0;
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0)
        return alert_power_fail(error, errno, "pidfd_open", strerror(errno), UNGUARDED);
    if (pipe2(control, O_CLOEXEC) != 0) {
        rc = alert_power_fail(error, errno, "pipe", strerror(errno), UNGUARDED);
    } else {
        rc = spawn(w, program, pidfd, control[0]);
        (void)close(control[0]);
        w->control_fd = control[1];
        if (rc)
            (void)alert_power_fail(error, -rc, program, strerror(-rc), UNGUARDED);
    }
    (void)close(pidfd);
    w->journal->watchdog = w->pid;
    w->journal->watchdog_started = w->pid ? alert_process_started(w->pid) : 0;
    return rc;
}

void alert_watchdog_end(alert_watchdog *w, bool owner, bool done)
{
    if (!w->journal)
        return;
    if (owner && w->pid > 0) {
        /* The watchdog ends at this byte, not at the pipe's end: forked children may hold that open. */
        (void)!write(w->control_fd, "q", 1);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (w->control_fd >= 0)
        (void)close(w->control_fd);
    alert_journal_close(w->journal, w->journal_fd, owner && done);
    w->journal = NULL;
}
