/*
 * failing_calls.c - to be preloaded: calls to the system that fail when told to.
 *
 * Only the thread that armed a fault is hit, and only by its own calls of the function: what the C library does
 * inside is not seen here.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAULTS 4

static __thread struct {
    char function[48];
    long from, to; /* calls of it that fail, counted from 1 */
    long calls;
    int code;
} fault[FAULTS];

/* The `from`-th to the `to`-th call of a function from now on fail with that errno value. */
void failing_calls_arm(const char *function, long from, long to, int code);
/* How many calls have failed since; disarms all. */
long failing_calls_disarm(void);

void failing_calls_arm(const char *function, long from, long to, int code)
{
    int i = 0;
    while (fault[i].to > 0)
        i++;
    (void)snprintf(fault[i].function, sizeof fault[i].function, "%s", function);
    fault[i].from = from;
    fault[i].to = to;
    fault[i].calls = 0;
    fault[i].code = code;
}

long failing_calls_disarm(void)
{
    long failed = 0;
    for (int i = 0; i < FAULTS && fault[i].to > 0; i++) {
        long last = fault[i].calls < fault[i].to ? fault[i].calls : fault[i].to;
        failed += last >= fault[i].from ? last - fault[i].from + 1 : 0;
        fault[i].to = 0;
    }
    return failed;
}

static bool fails(const char *function)
{
    for (int i = 0; i < FAULTS && fault[i].to > 0; i++)
        if (strcmp(fault[i].function, function) == 0) {
            fault[i].calls++;
            if (fault[i].calls >= fault[i].from && fault[i].calls <= fault[i].to) {
                errno = fault[i].code;
                return true;
            }
        }
    return false;
}

/* A function of the C library that fails with `failure`, or else does what it does. */
#define FAILING(type, name, parameters, arguments, failure)                                        \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (fails(#name))                                                                          \
            return failure;                                                                        \
        if (!real)                                                                                 \
            real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                    \
        return real arguments;                                                                     \
    }

FAILING(int, flock, (int fd, int how), (fd, how), -1)
FAILING(int, fstat, (int fd, struct stat *out), (fd, out), -1)
FAILING(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
FAILING(int, mkostemps, (char *path, int suffix, int flags), (path, suffix, flags), -1)
FAILING(int, rename, (const char *from, const char *to), (from, to), -1)
FAILING(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), -1)
FAILING(ssize_t, read, (int fd, void *out, size_t size), (fd, out, size), -1)
FAILING(ssize_t, pread, (int fd, void *out, size_t size, off_t at), (fd, out, size, at), -1)
FAILING(ssize_t, pwrite, (int fd, const void *in, size_t size, off_t at), (fd, in, size, at), -1)
FAILING(void *, mmap, (void *at, size_t size, int access, int flags, int fd, off_t from),
        (at, size, access, flags, fd, from), MAP_FAILED)
FAILING(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
FAILING(DIR *, opendir, (const char *path), (path), NULL)
FAILING(DIR *, fdopendir, (int fd), (fd), NULL)
FAILING(int, posix_spawn_file_actions_init, (posix_spawn_file_actions_t * files), (files), errno)
FAILING(int, posix_spawnattr_init, (posix_spawnattr_t * attributes), (attributes), errno)
FAILING(int, posix_spawn_file_actions_addopen,
        (posix_spawn_file_actions_t *restrict files, int fd, const char *restrict path, int flags,
         mode_t mode),
        (files, fd, path, flags, mode), errno)
FAILING(int, posix_spawn_file_actions_adddup2,
        (posix_spawn_file_actions_t * files, int from, int to), (files, from, to), errno)
FAILING(int, posix_spawn,
        (pid_t *restrict pid, const char *restrict path, const posix_spawn_file_actions_t *files,
         const posix_spawnattr_t *restrict attributes, char *const argv[restrict],
         char *const environment[restrict]),
        (pid, path, files, attributes, argv, environment), errno)
FAILING(int, posix_fallocate, (int fd, off_t from, off_t size), (fd, from, size), errno)
FAILING(int, socketpair, (int domain, int type, int protocol, int ends[2]),
        (domain, type, protocol, ends), -1)
FAILING(int, __register_atfork,
        (void (*before)(void), void (*parent)(void), void (*child)(void), void *library),
        (before, parent, child, library), errno)

/* Those with arguments that may be missing. */

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (fails("open"))
        return -1;
    if (!real)
        real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    static int (*real)(int, const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (fails("openat"))
        return -1;
    if (!real)
        real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
    return real(directory, path, flags, mode);
}

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long argument[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        argument[i] = va_arg(arguments, long);
    va_end(arguments);
    if (fails("syscall"))
        return -1;
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                argument[5]);
}
