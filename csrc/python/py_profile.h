/* py_profile.h - internal to the binding: the type _core.Profile. */
#ifndef ALERT_PY_PROFILE_H
#define ALERT_PY_PROFILE_H

#include "python/py_state.h"

/* The profile of a _core.Profile, borrowed; NULL with TypeError for any other object. */
alert_profile *alert_py_profile_of(const alert_py_state *state, PyObject *object);

/* Adds the type to the module and to the state. */
int alert_py_profile_exec(PyObject *module, alert_py_state *state);

#endif
