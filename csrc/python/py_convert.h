/* py_convert.h - internal to the binding: numbers in, exceptions out. */
#ifndef ALERT_PY_CONVERT_H
#define ALERT_PY_CONVERT_H

#include "python/py_state.h"

/* Sets the exception for a negative errno and returns -1. -EINVAL becomes
 * ValueError("latency[1, 3]: expected a finite number of seconds > 0, got nan"). */
int alert_py_raise(int rc, const alert_argument_error *error);

/* A real number; -1 with TypeError("latency: expected a number of seconds, got str"). */
int alert_py_double(PyObject *object, const char *name, const char *expected, double *out);

/* Arguments of a METH_FASTCALL | METH_KEYWORDS method, sorted into `values` (NULL where not given).
 * `names` is a tuple of interned names: the first `positional` of them may be given by position,
 * the first `required` must be given. */
int alert_py_arguments(const char *function, PyObject *names, Py_ssize_t positional,
                       Py_ssize_t required, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames, PyObject **values);

/* The goal as the Python face states it: (objective, deadline, bound, probability, q_fail,
 * (first, second, third), window). */
int alert_py_goal(PyObject *tuple, alert_goal *out);

/* An index or a number of inputs; -1 with an exception that names it. */
int alert_py_size(PyObject *object, const char *name, const char *expected, size_t *out);

/* A decision as alert.Decision, and its type; new references. */
PyObject *alert_py_decision(alert_py_state *state, const alert_decision *decision);
PyTypeObject *alert_py_decision_type(void);

/* The dtypes of alert_history_entry, alert_decision and alert_outcome. */
PyObject *alert_py_record_dtype(void);
PyObject *alert_py_choice_dtype(void);
PyObject *alert_py_outcome_dtype(void);

/* The module function step_many(schedulers, latencies, energies). */
PyObject *alert_py_step_many(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
