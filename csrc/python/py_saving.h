/* py_saving.h - internal to the binding: a scheduler as bytes, for copies and pickles. */
#ifndef ALERT_PY_SAVING_H
#define ALERT_PY_SAVING_H

#include "python/py_scheduler_object.h"

/* The method _save(): (state, goal, overhead, switch_cost, hold_inputs, machine_price, power_limit), all of one moment. */
PyObject *alert_py_save(PyObject *self, PyObject *unused);
/* The method _restore(state). */
PyObject *alert_py_restore(PyObject *self, PyObject *bytes);

#endif
