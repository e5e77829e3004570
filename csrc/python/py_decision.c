/* py_decision.c - alert.Decision: a struct sequence of two, with more to say by name. */
#include "py_convert.h"

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

PyObject *alert_py_decision(const alert_py_state *state, const alert_decision *d)
{
    PyObject *o = PyStructSequence_New(state->decision_type);
    if (!o)
        return NULL;
    PyStructSequence_SET_ITEM(o, 0, PyLong_FromSize_t(d->model));
    PyStructSequence_SET_ITEM(o, 1, PyFloat_FromDouble(d->power_cap_w));
    PyStructSequence_SET_ITEM(o, 2, d->exit < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(d->exit));
    PyStructSequence_SET_ITEM(o, 3, PyFloat_FromDouble(d->latency_s));
    PyStructSequence_SET_ITEM(o, 4, PyFloat_FromDouble(d->energy_j));
    PyStructSequence_SET_ITEM(o, 5, PyFloat_FromDouble(d->accuracy));
    PyStructSequence_SET_ITEM(o, 6, PyFloat_FromDouble(d->probability));
    PyStructSequence_SET_ITEM(o, 7, Py_NewRef(d->feasible ? Py_True : Py_False));
    if (PyErr_Occurred())
        Py_CLEAR(o);
    return o;
}

PyTypeObject *alert_py_decision_type(void)
{
    return PyStructSequence_NewType(&DECISION);
}
