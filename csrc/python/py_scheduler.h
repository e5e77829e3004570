/* py_scheduler.h - internal to the binding: the type _core.Scheduler. */
#ifndef ALERT_PY_SCHEDULER_H
#define ALERT_PY_SCHEDULER_H

#include "python/py_state.h"

/* Adds the type to the module and to the state. */
int alert_py_scheduler_exec(PyObject *module, alert_py_state *state);

#endif
