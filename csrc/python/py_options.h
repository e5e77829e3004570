/* py_options.h - internal to the binding: methods and constants by name. */
#ifndef ALERT_PY_OPTIONS_H
#define ALERT_PY_OPTIONS_H

#include "python/py_state.h"

/* -1 with ValueError for an unknown name. */
int alert_py_method(PyObject *name, alert_method *out);
/* Overwrites in `out` the constants that the dict names. -1 with ValueError for a name that the method
 * does not have. */
int alert_py_constants(PyObject *dict, alert_method method, alert_constants *out);
/* The module function constants(method). */
extern const char alert_py_constants_doc[];
PyObject *alert_py_constants_dict(PyObject *module, PyObject *name);
/* Adds METHODS and CONSTANTS to the module. */
int alert_py_options_exec(PyObject *module);

#endif
