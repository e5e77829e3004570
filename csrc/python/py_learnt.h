/* py_learnt.h - internal to the binding: a profile that is learnt while serving. */
#ifndef ALERT_PY_LEARNT_H
#define ALERT_PY_LEARNT_H

#include "python/py_scheduler_object.h"

/* Lets a new scheduler go on from numbers that _known() has returned; from its profile where they are none. */
int alert_py_learn_on(alert_py_scheduler *o, PyObject *numbers);

/* The method _known(): (latency, power or None, spread, runs, numbers), the first four by cells; None where the profile
 * is not learnt. */
PyObject *alert_py_known(PyObject *self, PyObject *unused);

#endif
