/* machine.h - internal: the zones of a machine as the parts of one device. */
#ifndef ALERT_RAPL_MACHINE_H
#define ALERT_RAPL_MACHINE_H

#include "power/rapl/zone.h"

typedef struct alert_rapl {
    alert_parts device; /* its parts are packages first, then dram */
    alert_powercap api;
    size_t packages;
} alert_rapl;

alert_rapl_zone *alert_rapl_zone_at(const alert_rapl *r, size_t index);

/* Adds the packages of the tree under `root`, all of them where `package` is negative. They are those of the usual
 * control type, or of its twin where nothing else shows them: where the driver of the MSRs is not loaded, say. */
int alert_rapl_find_packages(alert_rapl *r, const char *root, int package,
                             alert_power_error *error) ALERT_MUST_CHECK;
/* Adds the memory that is metered under a package, under its twin, or, where `all` packages are in use, beside them. The
 * device's notice says it where the joules will be those of the packages alone. */
int alert_rapl_find_dram(alert_rapl *r, const char *root, bool all,
                         alert_power_error *error) ALERT_MUST_CHECK;

#endif
