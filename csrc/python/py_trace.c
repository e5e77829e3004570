/* py_trace.c - the core's structs as NumPy dtypes, and the scheduler's trace as an array. */
#define NPY_NO_DEPRECATED_API  NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL alert_array_api
#define NO_IMPORT_ARRAY
#include "python/py_convert.h"
#include "python/py_scheduler.h"

#include <numpy/arrayobject.h>
#include <stddef.h>

typedef struct field {
    const char *name, *format;
    size_t offset;
} field;

static const field RECORD_FIELD[] = {
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

PyObject *alert_py_record_dtype(void)
{
    Py_ssize_t count = sizeof RECORD_FIELD / sizeof RECORD_FIELD[0];
    return dtype_of(RECORD_FIELD, count, sizeof(alert_history_entry));
}

PyObject *alert_py_choice_dtype(void)
{
    Py_ssize_t count = sizeof CHOICE_FIELD / sizeof CHOICE_FIELD[0];
    return dtype_of(CHOICE_FIELD, count, sizeof(alert_decision));
}

PyObject *alert_py_outcome_dtype(void)
{
    Py_ssize_t count = sizeof OUTCOME_FIELD / sizeof OUTCOME_FIELD[0];
    return dtype_of(OUTCOME_FIELD, count, sizeof(alert_outcome));
}

PyObject *alert_py_trace(alert_py_scheduler *o)
{
    /* Others may step the scheduler meanwhile, or restore a state with a shorter trace. */
    for (;;) {
        if (alert_py_enter(o) < 0)
            return NULL;
        npy_intp length = (npy_intp)alert_scheduler_history_length(o->scheduler);
        alert_py_leave(o);
        Py_INCREF(o->state->record_dtype); /* stolen by the next call */
        PyObject *array = PyArray_Zeros(1, &length, (PyArray_Descr *)o->state->record_dtype, 0);
        if (!array || alert_py_enter(o) < 0) {
            Py_XDECREF(array);
            return NULL;
        }
        bool fits = (npy_intp)alert_scheduler_history_length(o->scheduler) >= length;
        if (fits)
            alert_scheduler_history(o->scheduler, (size_t)length,
                                    PyArray_DATA((PyArrayObject *)array));
        alert_py_leave(o);
        if (fits)
            return array;
        Py_DECREF(array);
    }
}
