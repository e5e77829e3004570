#include "python/py_learnt.h"

#include "python/py_array.h"
#include "python/py_convert.h"

int alert_py_learn_on(alert_py_scheduler *o, PyObject *numbers)
{
    alert_argument_error error;
    PyArrayObject *array = alert_py_array(numbers, "learnt", NPY_DOUBLE, 1, true);
    if (!array)
        return -1;
    size_t count = (size_t)PyArray_SIZE(array);
    int rc = 0;
    if (count > 0)
        rc = alert_scheduler_learn_on(o->scheduler, PyArray_DATA(array), count, &error);
    Py_DECREF(array);
    return rc ? alert_py_raise(rc, &error) : 0;
}

enum { LATENCY, POWER, SPREAD, RUNS, NUMBERS, ARRAYS };

static void read_known(alert_py_scheduler *o, PyArrayObject *const a[ARRAYS])
{
    alert_known known = {.latency_s = PyArray_DATA(a[LATENCY]),
                         .power_w = PyArray_DATA(a[POWER]),
                         .spread = PyArray_DATA(a[SPREAD]),
                         .runs = PyArray_DATA(a[RUNS])};
    (void)alert_scheduler_known(o->scheduler, &known);
    alert_scheduler_learnt(o->scheduler, PyArray_DATA(a[NUMBERS]));
}

PyObject *alert_py_known(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    npy_intp count = (npy_intp)alert_scheduler_learnt_count(o->scheduler); /* never changes */
    npy_intp cells = (npy_intp)alert_scheduler_cells(o->scheduler);
    PyArrayObject *a[ARRAYS] = {NULL};
    PyObject *known = NULL;
    if (count == 0)
        Py_RETURN_NONE;
    bool complete = true;
    for (int i = 0; i < ARRAYS && complete; i++) {
        a[i] = (PyArrayObject *)PyArray_ZEROS(1, i == NUMBERS ? &count : &cells,
                                              i == RUNS ? NPY_UINT64 : NPY_DOUBLE, 0);
        complete = a[i] != NULL;
    }
    if (complete && alert_py_enter(&o->lock) == 0) {
        read_known(o, a);
        alert_py_leave(&o->lock);
        known = Py_BuildValue("OOOOO", a[LATENCY], a[POWER], a[SPREAD], a[RUNS], a[NUMBERS]);
    }
    for (int i = 0; i < ARRAYS; i++)
        Py_XDECREF(a[i]);
    return known;
}

PyObject *alert_py_get_offsets(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    npy_intp models = (npy_intp)alert_scheduler_models(o->scheduler); /* never changes */
    PyArrayObject *offsets = (PyArrayObject *)PyArray_ZEROS(1, &models, NPY_DOUBLE, 0);
    if (!offsets || alert_py_enter(&o->lock) < 0) {
        Py_XDECREF(offsets);
        return NULL;
    }
    alert_scheduler_offsets(o->scheduler, PyArray_DATA(offsets));
    alert_py_leave(&o->lock);
    return (PyObject *)offsets;
}
