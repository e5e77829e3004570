/* py_power_open.c - opening power devices from Python, and giving back what dead processes have left. */
#include "python/py_power_open.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "python/py_power.h"
#include "python/py_power_error.h"

/* No kind takes more options, and none more numbers: 256 indices and a few more. */
#define OPTIONS_MAX 32
#define NUMBERS_MAX 320

/* The options given, as the library takes them. */
typedef struct given_options {
    alert_power_option option[OPTIONS_MAX];
    size_t options;
    double number[NUMBERS_MAX];
    size_t numbers;
} given_options;

/* ------------------------------------------------------------------------------------------ options */

static double *add_number(given_options *g, alert_power_option *option, double value)
{
    double *place = g->numbers < NUMBERS_MAX ? &g->number[g->numbers++] : NULL;
    if (!place)
        return NULL;
    *place = value;
    option->count++;
    return place;
}

/* One index; -1 with an exception set. */
static int parse_index(const char *name, Py_ssize_t i, PyObject *item, double *out)
{
    long index = PyLong_Check(item) ? PyLong_AsLong(item) : -1;
    PyErr_Clear(); /* an index too large for a long is out of range as well */
    *out = (double)index;
    if (index >= 0 && index <= INT_MAX)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s[%zd]: expected an index >= 0, got %R", name, i, item);
    return -1;
}

/* The numbers of a range or of indices; -1 with an exception set. */
static int parse_numbers(const alert_power_option_row *row, PyObject *value, given_options *g,
                         alert_power_option *option)
{
    bool indices = row->type == ALERT_OPTION_INDICES;
    double number = 0.0;
    PyObject *tuple = PySequence_Tuple(value); /* other threads may change a list */
    if (!tuple) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "%s: expected a sequence of %s, got %s", row->name,
                         indices ? "indices" : "numbers", Py_TYPE(value)->tp_name);
        return -1;
    }
    int rc = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple) && !rc; i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        rc = indices ? parse_index(row->name, i, item, &number)
                     : alert_py_double(item, row->name, row->expected, &number);
        if (!rc && !add_number(g, option, number)) {
            PyErr_Format(PyExc_ValueError, "%s: expected %s, got %zd", row->name, row->expected,
                         PyTuple_GET_SIZE(tuple));
            rc = -1;
        }
    }
    Py_DECREF(tuple);
    return rc;
}

/* A text without a NUL in it; -1 with an exception set. */
static int parse_text(const alert_power_option_row *row, PyObject *value,
                      alert_power_option *option)
{
    Py_ssize_t size;
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s: expected %s, got %s", row->name, row->expected,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    option->text = PyUnicode_AsUTF8AndSize(value, &size);
    if (option->text && strlen(option->text) != (size_t)size) {
        PyErr_Format(PyExc_ValueError, "%s: expected %s, got a null character in it", row->name,
                     row->expected);
        return -1;
    }
    return option->text ? 0 : -1;
}

/* A whole number as a double; -1 with an exception set. */
static int parse_whole(const alert_power_option_row *row, PyObject *value, double *out)
{
    PyObject *whole = PyNumber_Index(value);
    if (!whole) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "%s: expected %s, got %s", row->name, row->expected,
                         Py_TYPE(value)->tp_name);
        return -1;
    }
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(whole, &overflow);
    *out = overflow ? overflow * HUGE_VAL : (double)number;
    Py_DECREF(whole);
    return 0;
}

static int parse_value(const alert_power_option_row *row, PyObject *value, given_options *g,
                       alert_power_option *option)
{
    double number = 0.0;
    int truth, rc;
    option->number = &g->number[g->numbers];
    switch (row->type) {
    case ALERT_OPTION_TEXT:
        return parse_text(row, value, option);
    case ALERT_OPTION_RANGE:
    case ALERT_OPTION_INDICES:
        return parse_numbers(row, value, g, option);
    case ALERT_OPTION_FLAG:
        truth = PyObject_IsTrue(value);
        (void)add_number(g, option, truth);
        return truth < 0 ? -1 : 0;
    default: /* ALERT_OPTION_NUMBER, ALERT_OPTION_WHOLE */
        rc = row->type == ALERT_OPTION_WHOLE
                 ? parse_whole(row, value, &number)
                 : alert_py_double(value, row->name, row->expected, &number);
        (void)add_number(g, option, number);
        return rc;
    }
}

/* The row of an option that a kind takes; NULL where the kind, or any, takes none of that name. */
static const alert_power_option_row *find_row(const char *kind, const char *name)
{
    const alert_power_kind *k;
    for (size_t i = 0; (k = alert_power_kind_at(i)); i++) {
        for (size_t j = 0; j < k->options && strcmp(k->name, kind) == 0; j++)
            if (strcmp(k->option[j].name, name) == 0)
                return &k->option[j];
    }
    for (size_t j = 0; j < sizeof ALERT_GIVE_BACK / sizeof *ALERT_GIVE_BACK; j++)
        if (strcmp(ALERT_GIVE_BACK[j].name, name) == 0)
            return &ALERT_GIVE_BACK[j];
    return NULL;
}

/* An option that the kind does not take goes on without a value: the library refuses it by its name. */
static int parse_options(const char *kind, PyObject *options, given_options *g)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(options, &position, &key, &value)) {
        if (g->options == OPTIONS_MAX) {
            PyErr_Format(PyExc_ValueError, "options: expected at most %d", OPTIONS_MAX);
            return -1;
        }
        alert_power_option *option = &g->option[g->options++];
        option->name = PyUnicode_AsUTF8(key);
        if (!option->name)
            return -1;
        const alert_power_option_row *row = find_row(kind, option->name);
        if (row && parse_value(row, value, g, option) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------ opening */

PyDoc_STRVAR(open_power_doc, "open_power(kind, options, /)\n"
                             "--\n\n"
                             "Open a device of that kind; `options` is a dict by name.");

static PyObject *open_power(PyObject *module, PyObject *args)
{
    given_options given = {.options = 0};
    const char *kind;
    PyObject *options;
    alert_power *power;
    alert_power_error error = {0}, notice = {0};
    int rc;
    if (!PyArg_ParseTuple(args, "sO!:open_power", &kind, &PyDict_Type, &options) ||
        parse_options(kind, options, &given) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS /* the texts belong to the dict, which the caller holds and leaves alone */
    rc = alert_power_open(&power, kind, given.option, given.options, &error);
    Py_END_ALLOW_THREADS
    alert_py_state *state = PyModule_GetState(module);
    if (rc) {
        alert_py_power_raise(state, &error);
        return NULL;
    }
    bool noticed = alert_power_notice(power, &notice);
    PyObject *device = alert_py_power_wrap(state, power);
    if (device && noticed && alert_py_power_warn(state, &notice) < 0)
        Py_CLEAR(device);
    return device;
}

/* The usual value; None where the machine decides. */
static PyObject *usual_value(const alert_power_option_row *row)
{
    if (isnan(row->usual))
        Py_RETURN_NONE;
    return row->type == ALERT_OPTION_FLAG ? PyBool_FromLong(row->usual != 0.0)
                                          : PyFloat_FromDouble(row->usual);
}

static int add_options(PyObject *dict, const alert_power_option_row *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        PyObject *usual = usual_value(&row[i]);
        int rc = usual ? PyDict_SetItemString(dict, row[i].name, usual) : -1;
        Py_XDECREF(usual);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static PyObject *options_of(const alert_power_kind *k)
{
    size_t common = k->gives_back ? sizeof ALERT_GIVE_BACK / sizeof *ALERT_GIVE_BACK : 0;
    PyObject *dict = PyDict_New();
    if (dict && (add_options(dict, k->option, k->options) < 0 ||
                 add_options(dict, ALERT_GIVE_BACK, common) < 0))
        Py_CLEAR(dict);
    return dict;
}

PyDoc_STRVAR(power_kinds_doc,
             "power_kinds()\n"
             "--\n\n"
             "The kinds of devices: the name of each, to what its parts are called\n"
             "(None without parts), its options by name, with usual values, and the unit\n"
             "of its caps.");

static PyObject *power_kinds(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    const alert_power_kind *k;
    PyObject *kinds = PyDict_New();
    for (size_t i = 0; kinds && (k = alert_power_kind_at(i)); i++) {
        PyObject *options = options_of(k);
        PyObject *row = options ? Py_BuildValue("(zNs)", k->parts, options, k->unit) : NULL;
        if (!row || PyDict_SetItemString(kinds, k->name, row) < 0)
            Py_CLEAR(kinds);
        Py_XDECREF(row);
    }
    return kinds;
}

/* ------------------------------------------------------------------------------------------ restoring */

typedef struct report_context {
    PyThreadState *thread;
    PyObject *list;
} report_context;

/* Called with the GIL dropped. A failure leaves the list short of an item, with an exception set. */
static void report_restored(void *context, const char *path, const uint64_t *found, const char *why)
{
    report_context *c = context;
    PyEval_RestoreThread(c->thread);
    if (!PyErr_Occurred()) {
        PyObject *value = found ? PyLong_FromUnsignedLongLong(*found) : Py_NewRef(Py_None);
        PyObject *item = Py_BuildValue("{s:N,s:N,s:z}", "path", alert_py_power_words(path), "value",
                                       value, "error", why);
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
    alert_power_error error = {0};
    if (!context.list)
        return NULL;
    context.thread = PyEval_SaveThread();
    int rc = alert_power_restore(directory, report_restored, &context, &error);
    PyEval_RestoreThread(context.thread);
    if (rc) { /* then nothing was reported */
        PyObject *raised =
            PyObject_CallFunction(PyExc_OSError, "isO", error.code, error.why, argument);
        if (raised)
            PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
        Py_XDECREF(raised);
    }
    if (PyErr_Occurred())
        Py_CLEAR(context.list);
    return context.list;
}

/* ------------------------------------------------------------------------------------------- module */

static PyMethodDef power_functions[] = {
    {"open_power", open_power, METH_VARARGS, open_power_doc},
    {"power_kinds", power_kinds, METH_NOARGS, power_kinds_doc},
    {"restore", restore, METH_O, restore_doc},
    {NULL, NULL, 0, NULL},
};

int alert_py_power_exec(PyObject *module, alert_py_state *state)
{
    if (alert_py_power_error_exec(module, state) < 0)
        return -1;
    state->power_type = alert_py_power_type(module);
    if (!state->power_type || PyModule_AddType(module, state->power_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, power_functions);
}
