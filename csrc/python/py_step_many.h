/* py_step_many.h - internal to the binding: thousands of independent streams in one call. */
#ifndef ALERT_PY_STEP_MANY_H
#define ALERT_PY_STEP_MANY_H

#include "python/py_scheduler_object.h"

/* The module function step_many(schedulers, latencies, energies). */
extern const char alert_py_step_many_doc[];
PyObject *alert_py_step_many(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
