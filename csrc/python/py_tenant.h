/* py_tenant.h - internal to the binding: a scheduler that shares its machine with others. */
#ifndef ALERT_PY_TENANT_H
#define ALERT_PY_TENANT_H

#include "python/py_scheduler_object.h"

/* Reads a price of the machine; *is_given is false for None. -1 with an exception set. */
int alert_py_machine_price(PyObject *object, double *price, bool *is_given);

/* The attribute power_limit. */
PyObject *alert_py_get_power_limit(PyObject *self, void *closure);
int alert_py_set_power_limit(PyObject *self, PyObject *value, void *closure);

/* The attribute machine_price. */
PyObject *alert_py_get_machine_price(PyObject *self, void *closure);
int alert_py_set_machine_price(PyObject *self, PyObject *value, void *closure);

/* The methods missed(), note_cap(power_cap) and options(deadline). */
extern const char alert_py_missed_doc[], alert_py_note_cap_doc[], alert_py_list_options_doc[];
PyObject *alert_py_missed(PyObject *self, PyObject *unused);
PyObject *alert_py_note_cap(PyObject *self, PyObject *power_cap);
PyObject *alert_py_list_options(PyObject *self, PyObject *args, PyObject *kwargs);

#endif
