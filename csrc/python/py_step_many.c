/* py_many.c - step_many(): thousands of independent streams in one call. */
#define NPY_NO_DEPRECATED_API  NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL alert_array_api
#define NO_IMPORT_ARRAY
#include "python/py_convert.h"
#include "python/py_scheduler.h"

#include <math.h>
#include <numpy/arrayobject.h>

typedef struct batch {
    Py_ssize_t size;
    PyObject *sequence; /* keeps the schedulers alive */
    PyArrayObject *latencies, *energies, *choices;
    alert_py_scheduler **scheduler;
} batch;

/* A one-dimensional array of doubles, one a scheduler; a copy, for other threads may change or resize
 * the caller's array while the GIL is dropped. */
static PyArrayObject *numbers(PyObject *object, const char *name, Py_ssize_t size)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_FROMANY(
        object, NPY_DOUBLE, 1, 1, NPY_ARRAY_IN_ARRAY | NPY_ARRAY_ENSURECOPY);
    if (array && PyArray_DIM(array, 0) != size) {
        PyErr_Format(PyExc_ValueError, "%s: expected %zd numbers, one a scheduler, got %zd", name,
                     size, (Py_ssize_t)PyArray_DIM(array, 0));
        Py_CLEAR(array);
    }
    return array;
}

static int gather_schedulers(batch *b, alert_py_state *state, PyObject *given)
{
    b->sequence = PySequence_Tuple(given);
    if (!b->sequence)
        return -1;
    b->size = PyTuple_GET_SIZE(b->sequence);
    b->scheduler = PyMem_Calloc((size_t)b->size + 1, sizeof *b->scheduler);
    if (!b->scheduler) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < b->size; i++) {
        PyObject *item = PyTuple_GET_ITEM(b->sequence, i);
        if (!PyObject_TypeCheck(item, state->scheduler_type)) {
            PyErr_Format(PyExc_TypeError, "schedulers[%zd]: expected a Scheduler, got %.100s", i,
                         Py_TYPE(item)->tp_name);
            return -1;
        }
        b->scheduler[i] = (alert_py_scheduler *)item;
    }
    return 0;
}

static int gather(batch *b, alert_py_state *state, PyObject *const given[3])
{
    if (gather_schedulers(b, state, given[0]) < 0)
        return -1;
    b->latencies = numbers(given[1], "latencies", b->size);
    if (!b->latencies)
        return -1;
    if (given[2] != Py_None) {
        b->energies = numbers(given[2], "energies", b->size);
        if (!b->energies)
            return -1;
    }
    npy_intp size = b->size;
    Py_INCREF(state->choice_dtype); /* stolen by the next call */
    b->choices = (PyArrayObject *)PyArray_Zeros(1, &size, (PyArray_Descr *)state->choice_dtype, 0);
    return b->choices ? 0 : -1;
}

static void scatter(batch *b)
{
    Py_XDECREF(b->sequence);
    Py_XDECREF(b->latencies);
    Py_XDECREF(b->energies);
    PyMem_Free(b->scheduler);
}

/* Takes all schedulers or none; -1 with ValueError where one is listed twice. */
static int take_all(const batch *b)
{
    for (;;) {
        Py_ssize_t taken = 0, first = 0;
        while (taken < b->size && alert_py_try_take(b->scheduler[taken]))
            taken++;
        if (taken == b->size)
            return 0;
        while (b->scheduler[first] != b->scheduler[taken])
            first++;
        for (Py_ssize_t i = 0; i < taken; i++)
            alert_py_give_back(b->scheduler[i]);
        if (first < taken) {
            PyErr_Format(PyExc_ValueError,
                         "schedulers[%zd]: expected each scheduler once, got schedulers[%zd] again",
                         taken, first);
            return -1;
        }
        if (alert_py_wait(b->scheduler[taken]) < 0)
            return -1;
    }
}

static alert_measurement measurement_of(const batch *b, Py_ssize_t i)
{
    const double *latency = PyArray_DATA(b->latencies);
    const double *energy = b->energies ? PyArray_DATA(b->energies) : NULL;
    bool known = energy && !isnan(energy[i]);
    return (alert_measurement){
        .latency_s = latency[i], .has_energy = known, .energy_j = known ? energy[i] : 0.0};
}

/* Without the GIL. Checks everything before the first step, so that a error changes nothing. */
static int step_all(const batch *b, alert_argument_error *error)
{
    for (Py_ssize_t i = 0; i < b->size; i++) {
        alert_measurement measured = measurement_of(b, i);
        int rc = alert_scheduler_check(b->scheduler[i]->scheduler, &measured, error);
        if (rc) {
            error->index[0] = i;
            return rc;
        }
    }
    alert_decision *choice = PyArray_DATA(b->choices);
    for (Py_ssize_t i = 0; i < b->size; i++) {
        alert_measurement measured = measurement_of(b, i);
        (void)!alert_scheduler_step(b->scheduler[i]->scheduler, &measured, &choice[i], NULL);
    }
    return 0;
}

PyObject *alert_py_step_many(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"schedulers", "latencies", "energies", NULL};
    PyObject *given[3];
    batch b = {0};
    alert_argument_error error;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:step_many", names, &given[0], &given[1],
                                     &given[2]))
        return NULL;
    if (gather(&b, PyModule_GetState(module), given) == 0 && take_all(&b) == 0) {
        int rc;
        Py_BEGIN_ALLOW_THREADS;
        rc = step_all(&b, &error);
        Py_END_ALLOW_THREADS;
        for (Py_ssize_t i = 0; i < b.size; i++)
            alert_py_give_back(b.scheduler[i]);
        if (rc) {
            alert_py_raise(rc, &error);
            Py_CLEAR(b.choices);
        }
    } else {
        Py_CLEAR(b.choices);
    }
    scatter(&b);
    return (PyObject *)b.choices;
}
