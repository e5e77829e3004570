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

#include "power/give_back/journal.h"
#include "power/power.h"

/* A watchdog needs less than a millisecond. */
#define PATIENCE_MS 500

/* -------------------------------------------------------------------------------------------- forks */

static struct {
    pthread_mutex_t mutex;
    int *fd; /* of the files this process owns */
    size_t fds;
    int nothing; /* stands in, in a child, for a file that cannot be opened again */
    bool ready;
} owned = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void before_fork(void)
{
    (void)pthread_mutex_lock(&owned.mutex);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&owned.mutex);
}

/* Others go by the descriptors' numbers: another description of the same file takes the place of the locked one. */
static void let_go(void)
{
    char path[32];
    for (size_t i = 0; i < owned.fds; i++) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", owned.fd[i]);
        int again = open(path, O_RDONLY | O_CLOEXEC);
        (void)dup3(again >= 0 ? again : owned.nothing, owned.fd[i], O_CLOEXEC);
        if (again >= 0)
            (void)close(again);
    }
    owned.fds = 0;
    after_fork();
}

/* Once for all forks to come. 0 or -errno. */
static int watch_forks(void)
{
    if (owned.ready)
        return 0;
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0)
        return -errno;
    int rc = pthread_atfork(before_fork, after_fork, let_go);
    if (rc) {
        (void)close(nothing);
        return -rc;
    }
    owned.nothing = nothing;
    owned.ready = true;
    return 0;
}

/* Makes room for one more. 0 or -errno. */
static int make_room(void)
{
    int *grown = realloc(owned.fd, (owned.fds + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    owned.fd = grown;
    return 0;
}

/* Locks the file and has children let go of it, in one step for those who fork meanwhile. 0 or -errno. */
static int take(int fd)
{
    (void)pthread_mutex_lock(&owned.mutex);
    int rc = watch_forks();
    if (!rc)
        rc = make_room();
    if (!rc && flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = -errno;
    if (!rc)
        owned.fd[owned.fds++] = fd;
    (void)pthread_mutex_unlock(&owned.mutex);
    return rc;
}

/* ------------------------------------------------------------------------------------------- owning */

/* The process that took the flock on the file; 0 when that cannot be told. */
static int find_owner(int fd)
{
    char line[256];
    struct stat st;
    int owner = 0, pid;
    unsigned major_number, minor_number;
    unsigned long inode;
    if (fstat(fd, &st) != 0)
        return 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && owner == 0 && fgets(line, sizeof line, locks))
        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_number, &minor_number,
                   &inode) == 4 &&
            inode == st.st_ino && makedev(major_number, minor_number) == st.st_dev)
            owner = pid;
    if (locks)
        (void)fclose(locks);
    return owner;
}

int alert_own(int fd, const char *path, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    int owner = 0;
    bool lives = false;
    for (int i = 0; i < PATIENCE_MS && !lives; i++) {
        int rc = take(fd);
        if (rc == 0)
            return 0;
        if (rc != -EWOULDBLOCK)
            return alert_power_fail(error, -rc, path, strerror(-rc), "");
        owner = find_owner(fd);
        lives = owner > 0 && alert_process_started(owner) != 0;
        if (!lives)
            (void)usleep(
                1000); /* just freed, or its owner is dead and the watchdog gives it back */
    }
    if (owner == getpid())
        (void)snprintf(why, sizeof why, "this process (%d) has opened it already", owner);
    else if (lives)
        (void)snprintf(why, sizeof why, "process %d caps it already", owner);
    else if (owner > 0)
        (void)snprintf(why, sizeof why, "process %d has ended, but not all of its children", owner);
    else
        (void)snprintf(why, sizeof why, "another process caps it already");
    return alert_power_fail(error, EBUSY, path, why, "close it there, or only observe");
}

void alert_disown(int fd)
{
    (void)pthread_mutex_lock(&owned.mutex);
    size_t kept = 0;
    for (size_t i = 0; i < owned.fds; i++)
        if (owned.fd[i] != fd)
            owned.fd[kept++] = owned.fd[i];
    owned.fds = kept;
    (void)flock(fd, LOCK_UN);
    (void)pthread_mutex_unlock(&owned.mutex);
}
