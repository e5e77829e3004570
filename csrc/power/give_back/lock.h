/*
 * lock.h - internal: one process at a time caps a zone or a GPU, whoever forks and whoever dies.
 *
 * That process holds a flock on a file, by a descriptor that it keeps (descriptor.h). Its watchdog shares the lock
 * and, should the process die, frees the lock when every value is back.
 */
#ifndef ALERT_LOCK_H
#define ALERT_LOCK_H

#include "alert_power.h"

/* 0, and then alert_lock_release is due before `fd` is closed; -EBUSY naming the process that holds the lock. */
int alert_lock_take(int fd, const char *path, alert_power_error *error);
/* Only in the process that holds the lock. */
void alert_lock_release(int fd);

#endif
