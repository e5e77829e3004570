/* power.h - internal: what every kind of power device needs. */
#ifndef ALERT_POWER_INTERNAL_H
#define ALERT_POWER_INTERNAL_H

#include "alert_power.h"

/* Describes a failure where somebody asked for it, and returns -code. */
int alert_power_fail(alert_power_error *error, int code, const char *where, const char *why,
                     const char *remedy);

/* The device behind `p` when it is of the kind of `ops`, else NULL. */
void *alert_power_device(const alert_power *p, const alert_power_ops *ops);

#endif
