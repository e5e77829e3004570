/* py_weights.h - internal to the binding: packed weights. */
#ifndef ALERT_PY_WEIGHTS_H
#define ALERT_PY_WEIGHTS_H

#include "python/py_state.h"

/* The module function unpack_weights(...). */
extern const char alert_py_unpack_weights_doc[];
PyObject *alert_py_unpack_weights(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
