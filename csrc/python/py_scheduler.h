/* py_scheduler.h - internal to the binding: the scheduler object and its lock. */
#ifndef ALERT_PY_SCHEDULER_H
#define ALERT_PY_SCHEDULER_H

#include <sched.h>
#include <stdatomic.h>

#include "py_state.h"

/* A scheduler is used by one thread at a time. With a GIL that is whoever holds it, except while
 * step_many() has marked schedulers as taken and dropped the GIL; without a GIL every use takes the
 * mark. The mark is held for microseconds, so waiting is yielding. */
typedef struct alert_py_scheduler {
    PyObject_HEAD alert_scheduler *scheduler;
    alert_py_state *state; /* lives as long as the module, which the type keeps alive */
    atomic_bool taken;
} alert_py_scheduler;

/* The method _replay(latency, energy, idle_power, sharing=None, system=None), in py_replay.c. */
PyObject *alert_py_replay(PyObject *self, PyObject *args, PyObject *kwargs);

static inline void alert_py_let_others_run(void)
{
    Py_BEGIN_ALLOW_THREADS;
    sched_yield();
    Py_END_ALLOW_THREADS;
}

static inline bool alert_py_try_take(alert_py_scheduler *o)
{
    return !atomic_exchange_explicit(&o->taken, true, memory_order_acquire);
}

static inline void alert_py_give_back(alert_py_scheduler *o)
{
    atomic_store_explicit(&o->taken, false, memory_order_release);
}

/* For a use that keeps the GIL where there is one. */
static inline void alert_py_enter(alert_py_scheduler *o)
{
#ifdef Py_GIL_DISABLED
    while (!alert_py_try_take(o))
        alert_py_let_others_run();
#else
    while (atomic_load_explicit(&o->taken, memory_order_acquire))
        alert_py_let_others_run();
#endif
}

static inline void alert_py_leave(alert_py_scheduler *o)
{
#ifdef Py_GIL_DISABLED
    alert_py_give_back(o);
#else
    (void)o;
#endif
}

#endif
