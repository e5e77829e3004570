/* py_decision.c - alert.Decision: a struct sequence of two items, with further attributes. */
#include "python/py_decision.h"

#include <math.h>

static PyStructSequence_Field DECISION_FIELD[] = {
    {"model", "index of the model to run next"},
    {"power_cap", "power cap to run it under, in the unit of the profile; None for no cap"},
    {"exit", "exit to stop at; None for a traditional model"},
    {"latency", "expected latency, seconds"},
    {"energy", "expected energy in joules, idle time up to the deadline included; NaN where the "
               "profile has no power"},
    {"accuracy", "expected accuracy, lateness counted"},
    {"probability", "probability that this configuration is done by the deadline"},
    {"feasible", "False when a bound of the goal had to be given up"},
    {"ticket", "to rate the input with, once it is finished; None without feedback"},
    {"ask", "whether a rating of this input would help"},
    {"estimated", "True where the profile is learnt and this configuration has not run yet"},
    {NULL, NULL},
};

static PyStructSequence_Desc DECISION = {
    .name = "alert.Decision",
    .doc = "What to run next, as `(model, power_cap)`, and what is expected of it.",
    .fields = DECISION_FIELD,
    .n_in_sequence = 2,
};

/* Making a decision's objects costs more than a step: 5.4 x math.hypot(a, b) at 5 x 11 where all are
 * made anew, 4.2 where only the floats are, 3.5 where none is. So the module keeps the last decision,
 * and fills it again once nobody else refers to it, as after `model, power_cap = s.step(...)`. The
 * same holds for each of its floats. Without a GIL other threads may look at the reference counts
 * meanwhile, and from 3.14 on a tuple remembers its hash: there every decision is new. */
#if defined(Py_GIL_DISABLED) || PY_VERSION_HEX >= 0x030E0000
#define KEEPS_LAST 0
#else
#define KEEPS_LAST 1
#endif

/* Steals the reference to `value`. -1 where `value` is NULL; an exception is set then. */
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
    ((PyFloatObject *)old)->ob_fval = value; /* nobody else refers to it */
    return 0;
}

/* None is always referred to, so that it is never filled as a float. */
static int put_cap(PyObject *o, Py_ssize_t i, double watts)
{
    return isinf(watts) ? put(o, i, Py_NewRef(Py_None)) : put_double(o, i, watts);
}

static int put_ticket(PyObject *o, const alert_decision *d)
{
    PyObject *ticket = d->has_ticket ? PyLong_FromUnsignedLongLong(d->ticket) : Py_NewRef(Py_None);
    return put(o, 8, ticket) < 0 ? -1 : put(o, 9, Py_NewRef(d->ask ? Py_True : Py_False));
}

static int fill(PyObject *o, const alert_decision *d)
{
    if (put(o, 0, PyLong_FromSize_t(d->model)) < 0 || put_cap(o, 1, d->power_cap_w) < 0 ||
        put(o, 2, d->exit < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(d->exit)) < 0 ||
        put_double(o, 3, d->latency_s) < 0 || put_double(o, 4, d->energy_j) < 0 ||
        put_double(o, 5, d->accuracy) < 0 || put_double(o, 6, d->probability) < 0 ||
        put(o, 7, Py_NewRef(d->feasible ? Py_True : Py_False)) < 0)
        return -1;
    return put_ticket(o, d) < 0 ? -1 : put(o, 10, Py_NewRef(d->estimated ? Py_True : Py_False));
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

int alert_py_decision_exec(PyObject *module, alert_py_state *state)
{
    state->decision_type = PyStructSequence_NewType(&DECISION);
    return state->decision_type ? PyModule_AddType(module, state->decision_type) : -1;
}
