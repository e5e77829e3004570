/* py_power_shared.h - internal: a power device that several PowerDevice objects of a process hold in common. */
#ifndef ALERT_PY_POWER_SHARED_H
#define ALERT_PY_POWER_SHARED_H

#include "python/py_state.h"

#include <stdatomic.h>

#include "alert_power.h"

typedef struct alert_py_shared {
    alert_power
        *_Atomic power; /* NULL once the last holder has closed it; changes under the lock */
    PyThread_type_lock lock;
    /* Of the process whose threads use the lock, see py_fork.h; negative while it is made. */
    atomic_int lock_generation;
    atomic_size_t holders;             /* objects that are open */
    atomic_size_t objects;             /* that there are, open or closed */
    atomic_bool told_cap, told_energy; /* failures that give one warning only */
} alert_py_shared;

/* Takes `power` over, for one object. NULL with an exception set; `power` is closed then. */
alert_py_shared *alert_py_shared_new(alert_power *power);
/* For one object more. The caller's is open, and holds the lock. */
void alert_py_shared_add(alert_py_shared *s);
/* The object is no more. */
void alert_py_shared_drop(alert_py_shared *s);

/* Takes the lock: with the GIL kept when it is free, and dropped when it is not. -1 with an exception set. */
int alert_py_shared_lock(alert_py_shared *s);
void alert_py_shared_unlock(alert_py_shared *s);

#endif
