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

#include "power/power.h"

#define UNGUARDED "should this process be killed, the limits it found are not given back at once"

int alert_guard_new(alert_guard *g, const char *directory, size_t entries, alert_power_error *error)
{
    *g = (alert_guard){.journal_fd = -1, .control_fd = -1};
    int rc = alert_journal_create(&g->journal, &g->journal_fd, directory, entries);
    return rc ? alert_power_fail(error, -rc, directory, strerror(-rc), UNGUARDED) : 0;
}

/* The watchdog shares no terminal, no signals and no files with us but those it needs. */
static int spawn(alert_guard *g, const char *program, int pidfd, int control)
{
    char journal_text[12], pidfd_text[12], control_text[12];
    char *argv[] = {"alert-watchdog", journal_text, pidfd_text, control_text, NULL};
    char search_path[4096], *environment[] = {NULL, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid = 0;
    (void)snprintf(journal_text, sizeof journal_text, "%d", g->journal_fd);
    (void)snprintf(pidfd_text, sizeof pidfd_text, "%d", pidfd);
    (void)snprintf(control_text, sizeof control_text, "%d", control);
    const char *libraries = getenv("LD_LIBRARY_PATH"); /* NVIDIA's may be there */
    if (libraries && snprintf(search_path, sizeof search_path, "LD_LIBRARY_PATH=%s", libraries) <
                         (int)sizeof search_path)
        environment[0] = search_path;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return -rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -rc;
    }
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    /* A reader of our output would wait for its end as long as the watchdog holds it open. */
    for (int fd = 0; fd <= 2 && !rc; fd++)
        rc = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    const int shared[] = {g->journal_fd, pidfd, control};
    for (size_t i = 0; i < 3 && !rc; i++) /* onto itself: clears close-on-exec in the child */
        rc = posix_spawn_file_actions_adddup2(&files, shared[i], shared[i]);
    for (uint32_t i = 0; i < g->journal->entries && !rc; i++)
        if (g->journal->entry[i].fd >= 0)
            rc = posix_spawn_file_actions_adddup2(&files, g->journal->entry[i].fd,
                                                  g->journal->entry[i].fd);
    if (!rc)
        rc = posix_spawn(&pid, program, &files, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    g->watchdog = rc ? 0 : pid;
    return -rc;
}

int alert_guard_arm(alert_guard *g, const char *program, alert_power_error *error)
{
    int control[2];
    int rc = alert_journal_commit(g->journal);
    if (rc)
        return alert_power_fail(error, -rc, g->journal->path, strerror(-rc), UNGUARDED);
    if (!program)
        return 0;
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0)
        return alert_power_fail(error, errno, "pidfd_open", strerror(errno), UNGUARDED);
    if (pipe2(control, O_CLOEXEC) != 0) {
        rc = alert_power_fail(error, errno, "pipe", strerror(errno), UNGUARDED);
    } else {
        rc = spawn(g, program, pidfd, control[0]);
        (void)close(control[0]);
        g->control_fd = control[1];
        if (rc)
            (void)alert_power_fail(error, -rc, program, strerror(-rc), UNGUARDED);
    }
    (void)close(pidfd);
    g->journal->watchdog = g->watchdog;
    g->journal->watchdog_started = g->watchdog ? alert_process_started(g->watchdog) : 0;
    return rc;
}

void alert_guard_free(alert_guard *g, bool owner, bool done)
{
    if (!g->journal)
        return;
    if (owner && g->watchdog > 0) {
        /* It goes at this byte, not at the pipe's end: forked children may hold our end of it. */
        (void)!write(g->control_fd, "q", 1);
        while (waitpid(g->watchdog, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (g->control_fd >= 0)
        (void)close(g->control_fd);
    alert_journal_close(g->journal, g->journal_fd, owner && done);
    g->journal = NULL;
}
