/* py_options.c - methods and constants by name. */
#include "python/py_options.h"

#include <stddef.h>
#include <string.h>

#include "python/py_convert.h"

static const struct {
    const char *name;
    alert_method method;
} METHOD[] = {{"paper", ALERT_PAPER}, {"calibrated", ALERT_CALIBRATED}};

enum { PAPER = 1 << ALERT_PAPER, CALIBRATED = 1 << ALERT_CALIBRATED, ALL = PAPER | CALIBRATED };

static const struct {
    const char *name;
    size_t offset;
    int methods; /* that have it */
} CONSTANT[] = {
    {"alpha", offsetof(alert_constants, alpha), PAPER},
    {"q0", offsetof(alert_constants, q0), PAPER},
    {"k0", offsetof(alert_constants, k0), PAPER},
    {"mu0", offsetof(alert_constants, mu0), PAPER},
    {"r", offsetof(alert_constants, r), PAPER},
    {"s2_0", offsetof(alert_constants, s2_0), PAPER},
    {"level_gain", offsetof(alert_constants, level_gain), CALIBRATED},
    {"spread_gain", offsetof(alert_constants, spread_gain), CALIBRATED},
    {"spread_0", offsetof(alert_constants, spread_0), CALIBRATED},
    {"other_level", offsetof(alert_constants, other_level), CALIBRATED},
    {"other_spread", offsetof(alert_constants, other_spread), CALIBRATED},
    {"change_rate", offsetof(alert_constants, change_rate), CALIBRATED},
    {"change_inputs", offsetof(alert_constants, change_inputs), CALIBRATED},
    {"outlier", offsetof(alert_constants, outlier), CALIBRATED},
    {"price_integral", offsetof(alert_constants, price_integral), CALIBRATED},
    {"price_gain", offsetof(alert_constants, price_gain), CALIBRATED},
    {"price_swing", offsetof(alert_constants, price_swing), CALIBRATED},
    {"price_reserve", offsetof(alert_constants, price_reserve), CALIBRATED},
    {"price_ramp", offsetof(alert_constants, price_ramp), CALIBRATED},
    {"price_margin", offsetof(alert_constants, price_margin), CALIBRATED},
    {"price_reach", offsetof(alert_constants, price_reach), CALIBRATED},
    {"idle_m", offsetof(alert_constants, idle_m), ALL},
    {"idle_s", offsetof(alert_constants, idle_s), ALL},
    {"idle_v", offsetof(alert_constants, idle_v), ALL},
};

enum {
    METHODS = sizeof METHOD / sizeof METHOD[0],
    CONSTANTS = sizeof CONSTANT / sizeof CONSTANT[0]
};

static double *constant_at(alert_constants *constants, size_t i)
{
    return (double *)((char *)constants + CONSTANT[i].offset);
}

static bool is_of(alert_method method, size_t i)
{
    return (CONSTANT[i].methods & (1 << method)) != 0;
}

static PyObject *method_names(void)
{
    PyObject *names = PyTuple_New(METHODS);
    for (Py_ssize_t i = 0; names && i < METHODS; i++) {
        PyObject *name = PyUnicode_FromString(METHOD[i].name);
        if (!name)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

int alert_py_method(PyObject *name, alert_method *out)
{
    for (size_t i = 0; i < METHODS; i++)
        if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, METHOD[i].name) == 0) {
            *out = METHOD[i].method;
            return 0;
        }
    PyObject *names = method_names();
    if (names)
        PyErr_Format(PyExc_ValueError, "method: expected one of %R, got %R", names, name);
    Py_XDECREF(names);
    return -1;
}

int alert_py_constants(PyObject *dict, alert_method method, alert_constants *out)
{
    PyObject *key, *value, *copy;
    Py_ssize_t position = 0;
    int rc = 0;
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "constants: expected a dict, got %.100s",
                     Py_TYPE(dict)->tp_name);
        return -1;
    }
    copy = PyDict_Copy(dict); /* converting a value may run code that changes the dict */
    if (!copy)
        return -1;
    while (rc == 0 && PyDict_Next(copy, &position, &key, &value)) {
        size_t i = 0;
        while (i < CONSTANTS && !(is_of(method, i) && PyUnicode_Check(key) &&
                                  PyUnicode_CompareWithASCIIString(key, CONSTANT[i].name) == 0))
            i++;
        if (i == CONSTANTS) {
            PyErr_Format(PyExc_ValueError,
                         "constants: expected names out of constants(method), got %R", key);
            rc = -1;
        } else {
            rc = alert_py_double(value, CONSTANT[i].name, "a number", constant_at(out, i));
        }
    }
    Py_DECREF(copy);
    return rc;
}

PyObject *alert_py_constants_dict(PyObject *module, PyObject *name)
{
    (void)module;
    alert_method method;
    if (alert_py_method(name, &method) < 0)
        return NULL;
    alert_constants constants = alert_constants_default(method);
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < CONSTANTS; i++) {
        if (!is_of(method, i))
            continue;
        PyObject *value = PyFloat_FromDouble(*constant_at(&constants, i));
        if (!value || PyDict_SetItemString(dict, CONSTANT[i].name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

int alert_py_options_exec(PyObject *module)
{
    PyObject *names = method_names();
    int rc = names ? PyModule_AddObjectRef(module, "METHODS", names) : -1;
    Py_XDECREF(names);
    return rc;
}
