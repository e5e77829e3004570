/* py_step_many.c - step_many(): thousands of independent streams in one call. */
#include "python/py_step_many.h"

#include <math.h>

#include "python/py_array.h"
#include "python/py_convert.h"
#include "python/py_dtypes.h"

typedef struct batch {
    Py_ssize_t size;
    PyObject *sequence; /* keeps the schedulers alive */
    PyArrayObject *latencies, *energies;
    PyObject *choices;
    alert_py_scheduler **scheduler;
} batch;

/* Copies one double for each scheduler: other threads may change or resize the caller's array while
 * the GIL is dropped. */
static PyArrayObject *numbers(PyObject *object, const char *name, Py_ssize_t size)
{
    PyArrayObject *array = alert_py_array(object, name, NPY_DOUBLE, 1, true);
    if (array && PyArray_DIM(array, 0) != size) {
        PyErr_Format(PyExc_ValueError, "%s: expected %zd numbers, one for each scheduler, got %zd",
                     name, size, (Py_ssize_t)PyArray_DIM(array, 0));
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
    b->choices = alert_py_zeros(state->choice_dtype, (size_t)b->size);
    return b->choices ? 0 : -1;
}

static void scatter(batch *b)
{
    Py_XDECREF(b->sequence);
    Py_XDECREF(b->latencies);
    Py_XDECREF(b->energies);
    PyMem_Free(b->scheduler);
}

/* Locks all schedulers or none; -1 with ValueError where one is listed twice. */
static int lock_all(const batch *b)
{
    for (;;) {
        Py_ssize_t locked = 0, first = 0;
        while (locked < b->size && alert_py_lock_try(&b->scheduler[locked]->lock))
            locked++;
        if (locked == b->size)
            return 0;
        while (b->scheduler[first] != b->scheduler[locked])
            first++;
        for (Py_ssize_t i = 0; i < locked; i++)
            alert_py_lock_release(&b->scheduler[i]->lock);
        if (first < locked) {
            PyErr_Format(PyExc_ValueError,
                         "schedulers[%zd]: expected each scheduler once, got schedulers[%zd] again",
                         locked, first);
            return -1;
        }
        if (alert_py_lock_wait(&b->scheduler[locked]->lock) < 0)
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

/* Runs without the GIL. Checks everything before the first step: an error changes nothing. */
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
    alert_decision *choice = alert_py_elements(b->choices);
    for (Py_ssize_t i = 0; i < b->size; i++) {
        alert_measurement measured = measurement_of(b, i);
        (void)!alert_scheduler_step(b->scheduler[i]->scheduler, &measured, &choice[i], NULL);
    }
    return 0;
}

const char alert_py_step_many_doc[] =
    "step_many(schedulers, latencies, energies)\n"
    "--\n\n"
    "Step many independent schedulers at once, without the GIL.\n\n"
    "Parameters\n"
    "----------\n"
    "schedulers : sequence of Scheduler\n"
    "    Each scheduler at most once; they may share profiles.\n"
    "latencies : array_like of float, one for each scheduler\n"
    "    Seconds, as for `Scheduler.step`.\n"
    "energies : array_like of float, one for each scheduler, or None\n"
    "    Joules; NaN where an energy could not be read.\n\n"
    "Returns\n"
    "-------\n"
    "numpy.ndarray\n"
    "    One choice for each scheduler, structured: model, cap (its index), exit (-1 for a\n"
    "    traditional model), power_cap, latency, energy, accuracy, probability, feasible.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    A latency or energy is out of range, or a scheduler is listed twice; no scheduler\n"
    "    has learnt anything.";

PyObject *alert_py_step_many(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"schedulers", "latencies", "energies", NULL};
    PyObject *given[3];
    batch b = {0};
    alert_argument_error error;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:step_many", names, &given[0], &given[1],
                                     &given[2]))
        return NULL;
    if (gather(&b, PyModule_GetState(module), given) == 0 && lock_all(&b) == 0) {
        int rc;
        Py_BEGIN_ALLOW_THREADS
        rc = step_all(&b, &error);
        Py_END_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < b.size; i++)
            alert_py_lock_release(&b.scheduler[i]->lock);
        if (rc) {
            alert_py_raise(rc, &error);
            Py_CLEAR(b.choices);
        }
    } else {
        Py_CLEAR(b.choices);
    }
    scatter(&b);
    return b.choices;
}
