/* py_convert.h - internal to the binding: arguments in, exceptions out. */
#ifndef ALERT_PY_CONVERT_H
#define ALERT_PY_CONVERT_H

#include "python/py_state.h"

/* Sets the exception for a negative errno and returns -1. -EINVAL becomes
 * ValueError("latency[1, 3]: expected a finite number of seconds > 0, got nan"). */
int alert_py_raise(int rc, const alert_argument_error *error);

/* A real number; -1 with TypeError("latency: expected a number of seconds, got str"). */
int alert_py_double(PyObject *object, const char *name, const char *expected, double *out);

/* An index or a number of inputs; -1 with an exception that names it. */
int alert_py_size(PyObject *object, const char *name, const char *expected, size_t *out);

/* Arguments of a METH_FASTCALL | METH_KEYWORDS method, sorted into `values` (NULL where not given).
 * `names` is a tuple of interned names: the first `positional` of them may be given by position,
 * the first `required` must be given. */
int alert_py_arguments(const char *function, PyObject *names, Py_ssize_t positional,
                       Py_ssize_t required, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames, PyObject **values);

#endif
