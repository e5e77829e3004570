/* py_decision.c - alert.Decision: a struct sequence of two, with more to say by name. */
#include "python/py_convert.h"

static PyStructSequence_Field DECISION_FIELD[] = {
    {"model", "index of the model to run next"},
    {"power_cap", "power cap to run it under, watts"},
    {"exit", "exit to stop at; None for a traditional model"},
    {"latency", "expected latency, seconds"},
    {"energy", "expected energy in joules, idle time up to the deadline included"},
    {"accuracy", "expected accuracy, lateness counted"},
    {"probability", "probability that this configuration is done by the deadline"},
    {"feasible", "False when a bound of the goal had to be given up"},
    {NULL, NULL},
};

static PyStructSequence_Desc DECISION = {
    .name = "alert.Decision",
    .doc = "What to run next, as `(model, power_cap)`, and what is expected of it.",
    .fields = DECISION_FIELD,
    .n_in_sequence = 2,
};

/* A struct sequence of floats costs more to make and to drop than the step itself. The last one is kept, and filled
 * again when nobody else has it any more, as after `model, power_cap = scheduler.step(...)`; so is each of its floats
 * that nobody took out. Not where another thread may look at the counts meanwhile, nor where a tuple remembers its hash
 * (3.14). */
#if defined(Py_GIL_DISABLED) || PY_VERSION_HEX >= 0x030E0000
#define KEEPS_LAST 0
#else
#define KEEPS_LAST 1
#endif

/* Takes the reference to `value`, which is NULL with an exception set where it could not be made. */
static int put(PyObject *o, Py_ssize_t i, PyObject *value)
{
    PyObject *old = PyStructSequence_GET_ITEM(o, i);
    if (!value)
        return -1;
    PyStructSequence_SET_ITEM(o, i, value);
    Py_XDECREF(old);
    return 0;
}

static int put_double(PyObject *o, Py_ssize_t i, double value)
{
    PyObject *old = PyStructSequence_GET_ITEM(o, i);
    if (!old || Py_REFCNT(old) > 1)
        return put(o, i, PyFloat_FromDouble(value));
    ((PyFloatObject *)old)->ob_fval = value; /* ours alone */
    return 0;
}

static int fill(PyObject *o, const alert_decision *d)
{
    if (put(o, 0, PyLong_FromSize_t(d->model)) < 0 || put_double(o, 1, d->power_cap_w) < 0 ||
        put(o, 2, d->exit < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(d->exit)) < 0 ||
        put_double(o, 3, d->latency_s) < 0 || put_double(o, 4, d->energy_j) < 0 ||
        put_double(o, 5, d->accuracy) < 0 || put_double(o, 6, d->probability) < 0)
        return -1;
    return put(o, 7, Py_NewRef(d->feasible ? Py_True : Py_False));
}

PyObject *alert_py_decision(alert_py_state *state, const alert_decision *d)
{
    PyObject *o = state->last_decision;
    if (KEEPS_LAST && o && Py_REFCNT(o) == 1)
        Py_INCREF(o);
    else
        o = PyStructSequence_New(state->decision_type);
    if (!o)
        return NULL;
    if (fill(o, d) < 0) {
        Py_DECREF(o);
        return NULL;
    }
    if (KEEPS_LAST && o != state->last_decision)
        Py_XSETREF(state->last_decision, Py_NewRef(o));
    return o;
}

PyTypeObject *alert_py_decision_type(void)
{
    return PyStructSequence_NewType(&DECISION);
}
