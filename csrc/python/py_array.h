/* py_array.h - internal to the binding: arguments as NumPy arrays. */
#ifndef ALERT_PY_ARRAY_H
#define ALERT_PY_ARRAY_H

#include "python/py_numpy.h"

/* A new reference to the argument as an aligned C-contiguous array of a NumPy type. `flags` is 0, or
 * NPY_ARRAY_ENSURECOPY where another thread must not change the elements. NULL with TypeError
 * ("latency: expected numbers, got text") or ValueError ("latency: expected 2 dimensions, got 1"). */
PyArrayObject *alert_py_array(PyObject *object, const char *name, int type, int dimensions,
                              int flags);

#endif
