#include "python/py_deprecated.h"

PyObject *alert_py_get_renamed(PyObject *self, void *closure)
{
    const alert_py_renamed *r = closure;
    if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                         "%s.%s is now %s.%s: the old name will be removed in the next release",
                         r->type, r->old_name, r->type, r->new_name) < 0)
        return NULL;
    return PyObject_GetAttrString(self, r->new_name);
}
