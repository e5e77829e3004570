/* py_power_open.h - internal to the binding: the functions of the module that concern power. */
#ifndef ALERT_PY_POWER_OPEN_H
#define ALERT_PY_POWER_OPEN_H

#include "python/py_state.h"

/* Adds them, and the types of power devices, to the module and to the state. */
int alert_py_power_exec(PyObject *module, alert_py_state *state);

#endif
