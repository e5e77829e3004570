/* py_expect.h - internal to the binding: what is expected of the next inputs. */
#ifndef ALERT_PY_EXPECT_H
#define ALERT_PY_EXPECT_H

#include "python/py_scheduler_object.h"

/* The method expect(accuracy, latency, delay). */
extern const char alert_py_expect_doc[];
PyObject *alert_py_expect(PyObject *self, PyObject *args, PyObject *kwargs);

#endif
