/* py_power_part.h - internal to the binding: a part of a power device as a dict. */
#ifndef ALERT_PY_POWER_PART_H
#define ALERT_PY_POWER_PART_H

#include "alert_power.h"
#include "python/py_state.h"

/* What is known about a part: names to values. */
PyObject *alert_py_power_part(const alert_power_fact *fact, size_t facts);

#endif
