/* power.h - internal: what every kind of power device needs. */
#ifndef ALERT_POWER_INTERNAL_H
#define ALERT_POWER_INTERNAL_H

#include "alert_power.h"

/* Describes a failure where somebody asked for it, and returns -code. */
int alert_power_fail(alert_power_error *error, int code, const char *where, const char *why,
                     const char *remedy);

/* The same for an argument of the caller's that is out of range. */
int alert_power_refuse(alert_power_error *error, int code, const char *argument, const char *why);

/* Hands on a failure described before where somebody asked for it, and returns -code. */
int alert_power_hand_on(alert_power_error *error, const alert_power_error *failure);

/* Whether an errno value says that a right is missing. */
bool alert_power_is_permission(int code);

/* The device behind `p` when it is of the kind of `ops`, else NULL. */
void *alert_power_device(const alert_power *p, const alert_power_ops *ops);

#endif
