/* stub.c - libnvidia-ml.so.1 for tests: GPUs that a file beside the library describes (stub.h). */
#include "stub.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INVALID_ARGUMENT = 2, NO_PERMISSION = 4, NOT_FOUND = 6, UNINITIALIZED = 1 };

static stub_machine *machine;

__attribute__((constructor)) static void load(void)
{
    Dl_info self;
    char path[4096];
    if (dladdr((void *)&machine, &self) == 0)
        return;
    (void)snprintf(path, sizeof path, "%s", self.dli_fname);
    char *slash = strrchr(path, '/');
    (void)snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "machine");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *at = mmap(NULL, sizeof *machine, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    machine = at == MAP_FAILED ? NULL : at;
    (void)close(fd);
}

__attribute__((destructor)) static void unload(void)
{
    (void)munmap(machine, sizeof *machine);
}

const char *nvmlErrorString(int code)
{
    switch (code) {
    case 3:
        return "Not Supported";
    case NO_PERMISSION:
        return "Insufficient Permissions";
    case 9:
        return "Driver Not Loaded";
    case 15:
        return "GPU is lost";
    case 18:
        return "Driver/library version mismatch";
    case -1: /* no code of this driver's */
        return NULL;
    default:
        return "Unknown Error";
    }
}

int nvmlInit_v2(void)
{
    if (machine->fault[STUB_INIT] == 0)
        machine->users++;
    return machine->fault[STUB_INIT];
}

int nvmlShutdown(void)
{
    machine->users--;
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = machine->gpus;
    return machine->users > 0 ? machine->fault[STUB_COUNT] : UNINITIALIZED;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, stub_gpu **out)
{
    if (index >= machine->gpus)
        return INVALID_ARGUMENT;
    *out = &machine->gpu[index];
    return machine->fault[STUB_BY_INDEX];
}

int nvmlDeviceGetHandleByUUID(const char *uuid, stub_gpu **out)
{
    for (unsigned i = 0; i < machine->gpus; i++)
        if (strcmp(machine->gpu[i].uuid, uuid) == 0) {
            *out = &machine->gpu[i];
            return machine->fault[STUB_BY_UUID];
        }
    return NOT_FOUND;
}

/* The fault to report, after counting the call. */
static int called(stub_gpu *gpu, int function)
{
    bool good = gpu->calls[function]++ < gpu->good_calls;
    if (machine->users == 0)
        return UNINITIALIZED;
    return good ? 0 : gpu->fault[function];
}

int nvmlDeviceGetName(stub_gpu *gpu, char *out, unsigned size)
{
    (void)snprintf(out, size, "%s", gpu->name);
    return called(gpu, STUB_NAME);
}

#ifndef NO_UUIDS
int nvmlDeviceGetUUID(stub_gpu *gpu, char *out, unsigned size)
{
    (void)snprintf(out, size, "%s", gpu->uuid);
    return called(gpu, STUB_UUID);
}
#endif

#ifndef OLD_DRIVER
int nvmlDeviceGetMigMode(stub_gpu *gpu, unsigned *current, unsigned *pending)
{
    *current = *pending = gpu->divided;
    return called(gpu, STUB_MIG_MODE);
}

int nvmlDeviceGetTotalEnergyConsumption(stub_gpu *gpu, unsigned long long *mj)
{
    *mj = gpu->energy_mj;
    return called(gpu, STUB_ENERGY);
}
#endif

/* Called by Zeus, by way of pynvml. */
int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    return nvmlInit_v2();
}

int nvmlDeviceGetArchitecture(stub_gpu *gpu, unsigned *architecture)
{
    (void)gpu;
    *architecture = 7; /* Ampere */
    return 0;
}

int nvmlDeviceGetPowerManagementLimit(stub_gpu *gpu, unsigned *mw)
{
    int fault = called(gpu, STUB_LIMIT);
    if (!fault)
        *mw = gpu->limit_mw;
    return fault;
}

int nvmlDeviceGetEnforcedPowerLimit(stub_gpu *gpu, unsigned *mw)
{
    *mw = gpu->other_limit_mw && gpu->other_limit_mw < gpu->limit_mw ? gpu->other_limit_mw
                                                                     : gpu->limit_mw;
    return called(gpu, STUB_ENFORCED_LIMIT);
}

int nvmlDeviceGetPowerManagementLimitConstraints(stub_gpu *gpu, unsigned *least, unsigned *most)
{
    *least = gpu->least_mw;
    *most = gpu->most_mw;
    return called(gpu, STUB_LIMIT_RANGE);
}

int nvmlDeviceSetPowerManagementLimit(stub_gpu *gpu, unsigned mw)
{
    int fault = called(gpu, STUB_SET_LIMIT);
    for (uint32_t us = 0; us < machine->set_us; us += 1000)
        (void)usleep(1000);
    if (fault)
        return fault;
    if (geteuid() != 0)
        return NO_PERMISSION;
    if (mw < gpu->least_mw || mw > gpu->most_mw)
        return INVALID_ARGUMENT;
    if (!gpu->ignores)
        gpu->limit_mw = mw / gpu->unit_mw * gpu->unit_mw;
    return 0;
}
