/* py_power.c - _core.PowerDevice: power devices of every kind.
 *
 * Each device has a lock, taken with the GIL kept when it is free and with the GIL dropped when it is not;
 * hardware is spoken to with the GIL dropped. An emulated device keeps the GIL except to wait. */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "python/py_deprecated.h"
#include "python/py_power.h"
#include "python/py_power_error.h"
#include "python/py_power_part.h"
#include "python/py_power_shared.h"

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY   READONLY
#endif

typedef struct power_object {
    PyObject_HEAD
    alert_py_shared *shared;
    atomic_bool closed;    /* this object; changes under the lock */
    alert_py_state *state; /* lives as long as the module, which the type keeps alive */
    PyObject *weak_references;
    alert_power_traits opened; /* as the device was when it was opened */
} power_object;

/* Several objects share a device (py_power_shared.h); the last to be closed, or dropped, closes it. */

static power_object *new_object(alert_py_state *state)
{
    power_object *o = (power_object *)state->power_type->tp_alloc(state->power_type, 0);
    if (o)
        o->state = state;
    return o;
}

/* --------------------------------------------------------------------------------------------- lock */

static void unlock(power_object *o)
{
    alert_py_shared_unlock(o->shared);
}

/* Waits with the GIL dropped. False with an exception set when the device is closed: then it is not locked. */
static bool lock(power_object *o)
{
    if (alert_py_shared_lock(o->shared) < 0)
        return false;
    if (!o->closed)
        return true;
    unlock(o);
    PyErr_SetString(PyExc_ValueError, "the power device is closed");
    return false;
}

/* Lets signal handlers run, with the lock free: a handler may close the device. False, with an exception set and the
 * lock free, when the wait is over: then the work that was waited for is as good as done. */
static bool go_on_waiting(power_object *o)
{
    unlock(o);
    if (PyErr_CheckSignals() == 0)
        return lock(o);
    PyObject *raised, *value, *traceback;
    PyErr_Fetch(&raised, &value, &traceback);
    if (lock(o)) {
        alert_power_begin(o->shared->power);
        (void)!alert_power_pace(o->shared->power, false);
        unlock(o);
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
static PyObject *change_cap(power_object *o, const double *cap)
{
    alert_power_error error = {0}, notice = {0};
    alert_power_traits traits;
    int rc;
    if (!lock(o))
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
    unlock(o);
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
    return change_cap((power_object *)self, &cap);
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
    return change_cap((power_object *)self, NULL);
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
    power_object *o = (power_object *)self;
    alert_power_error error = {0}, notice = {0};
    double energy_j = 0.0;
    int rc;
    if (!lock(o))
        return NULL;
    if (o->opened.emulated) {
        rc = alert_power_energy(o->shared->power, &energy_j, &error);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rc = alert_power_energy(o->shared->power, &energy_j, &error);
        Py_END_ALLOW_THREADS
    }
    bool noticed = alert_power_notice(o->shared->power, &notice);
    unlock(o);
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
    power_object *o = (power_object *)self;
    if (!lock(o))
        return NULL;
    alert_power_begin(o->shared->power);
    unlock(o);
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
    power_object *o = (power_object *)self;
    int rc;
    if (!lock(o))
        return NULL;
    rc = alert_power_pace(o->shared->power, false);
    while (rc == -EAGAIN || rc == -EINTR) {
        if (rc == -EINTR && !go_on_waiting(o))
            return NULL;
        Py_BEGIN_ALLOW_THREADS
        rc = alert_power_pace(o->shared->power, true);
        Py_END_ALLOW_THREADS
    }
    unlock(o);
    Py_RETURN_NONE;
}

/* The device, where this object is the last to hold it; else NULL. The object holds it no more. */
static alert_power *let_go(power_object *o)
{
    if (atomic_exchange(&o->closed, true) || atomic_fetch_sub(&o->shared->holders, 1) > 1)
        return NULL;
    return atomic_exchange(&o->shared->power, NULL);
}

static PyObject *close_power(power_object *o)
{
    alert_power_error error = {0};
    int rc;
    if (alert_py_shared_lock(o->shared) < 0)
        return NULL;
    alert_power *power = let_go(o);
    Py_BEGIN_ALLOW_THREADS
    rc = alert_power_close(power, &error);
    Py_END_ALLOW_THREADS
    unlock(o);
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
    return close_power((power_object *)self);
}

PyDoc_STRVAR(share_doc,
             "_share($self, /)\n"
             "--\n\n"
             "Return another object for the same device. The last one to be closed closes it.");

static PyObject *device_share(PyObject *self, PyObject *unused)
{
    (void)unused;
    power_object *o = (power_object *)self, *other = new_object(o->state);
    if (!other || !lock(o)) {
        Py_XDECREF(other);
        return NULL;
    }
    alert_py_shared_add(o->shared);
    other->shared = o->shared;
    other->opened = o->opened;
    unlock(o);
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
    return close_power((power_object *)self);
}

/* -------------------------------------------------------------------------------------------- parts */

/* A part as a dict; NULL after the last one, and with an exception set. No object is made under the lock: that may
 * collect garbage, and a finalizer may want the lock. */
static PyObject *part_at(power_object *o, size_t index)
{
    alert_power_fact fact[ALERT_POWER_FACTS];
    if (!lock(o))
        return NULL;
    size_t facts = alert_power_part(o->shared->power, index, fact);
    unlock(o);
    return facts ? alert_py_power_part(fact, facts) : NULL;
}

/* All parts, or none where parts of this kind of device are called otherwise. */
static PyObject *get_parts(PyObject *self, void *called)
{
    power_object *o = (power_object *)self;
    const char *parts = o->opened.parts;
    bool wanted = !called || (parts && strcmp(parts, called) == 0);
    PyObject *list = PyList_New(0), *part = NULL;
    if (!wanted)
        return list;
    for (size_t i = 0; list && (part = part_at(o, i)); i++) {
        if (PyList_Append(list, part) < 0)
            Py_CLEAR(list);
        Py_DECREF(part);
    }
    if (PyErr_Occurred())
        Py_CLEAR(list);
    return list;
}

/* --------------------------------------------------------------------------------------- attributes */

/* The traits now, or those it was opened with once it is closed. */
static alert_power_traits traits_of(power_object *o)
{
    alert_power_traits traits = o->opened;
    if (!lock(o)) {
        PyErr_Clear();
        return traits;
    }
    alert_power_about(o->shared->power, &traits);
    unlock(o);
    return traits;
}

static PyObject *get_kind(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((power_object *)self)->opened.kind);
}

static PyObject *get_unit(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((power_object *)self)->opened.unit);
}

static PyObject *get_settings(PyObject *self, void *closure)
{
    (void)self;
    (void)closure;
    Py_RETURN_NONE;
}

static PyObject *get_emulated(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((power_object *)self)->opened.emulated);
}

static PyObject *get_can_cap(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(traits_of((power_object *)self).can_cap);
}

static PyObject *get_can_read(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((power_object *)self)->opened.can_read);
}

static PyObject *get_cap(PyObject *self, void *closure)
{
    (void)closure;
    power_object *o = (power_object *)self;
    double cap = (double)NAN;
    int rc;
    if (!lock(o))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    rc = alert_power_cap(o->shared->power, &cap, NULL);
    Py_END_ALLOW_THREADS
    unlock(o);
    return PyFloat_FromDouble(rc ? (double)NAN : cap);
}

static PyObject *get_cap_range(PyObject *self, void *closure)
{
    (void)closure;
    const alert_power_traits *t = &((power_object *)self)->opened;
    return t->cap_max > 0.0 ? Py_BuildValue("dd", t->cap_min, t->cap_max)
                            : Py_BuildValue("dd", (double)NAN, (double)NAN);
}

static PyObject *get_asked(PyObject *self, void *closure)
{
    (void)closure;
    double asked = traits_of((power_object *)self).asked;
    return isnan(asked) ? Py_NewRef(Py_None) : PyFloat_FromDouble(asked);
}

static PyObject *get_switch_cost(PyObject *self, void *closure)
{
    (void)closure;
    return PyFloat_FromDouble(traits_of((power_object *)self).switch_cost_s);
}

static PyObject *get_settle(PyObject *self, void *closure)
{
    (void)closure;
    return PyFloat_FromDouble(traits_of((power_object *)self).settle_s);
}

static PyObject *get_tick(PyObject *self, void *closure)
{
    (void)closure;
    return PyFloat_FromDouble(((power_object *)self)->opened.tick_s);
}

static PyObject *get_closed(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((power_object *)self)->closed);
}

static PyObject *device_repr(PyObject *self)
{
    power_object *o = (power_object *)self;
    if (o->closed)
        return PyUnicode_FromFormat("<alert power device: %s, closed>", o->opened.kind);
    char text[120];
    if (o->opened.can_cap)
        PyOS_snprintf(text, sizeof text, "caps %.4g..%.4g %s", o->opened.cap_min, o->opened.cap_max,
                      o->opened.unit);
    else
        PyOS_snprintf(text, sizeof text, "no caps");
    return PyUnicode_FromFormat("<alert power device: %s, %s, %s>", o->opened.kind, text,
                                o->opened.can_read ? "energy" : "no energy");
}

/* --------------------------------------------------------------------------------------------- type */

static int device_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void device_dealloc(PyObject *self)
{
    power_object *o = (power_object *)self;
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

#define RENAMED_DOC(name) "Old name of `" name "`, removed in the next release."
static alert_py_renamed RENAMED[] = {
    {"PowerDevice", "switch_cost_s", "switch_cost"},
    {"PowerDevice", "settle_s", "settle"},
    {"PowerDevice", "tick_s", "tick"},
};

static PyGetSetDef device_getset[] = {
    {"kind", get_kind, NULL, "\"rapl\", \"nvml\", \"cpufreq\", \"emulated\" or \"none\".", NULL},
    {"unit", get_unit, NULL, "Of a cap: \"W\" or \"GHz\".", NULL},
    {"emulated", get_emulated, NULL, "True where power and energy are computed, not measured.",
     NULL},
    {"can_cap", get_can_cap, NULL, "Whether it can be capped; False once the hardware has refused.",
     NULL},
    {"can_read", get_can_read, NULL, "Whether its energy can be read.", NULL},
    {"cap", get_cap, NULL, "The cap in force; NaN where it cannot be read.", NULL},
    {"settings", get_settings, NULL, "None: every cap of `cap_range` may be set.", NULL},
    {"cap_range", get_cap_range, NULL, "(lowest, highest) cap; NaN where it cannot cap.", NULL},
    {"asked", get_asked, NULL,
     "The cap that was last set here; None before the first, and after `release()`.", NULL},
    {"switch_cost", get_switch_cost, NULL,
     "Seconds of the caller's time that changing the cap takes.", NULL},
    {"settle", get_settle, NULL, "Seconds from changing the cap until it acts.", NULL},
    {"tick", get_tick, NULL, "Seconds between steps of the energy counter; 0 when continuous.",
     NULL},
    {"switch_cost_s", alert_py_get_renamed, NULL, RENAMED_DOC("switch_cost"), &RENAMED[0]},
    {"settle_s", alert_py_get_renamed, NULL, RENAMED_DOC("settle"), &RENAMED[1]},
    {"tick_s", alert_py_get_renamed, NULL, RENAMED_DOC("tick"), &RENAMED[2]},
    {"closed", get_closed, NULL, "Whether close() has been called.", NULL},
    {"parts", get_parts, NULL, "What is known about each part of the device: a dict each.", NULL},
    {"zones", get_parts, NULL, "The parts of a RAPL device; of others, none.", "zones"},
    {"gpus", get_parts, NULL, "The parts of an NVML device; of others, none.", "gpus"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef device_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(power_object, weak_references), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot device_slots[] = {
    {Py_tp_doc, (void *)device_doc},   {Py_tp_dealloc, device_dealloc},
    {Py_tp_traverse, device_traverse}, {Py_tp_methods, device_methods},
    {Py_tp_getset, device_getset},     {Py_tp_repr, device_repr},
    {Py_tp_members, device_members},   {0, NULL},
};

static PyType_Spec device_spec = {
    .name = "alert._core.PowerDevice",
    .basicsize = sizeof(power_object),
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
    power_object *o = new_object(state);
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
