/* py_options.c - methods and constants by name. */
#include "python/py_options.h"

#include "python/py_convert.h"

static double *constant_at(alert_constants *constants, const alert_constant *row)
{
    return (double *)((char *)constants + row->offset);
}

static bool is_of(alert_method method, const alert_constant *row)
{
    return (row->methods & (1u << method)) != 0;
}

/* The row of a constant of the method; NULL when it has none of this name. */
static const alert_constant *find(alert_method method, PyObject *name)
{
    size_t count;
    const alert_constant *row = alert_constants_table(&count);
    for (const alert_constant *end = row + count; PyUnicode_Check(name) && row < end; row++)
        if (is_of(method, row) && PyUnicode_CompareWithASCIIString(name, row->name) == 0)
            return row;
    return NULL;
}

static PyObject *method_names(void)
{
    PyObject *list = PyList_New(0), *names;
    for (int i = 0; list && alert_method_name((alert_method)i); i++) {
        PyObject *name = PyUnicode_FromString(alert_method_name((alert_method)i));
        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    names = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return names;
}

int alert_py_method(PyObject *name, alert_method *out)
{
    const char *known;
    for (int i = 0; PyUnicode_Check(name) && (known = alert_method_name((alert_method)i)); i++)
        if (PyUnicode_CompareWithASCIIString(name, known) == 0) {
            *out = (alert_method)i;
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
        const alert_constant *row = find(method, key);
        if (row) {
            rc = alert_py_double(value, row->name, "a number", constant_at(out, row));
        } else {
            PyErr_Format(PyExc_ValueError,
                         "constants: method '%s' has no constant %R; alert.constants('%s') lists "
                         "them",
                         alert_method_name(method), key, alert_method_name(method));
            rc = -1;
        }
    }
    Py_DECREF(copy);
    return rc;
}

const char alert_py_constants_doc[] =
    "constants(method, /)\n--\n\nReturn the constants that `method` starts from, by name.";

PyObject *alert_py_constants_dict(PyObject *module, PyObject *name)
{
    (void)module;
    alert_method method;
    if (alert_py_method(name, &method) < 0)
        return NULL;
    size_t count;
    const alert_constant *row = alert_constants_table(&count);
    PyObject *dict = PyDict_New();
    for (const alert_constant *end = row + count; dict && row < end; row++) {
        if (!is_of(method, row))
            continue;
        PyObject *value = PyFloat_FromDouble(row->usual);
        if (!value || PyDict_SetItemString(dict, row->name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

/* The rows of the table: name, usual value, range, provenance, meaning. */
static PyObject *constant_rows(void)
{
    size_t count;
    const alert_constant *row = alert_constants_table(&count);
    PyObject *rows = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; rows && i < count; i++, row++) {
        PyObject *item = Py_BuildValue("sdsss", row->name, row->usual, row->range->expected,
                                       row->provenance, row->meaning);
        if (!item)
            Py_CLEAR(rows);
        else
            PyTuple_SET_ITEM(rows, (Py_ssize_t)i, item);
    }
    return rows;
}

static int add(PyObject *module, const char *name, PyObject *value)
{
    int rc = value ? PyModule_AddObjectRef(module, name, value) : -1;
    Py_XDECREF(value);
    return rc;
}

int alert_py_options_exec(PyObject *module)
{
    return add(module, "METHODS", method_names()) < 0 ? -1
                                                      : add(module, "CONSTANTS", constant_rows());
}
