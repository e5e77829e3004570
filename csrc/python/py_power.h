/* py_power.h - internal to the binding: _core.PowerDevice. */
#ifndef ALERT_PY_POWER_H
#define ALERT_PY_POWER_H

#include "alert_power.h"
#include "python/py_convert.h"

/* The type of the devices, not yet in the module. */
PyTypeObject *alert_py_power_type(PyObject *module);
/* The Python object of an open device, which it takes over: on failure the device is closed. */
PyObject *alert_py_power_wrap(alert_py_state *state, alert_power *power);

#endif
