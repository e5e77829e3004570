#include "power/power.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A cap computed from the ends of the range may miss them by a rounding error. */
#define RANGE_SLACK 1e-9

#define REMEDY_ROOT                                                                                \
    "this root has fewer rights than the machine's: start the container with `--privileged`; a "   \
    "rootless one (a user namespace) never has them"
#define REMEDY_READ_ONLY                                                                           \
    "/sys is mounted read-only: start the container with `--privileged`, or the service "          \
    "without ProtectKernelTunables="

struct alert_power {
    const alert_power_ops *ops;
    void *device;
    pid_t owner;
    alert_power_traits traits;
    double asked;             /* the last cap put in force; NaN before the first */
    alert_power_error broken; /* why caps are no longer tried; code 0 while they are */
    alert_power_error notice; /* code 0 when there is none */
    char noticed
        [ALERT_POWER_TEXT]; /* where the last notice was: the next one from there is dropped */
};

int alert_power_fail(alert_power_error *error, int code, const char *where, const char *why,
                     const char *remedy)
{
    if (error) {
        error->code = code;
        error->is_argument = false;
        (void)snprintf(error->where, sizeof error->where, "%s", where);
        (void)snprintf(error->why, sizeof error->why, "%s", why);
        (void)snprintf(error->remedy, sizeof error->remedy, "%s", remedy);
    }
    return -code;
}

int alert_power_refuse(alert_power_error *error, int code, const char *argument, const char *why)
{
    (void)alert_power_fail(error, code, argument, why, "");
    if (error)
        error->is_argument = true;
    return -code;
}

int alert_power_hand_on(alert_power_error *error, const alert_power_error *failure)
{
    if (error)
        *error = *failure;
    return -failure->code;
}

int alert_power_fail_load(alert_power_error *error, const char *library, const char *remedy)
{
    const char *why = dlerror();
    if (strstr(why, strerror(EMFILE)) || strstr(why, strerror(ENFILE)))
        return alert_power_fail(error, EMFILE, library, why,
                                "close some files, or allow more of them: `ulimit -n`");
    return alert_power_fail(error, ENOENT, library, why, remedy);
}

bool alert_power_is_permission(int code)
{
    return code == EACCES || code == EPERM || code == EROFS;
}

bool alert_power_is_root(void)
{
    return geteuid() == 0;
}

const char *alert_power_remedy(int rc, const char *usual)
{
    return rc == -EROFS                      ? REMEDY_READ_ONLY
           : !alert_power_is_permission(-rc) ? ""
           : alert_power_is_root()           ? REMEDY_ROOT
                                             : usual;
}

void alert_power_tell(alert_power *p, const alert_power_error *notice)
{
    if (notice->code)
        p->notice = *notice;
}

int alert_power_new(alert_power **out, const alert_power_ops *ops, void *device)
{
    alert_power *p = calloc(1, sizeof *p);
    if (!p) {
        (void)ops->close(device, true, NULL);
        return -ENOMEM;
    }
    p->ops = ops;
    p->device = device;
    p->owner = getpid();
    p->asked = (double)NAN;
    ops->traits(device, &p->traits);
    *out = p;
    return 0;
}

int alert_power_close(alert_power *p, alert_power_error *error)
{
    if (!p)
        return 0;
    int rc = p->ops->close(p->device, getpid() == p->owner, error);
    free(p);
    return rc;
}

void alert_power_about(const alert_power *p, alert_power_traits *out)
{
    *out = p->traits;
    out->can_cap = p->traits.can_cap && p->broken.code == 0;
    out->asked = p->asked;
}

static int check_cap(const alert_power *p, double cap, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    double low = p->traits.cap_min, high = p->traits.cap_max;
    if (cap >= low * (1.0 - RANGE_SLACK) && cap <= high * (1.0 + RANGE_SLACK)) /* false for NaN */
        return 0;
    (void)snprintf(why, sizeof why, "expected %g to %g %s, got %.17g", low, high, p->traits.unit,
                   cap);
    return alert_power_refuse(error, ERANGE, "power_cap", why);
}

static int check_owner(const alert_power *p, alert_power_error *error)
{
    if (getpid() == p->owner)
        return 0;
    return alert_power_fail(error, EPERM, "power cap", "the device was opened by another process",
                            "open it, or make the Runner, in the forked child");
}

int alert_power_release(alert_power *p, alert_power_error *error)
{
    int rc = check_owner(p, error);
    if (!rc && p->ops->release)
        rc = p->ops->release(p->device, error);
    if (!rc)
        p->asked = (double)NAN;
    return rc;
}

int alert_power_set_cap(alert_power *p, double cap, alert_power_error *error)
{
    int rc = check_owner(p, error);
    if (!rc && p->traits.can_cap)
        rc = check_cap(p, cap, error);
    if (rc || cap == p->asked)
        return rc;
    if (p->broken.code)
        return alert_power_hand_on(error, &p->broken);
    alert_power_error problem = {0}, notice = {0};
    if (p->traits.can_cap)
        cap = fmin(fmax(cap, p->traits.cap_min), p->traits.cap_max);
    rc = p->ops->set_cap(p->device, cap, &notice, &problem);
    if (rc == -EINTR && problem.code == 0)
        return rc;
    if (rc) {
        p->broken = problem;
        return alert_power_hand_on(error, &problem);
    }
    if (notice.code && strcmp(notice.where, p->noticed) != 0) {
        p->notice = notice;
        memcpy(p->noticed, notice.where, sizeof p->noticed);
    }
    p->asked = cap;
    p->ops->traits(p->device, &p->traits);
    return 0;
}

int alert_power_cap(alert_power *p, double *cap, alert_power_error *error)
{
    return p->ops->cap(p->device, cap, error);
}

int alert_power_energy(alert_power *p, double *energy_j, alert_power_error *error)
{
    alert_power_error notice = {0};
    int rc = p->ops->energy(p->device, energy_j, &notice, error);
    alert_power_tell(p, &notice);
    return rc;
}

bool alert_power_notice(alert_power *p, alert_power_error *out)
{
    if (p->notice.code == 0)
        return false;
    *out = p->notice;
    p->notice.code = 0;
    return true;
}

size_t alert_power_part(const alert_power *p, size_t index, alert_power_fact out[ALERT_POWER_FACTS])
{
    return p->ops->part ? p->ops->part(p->device, index, out) : 0;
}

void alert_power_begin(alert_power *p)
{
    if (p->ops->begin)
        p->ops->begin(p->device);
}

int alert_power_pace(alert_power *p, bool wait)
{
    return p->ops->pace ? p->ops->pace(p->device, wait) : 0;
}
