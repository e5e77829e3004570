/* py_profile.c - _core.Profile: a validated profile that any number of schedulers share. */
#include "python/py_profile.h"

#include <stddef.h>

#include "python/py_array.h"
#include "python/py_convert.h"

typedef struct profile_object {
    PyObject_HEAD
    alert_profile *profile;
} profile_object;

/* --------------------------------------------------------------------------------------- arrays */

static bool has_length(PyArrayObject *array, const char *name, int axis, npy_intp length,
                       const char *of)
{
    if (PyArray_DIM(array, axis) == length)
        return true;
    PyErr_Format(PyExc_ValueError, "%s: expected %zd %s along axis %d, got %zd", name,
                 (Py_ssize_t)length, of, axis, (Py_ssize_t)PyArray_DIM(array, axis));
    return false;
}

enum {
    LATENCY,
    POWER,
    ACCURACY,
    POWER_CAPS,
    EXIT_COUNT,
    EXIT_FRACTION,
    EXIT_ACCURACY,
    EXIT_SHARE,
    FIXED_SHARE,
    ARRAYS
};

static const struct {
    const char *name;
    int type, dimensions;
} ARGUMENT[ARRAYS] = {
    {"latency", NPY_DOUBLE, 2},    {"power", NPY_DOUBLE, 2},       {"accuracy", NPY_DOUBLE, 1},
    {"power_caps", NPY_DOUBLE, 1}, {"exits", NPY_UINTP, 1},        {"exits", NPY_DOUBLE, 1},
    {"exits", NPY_DOUBLE, 1},      {"exit_shares", NPY_DOUBLE, 1}, {"fixed_share", NPY_DOUBLE, 1},
};

static bool shapes_agree(PyArrayObject *const a[ARRAYS])
{
    npy_intp models = PyArray_DIM(a[LATENCY], 0), caps = PyArray_DIM(a[POWER_CAPS], 0), exits = 0;
    if (!has_length(a[LATENCY], "latency", 1, caps, "power caps") ||
        (a[POWER] && !has_length(a[POWER], "power", 0, models, "models")) ||
        (a[POWER] && !has_length(a[POWER], "power", 1, caps, "power caps")) ||
        !has_length(a[ACCURACY], "accuracy", 0, models, "models") ||
        !has_length(a[EXIT_COUNT], "exits", 0, models, "models") ||
        (a[FIXED_SHARE] && !has_length(a[FIXED_SHARE], "fixed_share", 0, models, "models")))
        return false;
    const npy_uintp *count = PyArray_DATA(a[EXIT_COUNT]);
    for (npy_intp i = 0; i < models; i++) {
        if (count[i] > (npy_uintp)(PyArray_DIM(a[EXIT_FRACTION], 0) - exits)) {
            PyErr_SetString(PyExc_ValueError, "exits: expected as many pairs as are counted");
            return false;
        }
        exits += (npy_intp)count[i];
    }
    return has_length(a[EXIT_FRACTION], "exits", 0, exits, "exits") &&
           has_length(a[EXIT_ACCURACY], "exits", 0, exits, "exits") &&
           (!a[EXIT_SHARE] || has_length(a[EXIT_SHARE], "exit_shares", 0, exits, "exits"));
}

/* ----------------------------------------------------------------------------------------- type */

static PyObject *profile_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"latency",    "power",       "accuracy",      "power_caps",
                            "idle_power", "exit_count",  "exit_fraction", "exit_accuracy",
                            "exit_share", "fixed_share", "size",          NULL};
    PyObject *given[ARRAYS];
    double idle_power, size;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOdOOOOOd:Profile", names, &given[LATENCY],
                                     &given[POWER], &given[ACCURACY], &given[POWER_CAPS],
                                     &idle_power, &given[EXIT_COUNT], &given[EXIT_FRACTION],
                                     &given[EXIT_ACCURACY], &given[EXIT_SHARE], &given[FIXED_SHARE],
                                     &size))
        return NULL;
    PyArrayObject *a[ARRAYS] = {NULL};
    profile_object *self = NULL;
    for (int i = 0; i < ARRAYS; i++) {
        if ((i == POWER || i == EXIT_SHARE || i == FIXED_SHARE) && given[i] == Py_None)
            continue;
        a[i] = alert_py_array(given[i], ARGUMENT[i].name, ARGUMENT[i].type, ARGUMENT[i].dimensions,
                              true);
        if (!a[i])
            goto done;
    }
    if (!shapes_agree(a))
        goto done;
    alert_profile_data data = {
        .models = (size_t)PyArray_DIM(a[LATENCY], 0),
        .caps = (size_t)PyArray_DIM(a[POWER_CAPS], 0),
        .latency_s = PyArray_DATA(a[LATENCY]),
        .power_w = a[POWER] ? PyArray_DATA(a[POWER]) : NULL,
        .accuracy = PyArray_DATA(a[ACCURACY]),
        .power_cap_w = PyArray_DATA(a[POWER_CAPS]),
        .idle_power_w = idle_power,
        .exit_count = PyArray_DATA(a[EXIT_COUNT]),
        .exit_fraction = PyArray_DATA(a[EXIT_FRACTION]),
        .exit_accuracy = PyArray_DATA(a[EXIT_ACCURACY]),
        .exit_share = a[EXIT_SHARE] ? PyArray_DATA(a[EXIT_SHARE]) : NULL,
        .fixed_share = a[FIXED_SHARE] ? PyArray_DATA(a[FIXED_SHARE]) : NULL,
        .size = size,
    };
    self = (profile_object *)type->tp_alloc(type, 0);
    if (self) {
        alert_argument_error error;
        int rc = alert_profile_new(&self->profile, &data, &error);
        if (rc) {
            alert_py_raise(rc, &error);
            Py_CLEAR(self);
        }
    }
done:
    for (int i = 0; i < ARRAYS; i++)
        Py_XDECREF(a[i]);
    return (PyObject *)self;
}

static void profile_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    alert_profile_unref(((profile_object *)self)->profile);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    profile_doc,
    "Profile(latency, power, accuracy, power_caps, idle_power, exit_count, exit_fraction, "
    "exit_accuracy, exit_share, fixed_share, size)\n"
    "--\n\n"
    "A validated profile in C, shared by the schedulers that use it. `alert.Profile` makes it.");

static PyType_Slot profile_slots[] = {
    {Py_tp_doc, (void *)profile_doc},
    {Py_tp_new, profile_new},
    {Py_tp_dealloc, profile_dealloc},
    {0, NULL},
};

static PyType_Spec profile_spec = {
    .name = "alert._core.Profile",
    .basicsize = sizeof(profile_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = profile_slots,
};

alert_profile *alert_py_profile_of(const alert_py_state *state, PyObject *object)
{
    if (Py_IS_TYPE(object, state->profile_type))
        return ((profile_object *)object)->profile;
    PyErr_Format(PyExc_TypeError, "profile: expected a _core.Profile, got %.100s",
                 Py_TYPE(object)->tp_name);
    return NULL;
}

int alert_py_profile_exec(PyObject *module, alert_py_state *state)
{
    state->profile_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &profile_spec, NULL);
    return state->profile_type ? PyModule_AddType(module, state->profile_type) : -1;
}
