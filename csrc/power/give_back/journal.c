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

#include "power/nvml/nvml_dl.h"

#define MAGIC       "alertJ2" /* changes with the layout */
#define ENTRIES_MAX 4096

/* ---------------------------------------------------------------------------------------- processes */

uint64_t alert_process_started(int pid)
{
    char path[40], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[size > 0 ? size : 0] = '\0';
    char *field = strrchr(text, ')'); /* the name before it may hold anything */
    char state = 'Z';
    unsigned long long started = 0; /* field 22 */
    if (field)
        (void)sscanf(field,
                     ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                     " %llu",
                     &state, &started);
    return state == 'Z' ? 0 : started; /* a zombie is dead */
}

void alert_journal_boot(char *out, size_t size)
{
    memset(out, 0, size);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!read(fd, out, size - 1); /* nothing is put there when it fails */
    (void)close(fd);
    out[strcspn(out, "\n")] = '\0';
}

/* ------------------------------------------------------------------------------------------ one file */

static size_t size_of(size_t entries)
{
    return sizeof(alert_journal) + entries * sizeof(alert_journal_entry);
}

/* A directory where others may write could make us write anywhere. */
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
    alert_journal_boot(j->boot, sizeof j->boot);
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

/* ----------------------------------------------------------------------------------------- one entry */

int alert_read_number(int fd, uint64_t *out)
{
    char text[32], *end;
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    *out = strtoull(text, &end, 10);
    return end == text || end == text + size ? -EBADMSG : 0;
}

static int write_number(int fd, uint64_t value)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%llu\n", (unsigned long long)value);
    return pwrite(fd, text, (size_t)size, 0) == size ? 0 : -errno;
}

/* Whether what is there now is ours and not yet what was found. */
static bool is_due(alert_journal_entry *e, uint64_t now)
{
    return now != e->found && (atomic_load(&e->writing) != 0 || now == atomic_load(&e->held));
}

static int give_back_file_once(alert_journal_entry *e, int fd)
{
    uint64_t now = 0;
    int rc = alert_read_number(fd, &now);
    if (rc || !is_due(e, now))
        return rc;
    rc = write_number(fd, e->found);
    if (rc == 0)
        rc = alert_read_number(fd, &now);
    if (rc)
        return rc;
    return now == e->found ? 1 : -ENODATA;
}

static int give_back_file(alert_journal_entry *e, int fd)
{
    int rc = give_back_file_once(e, fd);
    for (int i = 1; i < ALERT_GIVE_BACK_TRIES && rc < 0 && rc != -ENODEV; i++) {
        (void)usleep(1000); /* EBUSY and the like may pass */
        rc = give_back_file_once(e, fd);
    }
    return rc;
}

static int give_back_gpu(alert_journal_entry *e)
{
    alert_nvml api;
    alert_nvml_handle gpu;
    unsigned now = 0;
    int rc = alert_nvml_load(&api, NULL);
    if (rc) /* without its driver a GPU keeps no limit; without the library it might */
        return rc == -ENOENT ? -ELIBACC : rc;
    int code = api.by_uuid(e->path, &gpu);
    if (!code)
        code = api.limit(gpu, &now);
    bool due = !code && is_due(e, now);
    if (due)
        code = api.set_limit(gpu, (unsigned)e->found);
    alert_nvml_unload(&api);
    return code ? -alert_nvml_errno(code) : due;
}

int alert_journal_give_back(alert_journal_entry *e, int fd)
{
    return e->kind == ALERT_ENTRY_GPU ? give_back_gpu(e) : give_back_file(e, fd);
}
