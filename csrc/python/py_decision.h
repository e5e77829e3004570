/* py_decision.h - internal to the binding: a decision as alert.Decision. */
#ifndef ALERT_PY_DECISION_H
#define ALERT_PY_DECISION_H

#include "python/py_state.h"

/* A new reference; NULL with an exception set. */
PyObject *alert_py_decision(alert_py_state *state, const alert_decision *decision);
/* Adds the type Decision to the module and to the state. */
int alert_py_decision_exec(PyObject *module, alert_py_state *state);

#endif
