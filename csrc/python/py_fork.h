/* py_fork.h - internal to the binding: telling a forked child from its parent without a system call. */
#ifndef ALERT_PY_FORK_H
#define ALERT_PY_FORK_H

#include "python/py_state.h"

/* 1 in the process that first imported the module, and in a forked child one more than in its parent. What was
 * locked under another number was locked by a thread that this process does not have. Written in a child only,
 * before fork() returns there, when it has one thread; a child made by clone() or _Fork() itself, past the C
 * library's handlers, is not told apart. */
extern int alert_py_generation;

/* Has the C library count forks from now on; -1 with an exception set. */
int alert_py_fork_exec(void);

#endif
