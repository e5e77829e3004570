#include "python/py_power_shared.h"

#include "python/py_fork.h"

alert_py_shared *alert_py_shared_new(alert_power *power)
{
    alert_py_shared *s = PyMem_Calloc(1, sizeof *s);
    PyThread_type_lock lock = s ? PyThread_allocate_lock() : NULL;
    if (!lock) {
        PyMem_Free(s);
        (void)alert_power_close(power, NULL);
        PyErr_NoMemory();
        return NULL;
    }
    s->lock = lock;
    atomic_init(&s->power, power);
    atomic_init(&s->lock_generation, alert_py_generation);
    atomic_init(&s->holders, 1);
    atomic_init(&s->objects, 1);
    return s;
}

void alert_py_shared_add(alert_py_shared *s)
{
    atomic_fetch_add(&s->holders, 1);
    atomic_fetch_add(&s->objects, 1);
}

void alert_py_shared_drop(alert_py_shared *s)
{
    if (atomic_fetch_sub(&s->objects, 1) > 1)
        return;
    PyThread_free_lock(s->lock);
    PyMem_Free(s);
}

/* A fork copies the lock, but not the thread that may hold it. So a child has a lock of its own, which the first of its
 * threads to come makes. */
static int renew_lock(alert_py_shared *s)
{
    int owner;
    while ((owner = atomic_load(&s->lock_generation)) != alert_py_generation) {
        if (owner == -alert_py_generation ||
            !atomic_compare_exchange_strong(&s->lock_generation, &owner, -alert_py_generation))
            continue; /* another thread is about to have made it */
        PyThread_type_lock lock = PyThread_allocate_lock();
        if (lock)
            s->lock = lock; /* the old one may be held, and then cannot be freed */
        atomic_store(&s->lock_generation, lock ? alert_py_generation : owner);
        if (!lock) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

int alert_py_shared_lock(alert_py_shared *s)
{
    if (renew_lock(s) < 0)
        return -1;
    if (!PyThread_acquire_lock(s->lock, NOWAIT_LOCK)) {
        Py_BEGIN_ALLOW_THREADS
        PyThread_acquire_lock(s->lock, WAIT_LOCK);
        Py_END_ALLOW_THREADS
    }
    return 0;
}

void alert_py_shared_unlock(alert_py_shared *s)
{
    PyThread_release_lock(s->lock);
}
