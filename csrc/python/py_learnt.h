/* py_learnt.h - internal to the binding: costs that are learnt while serving, of a profile or as offsets. */
#ifndef ALERT_PY_LEARNT_H
#define ALERT_PY_LEARNT_H

#include "python/py_scheduler_object.h"

/* Lets a new scheduler go on from numbers that _known() has returned; from its profile where they are none. */
int alert_py_learn_on(alert_py_scheduler *o, PyObject *numbers);

/* The method _known(): (latency, power or None, spread, runs, numbers), the first four by cells; None where the profile
 * is not learnt. */
PyObject *alert_py_known(PyObject *self, PyObject *unused);
/* The attribute `offsets`: an array of one factor a model. */
PyObject *alert_py_get_offsets(PyObject *self, void *closure);

#endif
