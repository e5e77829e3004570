/* py_power.c - _core.PowerDevice: power devices of every kind.
 *
 * Each device has a lock, taken with the GIL kept when it is free and with the GIL dropped when it is not;
 * hardware is spoken to with the GIL dropped. An emulated device keeps the GIL except to wait. */
#include "python/py_power.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "python/py_power_attributes.h"
#include "python/py_power_error.h"
#include "python/py_power_object.h"

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY   READONLY
#endif

static alert_py_device *new_object(alert_py_state *state)
{
    alert_py_device *o = (alert_py_device *)state->power_type->tp_alloc(state->power_type, 0);
    if (o)
        o->state = state;
    return o;
}

/* Lets signal handlers run, with the lock free: a handler may close the device. False, with an exception set and the
 * lock free, when the wait is over: then the work that was waited for is as good as done. */
static bool go_on_waiting(alert_py_device *o)
{
    alert_py_device_unlock(o);
    if (PyErr_CheckSignals() == 0)
        return alert_py_device_lock(o);
    PyObject *raised, *value, *traceback;
    PyErr_Fetch(&raised, &value, &traceback);
    if (alert_py_device_lock(o)) {
        alert_power_begin(o->shared->power);
        (void)!alert_power_pace(o->shared->power, false);
        alert_py_device_unlock(o);
    } else {
        PyErr_Clear();
    }
    PyErr_Restore(raised, value, traceback);
    return false;
}

/* ------------------------------------------------------------------------------------------ methods */

PyDoc_STRVAR(
    set_cap_doc,
    "set_cap($self, cap, /)\n"
    "--\n\n"
    "Cap the device at `cap`, in its `unit`, which lies within `cap_range`.\n\n"
    "The hardware is written to only when the cap changes, and is read back. A cap that the "
    "hardware\n"
    "refuses, or takes otherwise than asked, gives one `PowerWarning`; `cap` is the one in force.\n"
    "Once a cap was refused, no other is tried, and `can_cap` is False.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    Outside `cap_range`.\n"
    "PowerError\n"
    "    The device could not be capped when it was opened, or belongs to another process.");

/* Caps the device, or releases it where `cap` is NULL. */
static PyObject *change_cap(alert_py_device *o, const double *cap)
{
    alert_power_error error = {0}, notice = {0};
    alert_power_traits traits;
    int rc;
    if (!alert_py_device_lock(o))
        return NULL;
    do {
        Py_BEGIN_ALLOW_THREADS
        rc = cap ? alert_power_set_cap(o->shared->power, *cap, &error)
                 : alert_power_release(o->shared->power, &error);
        Py_END_ALLOW_THREADS
        if (rc == -EINTR && error.code == 0 && !go_on_waiting(o))
            return NULL;
    } while (rc == -EINTR && error.code == 0);
    bool noticed = alert_power_notice(o->shared->power, &notice);
    alert_power_about(o->shared->power, &traits);
    alert_py_device_unlock(o);
    if (rc == 0)
        return noticed && alert_py_power_warn(o->state, &notice) < 0 ? NULL : Py_NewRef(Py_None);
    bool broke = o->opened.can_cap && !traits.can_cap;
    if (error.is_argument || !broke) {
        alert_py_power_raise(o->state, &error);
        return NULL;
    }
    if (!atomic_exchange(&o->shared->told_cap, true) && alert_py_power_warn(o->state, &error) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *device_set_cap(PyObject *self, PyObject *value)
{
    double cap;
    if (alert_py_double(value, "power_cap", "a number", &cap) < 0)
        return NULL;
    return change_cap((alert_py_device *)self, &cap);
}

PyDoc_STRVAR(release_doc,
             "release($self, /)\n"
             "--\n\n"
             "Give back every limit as it was found, until the next cap. The device stays open.\n\n"
             "Raises\n"
             "------\n"
             "PowerError\n"
             "    A limit could not be given back, or the device belongs to another process.");

static PyObject *device_release(PyObject *self, PyObject *unused)
{
    (void)unused;
    return change_cap((alert_py_device *)self, NULL);
}

PyDoc_STRVAR(
    energy_doc,
    "energy($self, /)\n"
    "--\n\n"
    "Return the joules drawn since the device was opened, wraps of the counter accounted for.\n\n"
    "Returns None, with one `PowerWarning`, where energy cannot be read. A `Runner` then goes on\n"
    "with the profile's power.");

static PyObject *device_energy(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_device *o = (alert_py_device *)self;
    alert_power_error error = {0}, notice = {0};
    double energy_j = 0.0;
    int rc;
    if (!alert_py_device_lock(o))
        return NULL;
    if (o->opened.emulated) {
        rc = alert_power_energy(o->shared->power, &energy_j, &error);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rc = alert_power_energy(o->shared->power, &energy_j, &error);
        Py_END_ALLOW_THREADS
    }
    bool noticed = alert_power_notice(o->shared->power, &notice);
    alert_py_device_unlock(o);
    if (noticed && alert_py_power_warn(o->state, &notice) < 0)
        return NULL;
    if (rc == 0)
        return PyFloat_FromDouble(energy_j);
    if (!atomic_exchange(&o->shared->told_energy, true) &&
        alert_py_power_warn(o->state, &error) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(begin_doc, "begin($self, /)\n"
                        "--\n\n"
                        "Say that work starts now. Matters to an emulated device only.");

static PyObject *device_begin(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_device *o = (alert_py_device *)self;
    if (!alert_py_device_lock(o))
        return NULL;
    alert_power_begin(o->shared->power);
    alert_py_device_unlock(o);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    pace_doc,
    "pace($self, /)\n"
    "--\n\n"
    "Say that the work since `begin()`, or since the last `pace()`, is done.\n\n"
    "An emulated device waits until its cap would have let the work be done, and counts its\n"
    "energy. Other devices do nothing.");

static PyObject *device_pace(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_device *o = (alert_py_device *)self;
    int rc;
    if (!alert_py_device_lock(o))
        return NULL;
    rc = alert_power_pace(o->shared->power, false);
    while (rc == -EAGAIN || rc == -EINTR) {
        if (rc == -EINTR && !go_on_waiting(o))
            return NULL;
        Py_BEGIN_ALLOW_THREADS
        rc = alert_power_pace(o->shared->power, true);
        Py_END_ALLOW_THREADS
    }
    alert_py_device_unlock(o);
    Py_RETURN_NONE;
}

/* The device, where this object is the last to hold it; else NULL. The object holds it no more. */
static alert_power *let_go(alert_py_device *o)
{
    if (atomic_exchange(&o->closed, true) || atomic_fetch_sub(&o->shared->holders, 1) > 1)
        return NULL;
    return atomic_exchange(&o->shared->power, NULL);
}

static PyObject *close_power(alert_py_device *o)
{
    alert_power_error error = {0};
    int rc;
    if (alert_py_shared_lock(o->shared) < 0)
        return NULL;
    alert_power *power = let_go(o);
    Py_BEGIN_ALLOW_THREADS
    rc = alert_power_close(power, &error);
    Py_END_ALLOW_THREADS
    alert_py_device_unlock(o);
    return rc && alert_py_power_warn(o->state, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(
    close_doc,
    "close($self, /)\n"
    "--\n\n"
    "Give back every limit as it was found. Closing twice is fine. A device that was opened\n"
    "several times in this process is closed with the last of its users.\n\n"
    "A limit that somebody else has changed meanwhile stays as it is. One that cannot be given\n"
    "back gives a `PowerWarning`, and stays in the journal for `alert.power.restore`. In a forked\n"
    "child nothing is given back: the device belongs to the process that opened it.");

static PyObject *device_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    return close_power((alert_py_device *)self);
}

PyDoc_STRVAR(share_doc,
             "_share($self, /)\n"
             "--\n\n"
             "Return another object for the same device. The last one to be closed closes it.");

static PyObject *device_share(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_device *o = (alert_py_device *)self, *other = new_object(o->state);
    if (!other || !alert_py_device_lock(o)) {
        Py_XDECREF(other);
        return NULL;
    }
    alert_py_shared_add(o->shared);
    other->shared = o->shared;
    other->opened = o->opened;
    alert_py_device_unlock(o);
    return (PyObject *)other;
}

static PyObject *device_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *device_exit(PyObject *self, PyObject *args)
{
    (void)args;
    return close_power((alert_py_device *)self);
}

/* --------------------------------------------------------------------------------------------- type */

static int device_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void device_dealloc(PyObject *self)
{
    alert_py_device *o = (alert_py_device *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (o->weak_references)
        PyObject_ClearWeakRefs(self);
    alert_power_error error = {0};
    /* Where this object is the last to hold the device, nobody uses it any more, whoever has the lock. */
    if (o->shared && alert_power_close(let_go(o), &error)) {
        PyObject *raised, *value, *traceback;
        PyErr_Fetch(&raised, &value, &traceback);
        if (alert_py_power_warn(o->state, &error) < 0)
            PyErr_WriteUnraisable(NULL);
        PyErr_Restore(raised, value, traceback);
    }
    if (o->shared)
        alert_py_shared_drop(o->shared);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(device_doc,
             "A device that can be capped and whose energy can be read; see `alert.power.open`.");

static PyMethodDef device_methods[] = {
    {"set_cap", device_set_cap, METH_O, set_cap_doc},
    {"release", device_release, METH_NOARGS, release_doc},
    {"energy", device_energy, METH_NOARGS, energy_doc},
    {"begin", device_begin, METH_NOARGS, begin_doc},
    {"pace", device_pace, METH_NOARGS, pace_doc},
    {"close", device_close, METH_NOARGS, close_doc},
    {"_share", device_share, METH_NOARGS, share_doc},
    {"__enter__", device_enter, METH_NOARGS, NULL},
    {"__exit__", device_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef device_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(alert_py_device, weak_references), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot device_slots[] = {
    {Py_tp_doc, (void *)device_doc},
    {Py_tp_dealloc, device_dealloc},
    {Py_tp_traverse, device_traverse},
    {Py_tp_methods, device_methods},
    {Py_tp_getset, alert_py_device_attributes},
    {Py_tp_repr, alert_py_device_repr},
    {Py_tp_members, device_members},
    {0, NULL},
};

static PyType_Spec device_spec = {
    .name = "alert._core.PowerDevice",
    .basicsize = sizeof(alert_py_device),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = device_slots,
};

PyTypeObject *alert_py_power_type(PyObject *module)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &device_spec, NULL);
}

/* Nobody expects energy of a device that is nothing: no warning. */
static bool is_nothing(const alert_power_traits *t)
{
    return strcmp(t->kind, "none") == 0;
}

PyObject *alert_py_power_wrap(alert_py_state *state, alert_power *power)
{
    alert_py_device *o = new_object(state);
    if (!o) {
        (void)alert_power_close(power, NULL);
        return NULL;
    }
    o->shared = alert_py_shared_new(power);
    if (!o->shared) {
        Py_DECREF(o);
        return NULL;
    }
    alert_power_about(power, &o->opened);
    o->shared->told_energy = is_nothing(&o->opened);
    return (PyObject *)o;
}
