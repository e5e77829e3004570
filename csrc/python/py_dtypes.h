/* py_dtypes.h - internal to the binding: NumPy arrays of the core's structs. */
#ifndef ALERT_PY_DTYPES_H
#define ALERT_PY_DTYPES_H

#include "python/py_state.h"

/* Makes the dtypes of the state, and adds HISTORY and OUTCOME to the module. */
int alert_py_dtypes_exec(PyObject *module, alert_py_state *state);

/* A new array of `count` elements, all zero; NULL with an exception set. */
PyObject *alert_py_zeros(PyObject *dtype, size_t count);
/* The elements of such an array. */
void *alert_py_elements(PyObject *array);

#endif
