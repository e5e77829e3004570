#include "power/give_back/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "power/give_back/process.h"
#include "power/power.h"

/* A watchdog needs less than a millisecond. */
#define PATIENCE_MS 500

/* -------------------------------------------------------------------------------------------- forks */

static struct {
    pthread_mutex_t mutex;
    int *fd; /* of the files this process has locked */
    size_t fds;
    int nothing; /* in a child, takes the place of a file that cannot be opened again */
    bool ready;
} locked = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void before_fork(void)
{
    (void)pthread_mutex_lock(&locked.mutex);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&locked.mutex);
}

/* In a child: replaces each locked description by another one of the same file, under the same descriptor. */
static void let_go(void)
{
    char path[32];
    for (size_t i = 0; i < locked.fds; i++) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", locked.fd[i]);
        int again = open(path, O_RDONLY | O_CLOEXEC);
        (void)dup3(again >= 0 ? again : locked.nothing, locked.fd[i], O_CLOEXEC);
        if (again >= 0)
            (void)close(again);
    }
    locked.fds = 0;
    after_fork();
}

/* Once for all forks to come. 0 or -errno. */
static int watch_forks(void)
{
    if (locked.ready)
        return 0;
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0)
        return -errno;
    int rc = pthread_atfork(before_fork, after_fork, let_go);
    if (rc) {
        (void)close(nothing);
        return -rc;
    }
    locked.nothing = nothing;
    locked.ready = true;
    return 0;
}

/* Makes room for one more. 0 or -errno. */
static int make_room(void)
{
    int *grown = realloc(locked.fd, (locked.fds + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    locked.fd = grown;
    return 0;
}

/* Locks the file, and has children let go of the lock: one step for threads that fork meanwhile. 0 or -errno. */
static int lock_once(int fd)
{
    (void)pthread_mutex_lock(&locked.mutex);
    int rc = watch_forks();
    if (!rc)
        rc = make_room();
    if (!rc && flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = -errno;
    if (!rc)
        locked.fd[locked.fds++] = fd;
    (void)pthread_mutex_unlock(&locked.mutex);
    return rc;
}

/* -------------------------------------------------------------------------------------------- locks */

/* The process that took the flock on the file; 0 when the kernel does not tell. */
static int find_holder(int fd)
{
    char line[256];
    struct stat st;
    int holder = 0, pid;
    unsigned major_number, minor_number;
    unsigned long inode;
    if (fstat(fd, &st) != 0)
        return 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && holder == 0 && fgets(line, sizeof line, locks))
        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_number, &minor_number,
                   &inode) == 4 &&
            inode == st.st_ino && makedev(major_number, minor_number) == st.st_dev)
            holder = pid;
    if (locks)
        (void)fclose(locks);
    return holder;
}

int alert_lock_take(int fd, const char *path, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    int holder = 0;
    bool lives = false;
    for (int i = 0; i < PATIENCE_MS && !lives; i++) {
        int rc = lock_once(fd);
        if (rc == 0)
            return 0;
        if (rc != -EWOULDBLOCK)
            return alert_power_fail(error, -rc, path, strerror(-rc), "");
        holder = find_holder(fd);
        lives = holder > 0 && alert_process_started(holder) != 0;
        if (!lives)
            (void)usleep(1000); /* just freed, or the watchdog of a dead process is giving back */
    }
    if (holder == getpid())
        (void)snprintf(why, sizeof why, "this process (%d) has opened it already", holder);
    else if (lives)
        (void)snprintf(why, sizeof why, "process %d caps it already", holder);
    else if (holder > 0)
        (void)snprintf(why, sizeof why, "process %d has ended, but not all of its children",
                       holder);
    else
        (void)snprintf(why, sizeof why, "another process caps it already");
    return alert_power_fail(error, EBUSY, path, why, "close it there, or only observe");
}

void alert_lock_release(int fd)
{
    (void)pthread_mutex_lock(&locked.mutex);
    size_t kept = 0;
    for (size_t i = 0; i < locked.fds; i++)
        if (locked.fd[i] != fd)
            locked.fd[kept++] = locked.fd[i];
    locked.fds = kept;
    (void)flock(fd, LOCK_UN);
    (void)pthread_mutex_unlock(&locked.mutex);
}
