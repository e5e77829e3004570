/* py_convert.h - internal to the binding: arguments in, exceptions out. */
#ifndef ALERT_PY_CONVERT_H
#define ALERT_PY_CONVERT_H

#include "python/py_state.h"

/* Sets the exception for a negative errno and returns -1. -EINVAL becomes
 * ValueError("latency[1, 3]: expected a finite number of seconds > 0, got nan"). */
int alert_py_raise(int rc, const alert_argument_error *error);

/* Reads a real number; -1 with TypeError("latency: expected a number of seconds, got str"). */
int alert_py_double(PyObject *object, const char *name, const char *expected, double *out);

/* Reads an index or a number of inputs; -1 with an exception that names the argument. */
int alert_py_size(PyObject *object, const char *name, const char *expected, size_t *out);

/* Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS method into `values`; NULL where one is not
 * given. `names` is a tuple of interned names. The first `positional` of them may be given by
 * position, the first `required` must be given. -1 with TypeError. */
int alert_py_arguments(const char *function, PyObject *names, Py_ssize_t positional,
                       Py_ssize_t required, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames, PyObject **values);

#endif
