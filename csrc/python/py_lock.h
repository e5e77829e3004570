/*
 * py_lock.h - internal to the binding: one thread at a time uses a scheduler.
 *
 * With a GIL, the thread that holds the GIL may use a scheduler that nobody has locked: a step keeps
 * the GIL and locks nothing. Calls that drop the GIL lock their schedulers. Without a GIL every use
 * locks. A lock is held for microseconds, or for one replay; waiting threads yield.
 */
#ifndef ALERT_PY_LOCK_H
#define ALERT_PY_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "python/py_fork.h"

typedef struct alert_py_lock {
    atomic_int holder; /* generation of the holder's process, see py_fork.h; 0: nobody */
} alert_py_lock;

static inline void alert_py_lock_init(alert_py_lock *lock)
{
    atomic_init(&lock->holder, 0);
}

static inline bool alert_py_lock_try(alert_py_lock *lock)
{
    int nobody = 0;
    return atomic_compare_exchange_strong_explicit(&lock->holder, &nobody, alert_py_generation,
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline void alert_py_lock_release(alert_py_lock *lock)
{
    atomic_store_explicit(&lock->holder, 0, memory_order_release);
}

/* Lets other threads run once. -1 with RuntimeError when the holder was left behind by a fork: it
 * will never release the lock. */
int alert_py_lock_wait(const alert_py_lock *lock);

/* Begins a use that keeps the GIL. -1 with an exception set: then the use has not begun. */
static inline int alert_py_enter(alert_py_lock *lock)
{
#ifdef Py_GIL_DISABLED
    while (!alert_py_lock_try(lock))
#else
    while (atomic_load_explicit(&lock->holder, memory_order_acquire) != 0)
#endif
        if (alert_py_lock_wait(lock) < 0)
            return -1;
    return 0;
}

static inline void alert_py_leave(alert_py_lock *lock)
{
#ifdef Py_GIL_DISABLED
    alert_py_lock_release(lock);
#else
    (void)lock;
#endif
}

#endif
