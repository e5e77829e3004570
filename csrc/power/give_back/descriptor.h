/*
 * descriptor.h - internal: descriptors of a process that caps: off the standard streams, and not shared with children.
 *
 * A file behind descriptor 0, 1 or 2 would be what others of the process read, print to and report errors to.
 *
 * A descriptor that is kept closes with this process, or when this process runs another program. Children made by
 * fork() would share it, and its lock, as long as they live. So each child lets go before fork() returns there, and
 * has a descriptor of its own under the same number. A child made by clone() or _Fork() itself, past the C library's
 * handlers, shares it until that child ends.
 */
#ifndef ALERT_DESCRIPTOR_H
#define ALERT_DESCRIPTOR_H

#include <stdbool.h>

/* The same file under a number of 3 or more; passes a failure on: -1, with errno set. */
int alert_descriptor_lift(int fd);
/* Keeps the descriptor from children to come. With `lock`, takes the flock on its file in the same step. 0 or -errno:
 * -EWOULDBLOCK where the lock is taken. */
int alert_descriptor_keep(int fd, bool lock);
/* Undoes alert_descriptor_keep: due in the process that called it, before the descriptor is closed. */
void alert_descriptor_release(int fd);
/* Whether this process keeps a descriptor of the same file. */
bool alert_descriptor_is_kept(int fd);

#endif
