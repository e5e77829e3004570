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

#include "power/give_back/process.h"

#define MAGIC       "alertJ3" /* changes with the layout */
#define ENTRIES_MAX 4096

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
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = check_directory(fd);
    if (rc) {
        (void)close(fd);
        return rc;
    }
    return fd;
}

int alert_journal_create(alert_journal **out, int *fd, const char *directory, size_t entries)
{
    char path[sizeof((alert_journal *)0)->path];
    int length = snprintf(path, sizeof path - sizeof ALERT_JOURNAL_SUFFIX, "%s/%d-XXXXXX",
                          directory, (int)getpid());
    if (length >= (int)(sizeof path - sizeof ALERT_JOURNAL_SUFFIX))
        return -ENAMETOOLONG;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return -errno;
    int checked = alert_journal_directory(directory);
    if (checked < 0)
        return checked;
    (void)close(checked);
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        return -errno;
    alert_journal *j = MAP_FAILED;
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && ftruncate(file, (off_t)size_of(entries)) == 0)
        j = mmap(NULL, size_of(entries), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (j == MAP_FAILED) {
        int rc = -errno;
        (void)unlink(path);
        (void)close(file);
        return rc;
    }
    memcpy(j->magic, MAGIC, sizeof MAGIC);
    memcpy(j->path, path, sizeof path);
    alert_boot_id(j->boot, sizeof j->boot);
    j->pid = getpid();
    j->pid_started = alert_process_started(j->pid);
    j->entries = (uint32_t)entries;
    for (size_t i = 0; i < entries; i++)
        j->entry[i].fd = -1;
    *out = j;
    *fd = file;
    return 0;
}

int alert_journal_commit(alert_journal *j)
{
    char path[sizeof j->path];
    memcpy(path, j->path, sizeof path);
    (void)strcat(path, ALERT_JOURNAL_SUFFIX); /* room was kept for it */
    if (rename(j->path, path) != 0)
        return -errno;
    memcpy(j->path, path, sizeof path);
    return 0;
}

alert_journal *alert_journal_map(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || st.st_size < (off_t)sizeof(alert_journal))
        return NULL;
    size_t size = (size_t)st.st_size;
    alert_journal *j = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (j == MAP_FAILED)
        return NULL;
    if (memcmp(j->magic, MAGIC, sizeof MAGIC) == 0 && j->entries <= ENTRIES_MAX &&
        size_of(j->entries) == size)
        return j;
    (void)munmap(j, size);
    return NULL;
}

void alert_journal_close(alert_journal *j, int fd, bool remove)
{
    if (remove)
        (void)unlink(j->path);
    (void)munmap(j, size_of(j->entries));
    (void)close(fd);
}
