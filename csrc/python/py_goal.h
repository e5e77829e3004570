/* py_goal.h - internal to the binding: goals as tuples, and the goal of a scheduler. */
#ifndef ALERT_PY_GOAL_H
#define ALERT_PY_GOAL_H

#include "python/py_scheduler_object.h"

/* Reads the goal as alert.Goal states it: (objective, deadline, bound, energy, power,
 * probability, q_fail, (first, second, third), window, inputs). -1 with an exception set. */
int alert_py_goal_of(PyObject *tuple, alert_goal *out);

/* Reads an alert.Goal, which the caller passed as the argument `goal`. -1 with an exception set. */
int alert_py_goal_from(PyObject *goal, alert_goal *out);

/* A new reference to the alert.Goal in force; the caller keeps others from setting one meanwhile. */
PyObject *alert_py_given(const alert_py_scheduler *o);

/* The method _set_goal(tuple, given) and the attribute _goal. */
PyObject *alert_py_set_goal(PyObject *self, PyObject *args);
PyObject *alert_py_get_goal(PyObject *self, void *closure);

/* The module function check_goal(tuple). */
extern const char alert_py_check_goal_doc[];
PyObject *alert_py_check_goal(PyObject *module, PyObject *tuple);

#endif
