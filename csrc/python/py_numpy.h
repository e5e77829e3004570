/* py_numpy.h - internal to the binding: NumPy's C API, whose table py_module.c alone imports. */
#ifndef ALERT_PY_NUMPY_H
#define ALERT_PY_NUMPY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API  NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL alert_array_api
#ifndef ALERT_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#endif
