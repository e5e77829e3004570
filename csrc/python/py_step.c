/* py_step.c - step(), decide() and share(). They keep the GIL: each takes less than a microsecond. */
#include "python/py_step.h"

#include "python/py_convert.h"
#include "python/py_decision.h"
#include "python/py_goal.h"

enum {
    LATENCY,
    ENERGY,
    DEADLINE,
    IDLE_POWER,
    EXIT,
    POWER_CAP,
    MODEL,
    GOAL,
    SIZE,
    SURE,
    STEP_ARGUMENTS
};

static const char *const STEP_NAME[STEP_ARGUMENTS] = {
    "latency",   "energy", "deadline", "idle_power", "exit",
    "power_cap", "model",  "goal",     "size",       "sure"};

static bool is_given(PyObject *value)
{
    return value && value != Py_None;
}

/* An index, or a name that the Python face knows. */
static int to_model(PyObject *self, PyObject *given, size_t *out)
{
    if (!PyUnicode_Check(given))
        return alert_py_size(given, "model", "a name, an index or None", out);
    PyObject *index = PyObject_CallMethod(self, "_index_of", "O", given);
    int rc = index ? alert_py_size(index, "model", "an index", out) : -1;
    Py_XDECREF(index);
    return rc;
}

/* `goal` is room for the goal of the next input. */
static int to_measurement(PyObject *self, PyObject *const values[STEP_ARGUMENTS], alert_goal *goal,
                          alert_measurement *m)
{
    m->has_model = is_given(values[MODEL]);
    m->next_goal = is_given(values[GOAL]) ? goal : NULL;
    m->has_energy = is_given(values[ENERGY]);
    m->has_deadline = is_given(values[DEADLINE]);
    m->has_idle_power = is_given(values[IDLE_POWER]);
    m->has_exit = is_given(values[EXIT]);
    m->has_cap = is_given(values[POWER_CAP]);
    m->has_size = is_given(values[SIZE]);
    int sure = values[SURE] ? PyObject_IsTrue(values[SURE]) : 0;
    m->is_sure = sure > 0;
    if (sure < 0)
        return -1;
    if (alert_py_double(values[LATENCY], "latency", "a number of seconds", &m->latency_s) < 0 ||
        (m->has_energy && alert_py_double(values[ENERGY], "energy", "a number of joules or None",
                                          &m->energy_j) < 0) ||
        (m->has_deadline &&
         alert_py_double(values[DEADLINE], "deadline", "a number of seconds or None",
                         &m->next_deadline_s) < 0) ||
        (m->has_idle_power && alert_py_double(values[IDLE_POWER], "idle_power",
                                              "a number of watts or None", &m->idle_power_w) < 0) ||
        (m->has_exit && alert_py_size(values[EXIT], "exit", "an index or None", &m->exit) < 0) ||
        (m->has_cap && alert_py_double(values[POWER_CAP], "power_cap", "a number of watts or None",
                                       &m->power_cap_w) < 0) ||
        (m->has_size &&
         alert_py_double(values[SIZE], "size", "a number or None", &m->next_size) < 0) ||
        (m->has_model && to_model(self, values[MODEL], &m->model) < 0) ||
        (m->next_goal && alert_py_goal_from(values[GOAL], goal) < 0))
        return -1;
    return 0;
}

const char alert_py_step_doc[] =
    "step($self, latency, energy, *, deadline=None, idle_power=None, exit=None, power_cap=None,\n"
    "     model=None, goal=None, size=None, sure=False)\n"
    "--\n\n"
    "Learn from the input just finished and choose for the next one.\n\n"
    "Parameters\n"
    "----------\n"
    "latency : float\n"
    "    Seconds that the inference took; finite, >= 0.\n"
    "energy : float or None\n"
    "    Joules drawn meanwhile. None where they could not be read: the profile's power stands "
    "in.\n"
    "deadline : float, optional\n"
    "    Seconds that the next input has, instead of the goal's deadline; for that input only.\n"
    "idle_power : float, optional\n"
    "    Watts drawn between inputs.\n"
    "exit : int, optional\n"
    "    Exit where an anytime model stopped, if before the chosen one; or that of `model`, by\n"
    "    default its last.\n"
    "power_cap : float, optional\n"
    "    Watts of the cap that was in force, if another than the chosen one. The input is judged "
    "by\n"
    "    the highest cap of the profile that is no higher.\n"
    "model : int or str, optional\n"
    "    Index or name of the model that ran, if another than the chosen one.\n"
    "goal : Goal, optional\n"
    "    Goal of the next input only; its bounds hold for this input alone. The standing goal's\n"
    "    average counts neither the accuracy nor the energy of such an input.\n"
    "size : float, optional\n"
    "    Size of the next input only, in the unit of the profile's `size`. None stands for that "
    "size.\n"
    "sure : bool\n"
    "    The model stopped at `exit` because its output was sure there. A sure output would not "
    "have\n"
    "    changed: it counts as that of the last exit, up to the one chosen, that was in time.\n\n"
    "Returns\n"
    "-------\n"
    "Decision\n"
    "    Unpacks into `(model, power_cap)`.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    An argument is out of range; the scheduler has learnt nothing.";

PyObject *alert_py_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *values[STEP_ARGUMENTS] = {NULL};
    alert_measurement measured;
    alert_decision decision;
    alert_argument_error error;
    alert_goal goal;
    int rc;
    if (nargs == 2 && !kwnames) { /* the usual call */
        values[LATENCY] = args[0];
        values[ENERGY] = args[1];
    } else if (alert_py_arguments("step", o->state->step_names, 2, 2, args, nargs, kwnames,
                                  values) < 0) {
        return NULL;
    }
    if (to_measurement(self, values, &goal, &measured) < 0 || alert_py_enter(&o->lock) < 0)
        return NULL;
    rc = alert_scheduler_step(o->scheduler, &measured, &decision, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

const char alert_py_decide_doc[] =
    "decide($self, deadline=None, *, goal=None, size=None)\n"
    "--\n\n"
    "Choose again for the next input: it came late, say, or it has bounds of its own.\n\n"
    "Parameters\n"
    "----------\n"
    "deadline : float, optional\n"
    "    Seconds that the input has. None keeps the deadline, or takes that of `goal`.\n"
    "goal : Goal, optional\n"
    "    Goal of this input only, see `step`. The standing goal ends what another one has begun.\n"
    "    None keeps the goal.\n"
    "size : float, optional\n"
    "    Size of this input only, see `step`. None keeps the size.";

PyObject *alert_py_decide(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"deadline", "goal", "size", NULL};
    alert_py_scheduler *o = (alert_py_scheduler *)self;
    PyObject *given = NULL, *given_goal = NULL, *given_size = NULL;
    double deadline = 0.0, size = 0.0;
    alert_goal goal;
    alert_decision decision;
    alert_argument_error error;
    int rc;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$OO:decide", names, &given, &given_goal,
                                     &given_size) ||
        (is_given(given) &&
         alert_py_double(given, "deadline", "a number of seconds or None", &deadline) < 0) ||
        (is_given(given_goal) && alert_py_goal_from(given_goal, &goal) < 0) ||
        (is_given(given_size) &&
         alert_py_double(given_size, "size", "a number or None", &size) < 0) ||
        alert_py_enter(&o->lock) < 0)
        return NULL;
    rc = alert_scheduler_decide(o->scheduler, is_given(given) ? &deadline : NULL,
                                is_given(given_goal) ? &goal : NULL,
                                is_given(given_size) ? &size : NULL, &decision, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

const char alert_py_share_doc[] =
    "share($self, deadline, inputs)\n"
    "--\n\n"
    "Let the next `inputs` inputs share `deadline` seconds, as the words of a sentence do.\n\n"
    "Each input gets the time that is left, divided by the inputs left. A finished input uses up\n"
    "its latency and the overhead. Returns the choice for the first input.";

PyObject *alert_py_share(PyObject *self, PyObject *args, PyObject *kwargs)
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
        alert_py_enter(&o->lock) < 0)
        return NULL;
    rc = alert_scheduler_share(o->scheduler, deadline, inputs, &decision, &error);
    alert_py_leave(&o->lock);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    return alert_py_decision(o->state, &decision);
}

static PyObject *step_names(void)
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

int alert_py_step_exec(alert_py_state *state)
{
    state->step_names = step_names();
    return state->step_names ? 0 : -1;
}
