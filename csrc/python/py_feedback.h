/* py_feedback.h - internal to the binding: how a scheduler learns from ratings. */
#ifndef ALERT_PY_FEEDBACK_H
#define ALERT_PY_FEEDBACK_H

#include "python/py_scheduler_object.h"

/* Reads the tuple (context, prior, half_life, seed, first_ticket). -1 with an exception set. */
int alert_py_feedback_of(PyObject *tuple, alert_feedback_options *out);

/* The method feedback(ticket, score, user=0). */
extern const char alert_py_feedback_doc[];
PyObject *alert_py_feedback(PyObject *self, PyObject *args, PyObject *kwargs);

/* The method accuracies(context=None). */
extern const char alert_py_accuracies_doc[];
PyObject *alert_py_accuracies(PyObject *self, PyObject *args, PyObject *kwargs);

/* The attribute context. */
PyObject *alert_py_get_context(PyObject *self, void *closure);
int alert_py_set_context(PyObject *self, PyObject *value, void *closure);

#endif
