/* py_power_attributes.c - what a _core.PowerDevice says of itself: its attributes, its parts, its repr. */
#include "python/py_power_attributes.h"

#include <math.h>
#include <string.h>

#include "python/py_deprecated.h"
#include "python/py_power_object.h"
#include "python/py_power_part.h"

/* -------------------------------------------------------------------------------------------- parts */

/* A part as a dict; NULL after the last one, and with an exception set. No object is made under the lock: that may
 * collect garbage, and a finalizer may want the lock. */
static PyObject *part_at(alert_py_device *o, size_t index)
{
    alert_power_fact fact[ALERT_POWER_FACTS];
    if (!alert_py_device_lock(o))
        return NULL;
    size_t facts = alert_power_part(o->shared->power, index, fact);
    alert_py_device_unlock(o);
    return facts ? alert_py_power_part(fact, facts) : NULL;
}

/* All parts, or none where parts of this kind of device are called otherwise. */
static PyObject *get_parts(PyObject *self, void *called)
{
    alert_py_device *o = (alert_py_device *)self;
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
static alert_power_traits traits_of(alert_py_device *o)
{
    alert_power_traits traits = o->opened;
    if (!alert_py_device_lock(o)) {
        PyErr_Clear();
        return traits;
    }
    alert_power_about(o->shared->power, &traits);
    alert_py_device_unlock(o);
    return traits;
}

static PyObject *get_kind(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((alert_py_device *)self)->opened.kind);
}

static PyObject *get_unit(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((alert_py_device *)self)->opened.unit);
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
    return PyBool_FromLong(((alert_py_device *)self)->opened.emulated);
}

static PyObject *get_can_cap(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(traits_of((alert_py_device *)self).can_cap);
}

static PyObject *get_can_read(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((alert_py_device *)self)->opened.can_read);
}

static PyObject *get_cap(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_device *o = (alert_py_device *)self;
    double cap = (double)NAN;
    int rc;
    if (!alert_py_device_lock(o))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    rc = alert_power_cap(o->shared->power, &cap, NULL);
    Py_END_ALLOW_THREADS
    alert_py_device_unlock(o);
    return PyFloat_FromDouble(rc ? (double)NAN : cap);
}

static PyObject *get_cap_range(PyObject *self, void *closure)
{
    (void)closure;
    const alert_power_traits *t = &((alert_py_device *)self)->opened;
    return t->cap_max > 0.0 ? Py_BuildValue("dd", t->cap_min, t->cap_max)
                            : Py_BuildValue("dd", (double)NAN, (double)NAN);
}

static PyObject *get_asked(PyObject *self, void *closure)
{
    (void)closure;
    double asked = traits_of((alert_py_device *)self).asked;
    return isnan(asked) ? Py_NewRef(Py_None) : PyFloat_FromDouble(asked);
}

static PyObject *get_switch_cost(PyObject *self, void *closure)
{
    (void)closure;
    return PyFloat_FromDouble(traits_of((alert_py_device *)self).switch_cost_s);
}

static PyObject *get_settle(PyObject *self, void *closure)
{
    (void)closure;
    return PyFloat_FromDouble(traits_of((alert_py_device *)self).settle_s);
}

static PyObject *get_tick(PyObject *self, void *closure)
{
    (void)closure;
    return PyFloat_FromDouble(((alert_py_device *)self)->opened.tick_s);
}

static PyObject *get_closed(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((alert_py_device *)self)->closed);
}

PyObject *alert_py_device_repr(PyObject *self)
{
    alert_py_device *o = (alert_py_device *)self;
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

/* -------------------------------------------------------------------------------------------- table */

#define RENAMED_DOC(name) "Old name of `" name "`, removed in the next release."
static alert_py_renamed RENAMED[] = {
    {"PowerDevice", "switch_cost_s", "switch_cost"},
    {"PowerDevice", "settle_s", "settle"},
    {"PowerDevice", "tick_s", "tick"},
};

PyGetSetDef alert_py_device_attributes[] = {
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
