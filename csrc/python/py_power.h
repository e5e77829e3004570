/* py_power.h - internal to the binding: what the power device's files share. */
#ifndef ALERT_PY_POWER_H
#define ALERT_PY_POWER_H

#include <stdatomic.h>

#include "alert_power.h"
#include "python/py_convert.h"

typedef struct power_object {
    PyObject_HEAD alert_power *_Atomic power; /* NULL once closed; changes under the lock */
    PyThread_type_lock lock;
    /* Of the process whose threads use the lock, see py_fork.h; negative while it is made. */
    atomic_int lock_generation;
    alert_py_state *state; /* lives as long as the module, which the type keeps alive */
    PyObject *weak_references;
    alert_power_traits opened;         /* as it was when opened */
    atomic_bool told_cap, told_energy; /* failures of which there is one warning only */
} power_object;

/* The type of power_object, not yet in the module. */
PyTypeObject *alert_py_power_type(PyObject *module);

/* Waits with the GIL dropped. False with an exception set when the device is closed; then it is not
 * locked. */
bool alert_py_power_lock(power_object *o);
void alert_py_power_unlock(power_object *o);

/* Text of the machine's, whose bytes may be cut short or no UTF-8 at all. */
PyObject *alert_py_power_words(const char *text);
/* "where: why (remedy)". */
PyObject *alert_py_power_text(const alert_power_error *e);
/* ValueError for -EINVAL and -ERANGE, MemoryError for -ENOMEM, else a PowerError. */
void alert_py_power_raise(const alert_py_state *state, const alert_power_error *e);

/* None where nothing is missing, else a dict. */
PyObject *alert_py_power_missing(const alert_power_error *e);
/* The Python object of an open device, which it takes over. */
PyObject *alert_py_power_wrap(alert_py_state *state, alert_power *power);

/* What `describe_one` makes of each index, from 0 to the first of which it makes nothing: NULL, without an exception.
 * It makes no object under the lock: making one may collect garbage, and a finalizer may want the lock. */
PyObject *alert_py_power_list(power_object *o, PyObject *(*describe_one)(power_object *, size_t));

/* The attributes `zones` and `gpus`: lists of dicts. */
PyObject *alert_py_power_zones(PyObject *self, void *closure);
PyObject *alert_py_power_gpus(PyObject *self, void *closure);

/* The module function open_nvml. */
extern const char alert_py_open_nvml_doc[];
PyObject *alert_py_open_nvml(PyObject *module, PyObject *args);

#endif
