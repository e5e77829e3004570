/* py_power_object.h - internal to the binding: the object behind _core.PowerDevice, and its lock. */
#ifndef ALERT_PY_POWER_OBJECT_H
#define ALERT_PY_POWER_OBJECT_H

#include "python/py_power_shared.h"
#include "python/py_state.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Several objects share a device (py_power_shared.h); the last to be closed, or dropped, closes it. */
typedef struct alert_py_device {
    PyObject_HEAD
    alert_py_shared *shared;
    atomic_bool closed;    /* this object; changes under the lock */
    alert_py_state *state; /* lives as long as the module, which the type keeps alive */
    PyObject *weak_references;
    alert_power_traits opened; /* as the device was when it was opened */
} alert_py_device;

/* Waits with the GIL dropped. False with an exception set when the object is closed: then the device is not locked. */
bool alert_py_device_lock(alert_py_device *o);
void alert_py_device_unlock(alert_py_device *o);

#endif
