/*
 * lock.h - internal: one process at a time caps a zone or a GPU, whoever forks and whoever dies.
 *
 * That process holds a flock on a file. Its watchdog shares the lock and, should the process die, frees the lock
 * when every value is back. Children made by fork() would share it too, as long as they live. So each child lets go
 * of the lock before fork() returns there, and keeps a descriptor to read from. A child made by clone() or _Fork()
 * itself, past the C library's handlers, keeps the lock until it ends.
 */
#ifndef ALERT_LOCK_H
#define ALERT_LOCK_H

#include "alert_power.h"

/* 0, and then alert_lock_release is due before `fd` is closed; -EBUSY naming the process that holds the lock. */
int alert_lock_take(int fd, const char *path, alert_power_error *error);
/* Only in the process that holds the lock. */
void alert_lock_release(int fd);

#endif
