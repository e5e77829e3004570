#include "python/py_feedback.h"

#include "python/py_array.h"
#include "python/py_convert.h"

int alert_py_feedback_of(PyObject *tuple, alert_feedback_options *out)
{
    unsigned long long seed, first_ticket;
    Py_ssize_t context;
    if (!PyTuple_Check(tuple)) {
        PyErr_Format(PyExc_TypeError, "feedback: expected a tuple, got %.100s",
                     Py_TYPE(tuple)->tp_name);
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "nddKK:feedback", &context, &out->prior, &out->half_life, &seed,
                          &first_ticket))
        return -1;
    out->context = (size_t)context; /* a negative one is too large */
    out->seed = seed;
    out->first_ticket = first_ticket;
    return 0;
}

/* ---------------------------------------------------------------------------------------------- ratings */

const char alert_py_feedback_doc[] =
    "feedback($self, ticket, score, user=0)\n"
    "--\n\n"
    "Learn from a rating. `alert.Scheduler.feedback` is its public face; `user` is a number here.";

/* A ticket of no scheduler has no room in 64 bits. */
static int to_ticket(PyObject *object, unsigned long long *out)
{
    PyObject *number = PyNumber_Index(object);
    if (!number) {
        PyErr_Format(PyExc_TypeError,
                     "ticket: expected that of a decision (None without feedback=), got %.100s",
                     Py_TYPE(object)->tp_name);
        return -1;
    }
    *out = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    if (*out != (unsigned long long)-1 || !PyErr_Occurred())
        return 0;
    PyErr_Format(PyExc_ValueError, "ticket: expected a ticket of this scheduler, got %R", object);
    return -1;
}

PyObject *alert_py_feedback(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ticket", "score", "user", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given_ticket, *given_score;
    unsigned long long ticket, user = 0;
    double score;
    bool learnt = false;
    alert_argument_error error;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|K:feedback", names, &given_ticket,
                                     &given_score, &user) ||
        to_ticket(given_ticket, &ticket) < 0 ||
        alert_py_double(given_score, "score", "a number from 0 to 1", &score) < 0 ||
        alert_py_enter(&o->lock) < 0)
        return NULL;
    int rc = alert_scheduler_feedback(o->scheduler, ticket, score, user, &learnt, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return PyBool_FromLong(learnt);
}

/* ---------------------------------------------------------------------------------------------- context */

PyObject *alert_py_get_context(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double numbers[ALERT_CONTEXT_MAX];
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    size_t count = alert_scheduler_context(o->scheduler, numbers);
    alert_py_leave(&o->lock);
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple && i < count; i++) {
        PyObject *number = PyFloat_FromDouble(numbers[i]);
        if (!number)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, number);
    }
    return tuple;
}

int alert_py_set_context(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    alert_argument_error error;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "context cannot be deleted");
        return -1;
    }
    PyArrayObject *array = alert_py_array(value, "context", NPY_DOUBLE, 1, true);
    if (!array || alert_py_enter(&o->lock) < 0) {
        Py_XDECREF(array);
        return -1;
    }
    int rc = alert_scheduler_set_context(o->scheduler, PyArray_DATA(array),
                                         (size_t)PyArray_DIM(array, 0), &error);
    alert_py_leave(&o->lock);
    Py_DECREF(array);
    return rc ? alert_py_raise(rc, &error) : 0;
}

/* ------------------------------------------------------------------------------------- what was learnt */

const char alert_py_accuracies_doc[] =
    "accuracies($self, context=None)\n"
    "--\n\n"
    "Tell what is known of the accuracy of each model, as feedback teaches it.\n\n"
    "Parameters\n"
    "----------\n"
    "context : array_like, optional\n"
    "    Numbers known of an input before it runs. None stands for the attribute `context`.\n\n"
    "Returns\n"
    "-------\n"
    "mean, deviation : numpy.ndarray\n"
    "    A number for each model, lateness not counted. Without feedback they are the accuracies\n"
    "    of the profile, and 0.";

static int fill_accuracies(alert_py_scheduler *o, PyArrayObject *context, PyObject *mean,
                           PyObject *deviation)
{
    alert_argument_error error;
    if (alert_py_enter(&o->lock) < 0)
        return -1;
    int rc = alert_scheduler_accuracies(o->scheduler, context ? PyArray_DATA(context) : NULL,
                                        context ? (size_t)PyArray_DIM(context, 0) : 0,
                                        PyArray_DATA((PyArrayObject *)mean),
                                        PyArray_DATA((PyArrayObject *)deviation), &error);
    alert_py_leave(&o->lock);
    return rc ? alert_py_raise(rc, &error) : 0;
}

PyObject *alert_py_accuracies(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"context", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given = NULL;
    PyArrayObject *context = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:accuracies", names, &given))
        return NULL;
    if (given && given != Py_None) {
        context = alert_py_array(given, "context", NPY_DOUBLE, 1, true);
        if (!context)
            return NULL;
    }
    npy_intp models = (npy_intp)alert_scheduler_models(o->scheduler);
    PyObject *mean = PyArray_ZEROS(1, &models, NPY_DOUBLE, 0);
    PyObject *deviation = PyArray_ZEROS(1, &models, NPY_DOUBLE, 0);
    PyObject *both = NULL;
    if (mean && deviation && fill_accuracies(o, context, mean, deviation) == 0)
        both = PyTuple_Pack(2, mean, deviation);
    Py_XDECREF(mean);
    Py_XDECREF(deviation);
    Py_XDECREF(context);
    return both;
}
