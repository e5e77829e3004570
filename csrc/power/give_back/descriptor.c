#include "power/give_back/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int alert_descriptor_lift(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = errno;
    (void)close(fd);
    errno = code;
    return lifted;
}

static struct {
    pthread_mutex_t mutex;
    int *fd; /* those that are kept */
    size_t fds;
    int nothing; /* in a child, takes the place of a file that cannot be opened again */
    bool ready;
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void before_fork(void)
{
    (void)pthread_mutex_lock(&kept.mutex);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&kept.mutex);
}

/* In a child: replaces each description by another one of the same file, under the same descriptor. */
static void let_go(void)
{
    char path[32];
    for (size_t i = 0; i < kept.fds; i++) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", kept.fd[i]);
        int again = open(path, O_RDONLY | O_CLOEXEC);
        (void)dup3(again >= 0 ? again : kept.nothing, kept.fd[i], O_CLOEXEC);
        if (again >= 0)
            (void)close(again);
    }
    kept.fds = 0;
    after_fork();
}

/* Once for all forks to come. 0 or -errno. */
static int watch_forks(void)
{
    if (kept.ready)
        return 0;
    int nothing = alert_descriptor_lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (nothing < 0)
        return -errno;
    int rc = pthread_atfork(before_fork, after_fork, let_go);
    if (rc) {
        (void)close(nothing);
        return -rc;
    }
    kept.nothing = nothing;
    kept.ready = true;
    return 0;
}

/* Makes room for one more. 0 or -errno. */
static int make_room(void)
{
    int *grown = realloc(kept.fd, (kept.fds + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    kept.fd = grown;
    return 0;
}

int alert_descriptor_keep(int fd, bool lock)
{
    (void)pthread_mutex_lock(&kept.mutex); /* one step for threads that fork meanwhile */
    int rc = watch_forks();
    if (!rc)
        rc = make_room();
    if (!rc && lock && flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = -errno;
    if (!rc)
        kept.fd[kept.fds++] = fd;
    (void)pthread_mutex_unlock(&kept.mutex);
    return rc;
}

void alert_descriptor_release(int fd)
{
    (void)pthread_mutex_lock(&kept.mutex);
    size_t left = 0;
    for (size_t i = 0; i < kept.fds; i++)
        if (kept.fd[i] != fd)
            kept.fd[left++] = kept.fd[i];
    kept.fds = left;
    (void)flock(fd, LOCK_UN);
    (void)pthread_mutex_unlock(&kept.mutex);
}

bool alert_descriptor_is_kept(int fd)
{
    struct stat file, other;
    bool found = false;
    if (fstat(fd, &file) != 0)
        return false;
    (void)pthread_mutex_lock(&kept.mutex);
    for (size_t i = 0; i < kept.fds && !found; i++)
        found = fstat(kept.fd[i], &other) == 0 && file.st_dev == other.st_dev &&
                file.st_ino == other.st_ino;
    (void)pthread_mutex_unlock(&kept.mutex);
    return found;
}
