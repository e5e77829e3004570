/* py_array.h - internal to the binding: arguments as NumPy arrays. */
#ifndef ALERT_PY_ARRAY_H
#define ALERT_PY_ARRAY_H

#include <stdbool.h>

#include "python/py_numpy.h"

/* A new reference to the argument as an aligned C-contiguous array of a NumPy type. With `copy` its elements are its
 * own, so that no other thread changes them. NULL with TypeError ("latency: expected numbers, got text") or ValueError
 * ("latency: expected 2 dimensions, got 1"; "latency: expected numbers everywhere, got masked elements"). */
PyArrayObject *alert_py_array(PyObject *object, const char *name, int type, int dimensions,
                              bool copy);

#endif
