/*
 * py_deprecated.h - internal to the binding: attributes of C types whose old names work for one more release.
 *
 * The Python types do the same by alert/_deprecated.py; both speak in the same words.
 */
#ifndef ALERT_PY_DEPRECATED_H
#define ALERT_PY_DEPRECATED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef struct alert_py_renamed {
    const char *type, *old_name, *new_name;
} alert_py_renamed;

/* A getter for a PyGetSetDef whose closure is an alert_py_renamed: warns at the caller's line, then gets the
 * attribute of the new name. */
PyObject *alert_py_get_renamed(PyObject *self, void *closure);

#endif
