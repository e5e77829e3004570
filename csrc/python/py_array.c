#include "python/py_array.h"

#include <stdbool.h>
#include <string.h>

/* Refuses text before it is converted: text that reads like a number would pass. */
static bool is_text(PyObject *object)
{
    PyObject *given = PyArray_FROM_O(object);
    int type = given ? PyArray_TYPE((PyArrayObject *)given) : NPY_NOTYPE;
    Py_XDECREF(given);
    return type == NPY_UNICODE || type == NPY_STRING;
}

/* 1 for a numpy.ma.MaskedArray with masked elements: below the mask lies something that would count as a number. */
static int is_masked(PyObject *object)
{
    if (!PyArray_Check(object) || PyArray_CheckExact(object) ||
        !PyObject_HasAttrString(object, "mask"))
        return 0;
    PyObject *mask = PyObject_GetAttrString(object, "mask");
    PyArrayObject *array =
        mask ? (PyArrayObject *)PyArray_FROMANY(mask, NPY_BOOL, 0, 0, NPY_ARRAY_IN_ARRAY) : NULL;
    Py_XDECREF(mask);
    if (!array)
        return -1;
    const npy_bool *marks = PyArray_DATA(array);
    int any = 0;
    for (npy_intp i = 0; i < PyArray_SIZE(array); i++)
        any |= marks[i] != 0;
    Py_DECREF(array);
    return any;
}

/* Replaces NumPy's exception by one that names the argument. */
static PyArrayObject *refused(PyObject *object, const char *name)
{
    if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s: expected numbers, got %R", name, object);
    }
    return NULL;
}

/* Takes the place of NumPy's copy, which drops the GIL: another thread might resize the array meanwhile. */
static PyArrayObject *copied(PyArrayObject *array)
{
    PyArrayObject *copy = (PyArrayObject *)PyArray_SimpleNew(
        PyArray_NDIM(array), PyArray_DIMS(array), PyArray_TYPE(array));
    if (copy)
        memcpy(PyArray_DATA(copy), PyArray_DATA(array), (size_t)PyArray_NBYTES(array));
    Py_DECREF(array);
    return copy;
}

PyArrayObject *alert_py_array(PyObject *object, const char *name, int type, int dimensions,
                              bool copy)
{
    bool text = is_text(object);
    if (PyErr_Occurred())
        return refused(object, name);
    if (text) {
        PyErr_Format(PyExc_TypeError, "%s: expected numbers, got text", name);
        return NULL;
    }
    int masked = is_masked(object);
    if (masked > 0)
        PyErr_Format(PyExc_ValueError, "%s: expected numbers everywhere, got masked elements",
                     name);
    if (masked)
        return NULL;
    PyArrayObject *array = (PyArrayObject *)PyArray_FROMANY(object, type, 0, 0, NPY_ARRAY_IN_ARRAY);
    if (!array)
        return refused(object, name);
    if (PyArray_NDIM(array) != dimensions) {
        PyErr_Format(PyExc_ValueError, "%s: expected %d dimension%s, got %d", name, dimensions,
                     dimensions == 1 ? "" : "s", PyArray_NDIM(array));
        Py_CLEAR(array);
    }
    bool shared = array && ((PyObject *)array == object || PyArray_BASE(array));
    return copy && shared ? copied(array) : array;
}
