/* process.h - internal: telling a process, and a boot of the machine, from later ones. */
#ifndef ALERT_PROCESS_H
#define ALERT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When the process of that pid started, in clock ticks since boot; 0 when there is none, or a zombie. */
uint64_t alert_process_started(int pid);
/* Whether there is a process of that pid, also one that /proc hides from this user. */
bool alert_process_lives(int pid);

/* Within which a pid and a start time mean the same: inodes of the namespaces of pids and of time. `pid` is 0 where
 * /proc is missing, or that of another namespace. */
typedef struct alert_namespaces {
    uint64_t pid, time;
} alert_namespaces;

alert_namespaces alert_namespaces_here(void);
/* False where a process's pid and start time say nothing here. */
bool alert_namespaces_agree(alert_namespaces a, alert_namespaces b);

/* The kernel's boot id; empty where it cannot be read. */
void alert_boot_id(char *out, size_t size);

#endif
