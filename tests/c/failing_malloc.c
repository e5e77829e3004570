/*
 * failing_malloc.c - to be preloaded: an allocator that fails once, when told to, and counts what lives.
 *
 * Only the thread that armed it is hit.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *p);

static __thread long countdown; /* 0: not armed; 1: the next allocation fails */
static __thread const char *spared;
static atomic_long living;

/* The n-th allocation from now on fails, n >= 1; 0 disarms. */
void failing_malloc_arm(long n);
/* Whether that has not happened yet; disarms. */
int failing_malloc_disarm(void);
/* Until told otherwise, what this library or its callees allocate does not fail, but the next that is allocated. */
void failing_malloc_spare(const char *library);
/* Blocks allocated and not freed. */
long failing_malloc_living(void);

void failing_malloc_arm(long n)
{
    countdown = n;
}

int failing_malloc_disarm(void)
{
    int armed = countdown > 0;
    countdown = 0;
    return armed;
}

long failing_malloc_living(void)
{
    return atomic_load(&living);
}

void failing_malloc_spare(const char *library)
{
    void *frame;
    spared = library;
    (void)backtrace(&frame, 1); /* the first one loads a library */
}

static bool is_spared(void)
{
    void *frame[100];
    Dl_info where;
    int frames = spared ? backtrace(frame, 100) : 0;
    for (int i = 0; i < frames; i++)
        if (dladdr(frame[i], &where) && strstr(where.dli_fname, spared))
            return true;
    return false;
}

static bool fails(void)
{
    if (countdown == 0 || countdown-- > 1)
        return false;
    if (is_spared()) {
        countdown = 1;
        return false;
    }
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add(&living, 1);
    return p;
}

void *malloc(size_t size)
{
    return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    void *p = __libc_realloc(old, size);
    return old ? p : counted(p);
}

void free(void *p)
{
    if (p)
        atomic_fetch_sub(&living, 1);
    __libc_free(p);
}
