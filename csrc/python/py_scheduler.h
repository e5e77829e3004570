/* py_scheduler.h - internal to the binding: the scheduler object and its lock. */
#ifndef ALERT_PY_SCHEDULER_H
#define ALERT_PY_SCHEDULER_H

#include <sched.h>
#include <stdatomic.h>

#include "python/py_fork.h"
#include "python/py_state.h"

/* A scheduler is used by one thread at a time. With a GIL that is whoever holds it, except while
 * step_many() has marked schedulers as taken and dropped the GIL; without a GIL every use takes the
 * mark. The mark is held for microseconds, so waiting is yielding. */
typedef struct alert_py_scheduler {
    PyObject_HEAD alert_scheduler *scheduler;
    alert_py_state *state; /* lives as long as the module, which the type keeps alive */
    PyObject *given; /* the Goal whose tuple was given; NULL once the collector has cleared it */
    atomic_int taken_by; /* generation of the process that uses it, see py_fork.h; 0: nobody */
} alert_py_scheduler;

/* The method _replay(latency, energy, idle_power, sharing=None, system=None), in py_replay.c. */
PyObject *alert_py_replay(PyObject *self, PyObject *args, PyObject *kwargs);

/* Its goal and its saved state, in py_goal.c. */
PyObject *alert_py_set_goal(PyObject *self, PyObject *args);
PyObject *alert_py_get_goal(PyObject *self, void *closure);
PyObject *alert_py_save(PyObject *self, PyObject *unused);
PyObject *alert_py_restore(PyObject *self, PyObject *bytes);

static inline bool alert_py_try_take(alert_py_scheduler *o)
{
    int nobody = 0;
    return atomic_compare_exchange_strong_explicit(&o->taken_by, &nobody, alert_py_generation,
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline void alert_py_give_back(alert_py_scheduler *o)
{
    atomic_store_explicit(&o->taken_by, 0, memory_order_release);
}

/* Lets others run while one of them uses the scheduler. -1 with RuntimeError when that one was left
 * behind by a fork: it will never finish. */
int alert_py_wait(const alert_py_scheduler *o);

/* For a use that keeps the GIL where there is one. -1 with an exception set, and then not entered. */
static inline int alert_py_enter(alert_py_scheduler *o)
{
#ifdef Py_GIL_DISABLED
    while (!alert_py_try_take(o))
#else
    while (atomic_load_explicit(&o->taken_by, memory_order_acquire) != 0)
#endif
        if (alert_py_wait(o) < 0)
            return -1;
    return 0;
}

static inline void alert_py_leave(alert_py_scheduler *o)
{
#ifdef Py_GIL_DISABLED
    alert_py_give_back(o);
#else
    (void)o;
#endif
}

/* A new reference to a structured array of the records in the scheduler's trace. */
PyObject *alert_py_trace(alert_py_scheduler *o);

#endif
