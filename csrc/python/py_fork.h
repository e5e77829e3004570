/* py_fork.h - internal to the binding: telling a forked child from its parent without a system call. */
#ifndef ALERT_PY_FORK_H
#define ALERT_PY_FORK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* 1 in the process that first imported the module; a forked child has one more than its parent. A
 * lock taken under another number was taken by a thread that this process does not have. Only a
 * child writes the number, before fork() returns there, while the child has one thread. A child of
 * clone() or _Fork(), which run no handlers of the C library, keeps its parent's number. */
extern int alert_py_generation;

/* Registers the handler that counts forks; -1 with an exception set. */
int alert_py_fork_exec(void);

#endif
