/* py_replay.h - internal to the binding: a recorded run in one call. */
#ifndef ALERT_PY_REPLAY_H
#define ALERT_PY_REPLAY_H

#include "python/py_scheduler_object.h"

/* The method _replay(latency, energy, idle_power, sharing=None, system=None). */
PyObject *alert_py_replay(PyObject *self, PyObject *args, PyObject *kwargs);

#endif
