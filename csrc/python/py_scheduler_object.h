/* py_scheduler_object.h - internal to the binding: the object that _core.Scheduler's methods share. */
#ifndef ALERT_PY_SCHEDULER_OBJECT_H
#define ALERT_PY_SCHEDULER_OBJECT_H

#include "python/py_lock.h"
#include "python/py_state.h"

typedef struct alert_py_scheduler {
    PyObject_HEAD
    alert_scheduler *scheduler; /* used between alert_py_enter and alert_py_leave */
    alert_py_state *state;      /* lives as long as the module, which the type keeps alive */
    PyObject *given; /* the alert.Goal in force; NULL once the collector has cleared it */
    alert_py_lock lock;
} alert_py_scheduler;

#endif
