/* none.c - a machine that is neither capped nor read: models alone are chosen. */
#include <errno.h>

#include "power/backends.h"
#include "power/power.h"

static const alert_power_kind KIND = {.name = "none", .unit = "W"};

static void none_traits(const void *device, alert_power_traits *out)
{
    (void)device;
    *out = (alert_power_traits){.kind = KIND.name, .unit = KIND.unit};
}

static int none_set_cap(void *device, double cap, alert_power_error *notice,
                        alert_power_error *error)
{
    (void)device, (void)cap, (void)notice;
    return alert_power_fail(error, EOPNOTSUPP, "power cap", "power 'none' sets no caps",
                            "power 'rapl' does; Profile.without_caps() needs none");
}

static int none_cap(void *device, double *cap, alert_power_error *error)
{
    return none_set_cap(device, *cap, NULL, error);
}

static int none_energy(void *device, double *energy_j, alert_power_error *notice,
                       alert_power_error *error)
{
    (void)device, (void)energy_j, (void)notice;
    return alert_power_fail(error, EOPNOTSUPP, "energy", "power 'none' reads no energy", "");
}

static int none_close(void *device, bool owner, alert_power_error *error)
{
    (void)device, (void)owner, (void)error;
    return 0;
}

static const alert_power_ops NONE = {
    .traits = none_traits,
    .set_cap = none_set_cap,
    .cap = none_cap,
    .energy = none_energy,
    .close = none_close,
};

static int open_none(alert_power **out, const void *options,
                     const alert_give_back_options *give_back, alert_power_error *error)
{
    (void)options, (void)give_back;
    int rc = alert_power_new(out, &NONE, NULL);
    return rc ? alert_power_fail(error, -rc, KIND.name, "out of memory", "") : 0;
}

const alert_backend ALERT_NONE = {.kind = &KIND, .size = 1, .open = open_none};
