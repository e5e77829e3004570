#include "power/give_back/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
