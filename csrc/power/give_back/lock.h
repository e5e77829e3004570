/*
 * lock.h - internal: one owner per file, whoever forks and whoever dies.
 *
 * An owner holds a flock on the file. Its watchdog shares the lock, and frees it when everything is back, should the
 * owner die. Children made by fork() would share it, too, for as long as they live; so each of them lets go of it
 * before fork() returns there, and keeps a descriptor to read from. A child made by clone() or _Fork() itself, past
 * the C library's handlers, keeps the lock until it ends.
 */
#ifndef ALERT_LOCK_H
#define ALERT_LOCK_H

#include "alert_power.h"

/* 0, and then alert_disown is due before `fd` is closed; -EBUSY naming the process that owns the file. */
int alert_own(int fd, const char *path, alert_power_error *error);
/* Frees the file for others. Only in the process that owns it. */
void alert_disown(int fd);

#endif
