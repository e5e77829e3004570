#include "python/py_power_part.h"

#include <math.h>

#include "python/py_power_error.h"

/* None where nothing is missing, else a dict. */
static PyObject *missing(const alert_power_error *e)
{
    if (e->code == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("{s:i,s:N,s:N,s:N}", "errno", e->code, "what",
                         alert_py_power_words(e->where), "why", alert_py_power_words(e->why),
                         "remedy", alert_py_power_words(e->remedy));
}

static PyObject *fact_value(const alert_power_fact *fact)
{
    const double *number = fact->is.number;
    switch (fact->type) {
    case ALERT_FACT_TEXT:
        return alert_py_power_words(fact->is.text);
    case ALERT_FACT_NUMBER:
        return PyFloat_FromDouble(number[0]);
    case ALERT_FACT_WHOLE:
        return PyLong_FromDouble(number[0]);
    case ALERT_FACT_FLAG:
        return isnan(number[0]) ? Py_NewRef(Py_None) : PyBool_FromLong(number[0] != 0.0);
    case ALERT_FACT_RANGE:
        return Py_BuildValue("dd", number[0], number[1]);
    default: /* ALERT_FACT_MISSING */
        return missing(&fact->is.missing);
    }
}

PyObject *alert_py_power_part(const alert_power_fact *fact, size_t facts)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; i < facts && dict; i++) {
        PyObject *value = fact_value(&fact[i]);
        if (!value || PyDict_SetItemString(dict, fact[i].name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}
