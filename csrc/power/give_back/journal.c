#include "power/give_back/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"

#define MAGIC       "alertJ4" /* changes with the layout */
#define ENTRIES_MAX 4096
#define PATIENCE_MS 2000 /* for others who work in the directory */

static size_t size_of(size_t entries)
{
    return sizeof(alert_journal) + entries * sizeof(alert_journal_entry);
}

/* Whoever may write to the directory could have this process write to other files. */
static int check_directory(int fd)
{
    struct stat st;
    bool ours = fstat(fd, &st) == 0 && st.st_uid == geteuid();
    return ours && (st.st_mode & 022) == 0 ? 0 : -EPERM;
}

int alert_journal_directory(const char *directory)
{
    int fd =
        alert_descriptor_lift(open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd < 0)
        return -errno;
    int rc = check_directory(fd);
    if (rc) {
        (void)close(fd);
        return rc;
    }
    return fd;
}

int alert_journal_lock(int dirfd)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        if (flock(dirfd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK)
            return -errno;
        (void)usleep(1000);
    }
    return -EWOULDBLOCK;
}

void alert_journal_unlock(int dirfd)
{
    (void)flock(dirfd, LOCK_UN); /* a child made meanwhile may have copied the descriptor */
}

const char *alert_journal_why(int rc)
{
    switch (rc) {
    case -EPERM:
        return "it belongs to another user, or others may write to it";
    case -EBADMSG:
        return "it is cut, damaged or of another version";
    case -EWOULDBLOCK:
        return "another process has been at work there for seconds";
    default:
        return strerror(-rc);
    }
}

/* Fills an empty file with a locked journal without entries. Maps it by `mapped`: another descriptor than the one that
 * is locked, because children inherit the mapping, and with it the lock of its descriptor. */
static int fill(alert_journal **out, int fd, int mapped, size_t entries)
{
    int rc = alert_descriptor_keep(fd, true);
    if (rc)
        return rc;
    alert_journal *j = MAP_FAILED;
    rc = -posix_fallocate(fd, 0, (off_t)size_of(entries)); /* a hole on a full disk would kill */
    if (!rc)
        j = mmap(NULL, size_of(entries), PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    if (!rc && j == MAP_FAILED)
        rc = -errno;
    if (rc) {
        alert_descriptor_release(fd);
        return rc;
    }
    memcpy(j->magic, MAGIC, sizeof MAGIC);
    alert_boot_id(j->boot, sizeof j->boot);
    j->namespaces = alert_namespaces_here();
    j->pid = getpid();
    j->pid_started = alert_process_started(j->pid);
    j->entries = (uint32_t)entries;
    for (size_t i = 0; i < entries; i++)
        j->entry[i].fd = -1;
    *out = j;
    return 0;
}

/* `path` is a template of mkostemps. */
static int create_file(alert_journal **out, int *fd, char *path, size_t entries)
{
    *fd = alert_descriptor_lift(mkostemps(path, sizeof ALERT_JOURNAL_UNFINISHED - 1, O_CLOEXEC));
    if (*fd < 0)
        return -errno;
    int mapped = alert_descriptor_lift(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    int rc = mapped < 0 ? -errno : fill(out, *fd, mapped, entries);
    if (mapped >= 0)
        (void)close(mapped);
    if (rc) {
        (void)unlink(path);
        (void)close(*fd);
        return rc;
    }
    (void)snprintf((*out)->path, sizeof(*out)->path, "%s", path);
    return 0;
}

int alert_journal_create(alert_journal **out, int *fd, const char *directory, size_t entries)
{
    char path[sizeof((alert_journal *)0)->path - sizeof ALERT_JOURNAL_SUFFIX];
    int length = snprintf(path, sizeof path, "%s/%d-XXXXXX" ALERT_JOURNAL_UNFINISHED, directory,
                          (int)getpid());
    if (length >= (int)sizeof path)
        return -ENAMETOOLONG;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return -errno;
    int dirfd = alert_journal_directory(directory);
    if (dirfd < 0)
        return dirfd;
    int rc =
        alert_journal_lock(dirfd); /* a restore removes files that are unfinished and not locked */
    if (!rc) {
        rc = create_file(out, fd, path, entries);
        alert_journal_unlock(dirfd);
    }
    (void)close(dirfd);
    return rc;
}

int alert_journal_create_anonymous(alert_journal **out, int *fd, size_t entries)
{
    *fd = alert_descriptor_lift(memfd_create("alert-journal", MFD_CLOEXEC));
    if (*fd < 0)
        return -errno;
    int rc = fill(out, *fd, *fd, entries);
    if (rc)
        (void)close(*fd);
    return rc;
}

int alert_journal_commit(alert_journal *j)
{
    char path[sizeof j->path];
    if (!j->path[0])
        return 0;
    memcpy(path, j->path, sizeof path);
    *strrchr(path, '.') = '\0';               /* the suffix of an unfinished one */
    (void)strcat(path, ALERT_JOURNAL_SUFFIX); /* room was kept for it */
    if (rename(j->path, path) != 0)
        return -errno;
    memcpy(j->path, path, sizeof path);
    return 0;
}

void alert_journal_make_anonymous(alert_journal *j)
{
    (void)unlink(j->path);
    j->path[0] = '\0';
}

int alert_journal_map(alert_journal **out, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -errno;
    if (st.st_uid != geteuid())
        return -EPERM;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(alert_journal))
        return -EBADMSG;
    size_t size = (size_t)st.st_size;
    alert_journal *j = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (j == MAP_FAILED)
        return -errno;
    if (memcmp(j->magic, MAGIC, sizeof MAGIC) == 0 && j->entries <= ENTRIES_MAX &&
        size_of(j->entries) == size) {
        *out = j;
        return 0;
    }
    (void)munmap(j, size);
    return -EBADMSG;
}

void alert_journal_close(alert_journal *j, int fd, bool remove)
{
    if (remove && j->path[0])
        (void)unlink(j->path);
    (void)munmap(j, size_of(j->entries));
    (void)close(fd);
}
