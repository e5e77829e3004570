#include "power/give_back/watchdog_start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"
#include "power/power.h"

#define START_MS 10000 /* from exec until it watches; less than a millisecond on an idle machine */
#define END_MS   1000

#define NO_WATCHDOG                                                                                \
    "should this process be killed, the limits found are not given back at once, but by "          \
    "`alert restore` or the next process that opens the device"
#define NO_JOURNAL                                                                                 \
    "should this process be killed together with its watchdog, as when a container ends, the "     \
    "limits found are never given back"
#define NEITHER "should this process be killed, the limits found are never given back"

int alert_watchdog_prepare(alert_watchdog *w, const char *program, const char *directory,
                           size_t entries, alert_power_error *notice)
{
    *w = (alert_watchdog){.journal_fd = -1, .control_fd = -1, .program = program};
    int rc = alert_journal_create(&w->journal, &w->journal_fd, directory, entries);
    if (!rc)
        return 0;
    (void)alert_power_fail(notice, -rc, directory, alert_journal_why(rc),
                           program ? NO_JOURNAL : NEITHER);
    rc = alert_journal_create_anonymous(&w->journal, &w->journal_fd, entries);
    return rc ? alert_power_fail(notice, -rc, directory, alert_journal_why(rc), NEITHER) : 0;
}

/* Says that there is no watchdog. */
static void unguarded(const alert_watchdog *w, int code, const char *where, const char *why,
                      alert_power_error *notice)
{
    (void)alert_power_fail(notice, code, where, why, w->journal->path[0] ? NO_WATCHDOG : NEITHER);
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

/* The program forks and ends at once: no child of this process remains that a loop of wait() would wait for. */
static int spawn(const alert_watchdog *w, int pidfd, int control, pid_t *pid)
{
    char journal_text[12], pidfd_text[12], control_text[12];
    char *argv[] = {"alert-watchdog", journal_text, pidfd_text, control_text, NULL};
    char search_path[4096], *environment[] = {NULL, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
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
        rc = posix_spawn(pid, w->program, &files, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return -rc;
}

/* Waits until there is something to read, or the other end has closed. False after that time, or, if `interruptible`,
 * when a signal comes. */
static bool await(int fd, int milliseconds, bool interruptible)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int rc;
    do
        rc = poll(&wait, 1, milliseconds);
    while (rc < 0 && errno == EINTR && !interruptible);
    return rc > 0;
}

/* Where this process is the first of its namespace, the watchdog is its child in the end. */
static void reap(pid_t pid)
{
    for (int i = 0; i < END_MS && pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; i++)
        (void)usleep(1000);
}

static void forget(alert_watchdog *w)
{
    alert_descriptor_release(w->control_fd);
    (void)close(w->control_fd);
    w->control_fd = -1;
    w->journal->watchdog = 0;
}

/* True when it has said that it watches. */
static bool has_begun(const alert_watchdog *w)
{
    char byte;
    return await(w->control_fd, START_MS, false) &&
           recv(w->control_fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static void start(alert_watchdog *w, int pidfd, alert_power_error *notice)
{
    int pair[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        unguarded(w, errno, "socketpair", strerror(errno), notice);
        return;
    }
    w->control_fd = alert_descriptor_lift(pair[0]);
    int theirs = alert_descriptor_lift(pair[1]);
    int rc = w->control_fd < 0 || theirs < 0 ? -EMFILE : 0;
    if (!rc)
        rc = alert_descriptor_keep(w->control_fd, false);
    if (!rc)
        rc = spawn(w, pidfd, theirs, &pid);
    if (theirs >= 0)
        (void)close(theirs);
    bool begun = !rc && has_begun(w);
    if (!rc && !begun)
        (void)kill(-pid, SIGKILL); /* it must not come to life later, and find this end closed */
    reap(pid);
    if (begun)
        return;
    unguarded(w, rc ? -rc : ECHILD, w->program, rc ? strerror(-rc) : "the watchdog did not start",
              notice);
    if (w->control_fd >= 0)
        forget(w);
}

static void start_program(alert_watchdog *w, alert_power_error *notice)
{
    int pidfd = alert_descriptor_lift((int)syscall(SYS_pidfd_open, getpid(), 0));
    if (pidfd < 0) {
        unguarded(w, errno, "pidfd_open", strerror(errno), notice);
        return;
    }
    start(w, pidfd, notice);
    (void)close(pidfd);
}

void alert_watchdog_start(alert_watchdog *w, alert_power_error *notice)
{
    int rc = alert_journal_commit(w->journal);
    if (rc) {
        (void)alert_power_fail(notice, -rc, w->journal->path, strerror(-rc),
                               w->program ? NO_JOURNAL : NEITHER);
        alert_journal_make_anonymous(w->journal);
    }
    if (w->program)
        start_program(w, notice);
}

void alert_watchdog_renew(alert_watchdog *w, alert_power_error *notice)
{
    if (w->control_fd < 0 || !await(w->control_fd, 0, true))
        return;
    reap(w->journal->watchdog);
    forget(w);
    start_program(w, notice);
}

void alert_watchdog_end(alert_watchdog *w, bool owner, bool done)
{
    if (!w->journal)
        return;
    if (owner && w->control_fd >= 0) {
        if (send(w->control_fd, "q", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 &&
            await(w->control_fd, END_MS, true))
            reap(w->journal->watchdog);
        forget(w);
    }
    if (w->control_fd >= 0)
        (void)close(w->control_fd);
    if (owner)
        alert_descriptor_release(w->journal_fd);
    alert_journal_close(w->journal, w->journal_fd, owner && done);
    w->journal = NULL;
}
