/* py_scheduler.c - _core.Scheduler: step() and its kin. The GIL is kept: a step takes well under a
 * microsecond. */
#include "python/py_scheduler.h"
#include "python/py_convert.h"
#include "python/py_options.h"

int alert_py_wait(const alert_py_scheduler *o)
{
    int user = atomic_load_explicit(&o->taken_by, memory_order_relaxed);
    if (user != 0 && user != alert_py_generation) {
        PyErr_SetString(PyExc_RuntimeError,
                        "scheduler: this process was forked while another thread was stepping it; "
                        "make another one");
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS;
    sched_yield();
    Py_END_ALLOW_THREADS;
    return 0;
}

/* -------------------------------------------------------------------------------------- methods */

enum { LATENCY, ENERGY, DEADLINE, IDLE_POWER, EXIT, STEP_ARGUMENTS };

static const char *const STEP_NAME[STEP_ARGUMENTS] = {"latency", "energy", "deadline", "idle_power",
                                                      "exit"};

static bool is_given(PyObject *value)
{
    return value && value != Py_None;
}

static int to_measurement(PyObject *const values[STEP_ARGUMENTS], alert_measurement *m)
{
    m->has_energy = is_given(values[ENERGY]);
    m->has_deadline = is_given(values[DEADLINE]);
    m->has_idle_power = is_given(values[IDLE_POWER]);
    m->has_exit = is_given(values[EXIT]);
    if (alert_py_double(values[LATENCY], "latency", "a number of seconds", &m->latency_s) < 0 ||
        (m->has_energy && alert_py_double(values[ENERGY], "energy", "a number of joules or None",
                                          &m->energy_j) < 0) ||
        (m->has_deadline &&
         alert_py_double(values[DEADLINE], "deadline", "a number of seconds or None",
                         &m->next_deadline_s) < 0) ||
        (m->has_idle_power && alert_py_double(values[IDLE_POWER], "idle_power",
                                              "a number of watts or None", &m->idle_power_w) < 0) ||
        (m->has_exit && alert_py_size(values[EXIT], "exit", "an index or None", &m->exit) < 0))
        return -1;
    return 0;
}

PyDoc_STRVAR(
    step_doc,
    "step($self, latency, energy, *, deadline=None, idle_power=None, exit=None)\n"
    "--\n\n"
    "Learn from the input just finished and choose for the next one.\n\n"
    "Parameters\n"
    "----------\n"
    "latency : float\n"
    "    Seconds the inference ran; finite, >= 0.\n"
    "energy : float or None\n"
    "    Joules drawn meanwhile; None where it could not be read: the profile's power stands in.\n"
    "deadline : float, optional\n"
    "    Seconds the next input has, instead of the goal's deadline. Holds for that input only.\n"
    "idle_power : float, optional\n"
    "    Watts drawn between inputs.\n"
    "exit : int, optional\n"
    "    Where an anytime model stopped, if before the exit chosen.\n\n"
    "Returns\n"
    "-------\n"
    "Decision\n"
    "    Unpacks into `(model, power_cap)`.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    An argument is out of range; nothing has been learnt from it.");

static PyObject *scheduler_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                PyObject *kwnames)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *values[STEP_ARGUMENTS] = {NULL};
    alert_measurement measured;
    alert_decision decision;
    alert_argument_error error;
    int rc;
    if (nargs == 2 && !kwnames) { /* as a rule */
        values[LATENCY] = args[0];
        values[ENERGY] = args[1];
    } else if (alert_py_arguments("step", o->state->keywords, 2, 2, args, nargs, kwnames, values) <
               0) {
        return NULL;
    }
    if (to_measurement(values, &measured) < 0 || alert_py_enter(o) < 0)
        return NULL;
    rc = alert_scheduler_step(o->scheduler, &measured, &decision, &error);
    alert_py_leave(o);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

PyDoc_STRVAR(
    decide_doc,
    "decide($self, deadline=None)\n"
    "--\n\n"
    "Choose again for the pending input, which has `deadline` seconds: it came late, say, or the\n"
    "overhead has changed.");

static PyObject *scheduler_decide(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"deadline", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given = NULL;
    double deadline = 0.0;
    alert_decision decision;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:decide", names, &given) ||
        (is_given(given) &&
         alert_py_double(given, "deadline", "a number of seconds or None", &deadline) < 0) ||
        alert_py_enter(o) < 0)
        return NULL;
    rc =
        alert_scheduler_decide(o->scheduler, is_given(given) ? &deadline : NULL, &decision, &error);
    alert_py_leave(o);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

PyDoc_STRVAR(
    share_doc,
    "share($self, deadline, inputs)\n"
    "--\n\n"
    "Let the next `inputs` inputs share `deadline` seconds, as the words of a sentence do.\n\n"
    "Each is given what is left of it divided by the inputs left; a finished input uses up its "
    "latency\n"
    "and the overhead. Returns the choice for the first of them.");

static PyObject *scheduler_share(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"deadline", "inputs", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given, *given_inputs;
    size_t inputs;
    double deadline;
    alert_decision decision;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:share", names, &given, &given_inputs) ||
        alert_py_double(given, "deadline", "a number of seconds", &deadline) < 0 ||
        alert_py_size(given_inputs, "inputs", "at least one input", &inputs) < 0 ||
        alert_py_enter(o) < 0)
        return NULL;
    rc = alert_scheduler_share(o->scheduler, deadline, inputs, &decision, &error);
    alert_py_leave(o);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

/* ----------------------------------------------------------------------------------- attributes */

static PyObject *get_decision(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    alert_decision decision;
    if (alert_py_enter(o) < 0)
        return NULL;
    alert_scheduler_decision(o->scheduler, &decision);
    alert_py_leave(o);
    return alert_py_decision(o->state, &decision);
}

static PyObject *get_slowdown(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    double mean, std;
    if (alert_py_enter(o) < 0)
        return NULL;
    alert_scheduler_slowdown(o->scheduler, &mean, &std);
    alert_py_leave(o);
    return Py_BuildValue("dd", mean, std);
}

static PyObject *get_trace(PyObject *self, void *closure)
{
    (void)closure;
    return alert_py_trace((alert_py_scheduler *)self);
}

static PyObject *get_overhead(PyObject *self, void *closure)
{
    (void)closure;
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    if (alert_py_enter(o) < 0)
        return NULL;
    double overhead = alert_scheduler_overhead(o->scheduler);
    alert_py_leave(o);
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
        alert_py_enter(o) < 0)
        return -1;
    rc = alert_scheduler_set_overhead(o->scheduler, overhead, &error);
    alert_py_leave(o);
    return rc ? alert_py_raise(rc, &error) : 0;
}

static int switching(PyObject *self, double *cost, size_t *dwell)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    if (alert_py_enter(o) < 0)
        return -1;
    alert_scheduler_switching(o->scheduler, cost, dwell);
    alert_py_leave(o);
    return 0;
}

static PyObject *get_switch_cost(PyObject *self, void *closure)
{
    (void)closure;
    double cost;
    size_t dwell;
    return switching(self, &cost, &dwell) < 0 ? NULL : PyFloat_FromDouble(cost);
}

static PyObject *get_dwell(PyObject *self, void *closure)
{
    (void)closure;
    double cost;
    size_t dwell;
    return switching(self, &cost, &dwell) < 0 ? NULL : PyLong_FromSize_t(dwell);
}

PyDoc_STRVAR(
    set_switching_doc,
    "set_switching($self, switch_cost, dwell)\n"
    "--\n\n"
    "Say what changing the cap costs: seconds, and inputs that a new cap then stays in force.\n\n"
    "Used from the next choice on; see `alert.Scheduler`.");

static PyObject *scheduler_set_switching(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"switch_cost", "dwell", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given, *given_dwell;
    double cost;
    size_t dwell;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:set_switching", names, &given,
                                     &given_dwell) ||
        alert_py_double(given, "switch_cost", "a number of seconds", &cost) < 0 ||
        alert_py_size(given_dwell, "dwell", "at least one input", &dwell) < 0 ||
        alert_py_enter(o) < 0)
        return NULL;
    rc = alert_scheduler_set_switching(o->scheduler, cost, dwell, &error);
    alert_py_leave(o);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ----------------------------------------------------------------------------------------- type */

/* `type` is the C type or, as Python has seen to, a subclass of it. */
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

static PyObject *scheduler_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"profile",  "goal",        "given", "method", "constants",
                            "overhead", "switch_cost", "dwell", "trace",  NULL};
    PyObject *core_profile, *goal_tuple, *given, *method, *constants, *overhead, *switch_cost,
        *dwell;
    PyObject *trace;
    alert_goal goal;
    alert_options options;
    alert_argument_error error;
    alert_py_state *state = state_of(type);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOOOOOO:Scheduler", names, &core_profile,
                                     &goal_tuple, &given, &method, &constants, &overhead,
                                     &switch_cost, &dwell, &trace))
        return NULL;
    alert_profile *profile = alert_py_profile_of(state, core_profile);
    if (!profile || alert_py_goal(goal_tuple, &goal) < 0 ||
        alert_py_method(method, &options.method) < 0)
        return NULL;
    options.constants = alert_constants_default();
    if (alert_py_constants(constants, options.method, &options.constants) < 0 ||
        alert_py_double(overhead, "overhead", "a number of seconds", &options.overhead_s) < 0 ||
        alert_py_double(switch_cost, "switch_cost", "a number of seconds", &options.switch_cost_s) <
            0 ||
        alert_py_size(dwell, "dwell", "at least one input", &options.hold_inputs) < 0 ||
        alert_py_size(trace, "trace", "a number of inputs", &options.history_capacity) < 0)
        return NULL;
    if (options.history_capacity > PY_SSIZE_T_MAX / sizeof(alert_history_entry) / 2) {
        PyErr_NoMemory();
        return NULL;
    }
    alert_py_scheduler *o = (alert_py_scheduler *)type->tp_alloc(type, 0);
    if (!o)
        return NULL;
    o->state = state;
    o->given = Py_NewRef(given);
    atomic_init(&o->taken_by, 0);
    int rc = alert_scheduler_new(&o->scheduler, profile, &goal, &options, &error);
    if (rc) {
        alert_py_raise(rc, &error);
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

PyDoc_STRVAR(
    scheduler_doc,
    "Scheduler(profile, goal, given, method, constants, overhead, switch_cost, dwell, trace)\n"
    "--\n\n"
    "The scheduler in C. `alert.Scheduler` is the public face of it.");

static PyMethodDef scheduler_methods[] = {
    {"step", (PyCFunction)(void (*)(void))scheduler_step, METH_FASTCALL | METH_KEYWORDS, step_doc},
    {"decide", (PyCFunction)(void (*)(void))scheduler_decide, METH_VARARGS | METH_KEYWORDS,
     decide_doc},
    {"share", (PyCFunction)(void (*)(void))scheduler_share, METH_VARARGS | METH_KEYWORDS,
     share_doc},
    {"_replay", (PyCFunction)(void (*)(void))alert_py_replay, METH_VARARGS | METH_KEYWORDS, NULL},
    {"set_switching", (PyCFunction)(void (*)(void))scheduler_set_switching,
     METH_VARARGS | METH_KEYWORDS, set_switching_doc},
    {"_set_goal", alert_py_set_goal, METH_VARARGS, NULL},
    {"_save", alert_py_save, METH_NOARGS, NULL},
    {"_restore", alert_py_restore, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef scheduler_getset[] = {
    {"_goal", alert_py_get_goal, NULL, NULL, NULL},
    {"decision", get_decision, NULL, "The pending choice: what to run next.", NULL},
    {"slowdown", get_slowdown, NULL,
     "(mean, standard deviation) of the slowdown expected of the next input.", NULL},
    {"trace", get_trace, NULL, "The last inputs, oldest first, as a structured array.", NULL},
    {"overhead", get_overhead, set_overhead,
     "Seconds taken off every deadline, from the next choice on.", NULL},
    {"switch_cost", get_switch_cost, NULL, "Seconds that changing the cap takes.", NULL},
    {"dwell", get_dwell, NULL, "Inputs that a new cap stays in force.", NULL},
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

static PyObject *keyword_names(void)
{
    PyObject *names = PyTuple_New(STEP_ARGUMENTS);
    for (Py_ssize_t i = 0; names && i < STEP_ARGUMENTS; i++) {
        PyObject *name = PyUnicode_InternFromString(STEP_NAME[i]);
        if (!name)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

int alert_py_scheduler_exec(PyObject *module, alert_py_state *state)
{
    state->keywords = keyword_names();
    state->decision_type = alert_py_decision_type();
    state->scheduler_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &scheduler_spec, NULL);
    if (!state->keywords || !state->decision_type || !state->scheduler_type)
        return -1;
    if (PyModule_AddType(module, state->decision_type) < 0)
        return -1;
    return PyModule_AddType(module, state->scheduler_type);
}
