#include "python/py_fork.h"

#include <errno.h>
#include <pthread.h>

int alert_py_generation = 0;

static void count_fork(void)
{
    alert_py_generation++;
}

int alert_py_fork_exec(void)
{
    if (alert_py_generation > 0) /* a second import */
        return 0;
    errno = pthread_atfork(NULL, NULL, count_fork);
    if (errno) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    alert_py_generation = 1;
    return 0;
}
