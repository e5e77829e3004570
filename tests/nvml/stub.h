/*
 * stub.h - the machine that the stub of libnvidia-ml shows: a file beside the library, mapped by every process
 * that loads it, and written by the test. tests/support/gpus.py describes the same layout.
 */
#ifndef STUB_H
#define STUB_H

#include <stdint.h>

enum {
    STUB_INIT,
    STUB_COUNT,
    STUB_BY_INDEX,
    STUB_BY_UUID,
    STUB_NAME,
    STUB_UUID,
    STUB_MIG_MODE,
    STUB_LIMIT,
    STUB_ENFORCED_LIMIT,
    STUB_LIMIT_RANGE,
    STUB_SET_LIMIT,
    STUB_ENERGY,
    STUB_FUNCTIONS
};

#define STUB_GPUS 4

typedef struct stub_gpu {
    char name[96], uuid[96];
    uint32_t limit_mw, least_mw, most_mw;
    uint32_t other_limit_mw; /* in force beside it; 0 for none */
    uint32_t unit_mw;        /* limits are rounded down to it */
    uint32_t ignores;        /* limits that are set have no effect */
    uint32_t divided;        /* MIG */
    uint32_t good_calls;     /* of each function, before its fault */
    int32_t fault[STUB_FUNCTIONS];
    uint64_t energy_mj;
    uint64_t calls[STUB_FUNCTIONS];
} stub_gpu;

typedef struct stub_machine {
    uint32_t gpus;
    uint32_t set_us;               /* that setting a limit takes; it ends at once when they do */
    int32_t fault[STUB_FUNCTIONS]; /* of the machine's own functions */
    int32_t users;                 /* inits less shutdowns, all processes together */
    stub_gpu gpu[STUB_GPUS];
} stub_machine;

#endif
