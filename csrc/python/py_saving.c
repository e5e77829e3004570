#include "python/py_saving.h"

#include <math.h>

#include "python/py_convert.h"
#include "python/py_goal.h"

PyObject *alert_py_save(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    for (;;) { /* another thread may set a goal with another window, whose state is larger */
        if (alert_py_enter(&o->lock) < 0)
            return NULL;
        size_t size = alert_scheduler_state_size(o->scheduler), hold_inputs;
        alert_py_leave(&o->lock);
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
        if (!bytes || alert_py_enter(&o->lock) < 0) {
            Py_XDECREF(bytes);
            return NULL;
        }
        bool fits = alert_scheduler_state_size(o->scheduler) == size;
        if (fits)
            alert_scheduler_save(o->scheduler, PyBytes_AS_STRING(bytes));
        double switch_cost, price, overhead = alert_scheduler_overhead(o->scheduler);
        bool is_shared = alert_scheduler_machine_price(o->scheduler, &price);
        double limit = alert_scheduler_power_limit(o->scheduler);
        alert_scheduler_switching(o->scheduler, &switch_cost, &hold_inputs);
        PyObject *given = alert_py_given(o);
        alert_py_leave(&o->lock);
        if (fits)
            return Py_BuildValue("NNddNNN", bytes, given, overhead, switch_cost,
                                 PyLong_FromSize_t(hold_inputs),
                                 is_shared ? PyFloat_FromDouble(price) : Py_NewRef(Py_None),
                                 isinf(limit) ? Py_NewRef(Py_None) : PyFloat_FromDouble(limit));
        Py_DECREF(bytes);
        Py_DECREF(given);
    }
}

PyObject *alert_py_restore(PyObject *self, PyObject *bytes)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    char *state;
    Py_ssize_t size;
    alert_argument_error error;
    int rc;
    if (PyBytes_AsStringAndSize(bytes, &state, &size) < 0 || alert_py_enter(&o->lock) < 0)
        return NULL;
    rc = alert_scheduler_restore(o->scheduler, state, (size_t)size, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}
