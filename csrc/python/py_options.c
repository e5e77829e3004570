/* py_options.c - methods and constants by name. */
#include "py_options.h"

#include <stddef.h>
#include <string.h>

#include "py_convert.h"

static const struct {
    const char *name;
    alert_method method;
} METHOD[] = {{"paper", ALERT_PAPER}};

static const struct {
    const char *name;
    size_t offset;
} CONSTANT[] = {
    {"alpha", offsetof(alert_constants, alpha)},   {"q0", offsetof(alert_constants, q0)},
    {"k0", offsetof(alert_constants, k0)},         {"mu0", offsetof(alert_constants, mu0)},
    {"r", offsetof(alert_constants, r)},           {"s2_0", offsetof(alert_constants, s2_0)},
    {"idle_m", offsetof(alert_constants, idle_m)}, {"idle_s", offsetof(alert_constants, idle_s)},
    {"idle_v", offsetof(alert_constants, idle_v)},
};

enum {
    METHODS = sizeof METHOD / sizeof METHOD[0],
    CONSTANTS = sizeof CONSTANT / sizeof CONSTANT[0]
};

static double *constant_at(alert_constants *constants, size_t i)
{
    return (double *)((char *)constants + CONSTANT[i].offset);
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

int alert_py_constants(PyObject *dict, alert_constants *out)
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
        while (i < CONSTANTS && !(PyUnicode_Check(key) &&
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
