/* py_state.h - internal to the binding: what the module keeps for its types and functions. */
#ifndef ALERT_PY_STATE_H
#define ALERT_PY_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "alert.h"

typedef struct alert_py_state {
    PyTypeObject *profile_type;
    PyTypeObject *scheduler_type;
    PyTypeObject *decision_type; /* struct sequence */
    PyObject *last_decision;     /* see py_decision.c */
    PyObject *history_dtype;     /* NumPy dtype of alert_history_entry */
    PyObject *choice_dtype;      /* of alert_decision */
    PyObject *option_dtype;      /* of alert_option */
    PyObject *outcome_dtype;     /* and of alert_outcome */
    PyObject *step_names;        /* tuple of interned names, see py_step.c */
    PyTypeObject *power_type;
    PyObject *power_error; /* exception types, see py_power_error.c */
    PyObject *power_permission_error;
    PyObject *power_warning;
} alert_py_state;

extern struct PyModuleDef alert_py_module;

#endif
