/* py_step.h - internal to the binding: the methods that choose. */
#ifndef ALERT_PY_STEP_H
#define ALERT_PY_STEP_H

#include "python/py_scheduler_object.h"

/* The method step(latency, energy, *, deadline=None, idle_power=None, exit=None, power_cap=None, model=None,
 * goal=None). */
extern const char alert_py_step_doc[];
PyObject *alert_py_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* The method decide(deadline=None, *, goal=None). */
extern const char alert_py_decide_doc[];
PyObject *alert_py_decide(PyObject *self, PyObject *args, PyObject *kwargs);

/* The method share(deadline, inputs). */
extern const char alert_py_share_doc[];
PyObject *alert_py_share(PyObject *self, PyObject *args, PyObject *kwargs);

/* Puts the names of the arguments of step() into the state. */
int alert_py_step_exec(alert_py_state *state);

#endif
