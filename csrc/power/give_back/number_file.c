#include "power/give_back/number_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"

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

static int read_value(const alert_setting *s, uint64_t *value)
{
    return alert_read_number(alert_setting_entry(s)->fd, value);
}

static int write_value(const alert_setting *s, uint64_t value)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%llu\n", (unsigned long long)value);
    return pwrite(alert_setting_entry(s)->fd, text, (size_t)size, 0) == size ? 0 : -errno;
}

const alert_setting_access ALERT_NUMBER_FILE = {.read = read_value, .write = write_value};
const alert_setting_access ALERT_LOWEST_NUMBER_FILE = {
    .read = read_value, .write = write_value, .shows_lowest = true};

int alert_number_file_give_back(alert_journal_entry *e, const alert_setting_access *access)
{
    alert_setting setting = {.access = access, .writable = true, .noting = e};
    if (e->fd >= 0)
        return alert_setting_give_back(&setting);
    e->fd = alert_descriptor_lift(open(e->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (e->fd < 0)
        return -errno;
    int rc = alert_setting_give_back(&setting);
    (void)close(e->fd);
    e->fd = -1;
    return rc;
}
