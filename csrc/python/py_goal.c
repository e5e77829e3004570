/* py_goal.c - the goal of a scheduler, as C and as Python know it, and the saved state that belongs to it. */
#include "python/py_convert.h"
#include "python/py_scheduler.h"

/* Both change at once, so that no thread sees the one without the other. */
PyObject *alert_py_set_goal(PyObject *self, PyObject *args)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *tuple, *given, *old = NULL;
    alert_goal goal;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTuple(args, "OO:_set_goal", &tuple, &given) ||
        alert_py_goal(tuple, &goal) < 0 || alert_py_enter(o) < 0)
        return NULL;
    rc = alert_scheduler_set_goal(o->scheduler, &goal, &error);
    if (!rc) {
        old = o->given;
        o->given = Py_NewRef(given);
    }
    alert_py_leave(o);
    Py_XDECREF(old);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* A new reference; only where nobody can set another goal meanwhile. */
static PyObject *given_of(const alert_py_scheduler *o)
{
    return Py_NewRef(o->given ? o->given : Py_None);
}

/* With a GIL the mark is not waited for: a child of a fork can read the goal of a scheduler that it cannot use. */
PyObject *alert_py_get_goal(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
#ifdef Py_GIL_DISABLED
    if (alert_py_enter(o) < 0)
        return NULL;
#endif
    PyObject *given = given_of(o);
#ifdef Py_GIL_DISABLED
    alert_py_leave(o);
#endif
    return given;
}

/* What a copy needs, all of one moment: state, goal, overhead, switch cost, dwell. */
PyObject *alert_py_save(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    for (;;) { /* another thread may set a goal with another window meanwhile */
        if (alert_py_enter(o) < 0)
            return NULL;
        size_t size = alert_scheduler_state_size(o->scheduler), dwell;
        alert_py_leave(o);
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
        if (!bytes || alert_py_enter(o) < 0) {
            Py_XDECREF(bytes);
            return NULL;
        }
        bool fits = alert_scheduler_state_size(o->scheduler) == size;
        if (fits)
            alert_scheduler_save(o->scheduler, PyBytes_AS_STRING(bytes));
        double switch_cost, overhead = alert_scheduler_overhead(o->scheduler);
        alert_scheduler_switching(o->scheduler, &switch_cost, &dwell);
        PyObject *given = given_of(o);
        alert_py_leave(o);
        if (fits)
            return Py_BuildValue("NNddN", bytes, given, overhead, switch_cost,
                                 PyLong_FromSize_t(dwell));
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
    if (PyBytes_AsStringAndSize(bytes, &state, &size) < 0 || alert_py_enter(o) < 0)
        return NULL;
    rc = alert_scheduler_restore(o->scheduler, state, (size_t)size, &error);
    alert_py_leave(o);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}
