/* power.h - internal: what every kind of power device needs. */
#ifndef ALERT_POWER_INTERNAL_H
#define ALERT_POWER_INTERNAL_H

#include "alert_power.h"

/* The functions of a device. `device` is what was given to alert_power_new. */
typedef struct alert_power_ops {
    void (*traits)(const void *device, alert_power_traits *out);
    /* Puts a cap inside the range in force and reads it back. Where the device cannot cap, the error says why. A cap
     * that the hardware took otherwise than asked is no failure: it fills `notice`, whose code is 0 before. -EINTR without an error: a signal came first. */
    int (*set_cap)(void *device, double cap, alert_power_error *notice, alert_power_error *error);
    /* Gives back what was found, until the next cap. NULL for a device that changes nothing. -EINTR as above. */
    int (*release)(void *device, alert_power_error *error);
    int (*cap)(void *device, double *cap, alert_power_error *error);
    /* `notice` where the joules are right, but something about the meter is not. Each thing is told once. */
    int (*energy)(void *device, double *energy_j, alert_power_error *notice,
                  alert_power_error *error);
    /* NULL for a device without parts. */
    size_t (*part)(const void *device, size_t index, alert_power_fact out[ALERT_POWER_FACTS]);
    /* Both may be NULL: only an emulated device has to be told of the work. */
    void (*begin)(void *device);
    int (*pace)(void *device, bool wait);
    /* Frees the device in any case. `owner`: called in the process that opened the device, which gives back what it
     * found. A failure is of the first value that could not be given back. */
    int (*close)(void *device, bool owner, alert_power_error *error);
} alert_power_ops;

/* A device of any kind. It takes `device` over: on failure `device` has been closed. */
int alert_power_new(alert_power **out, const alert_power_ops *ops, void *device) ALERT_MUST_CHECK;

/* Has alert_power_notice find a warning, unless its code is 0. */
void alert_power_tell(alert_power *p, const alert_power_error *notice);

/* Describes a failure, where `error` is not NULL, and returns -code. */
int alert_power_fail(alert_power_error *error, int code, const char *where, const char *why,
                     const char *remedy);
/* The same for an argument of the caller's that is out of range. */
int alert_power_refuse(alert_power_error *error, int code, const char *argument, const char *why);
/* The same for a failure described before. */
int alert_power_hand_on(alert_power_error *error, const alert_power_error *failure);

/* The same for a library that dlopen has just failed to load; `remedy` is for one that is missing. */
int alert_power_fail_load(alert_power_error *error, const char *library, const char *remedy);

/* Whether an errno value says that a right is missing. */
bool alert_power_is_permission(int code);
/* Whether this is root, whom no advice to become root helps. */
bool alert_power_is_root(void);
/* What would let this process use a file of /sys after such a failure (-errno): `usual` for a user without the right,
 * other advice for a root of a container. Empty where the failure is not of rights. */
const char *alert_power_remedy(int rc, const char *usual);

#endif
