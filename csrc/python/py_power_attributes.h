/* py_power_attributes.h - internal to the binding: what a _core.PowerDevice says of itself. */
#ifndef ALERT_PY_POWER_ATTRIBUTES_H
#define ALERT_PY_POWER_ATTRIBUTES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyGetSetDef alert_py_device_attributes[];
PyObject *alert_py_device_repr(PyObject *self);

#endif
