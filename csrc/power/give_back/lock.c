#include "power/give_back/lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"
#include "power/give_back/process.h"
#include "power/power.h"

/* A watchdog needs less than a millisecond. */
#define PATIENCE_MS 500

/* The process that took the flock on the file; 0 when the kernel does not tell, or numbers processes as another
 * namespace does. */
static int find_holder(int fd)
{
    char line[256];
    struct stat st;
    int holder = 0, pid;
    unsigned major_number, minor_number;
    unsigned long inode;
    if (alert_namespaces_here().pid == 0 || fstat(fd, &st) != 0)
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
    bool mine = false, lives = false;
    for (int i = 0; i < PATIENCE_MS && !mine && !lives; i++) {
        int rc = alert_descriptor_keep(fd, true);
        if (rc == 0)
            return 0;
        if (rc != -EWOULDBLOCK)
            return alert_power_fail(error, -rc, path, strerror(-rc), "");
        holder = find_holder(fd);
        mine = alert_descriptor_is_kept(fd);
        /* Another program may have run in this process, and left it to its watchdog to give back. */
        lives = holder > 0 && holder != getpid() && alert_process_lives(holder);
        if (!mine && !lives)
            (void)usleep(1000); /* just freed, or the watchdog of a dead process is giving back */
    }
    if (mine)
        (void)snprintf(why, sizeof why, "this process (%d) has opened it already", (int)getpid());
    else if (lives)
        (void)snprintf(why, sizeof why, "process %d caps it already", holder);
    else if (holder > 0 && holder != getpid())
        (void)snprintf(why, sizeof why,
                       "process %d has ended, but not its watchdog or not all of its children",
                       holder);
    else
        (void)snprintf(why, sizeof why, "another process caps it already");
    return alert_power_fail(error, EBUSY, path, why, "close it there, or only observe");
}

void alert_lock_release(int fd)
{
    alert_descriptor_release(fd);
}
