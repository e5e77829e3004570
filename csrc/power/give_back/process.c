#include "power/give_back/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool alert_process_lives(int pid)
{
    char path[40];
    if (alert_process_started(pid) != 0)
        return true;
    (void)snprintf(path, sizeof path, "/proc/%d", pid);
    return access(path, F_OK) != 0 && kill(pid, 0) != 0 && errno == EPERM;
}

static uint64_t inode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

alert_namespaces alert_namespaces_here(void)
{
    char self[16];
    ssize_t size = readlink("/proc/self", self, sizeof self - 1);
    self[size > 0 ? size : 0] = '\0';
    if (atoi(self) != getpid())
        return (alert_namespaces){0};
    return (alert_namespaces){.pid = inode_of("/proc/self/ns/pid"),
                              .time = inode_of("/proc/self/ns/time")};
}

bool alert_namespaces_agree(alert_namespaces a, alert_namespaces b)
{
    return a.pid != 0 && a.pid == b.pid && a.time == b.time;
}

void alert_boot_id(char *out, size_t size)
{
    memset(out, 0, size);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!read(fd, out, size - 1); /* a failed read leaves `out` empty */
    (void)close(fd);
    out[strcspn(out, "\n")] = '\0';
}
