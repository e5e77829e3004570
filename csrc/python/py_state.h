/* py_state.h - internal to the binding: module state, and what every binding file needs. */
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
    PyObject *record_dtype;      /* NumPy dtype of alert_history_entry */
    PyObject *choice_dtype;      /* of alert_decision */
    PyObject *outcome_dtype;     /* and of alert_outcome */
    PyObject *keywords;          /* tuple of interned names, see py_scheduler.c */
    PyTypeObject *power_type;
    PyObject *power_error; /* exception types, see py_power.c */
    PyObject *power_permission_error;
    PyObject *power_warning;
} alert_py_state;

extern struct PyModuleDef alert_py_module;

/* Each adds its types to the module and to the state; -1 with an exception set on failure. */
int alert_py_profile_exec(PyObject *module, alert_py_state *state);
int alert_py_scheduler_exec(PyObject *module, alert_py_state *state);
int alert_py_power_exec(PyObject *module, alert_py_state *state);

/* A profile object wraps an alert_profile. Borrowed; NULL with TypeError when `object` is no profile.
 * */
alert_profile *alert_py_profile_of(alert_py_state *state, PyObject *object);

#endif
