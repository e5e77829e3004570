#include "python/py_lock.h"

#include <sched.h>

int alert_py_lock_wait(const alert_py_lock *lock)
{
    int holder = atomic_load_explicit(&lock->holder, memory_order_relaxed);
    if (holder != 0 && holder != alert_py_generation) {
        PyErr_SetString(PyExc_RuntimeError,
                        "scheduler: this process was forked while another thread was stepping it; "
                        "make another one");
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS
    sched_yield();
    Py_END_ALLOW_THREADS
    return 0;
}
