/* py_dtypes.c - NumPy dtypes of the core's structs, and arrays of them. */
#include "python/py_dtypes.h"

#include <stddef.h>

#include "python/py_numpy.h"

typedef struct field {
    const char *name, *format;
    size_t offset;
} field;

static const field HISTORY_FIELD[] = {
    {"input", "u8", offsetof(alert_history_entry, input)},
    {"model", "i8", offsetof(alert_history_entry, model)},
    {"cap", "i8", offsetof(alert_history_entry, cap)},
    {"exit", "i8", offsetof(alert_history_entry, exit)},
    {"power_cap", "f8", offsetof(alert_history_entry, power_cap_w)},
    {"deadline", "f8", offsetof(alert_history_entry, deadline_s)},
    {"latency", "f8", offsetof(alert_history_entry, latency_s)},
    {"energy", "f8", offsetof(alert_history_entry, energy_j)},
    {"idle_power", "f8", offsetof(alert_history_entry, idle_power_w)},
    {"slowdown", "f8", offsetof(alert_history_entry, slowdown)},
    {"slowdown_mean", "f8", offsetof(alert_history_entry, slowdown_mean)},
    {"slowdown_std", "f8", offsetof(alert_history_entry, slowdown_std)},
    {"expected_latency", "f8", offsetof(alert_history_entry, expected_latency_s)},
    {"expected_energy", "f8", offsetof(alert_history_entry, expected_energy_j)},
    {"expected_accuracy", "f8", offsetof(alert_history_entry, expected_accuracy)},
    {"probability", "f8", offsetof(alert_history_entry, probability)},
    {"accuracy", "f8", offsetof(alert_history_entry, accuracy)},
    {"feasible", "?", offsetof(alert_history_entry, feasible)},
    {"met", "?", offsetof(alert_history_entry, met)},
};

static const field CHOICE_FIELD[] = {
    {"model", "u8", offsetof(alert_decision, model)},
    {"cap", "u8", offsetof(alert_decision, cap)},
    {"exit", "i8", offsetof(alert_decision, exit)},
    {"power_cap", "f8", offsetof(alert_decision, power_cap_w)},
    {"latency", "f8", offsetof(alert_decision, latency_s)},
    {"energy", "f8", offsetof(alert_decision, energy_j)},
    {"accuracy", "f8", offsetof(alert_decision, accuracy)},
    {"probability", "f8", offsetof(alert_decision, probability)},
    {"feasible", "?", offsetof(alert_decision, feasible)},
};

static const field OPTION_FIELD[] = {
    {"model", "u8", offsetof(alert_option, model)},
    {"cap", "u8", offsetof(alert_option, cap)},
    {"exit", "i8", offsetof(alert_option, exit)},
    {"power_cap", "f8", offsetof(alert_option, power_cap_w)},
    {"latency", "f8", offsetof(alert_option, latency_s)},
    {"energy", "f8", offsetof(alert_option, energy_j)},
    {"accuracy", "f8", offsetof(alert_option, accuracy)},
    {"probability", "f8", offsetof(alert_option, probability)},
};

static const field OUTCOME_FIELD[] = {
    {"model", "u4", offsetof(alert_outcome, model)},
    {"cap", "u4", offsetof(alert_outcome, cap)},
    {"exit", "i4", offsetof(alert_outcome, exit)},
    {"stopped", "i4", offsetof(alert_outcome, stopped)},
    {"deadline", "f8", offsetof(alert_outcome, deadline_s)},
    {"latency", "f8", offsetof(alert_outcome, latency_s)},
    {"energy", "f8", offsetof(alert_outcome, energy_j)},
    {"accuracy", "f8", offsetof(alert_outcome, accuracy)},
    {"probability", "f8", offsetof(alert_outcome, probability)},
    {"feasible", "?", offsetof(alert_outcome, feasible)},
    {"met", "?", offsetof(alert_outcome, met)},
    {"done", "?", offsetof(alert_outcome, done)},
};

static PyObject *dtype_of(const field *fields, Py_ssize_t count, size_t size)
{
    PyObject *names = PyList_New(count), *formats = PyList_New(count), *offsets = PyList_New(count);
    PyObject *layout = NULL;
    PyArray_Descr *dtype = NULL;
    if (!names || !formats || !offsets)
        goto done;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyList_SET_ITEM(names, i, PyUnicode_FromString(fields[i].name));
        PyList_SET_ITEM(formats, i, PyUnicode_FromString(fields[i].format));
        PyList_SET_ITEM(offsets, i, PyLong_FromSize_t(fields[i].offset));
    }
    if (PyErr_Occurred())
        goto done;
    layout = Py_BuildValue("{sOsOsOsn}", "names", names, "formats", formats, "offsets", offsets,
                           "itemsize", (Py_ssize_t)size);
    if (layout && !PyArray_DescrConverter(layout, &dtype))
        dtype = NULL;
done:
    Py_XDECREF(names);
    Py_XDECREF(formats);
    Py_XDECREF(offsets);
    Py_XDECREF(layout);
    return (PyObject *)dtype;
}

#define DTYPE_OF(fields, type) dtype_of(fields, sizeof fields / sizeof fields[0], sizeof(type))

int alert_py_dtypes_exec(PyObject *module, alert_py_state *state)
{
    state->history_dtype = DTYPE_OF(HISTORY_FIELD, alert_history_entry);
    state->choice_dtype = DTYPE_OF(CHOICE_FIELD, alert_decision);
    state->option_dtype = DTYPE_OF(OPTION_FIELD, alert_option);
    state->outcome_dtype = DTYPE_OF(OUTCOME_FIELD, alert_outcome);
    if (!state->history_dtype || !state->choice_dtype || !state->option_dtype ||
        !state->outcome_dtype)
        return -1;
    if (PyModule_AddObjectRef(module, "HISTORY", state->history_dtype) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "OUTCOME", state->outcome_dtype);
}

PyObject *alert_py_zeros(PyObject *dtype, size_t count)
{
    npy_intp length = (npy_intp)count;
    Py_INCREF(dtype); /* stolen by the next call */
    return PyArray_Zeros(1, &length, (PyArray_Descr *)dtype, 0);
}

void *alert_py_elements(PyObject *array)
{
    return PyArray_DATA((PyArrayObject *)array);
}
