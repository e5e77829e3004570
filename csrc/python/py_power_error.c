#include "python/py_power_error.h"

#include <errno.h>
#include <string.h>

PyObject *alert_py_power_words(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

/* "where: why (remedy)". */
static PyObject *text_of(const alert_power_error *e)
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
    PyObject *text = text_of(e), *error = NULL;
    if (text)
        error = PyObject_CallFunction(
            permission ? state->power_permission_error : state->power_error, "iO", e->code, text);
    if (error && set_texts(error, e) == 0)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(text);
    Py_XDECREF(error);
}

int alert_py_power_warn(const alert_py_state *state, const alert_power_error *e)
{
    PyObject *text = text_of(e);
    if (!text)
        return -1;
    PyObject *module = PyImport_ImportModule("alert._warnings"), *warned = NULL;
    if (module) {
        warned = PyObject_CallMethod(module, "warn", "OO", text, state->power_warning);
    } else { /* the interpreter is about to end */
        PyErr_Clear();
        if (PyErr_WarnFormat(state->power_warning, 1, "%U", text) == 0)
            warned = Py_NewRef(Py_None);
    }
    int rc = warned ? 0 : -1;
    Py_XDECREF(warned);
    Py_XDECREF(module);
    Py_DECREF(text);
    return rc;
}

static PyObject *add_exception(PyObject *module, const char *name, const char *short_name,
                               const char *doc, PyObject *bases)
{
    PyObject *type = PyErr_NewExceptionWithDoc(name, doc, bases, NULL);
    if (type && PyModule_AddObjectRef(module, short_name, type) < 0)
        Py_CLEAR(type);
    return type;
}

int alert_py_power_error_exec(PyObject *module, alert_py_state *state)
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
    return state->power_permission_error && state->power_warning ? 0 : -1;
}
