/* py_scheduler.c - _core.Scheduler: how it is made, its attributes, its methods. */
#include "python/py_scheduler.h"

#include <errno.h>

#include "python/py_convert.h"
#include "python/py_decision.h"
#include "python/py_dtypes.h"
#include "python/py_expect.h"
#include "python/py_feedback.h"
#include "python/py_goal.h"
#include "python/py_learnt.h"
#include "python/py_options.h"
#include "python/py_profile.h"
#include "python/py_replay.h"
#include "python/py_saving.h"
#include "python/py_scheduler_object.h"
#include "python/py_step.h"
#include "python/py_tenant.h"

/* ----------------------------------------------------------------------------------- attributes */

static PyObject *get_decision(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    alert_decision decision;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    alert_scheduler_decision(o->scheduler, &decision);
    alert_py_leave(&o->lock);
    return alert_py_decision(o->state, &decision);
}

static PyObject *get_tally(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    alert_tally t;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    alert_scheduler_tally(o->scheduler, &t);
    alert_py_leave(&o->lock);
    return Py_BuildValue("KKKdddd", (unsigned long long)t.inputs, (unsigned long long)t.in_time,
                         (unsigned long long)t.kept, t.accuracy, t.energy_j, t.allowed_j,
                         t.latency_s);
}

static PyObject *get_budget(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double left;
    size_t inputs;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    alert_scheduler_budget(o->scheduler, &left, &inputs);
    alert_py_leave(&o->lock);
    if (inputs == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("dN", left, PyLong_FromSize_t(inputs));
}

static PyObject *get_slowdown(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double mean, std;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    alert_scheduler_slowdown(o->scheduler, &mean, &std);
    alert_py_leave(&o->lock);
    return Py_BuildValue("dd", mean, std);
}

/* NULL without an exception when the history is shorter now: a state has been restored meanwhile. */
static PyObject *copy_history(alert_py_scheduler *o, PyObject *array, size_t length)
{
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    bool fits = alert_scheduler_history_length(o->scheduler) >= length;
    if (fits)
        alert_scheduler_history(o->scheduler, length, alert_py_elements(array));
    alert_py_leave(&o->lock);
    return fits ? Py_NewRef(array) : NULL;
}

static PyObject *get_history(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *history = NULL;
    while (!history && !PyErr_Occurred()) {
        if (alert_py_enter(&o->lock) < 0)
            return NULL;
        size_t length = alert_scheduler_history_length(o->scheduler);
        alert_py_leave(&o->lock);
        PyObject *array = alert_py_zeros(o->state->history_dtype, length);
        if (array)
            history = copy_history(o, array, length);
        Py_XDECREF(array);
    }
    return history;
}

static PyObject *get_overhead(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    if (alert_py_enter(&o->lock) < 0)
        return NULL;
    double overhead = alert_scheduler_overhead(o->scheduler);
    alert_py_leave(&o->lock);
    return PyFloat_FromDouble(overhead);
}

static int set_overhead(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double overhead;
    alert_argument_error error;
    int rc;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "overhead cannot be deleted");
        return -1;
    }
    if (alert_py_double(value, "overhead", "a number of seconds", &overhead) < 0 ||
        alert_py_enter(&o->lock) < 0)
        return -1;
    rc = alert_scheduler_set_overhead(o->scheduler, overhead, &error);
    alert_py_leave(&o->lock);
    return rc ? alert_py_raise(rc, &error) : 0;
}

static int switching(PyObject *self, double *cost, size_t *hold_inputs)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    if (alert_py_enter(&o->lock) < 0)
        return -1;
    alert_scheduler_switching(o->scheduler, cost, hold_inputs);
    alert_py_leave(&o->lock);
    return 0;
}

static PyObject *get_switch_cost(PyObject *self, void *closure)
{
    (void)closure;
    double cost;
    size_t hold_inputs;
    return switching(self, &cost, &hold_inputs) < 0 ? NULL : PyFloat_FromDouble(cost);
}

static PyObject *get_hold_inputs(PyObject *self, void *closure)
{
    (void)closure;
    double cost;
    size_t hold_inputs;
    return switching(self, &cost, &hold_inputs) < 0 ? NULL : PyLong_FromSize_t(hold_inputs);
}

static const char set_switching_doc[] =
    "set_switching($self, switch_cost, hold_inputs)\n"
    "--\n\n"
    "Set the seconds that a change of the cap takes, and the inputs that a new cap stays in "
    "force.\n"
    "\n"
    "They count from the next choice on; see `alert.Scheduler`.";

static PyObject *scheduler_set_switching(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"switch_cost", "hold_inputs", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given, *given_hold;
    double cost;
    size_t hold_inputs;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:set_switching", names, &given,
                                     &given_hold) ||
        alert_py_double(given, "switch_cost", "a number of seconds", &cost) < 0 ||
        alert_py_size(given_hold, "hold_inputs", "at least one input", &hold_inputs) < 0 ||
        alert_py_enter(&o->lock) < 0)
        return NULL;
    rc = alert_scheduler_set_switching(o->scheduler, cost, hold_inputs, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ----------------------------------------------------------------------------------------- type */

/* The state of the module whose Scheduler `type` is, or is derived from. */
static alert_py_state *state_of(PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030B0000
    return PyModule_GetState(PyType_GetModuleByDef(type, &alert_py_module));
#else
    for (;; type = type->tp_base) {
        PyObject *module =
            PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) ? PyType_GetModule(type) : NULL;
        if (module && PyModule_GetDef(module) == &alert_py_module)
            return PyModule_GetState(module);
        PyErr_Clear();
    }
#endif
}

static void no_memory(size_t history)
{
    PyErr_Format(PyExc_MemoryError, "no memory for a scheduler with a history of %zu inputs",
                 history);
}

static PyObject *scheduler_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"profile",  "goal",        "given",       "method",  "constants",
                            "overhead", "switch_cost", "hold_inputs", "history", "machine_price",
                            "feedback", "learnt",      NULL};
    PyObject *core_profile, *goal_tuple, *given, *method, *constants;
    PyObject *overhead, *switch_cost, *hold_inputs, *history, *machine_price, *feedback, *learnt;
    alert_feedback_options learns;
    double price;
    bool is_shared;
    alert_goal goal;
    alert_options options;
    alert_argument_error error;
    alert_py_state *state = state_of(type);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOOOOOOOOO:Scheduler", names, &core_profile,
                                     &goal_tuple, &given, &method, &constants, &overhead,
                                     &switch_cost, &hold_inputs, &history, &machine_price,
                                     &feedback, &learnt))
        return NULL;
    alert_profile *profile = alert_py_profile_of(state, core_profile);
    if (!profile || alert_py_goal_of(goal_tuple, &goal) < 0 ||
        alert_py_method(method, &options.method) < 0)
        return NULL;
    options.constants = alert_constants_default();
    if (alert_py_constants(constants, options.method, &options.constants) < 0 ||
        alert_py_double(overhead, "overhead", "a number of seconds", &options.overhead_s) < 0 ||
        alert_py_double(switch_cost, "switch_cost", "a number of seconds", &options.switch_cost_s) <
            0 ||
        alert_py_size(hold_inputs, "hold_inputs", "at least one input", &options.hold_inputs) < 0 ||
        alert_py_size(history, "history", "a number of inputs", &options.history_capacity) < 0 ||
        alert_py_machine_price(machine_price, &price, &is_shared) < 0 ||
        (feedback != Py_None && alert_py_feedback_of(feedback, &learns) < 0))
        return NULL;
    options.feedback = feedback == Py_None ? NULL : &learns;
    options.machine_price_w = is_shared ? &price : NULL;
    options.learns = learnt != Py_None;
    if (options.history_capacity > PY_SSIZE_T_MAX / sizeof(alert_history_entry) / 2) {
        no_memory(options.history_capacity);
        return NULL;
    }
    alert_py_scheduler *o = (alert_py_scheduler *)type->tp_alloc(type, 0);
    if (!o)
        return NULL;
    o->state = state;
    o->given = Py_NewRef(given);
    alert_py_lock_init(&o->lock);
    int rc = alert_scheduler_new(&o->scheduler, profile, &goal, &options, &error);
    if (rc == -ENOMEM) {
        no_memory(options.history_capacity);
        Py_CLEAR(o);
    } else if (rc) {
        alert_py_raise(rc, &error);
        Py_CLEAR(o);
    } else if (options.learns && alert_py_learn_on(o, learnt) < 0) {
        Py_CLEAR(o);
    }
    return (PyObject *)o;
}

static int scheduler_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((alert_py_scheduler *)self)->given);
    return 0;
}

static int scheduler_clear(PyObject *self)
{
    Py_CLEAR(((alert_py_scheduler *)self)->given);
    return 0;
}

static void scheduler_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    alert_scheduler_free(((alert_py_scheduler *)self)->scheduler);
    (void)scheduler_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static const char scheduler_doc[] =
    "Scheduler(profile, goal, given, method, constants, overhead, switch_cost, hold_inputs, "
    "history, machine_price, feedback, learnt)\n"
    "--\n\n"
    "The scheduler in C. `alert.Scheduler` is its public face.";

static PyMethodDef scheduler_methods[] = {
    {"step", (PyCFunction)(void (*)(void))alert_py_step, METH_FASTCALL | METH_KEYWORDS,
     alert_py_step_doc},
    {"decide", (PyCFunction)(void (*)(void))alert_py_decide, METH_VARARGS | METH_KEYWORDS,
     alert_py_decide_doc},
    {"share", (PyCFunction)(void (*)(void))alert_py_share, METH_VARARGS | METH_KEYWORDS,
     alert_py_share_doc},
    {"expect", (PyCFunction)(void (*)(void))alert_py_expect, METH_VARARGS | METH_KEYWORDS,
     alert_py_expect_doc},
    {"feedback", (PyCFunction)(void (*)(void))alert_py_feedback, METH_VARARGS | METH_KEYWORDS,
     alert_py_feedback_doc},
    {"accuracies", (PyCFunction)(void (*)(void))alert_py_accuracies, METH_VARARGS | METH_KEYWORDS,
     alert_py_accuracies_doc},
    {"missed", alert_py_missed, METH_NOARGS, alert_py_missed_doc},
    {"note_cap", alert_py_note_cap, METH_O, alert_py_note_cap_doc},
    {"options", (PyCFunction)(void (*)(void))alert_py_list_options, METH_VARARGS | METH_KEYWORDS,
     alert_py_list_options_doc},
    {"_replay", (PyCFunction)(void (*)(void))alert_py_replay, METH_VARARGS | METH_KEYWORDS, NULL},
    {"set_switching", (PyCFunction)(void (*)(void))scheduler_set_switching,
     METH_VARARGS | METH_KEYWORDS, set_switching_doc},
    {"_set_goal", alert_py_set_goal, METH_VARARGS, NULL},
    {"_known", alert_py_known, METH_NOARGS, NULL},
    {"_save", alert_py_save, METH_NOARGS, NULL},
    {"_restore", alert_py_restore, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef scheduler_getset[] = {
    {"_goal", alert_py_get_goal, NULL, NULL, NULL},
    {"decision", get_decision, NULL, "The choice for the next input.", NULL},
    {"_tally", get_tally, NULL, NULL, NULL},
    {"budget", get_budget, NULL,
     "(joules, inputs) left of the goal's budget. None without one, or when no inputs are left.",
     NULL},
    {"slowdown", get_slowdown, NULL,
     "(mean, standard deviation) of the expected slowdown of the next input.", NULL},
    {"offsets", alert_py_get_offsets, NULL,
     "Factor by which each model is off its profile, as choices are made by.\n\n"
     "Other work on the machine is not in it: that is the slowdown. It is 1 where the profile is\n"
     "right, for a profile that is learnt, and with method=\"paper\".",
     NULL},
    {"history", get_history, NULL, "The last inputs, oldest first, as a structured array.", NULL},
    {"overhead", get_overhead, set_overhead,
     "Seconds taken off every deadline, from the next choice on.", NULL},
    {"machine_price", alert_py_get_machine_price, alert_py_set_machine_price,
     "Watts that the machine's time is worth to all who share it; None where it is not shared.\n\n"
     "A setting counts from the next choice on; see `alert.Scheduler`.",
     NULL},
    {"power_limit", alert_py_get_power_limit, alert_py_set_power_limit,
     "Watts that no chosen cap exceeds; None for no limit. It counts from the next choice on.",
     NULL},
    {"context", alert_py_get_context, alert_py_set_context,
     "Numbers known of the next input before it runs: as many as `Feedback.context` says.\n\n"
     "They hold from the next choice on, until others are set. At first all are 0.",
     NULL},
    {"switch_cost", get_switch_cost, NULL, "Seconds that a change of the cap takes.", NULL},
    {"hold_inputs", get_hold_inputs, NULL, "Inputs that a new cap stays in force.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot scheduler_slots[] = {
    {Py_tp_doc, (void *)scheduler_doc}, {Py_tp_new, scheduler_new},
    {Py_tp_dealloc, scheduler_dealloc}, {Py_tp_traverse, scheduler_traverse},
    {Py_tp_clear, scheduler_clear},     {Py_tp_methods, scheduler_methods},
    {Py_tp_getset, scheduler_getset},   {0, NULL},
};

static PyType_Spec scheduler_spec = {
    .name = "alert._core.Scheduler",
    .basicsize = sizeof(alert_py_scheduler),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = scheduler_slots,
};

int alert_py_scheduler_exec(PyObject *module, alert_py_state *state)
{
    if (alert_py_step_exec(state) < 0)
        return -1;
    state->scheduler_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &scheduler_spec, NULL);
    return state->scheduler_type ? PyModule_AddType(module, state->scheduler_type) : -1;
}
