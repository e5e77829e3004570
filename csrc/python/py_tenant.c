#include "python/py_tenant.h"

#include <math.h>

#include "python/py_convert.h"
#include "python/py_decision.h"
#include "python/py_dtypes.h"

/* -------------------------------------------------------------------------------- the machine's price */

int alert_py_machine_price(PyObject *object, double *price, bool *is_given)
{
    *is_given = object && object != Py_None;
    return *is_given ? alert_py_double(object, "machine_price", "a number of watts or None", price)
                     : 0;
}

PyObject *alert_py_get_machine_price(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double price;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    bool is_shared = alert_scheduler_machine_price(o->scheduler, &price);
    alert_py_leave(&o->lock);
    return is_shared ? PyFloat_FromDouble(price) : Py_NewRef(Py_None);
}

int alert_py_set_machine_price(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double price;
    bool is_given;
    alert_argument_error error;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "machine_price cannot be deleted");
        return -1;
    }
    if (alert_py_machine_price(value, &price, &is_given) < 0 || alert_py_enter(&o->lock) < 0)
        return -1;
    int rc = alert_scheduler_set_machine_price(o->scheduler, is_given ? &price : NULL, &error);
    alert_py_leave(&o->lock);
    return rc ? alert_py_raise(rc, &error) : 0;
}

/* --------------------------------------------------------------------------------------- power limit */

PyObject *alert_py_get_power_limit(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    double limit = alert_scheduler_power_limit(o->scheduler);
    alert_py_leave(&o->lock);
    return isinf(limit) ? Py_NewRef(Py_None) : PyFloat_FromDouble(limit);
}

int alert_py_set_power_limit(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double limit = HUGE_VAL;
    alert_argument_error error;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "power_limit cannot be deleted");
        return -1;
    }
    if ((value != Py_None &&
         alert_py_double(value, "power_limit", "a number of watts or None", &limit) < 0) ||
        alert_py_enter(&o->lock) < 0)
        return -1;
    int rc = alert_scheduler_set_power_limit(o->scheduler, limit, &error);
    alert_py_leave(&o->lock);
    return rc ? alert_py_raise(rc, &error) : 0;
}

/* ----------------------------------------------------------------------------- what others do to it */

const char alert_py_missed_doc[] =
    "missed($self)\n"
    "--\n\n"
    "Book an input that was not run, and choose for the next one.\n\n"
    "It counts as `q_fail` in the goal's average, and draws no energy. Nothing is learnt of the\n"
    "slowdown. In `history` its model, cap and exit are -1, and its latency is NaN.";

PyObject *alert_py_missed(PyObject *self, PyObject *unused)
{
    (void)unused;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    alert_decision decision;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    alert_scheduler_missed(o->scheduler, &decision);
    alert_py_leave(&o->lock);
    return alert_py_decision(o->state, &decision);
}

const char alert_py_note_cap_doc[] =
    "note_cap($self, power_cap, /)\n"
    "--\n\n"
    "Take note that another application has run an input under `power_cap` watts;\n"
    "None for no cap.\n\n"
    "The cost of a change, and the inputs that a cap is held for, count from there, from the next\n"
    "choice on. It is the profile's highest cap that is no higher, else its lowest.";

PyObject *alert_py_note_cap(PyObject *self, PyObject *power_cap)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double watts = HUGE_VAL;
    alert_argument_error error;
    if ((power_cap != Py_None &&
         alert_py_double(power_cap, "power_cap", "a number of watts or None", &watts) < 0) ||
        alert_py_enter(&o->lock) < 0)
        return NULL;
    int rc = alert_scheduler_note_cap(o->scheduler, watts, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ------------------------------------------------------------------------------------------- options */

const char alert_py_list_options_doc[] =
    "options($self, deadline=None)\n"
    "--\n\n"
    "List what is expected of every configuration for the next input; the decision stays.\n\n"
    "Parameters\n"
    "----------\n"
    "deadline : float, optional\n"
    "    Seconds that the input has. None stands for the deadline it was decided with.\n\n"
    "Returns\n"
    "-------\n"
    "numpy.ndarray\n"
    "    A structured array, by model, exit and cap, with the fields `model`, `cap`, `exit`,\n"
    "    `power_cap`, `latency`, `energy`, `accuracy` and `probability` as in `Decision`. `cap` "
    "is\n"
    "    an index; `exit` is -1 for a model without exits, `power_cap` infinite for no cap, and\n"
    "    `energy` NaN where the profile has no power.";

PyObject *alert_py_list_options(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"deadline", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given = NULL;
    double deadline;
    alert_argument_error error;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:options", names, &given))
        return NULL;
    bool is_given = given && given != Py_None;
    if (is_given &&
        alert_py_double(given, "deadline", "a number of seconds or None", &deadline) < 0)
        return NULL;
    size_t count = alert_scheduler_option_count(o->scheduler);
    PyObject *array = alert_py_zeros(o->state->option_dtype, count);
    if (!array || alert_py_enter(&o->lock) < 0) {
        Py_XDECREF(array);
        return NULL;
    }
    int rc = alert_scheduler_list_options(o->scheduler, is_given ? &deadline : NULL,
                                          alert_py_elements(array), &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        Py_CLEAR(array);
    }
    return array;
}
