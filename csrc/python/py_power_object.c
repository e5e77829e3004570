/* py_power_object.c - the lock of a power device, as an object of Python takes it. */
#include "python/py_power_object.h"

void alert_py_device_unlock(alert_py_device *o)
{
    alert_py_shared_unlock(o->shared);
}

bool alert_py_device_lock(alert_py_device *o)
{
    if (alert_py_shared_lock(o->shared) < 0)
        return false;
    if (!o->closed)
        return true;
    alert_py_device_unlock(o);
    PyErr_SetString(PyExc_ValueError, "the power device is closed");
    return false;
}
