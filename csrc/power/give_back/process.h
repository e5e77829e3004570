/* process.h - internal: telling a process, and a boot of the machine, from later ones. */
#ifndef ALERT_PROCESS_H
#define ALERT_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/* When the process of that pid started, in clock ticks since boot; 0 when there is none, or a zombie. */
uint64_t alert_process_started(int pid);
/* The kernel's boot id; empty where it cannot be read. */
void alert_boot_id(char *out, size_t size);

#endif
