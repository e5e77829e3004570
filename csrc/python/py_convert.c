#include "python/py_convert.h"

#include <errno.h>
#include <math.h>

static PyObject *place_of(const alert_argument_error *error)
{
    if (error->index[0] < 0)
        return PyUnicode_FromString(error->name);
    if (error->index[1] < 0)
        return PyUnicode_FromFormat("%s[%zd]", error->name, error->index[0]);
    return PyUnicode_FromFormat("%s[%zd, %zd]", error->name, error->index[0], error->index[1]);
}

/* Counts come as doubles, too: a whole number is shown without a point. */
static PyObject *number_of(double value)
{
    bool is_whole = fabs(value) <= 0x1p53 && value == trunc(value);
    return is_whole ? PyLong_FromDouble(value) : PyFloat_FromDouble(value);
}

int alert_py_raise(int rc, const alert_argument_error *error)
{
    if (rc == -ENOMEM) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *place = place_of(error), *value = number_of(error->value);
    if (place && value)
        PyErr_Format(PyExc_ValueError, "%U: expected %s, got %R", place, error->expected, value);
    Py_XDECREF(place);
    Py_XDECREF(value);
    return -1;
}

int alert_py_double(PyObject *object, const char *name, const char *expected, double *out)
{
    if (PyFloat_CheckExact(object)) {
        *out = PyFloat_AS_DOUBLE(object);
        return 0;
    }
    *out = PyFloat_AsDouble(object);
    if (*out != -1.0 || !PyErr_Occurred())
        return 0;
    if (PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError, "%s: expected %s, got %.100s", name, expected,
                     Py_TYPE(object)->tp_name);
    else if (PyErr_ExceptionMatches(PyExc_OverflowError))
        PyErr_Format(PyExc_ValueError, "%s: expected %s, got a number too large", name, expected);
    return -1;
}

int alert_py_size(PyObject *object, const char *name, const char *expected, size_t *out)
{
    Py_ssize_t value = PyNumber_AsSsize_t(object, NULL); /* a number too large is clipped */
    if (value == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "%s: expected %s, got %.100s", name, expected,
                         Py_TYPE(object)->tp_name);
        return -1;
    }
    if (value < 0) {
        PyErr_Format(PyExc_ValueError, "%s: expected %s, got %zd", name, expected, value);
        return -1;
    }
    *out = (size_t)value;
    return 0;
}

static Py_ssize_t find(PyObject *names, PyObject *name)
{
    Py_ssize_t count = PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; i++) /* the keywords of a call are usually interned */
        if (PyTuple_GET_ITEM(names, i) == name)
            return i;
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(names, i), name) == 0)
            return i;
    return -1;
}

int alert_py_arguments(const char *function, PyObject *names, Py_ssize_t positional,
                       Py_ssize_t required, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames, PyObject **values)
{
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (nargs > positional) {
        PyErr_Format(PyExc_TypeError, "%s() takes %zd positional arguments, got %zd", function,
                     positional, nargs);
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++)
        values[i] = i < nargs ? args[i] : NULL;
    for (Py_ssize_t k = 0; k < keywords; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        Py_ssize_t i = find(names, name);
        if (i < 0 || values[i]) {
            PyErr_Format(PyExc_TypeError,
                         i < 0 ? "%s() got an unexpected keyword argument '%U'"
                               : "%s() got multiple values for argument '%U'",
                         function, name);
            return -1;
        }
        values[i] = args[nargs + k];
    }
    for (Py_ssize_t i = 0; i < required; i++)
        if (!values[i]) {
            PyErr_Format(PyExc_TypeError, "%s() missing required argument '%U'", function,
                         PyTuple_GET_ITEM(names, i));
            return -1;
        }
    return 0;
}
