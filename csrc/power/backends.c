/* backends.c - the kinds of hardware there are. A new one is one line in each of the two lists. */
#include "power/backends.h"

#include <string.h>

extern const alert_backend ALERT_RAPL, ALERT_NVML, ALERT_CPUFREQ, ALERT_EMULATED, ALERT_NONE;

static const alert_backend *const BACKEND[] = {
    &ALERT_RAPL, &ALERT_NVML, &ALERT_CPUFREQ, &ALERT_EMULATED, &ALERT_NONE,
};

const alert_backend *alert_backend_find(const char *name)
{
    for (size_t i = 0; i < sizeof BACKEND / sizeof *BACKEND; i++)
        if (strcmp(BACKEND[i]->kind->name, name) == 0)
            return BACKEND[i];
    return NULL;
}

const alert_power_kind *alert_power_kind_at(size_t index)
{
    return index < sizeof BACKEND / sizeof *BACKEND ? BACKEND[index]->kind : NULL;
}
