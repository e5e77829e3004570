/* py_power_error.h - internal to the binding: failures and warnings of power devices. */
#ifndef ALERT_PY_POWER_ERROR_H
#define ALERT_PY_POWER_ERROR_H

#include "alert_power.h"
#include "python/py_state.h"

/* Adds PowerError, PowerPermissionError and PowerWarning; -1 with an exception set. */
int alert_py_power_error_exec(PyObject *module, alert_py_state *state);

/* A text of the machine's, whose bytes may be cut short or no UTF-8 at all. */
PyObject *alert_py_power_words(const char *text);
/* ValueError for an argument, MemoryError for -ENOMEM, else a PowerError. */
void alert_py_power_raise(const alert_py_state *state, const alert_power_error *e);
/* A PowerWarning at the line of the user, outside of this package; -1 where that raises. */
int alert_py_power_warn(const alert_py_state *state, const alert_power_error *e);

#endif
