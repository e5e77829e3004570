/* py_replay.c - _core.Scheduler._replay(): a recorded run in one call, without the GIL. */
#include "python/py_replay.h"

#include "python/py_array.h"
#include "python/py_convert.h"
#include "python/py_dtypes.h"

enum { LATENCY, ENERGY, SHARING, ACCURACY, ARRAYS };

static const char *const ARRAY_NAME[ARRAYS] = {"latency", "energy", "sharing", "accuracy"};

static const int DIMENSIONS[ARRAYS] = {3, 3, 1, 2};

/* Does not copy: copies would take as long as the replay. The caller's numbers may change while the
 * replay runs without the GIL, and each is checked when it is used. The arrays must not be resized. */
static int gather(PyObject *const given[ARRAYS], PyArrayObject *array[ARRAYS])
{
    for (int i = 0; i < ARRAYS; i++) {
        if (i > ENERGY && given[i] == Py_None)
            continue;
        int type = i == SHARING ? NPY_UINTP : NPY_DOUBLE;
        array[i] = alert_py_array(given[i], ARRAY_NAME[i], type, DIMENSIONS[i], false);
        if (!array[i])
            return -1;
        for (int d = 0; d < DIMENSIONS[i]; d++)
            if (PyArray_DIM(array[i], d) != PyArray_DIM(array[LATENCY], d)) {
                PyErr_Format(PyExc_ValueError, "%s: expected the shape of latency, got another one",
                             ARRAY_NAME[i]);
                return -1;
            }
    }
    return 0;
}

static alert_output_trace trace_of(PyArrayObject *const array[ARRAYS], double idle_power)
{
    return (alert_output_trace){
        .inputs = (size_t)PyArray_DIM(array[LATENCY], 0),
        .outputs = (size_t)PyArray_DIM(array[LATENCY], 1),
        .caps = (size_t)PyArray_DIM(array[LATENCY], 2),
        .latency_s = PyArray_DATA(array[LATENCY]),
        .energy_j = PyArray_DATA(array[ENERGY]),
        .idle_power_w = idle_power,
        .accuracy = array[ACCURACY] ? PyArray_DATA(array[ACCURACY]) : NULL,
        .sharing = array[SHARING] ? PyArray_DATA(array[SHARING]) : NULL,
    };
}

/* Locks both schedulers or none; `system` may be NULL. */
static bool try_lock(alert_py_scheduler *o, alert_py_scheduler *system)
{
    if (!alert_py_lock_try(&o->lock))
        return false;
    if (!system || alert_py_lock_try(&system->lock))
        return true;
    alert_py_lock_release(&o->lock);
    return false;
}

/* A new reference to the outcomes. */
static PyObject *replay(alert_py_scheduler *o, alert_py_scheduler *system,
                        const alert_output_trace *trace)
{
    alert_argument_error error;
    PyObject *outcomes = alert_py_zeros(o->state->outcome_dtype, trace->inputs);
    if (!outcomes)
        return NULL;
    alert_outcome *out = alert_py_elements(outcomes);
    int rc;
    while (!try_lock(o, system))
        if (alert_py_lock_wait(&o->lock) < 0 || (system && alert_py_lock_wait(&system->lock) < 0)) {
            Py_DECREF(outcomes);
            return NULL;
        }
    Py_BEGIN_ALLOW_THREADS
    rc = alert_replay(o->scheduler, system ? system->scheduler : NULL, trace, out, &error);
    Py_END_ALLOW_THREADS
    alert_py_lock_release(&o->lock);
    if (system)
        alert_py_lock_release(&system->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        Py_CLEAR(outcomes);
    }
    return outcomes;
}

/* Finds the scheduler that chooses the caps: NULL for None. -1 with TypeError for anything but another
 * scheduler. */
static int system_of(alert_py_scheduler *o, PyObject *given, alert_py_scheduler **out)
{
    *out = NULL;
    if (given == Py_None)
        return 0;
    if (given == (PyObject *)o || !PyObject_TypeCheck(given, o->state->scheduler_type)) {
        PyErr_Format(PyExc_TypeError, "system: expected another Scheduler or None, got %R", given);
        return -1;
    }
    *out = (alert_py_scheduler *)given;
    return 0;
}

PyObject *alert_py_replay(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"latency", "energy",   "idle_power", "sharing",
                            "system",  "accuracy", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self, *system;
    PyObject *given[ARRAYS] = {[SHARING] = Py_None, [ACCURACY] = Py_None}, *other = Py_None,
             *outcomes = NULL;
    PyArrayObject *array[ARRAYS] = {0};
    double idle_power;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOd|OOO:_replay", names, &given[LATENCY],
                                     &given[ENERGY], &idle_power, &given[SHARING], &other,
                                     &given[ACCURACY]) ||
        system_of(o, other, &system) < 0)
        return NULL;
    if (gather(given, array) == 0) {
        alert_output_trace trace = trace_of(array, idle_power);
        outcomes = replay(o, system, &trace);
    }
    for (int i = 0; i < ARRAYS; i++)
        Py_XDECREF(array[i]);
    return outcomes;
}
