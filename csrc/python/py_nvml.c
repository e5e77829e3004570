/* py_power_nvml.c - opening NVIDIA GPUs from Python, and what was found. */
#include "python/py_power.h"

#define GPUS_MAX 256

/* None, or a sequence of indices. -1 with an exception set. */
static int parse_indices(PyObject *value, unsigned out[GPUS_MAX], size_t *count)
{
    *count = 0;
    if (value == Py_None)
        return 0;
    PyObject *tuple = PySequence_Tuple(value); /* other threads may change a list */
    if (!tuple) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_SetString(PyExc_TypeError, "gpus: expected a sequence of indices");
        return -1;
    }
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);
    int rc = size > 0 && size <= GPUS_MAX ? 0 : -1;
    if (rc)
        PyErr_Format(PyExc_ValueError, "gpus: expected 1 to %d indices, got %zd", GPUS_MAX, size);
    for (Py_ssize_t i = 0; i < size && !rc; i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        long index = PyLong_Check(item) ? PyLong_AsLong(item) : -1;
        PyErr_Clear(); /* an index too large for a long is out of range as well */
        if (index < 0 || index > INT_MAX) {
            PyErr_Format(PyExc_ValueError, "gpus[%zd]: expected an index >= 0, got %R", i, item);
            rc = -1;
        } else {
            out[(*count)++] = (unsigned)index;
        }
    }
    Py_DECREF(tuple);
    return rc;
}

const char alert_py_open_nvml_doc[] =
    "open_nvml(gpus, observe, guard, switch_cost, settle, directory, watchdog, /)\n"
    "--\n\n"
    "NVIDIA GPUs (None for all) as one device.";

PyObject *alert_py_open_nvml(PyObject *module, PyObject *args)
{
    alert_nvml_options options = alert_nvml_options_default();
    unsigned index[GPUS_MAX];
    int observe, guard, rc;
    PyObject *gpus, *switch_cost, *settle;
    alert_power *power;
    alert_power_error error = {0};
    if (!PyArg_ParseTuple(args, "OppOOsz:open_nvml", &gpus, &observe, &guard, &switch_cost, &settle,
                          &options.directory, &options.watchdog) ||
        parse_indices(gpus, index, &options.gpus) < 0)
        return NULL;
    if (switch_cost != Py_None && alert_py_double(switch_cost, "switch_cost", "a number of seconds",
                                                  &options.switch_cost_s) < 0)
        return NULL;
    if (settle != Py_None &&
        alert_py_double(settle, "settle", "a number of seconds", &options.settle_s) < 0)
        return NULL;
    options.gpu = index;
    options.observe = observe != 0;
    options.guard = guard != 0;
    Py_BEGIN_ALLOW_THREADS /* the texts belong to `args`, which the caller holds */
        rc = alert_power_open_nvml(&power, &options, &error);
    Py_END_ALLOW_THREADS alert_py_state *state = PyModule_GetState(module);
    if (rc) {
        alert_py_power_raise(state, &error);
        return NULL;
    }
    return alert_py_power_wrap(state, power);
}

static PyObject *gpu_dict(const alert_nvml_gpu_info *gpu)
{
    return Py_BuildValue("{s:I,s:s,s:s,s:O,s:O,s:d,s:(dd),s:N,s:N}", "index", gpu->index, "name",
                         gpu->name, "uuid", gpu->uuid, "can_cap", gpu->can_cap ? Py_True : Py_False,
                         "can_read", gpu->can_read ? Py_True : Py_False, "limit", gpu->limit_w,
                         "cap_range", gpu->cap_min_w, gpu->cap_max_w, "cap_missing",
                         alert_py_power_missing(&gpu->cap_missing), "read_missing",
                         alert_py_power_missing(&gpu->read_missing));
}

static PyObject *gpu_at(power_object *o, size_t index)
{
    alert_nvml_gpu_info gpu;
    if (!alert_py_power_lock(o))
        return NULL;
    bool there = index < alert_power_nvml_gpus(o->power);
    if (there)
        alert_power_nvml_gpu(o->power, index, &gpu);
    alert_py_power_unlock(o);
    return there ? gpu_dict(&gpu) : NULL;
}

PyObject *alert_py_power_gpus(PyObject *self, void *closure)
{
    (void)closure;
    return alert_py_power_list((power_object *)self, gpu_at);
}
