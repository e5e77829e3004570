/* py_power_open.c - opening power devices from Python: functions, exceptions, what was found. */
#include <errno.h>
#include <string.h>

#include "python/py_fork.h"
#include "python/py_power.h"

/* --------------------------------------------------------------------------------------- exceptions */

PyObject *alert_py_power_words(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *alert_py_power_text(const alert_power_error *e)
{
    return e->remedy[0] ? PyUnicode_FromFormat("%s: %s (%s)", e->where, e->why, e->remedy)
                        : PyUnicode_FromFormat("%s: %s", e->where, e->why);
}

/* Sets the text attributes `what`, `why` and `remedy`. */
static int set_texts(PyObject *error, const alert_power_error *e)
{
    const struct {
        const char *name, *text;
    } attribute[] = {{"what", e->where}, {"why", e->why}, {"remedy", e->remedy}};
    for (size_t i = 0; i < 3; i++) {
        PyObject *text = alert_py_power_words(attribute[i].text);
        int rc = text ? PyObject_SetAttrString(error, attribute[i].name, text) : -1;
        Py_XDECREF(text);
        if (rc < 0)
            return -1;
    }
    return 0;
}

void alert_py_power_raise(const alert_py_state *state, const alert_power_error *e)
{
    bool permission = e->code == EACCES || e->code == EPERM;
    if (e->is_argument) {
        PyErr_Format(PyExc_ValueError, "%s: %s", e->where, e->why);
        return;
    }
    if (e->code == ENOMEM) {
        PyErr_NoMemory();
        return;
    }
    PyObject *text = alert_py_power_text(e), *error = NULL;
    if (text)
        error = PyObject_CallFunction(
            permission ? state->power_permission_error : state->power_error, "iO", e->code, text);
    if (error && set_texts(error, e) == 0)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(text);
    Py_XDECREF(error);
}

/* -------------------------------------------------------------------------------------------- zones */

PyObject *alert_py_power_missing(const alert_power_error *e)
{
    if (e->code == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("{s:i,s:N,s:N,s:N}", "errno", e->code, "what",
                         alert_py_power_words(e->where), "why", alert_py_power_words(e->why),
                         "remedy", alert_py_power_words(e->remedy));
}

static PyObject *zone_dict(const alert_rapl_zone_info *zone)
{
    PyObject *enabled = zone->enabled < 0 ? Py_NewRef(Py_None) : PyBool_FromLong(zone->enabled);
    return Py_BuildValue(
        "{s:N,s:N,s:O,s:O,s:O,s:N,s:d,s:d,s:d,s:d,s:N,s:N}", "name",
        alert_py_power_words(zone->name), "path", alert_py_power_words(zone->path), "can_cap",
        zone->can_cap ? Py_True : Py_False, "can_read", zone->can_read ? Py_True : Py_False,
        "mirrors", zone->mirrors ? Py_True : Py_False, "enabled", enabled, "limit", zone->limit_w,
        "window", zone->window_s, "short_term", zone->short_term_w, "twin_limit",
        zone->twin_limit_w, "cap_missing", alert_py_power_missing(&zone->cap_missing),
        "read_missing", alert_py_power_missing(&zone->read_missing));
}

PyObject *alert_py_power_list(power_object *o, PyObject *(*describe_one)(power_object *, size_t))
{
    PyObject *list = PyList_New(0), *item = NULL;
    for (size_t i = 0; list && (item = describe_one(o, i)); i++) {
        if (PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_DECREF(item);
    }
    if (list && PyErr_Occurred())
        Py_CLEAR(list);
    return list;
}

static PyObject *zone_at(power_object *o, size_t index)
{
    alert_rapl_zone_info zone;
    if (!alert_py_power_lock(o))
        return NULL;
    bool there = index < alert_power_rapl_zones(o->power);
    if (there)
        alert_power_rapl_zone(o->power, index, &zone);
    alert_py_power_unlock(o);
    return there ? zone_dict(&zone) : NULL;
}

PyObject *alert_py_power_zones(PyObject *self, void *closure)
{
    (void)closure;
    return alert_py_power_list((power_object *)self, zone_at);
}

/* ------------------------------------------------------------------------------------------ opening */

PyObject *alert_py_power_wrap(alert_py_state *state, alert_power *power)
{
    power_object *o = (power_object *)state->power_type->tp_alloc(state->power_type, 0);
    if (o) {
        o->state = state;
        o->power = power;
        alert_power_about(power, &o->opened);
        o->lock = PyThread_allocate_lock();
        atomic_init(&o->lock_generation, alert_py_generation);
        if (o->lock)
            return (PyObject *)o;
        Py_DECREF(o);
        PyErr_NoMemory();
        return NULL;
    }
    (void)alert_power_close(power, NULL);
    return NULL;
}

PyDoc_STRVAR(open_emulated_doc,
             "open_emulated(idle_power, peak_power, exponent, compute, min_frequency, /)\n"
             "--\n\n"
             "The emulated package under the given law; None stands for the default.");

static PyObject *open_emulated(PyObject *module, PyObject *args)
{
    static const char *const NAME[] = {"idle_power", "peak_power", "exponent", "compute",
                                       "min_frequency"};
    alert_power_law law = alert_power_law_default();
    double *const field[] = {&law.idle_w, &law.peak_w, &law.exponent, &law.compute,
                             &law.min_frequency};
    PyObject *value[5];
    alert_power *power;
    alert_power_error error;
    if (!PyArg_ParseTuple(args, "OOOOO:open_emulated", &value[0], &value[1], &value[2], &value[3],
                          &value[4]))
        return NULL;
    for (size_t i = 0; i < 5; i++)
        if (value[i] != Py_None && alert_py_double(value[i], NAME[i], "a number", field[i]) < 0)
            return NULL;
    alert_py_state *state = PyModule_GetState(module);
    if (alert_power_open_emulated(&power, &law, NULL, &error)) {
        alert_py_power_raise(state, &error);
        return NULL;
    }
    return alert_py_power_wrap(state, power);
}

PyDoc_STRVAR(
    open_rapl_doc,
    "open_rapl(root, observe, dram, package, window, cap_min, cap_max, journal, watchdog, /)\n"
    "--\n\n"
    "The packages under `root` (None for the machine's) as one device.");

static PyObject *open_rapl(PyObject *module, PyObject *args)
{
    alert_rapl_options options = alert_rapl_options_default();
    int observe, dram, rc;
    PyObject *window;
    alert_power *power;
    alert_power_error error = {0};
    if (!PyArg_ParseTuple(args, "zppiOddzz:open_rapl", &options.root, &observe, &dram,
                          &options.package, &window, &options.cap_min_w, &options.cap_max_w,
                          &options.journal, &options.watchdog))
        return NULL;
    if (window != Py_None &&
        alert_py_double(window, "window", "a number of seconds", &options.window_s) < 0)
        return NULL;
    options.observe = observe != 0;
    options.dram = dram != 0;
    Py_BEGIN_ALLOW_THREADS /* `root` belongs to `args`, which the caller holds */
        rc = alert_power_open_rapl(&power, &options, &error);
    Py_END_ALLOW_THREADS alert_py_state *state = PyModule_GetState(module);
    if (rc) {
        alert_py_power_raise(state, &error);
        return NULL;
    }
    return alert_py_power_wrap(state, power);
}

typedef struct report_context {
    PyThreadState *thread;
    PyObject *list;
} report_context;

/* Called with the GIL dropped; errors leave the list short of an item, with an exception set. */
static void report_restored(void *context, const char *path, uint64_t value, int rc)
{
    report_context *c = context;
    PyEval_RestoreThread(c->thread);
    if (!PyErr_Occurred()) {
        PyObject *why = rc < 0 ? PyUnicode_FromString(strerror(-rc)) : Py_NewRef(Py_None);
        PyObject *item = Py_BuildValue("{s:N,s:K,s:N}", "path", alert_py_power_words(path), "value",
                                       (unsigned long long)value, "error", why);
        if (item)
            (void)PyList_Append(c->list, item);
        Py_XDECREF(item);
    }
    c->thread = PyEval_SaveThread();
}

PyDoc_STRVAR(restore_doc,
             "restore(directory, /)\n"
             "--\n\n"
             "Give back what dead processes have left, by the journals in `directory`.");

static PyObject *restore(PyObject *module, PyObject *argument)
{
    (void)module;
    const char *directory = PyUnicode_AsUTF8(argument);
    report_context context = {.list = directory ? PyList_New(0) : NULL};
    if (!context.list)
        return NULL;
    context.thread = PyEval_SaveThread();
    int rc = alert_power_restore(directory, report_restored, &context);
    PyEval_RestoreThread(context.thread);
    if (rc) { /* then nothing was reported */
        errno = -rc;
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, directory);
    }
    if (PyErr_Occurred())
        Py_CLEAR(context.list);
    return context.list;
}

PyDoc_STRVAR(power_law_doc,
             "power_law()\n--\n\nThe emulated package's default constants, by name.");

static PyObject *power_law(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    alert_power_law law = alert_power_law_default();
    return Py_BuildValue("{s:d,s:d,s:d,s:d,s:d}", "idle_power", law.idle_w, "peak_power",
                         law.peak_w, "exponent", law.exponent, "compute", law.compute,
                         "min_frequency", law.min_frequency);
}

/* ------------------------------------------------------------------------------------------- module */

static PyMethodDef power_functions[] = {
    {"open_emulated", open_emulated, METH_VARARGS, open_emulated_doc},
    {"open_rapl", open_rapl, METH_VARARGS, open_rapl_doc},
    {"open_nvml", alert_py_open_nvml, METH_VARARGS, alert_py_open_nvml_doc},
    {"restore", restore, METH_O, restore_doc},
    {"power_law", power_law, METH_NOARGS, power_law_doc},
    {NULL, NULL, 0, NULL},
};

static PyObject *add_exception(PyObject *module, const char *name, const char *short_name,
                               const char *doc, PyObject *bases)
{
    PyObject *type = PyErr_NewExceptionWithDoc(name, doc, bases, NULL);
    if (type && PyModule_AddObjectRef(module, short_name, type) < 0)
        Py_CLEAR(type);
    return type;
}

int alert_py_power_exec(PyObject *module, alert_py_state *state)
{
    state->power_error =
        add_exception(module, "alert.power.PowerError", "PowerError",
                      "Power cannot be capped or read: `what` is missing, `why`, and the `remedy`.",
                      PyExc_OSError);
    PyObject *bases =
        state->power_error ? PyTuple_Pack(2, state->power_error, PyExc_PermissionError) : NULL;
    if (!bases)
        return -1;
    state->power_permission_error =
        add_exception(module, "alert.power.PowerPermissionError", "PowerPermissionError",
                      "A `PowerError` for want of a permission.", bases);
    Py_DECREF(bases);
    state->power_warning =
        add_exception(module, "alert.power.PowerWarning", "PowerWarning",
                      "Power is not capped or measured as asked.", PyExc_RuntimeWarning);
    state->power_type = alert_py_power_type(module);
    if (!state->power_permission_error || !state->power_warning || !state->power_type ||
        PyModule_AddType(module, state->power_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, power_functions);
}
