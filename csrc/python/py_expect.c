#include "python/py_expect.h"

#include "python/py_array.h"
#include "python/py_convert.h"
#include "python/py_decision.h"

enum { ACCURACY, LATENCY, DELAY, EXPECTED };

static char *const NAME[EXPECTED + 1] = {"accuracy", "latency", "delay", NULL};

const char alert_py_expect_doc[] =
    "expect($self, accuracy=None, latency=None, delay=None)\n"
    "--\n\n"
    "State what is expected of the next inputs, and choose again for the next one.\n\n"
    "Each argument has a number for each model, or is None where the profile stands. All three\n"
    "hold until the next call: `expect()` forgets them. A finished input is judged by what was\n"
    "expected of it: the slowdown is the measured latency divided by the expected one.\n\n"
    "Parameters\n"
    "----------\n"
    "accuracy : array_like, optional\n"
    "    Accuracy of each model, from 0 to 1. The exits of an anytime model change in proportion;\n"
    "    none exceeds 1.\n"
    "latency : array_like, optional\n"
    "    Factor on the profile's latency, for each model; from 1e-6 to 1e6.\n"
    "delay : array_like, optional\n"
    "    Seconds before each model can start, for example because its weights are loaded. They "
    "are\n"
    "    taken off the deadline, and the model's power is charged meanwhile. 1e9, the longest,\n"
    "    is for a model that cannot run.\n\n"
    "Returns\n"
    "-------\n"
    "Decision\n"
    "    The choice for the next input, with the deadline that it had.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    A number is out of range, or there is not one for each model; nothing has changed.";

/* A new array of one number a model; NULL with an exception set. */
static PyArrayObject *numbers_of(PyObject *given, const char *name, size_t models)
{
    PyArrayObject *array = alert_py_array(given, name, NPY_DOUBLE, 1, true);
    if (array && PyArray_DIM(array, 0) != (npy_intp)models) {
        PyErr_Format(PyExc_ValueError, "%s: expected %zu numbers, one for each model, got %zd",
                     name, models, (Py_ssize_t)PyArray_DIM(array, 0));
        Py_CLEAR(array);
    }
    return array;
}

static PyObject *expect(alert_py_scheduler *o, PyArrayObject *const arrays[EXPECTED])
{
    const double *values[EXPECTED];
    alert_decision decision;
    alert_argument_error error;
    for (int i = 0; i < EXPECTED; i++)
        values[i] = arrays[i] ? PyArray_DATA(arrays[i]) : NULL;
    alert_expectations expected = {
        .accuracy = values[ACCURACY], .latency_factor = values[LATENCY], .delay_s = values[DELAY]};
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    int rc = alert_scheduler_expect(o->scheduler, &expected, &decision, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

PyObject *alert_py_expect(PyObject *self, PyObject *args, PyObject *kwargs)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given[EXPECTED] = {NULL}, *decision = NULL;
    PyArrayObject *arrays[EXPECTED] = {NULL};
    size_t models = alert_scheduler_models(o->scheduler);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOO:expect", (char **)NAME, &given[ACCURACY],
                                     &given[LATENCY], &given[DELAY]))
        return NULL;
    int i = 0;
    for (; i < EXPECTED; i++) {
        if (given[i] && given[i] != Py_None)
            arrays[i] = numbers_of(given[i], NAME[i], models);
        if (PyErr_Occurred())
            break;
    }
    if (i == EXPECTED)
        decision = expect(o, arrays);
    for (i = 0; i < EXPECTED; i++)
        Py_XDECREF(arrays[i]);
    return decision;
}
