/* py_module.c - the module alert._core: its state, and what its files add to it. */
#define ALERT_IMPORTS_NUMPY
#include "python/py_numpy.h"

#include "python/py_decision.h"
#include "python/py_dtypes.h"
#include "python/py_fork.h"
#include "python/py_goal.h"
#include "python/py_options.h"
#include "python/py_power_open.h"
#include "python/py_profile.h"
#include "python/py_scheduler.h"
#include "python/py_state.h"
#include "python/py_step_many.h"
#include "python/py_weights.h"

static PyMethodDef module_functions[] = {
    {"check_goal", alert_py_check_goal, METH_O, alert_py_check_goal_doc},
    {"constants", alert_py_constants_dict, METH_O, alert_py_constants_doc},
    {"step_many", (PyCFunction)(void (*)(void))alert_py_step_many, METH_VARARGS | METH_KEYWORDS,
     alert_py_step_many_doc},
    {"unpack_weights", (PyCFunction)(void (*)(void))alert_py_unpack_weights,
     METH_VARARGS | METH_KEYWORDS, alert_py_unpack_weights_doc},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
    alert_py_state *state = PyModule_GetState(module);
#if PY_VERSION_HEX < 0x030C0000 /* later versions read a slot below; on 3.10 NumPy only warns */
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "alert: subinterpreters are not supported");
        return -1;
    }
#endif
    import_array1(-1);
    if (alert_py_fork_exec() < 0 || alert_py_dtypes_exec(module, state) < 0 ||
        alert_py_options_exec(module) < 0 || alert_py_profile_exec(module, state) < 0 ||
        alert_py_decision_exec(module, state) < 0 || alert_py_scheduler_exec(module, state) < 0)
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
    Py_VISIT(state->history_dtype);
    Py_VISIT(state->choice_dtype);
    Py_VISIT(state->outcome_dtype);
    Py_VISIT(state->step_names);
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
    Py_CLEAR(state->history_dtype);
    Py_CLEAR(state->choice_dtype);
    Py_CLEAR(state->option_dtype);
    Py_CLEAR(state->outcome_dtype);
    Py_CLEAR(state->step_names);
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
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* nor does NumPy */
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
