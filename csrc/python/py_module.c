/* py_module.c - the module alert._core: state, types, and the functions that belong to no type. */
#define NPY_NO_DEPRECATED_API  NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL alert_array_api
#include "python/py_convert.h"

#include <numpy/arrayobject.h>

#include "python/py_fork.h"
#include "python/py_options.h"

static PyObject *check_goal(PyObject *module, PyObject *tuple)
{
    (void)module;
    alert_goal goal;
    alert_argument_error error;
    if (alert_py_goal(tuple, &goal) < 0)
        return NULL;
    int rc = alert_goal_check(&goal, &error);
    if (rc) {
        alert_py_raise(rc, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    step_many_doc,
    "step_many(schedulers, latencies, energies)\n"
    "--\n\n"
    "Step many independent schedulers at once, without the GIL.\n\n"
    "Parameters\n"
    "----------\n"
    "schedulers : sequence of Scheduler\n"
    "    Each at most once; they may share profiles.\n"
    "latencies : array_like of float, one a scheduler\n"
    "    Seconds, as for `Scheduler.step`.\n"
    "energies : array_like of float, one a scheduler, or None\n"
    "    Joules; NaN where an energy could not be read.\n\n"
    "Returns\n"
    "-------\n"
    "numpy.ndarray\n"
    "    Structured, one choice a scheduler: model, cap (its index), exit (-1 for a\n"
    "    traditional model), power_cap, latency, energy, accuracy, probability, feasible.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    A latency or energy is out of range, or a scheduler is listed twice; no scheduler\n"
    "    has learnt anything.");

static PyMethodDef module_functions[] = {
    {"check_goal", check_goal, METH_O,
     PyDoc_STR(
         "check_goal(goal, /)\n--\n\nRaise ValueError when the goal's tuple is out of range.")},
    {"constants", alert_py_constants_dict, METH_O,
     PyDoc_STR("constants(method, /)\n--\n\nThe constants `method` starts from, by name.")},
    {"step_many", (PyCFunction)(void (*)(void))alert_py_step_many, METH_VARARGS | METH_KEYWORDS,
     step_many_doc},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
    alert_py_state *state = PyModule_GetState(module);
#if PY_VERSION_HEX < 0x030C0000 /* from then on a slot says so; the NumPy of 3.10 only warns */
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "alert: subinterpreters are not supported");
        return -1;
    }
#endif
    import_array1(-1);
    if (alert_py_fork_exec() < 0)
        return -1;
    state->record_dtype = alert_py_record_dtype();
    state->choice_dtype = alert_py_choice_dtype();
    state->outcome_dtype = alert_py_outcome_dtype();
    if (!state->record_dtype || !state->choice_dtype || !state->outcome_dtype ||
        PyModule_AddObjectRef(module, "RECORD", state->record_dtype) < 0 ||
        PyModule_AddObjectRef(module, "OUTCOME", state->outcome_dtype) < 0)
        return -1;
    if (alert_py_options_exec(module) < 0 || alert_py_profile_exec(module, state) < 0)
        return -1;
    if (alert_py_scheduler_exec(module, state) < 0)
        return -1;
    return alert_py_power_exec(module, state);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    alert_py_state *state = PyModule_GetState(module);
    Py_VISIT(state->profile_type);
    Py_VISIT(state->scheduler_type);
    Py_VISIT(state->decision_type);
    Py_VISIT(state->last_decision);
    Py_VISIT(state->record_dtype);
    Py_VISIT(state->choice_dtype);
    Py_VISIT(state->outcome_dtype);
    Py_VISIT(state->keywords);
    Py_VISIT(state->power_type);
    Py_VISIT(state->power_error);
    Py_VISIT(state->power_permission_error);
    Py_VISIT(state->power_warning);
    return 0;
}

static int module_clear(PyObject *module)
{
    alert_py_state *state = PyModule_GetState(module);
    Py_CLEAR(state->profile_type);
    Py_CLEAR(state->scheduler_type);
    Py_CLEAR(state->decision_type);
    Py_CLEAR(state->last_decision);
    Py_CLEAR(state->record_dtype);
    Py_CLEAR(state->choice_dtype);
    Py_CLEAR(state->outcome_dtype);
    Py_CLEAR(state->keywords);
    Py_CLEAR(state->power_type);
    Py_CLEAR(state->power_error);
    Py_CLEAR(state->power_permission_error);
    Py_CLEAR(state->power_warning);
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* as NumPy */
#endif
    {0, NULL},
};

struct PyModuleDef alert_py_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "alert._core",
    .m_doc = PyDoc_STR("The C core of alert: schedulers, profiles, power devices."),
    .m_size = sizeof(alert_py_state),
    .m_methods = module_functions,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&alert_py_module);
}
