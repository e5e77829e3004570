#include "python/py_goal.h"

#include "python/py_convert.h"

int alert_py_goal_of(PyObject *tuple, alert_goal *out)
{
    int objective, priority[3];
    PyObject *window, *inputs;
    if (!PyTuple_Check(tuple)) {
        PyErr_Format(PyExc_TypeError, "goal: expected a tuple, got %.100s",
                     Py_TYPE(tuple)->tp_name);
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "idddddd(iii)OO:goal", &objective, &out->deadline_s, &out->bound,
                          &out->energy_j, &out->power_w, &out->probability, &out->q_fail,
                          &priority[0], &priority[1], &priority[2], &window, &inputs) ||
        alert_py_size(window, "window", "a number of inputs", &out->window) < 0 ||
        alert_py_size(inputs, "inputs", "a number of inputs", &out->budget_inputs) < 0)
        return -1;
    out->objective = (alert_objective)objective;
    for (int i = 0; i < 3; i++)
        out->priority[i] = (alert_quantity)priority[i];
    return 0;
}

int alert_py_goal_from(PyObject *goal, alert_goal *out)
{
    PyObject *tuple = NULL;
    if (!PyType_Check(goal))
        tuple = PyObject_CallMethod(goal, "_as_tuple", NULL);
    if (!tuple) {
        if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_Format(PyExc_TypeError, "goal: expected a Goal or None, got %.100s",
                         Py_TYPE(goal)->tp_name);
        return -1;
    }
    int rc = alert_py_goal_of(tuple, out);
    Py_DECREF(tuple);
    return rc;
}

const char alert_py_check_goal_doc[] =
    "check_goal(goal, /)\n--\n\nRaise ValueError when the goal's tuple is out of range.";

PyObject *alert_py_check_goal(PyObject *module, PyObject *tuple)
{
    (void)module;
    alert_goal goal;
    alert_argument_error error;
    if (alert_py_goal_of(tuple, &goal) < 0)
        return NULL;
    int rc = alert_goal_check(&goal, &error);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *alert_py_given(const alert_py_scheduler *o)
{
    return Py_NewRef(o->given ? o->given : Py_None);
}

/* The core's goal and the Goal object change at once: no thread sees one without the other. */
PyObject *alert_py_set_goal(PyObject *self, PyObject *args)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *tuple, *given, *old = NULL;
    alert_goal goal;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTuple(args, "OO:_set_goal", &tuple, &given) ||
        alert_py_goal_of(tuple, &goal) < 0 || alert_py_enter(&o->lock) < 0)
        return NULL;
    rc = alert_scheduler_set_goal(o->scheduler, &goal, &error);
    if (!rc) {
        old = o->given;
        o->given = Py_NewRef(given);
    }
    alert_py_leave(&o->lock);
    Py_XDECREF(old);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* With a GIL the lock is not waited for: a forked child can read the goal of a scheduler that it
 * cannot use. */
PyObject *alert_py_get_goal(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
#ifdef Py_GIL_DISABLED
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
#endif
    PyObject *given = alert_py_given(o);
#ifdef Py_GIL_DISABLED
    alert_py_leave(&o->lock);
#endif
    return given;
}
