#include "power/rapl/powercap_dl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "power/power.h"

#define LIBRARY "libpowercap.so.0"
#define REMEDY                                                                                     \
    "install it: `apt install libpowercap0`, or the package `powercap` of your distribution"

int alert_powercap_load(alert_powercap *out, alert_power_error *error)
{
    const struct {
        const char *name;
        void *function; /* where its address goes */
    } symbol[] = {
        {"powercap_zone_file_get_name", &out->zone_file_get_name},
        {"powercap_constraint_file_get_name", &out->constraint_file_get_name},
        {"powercap_zone_get_max_energy_range_uj", &out->zone_get_max_energy_range_uj},
        {"powercap_zone_get_energy_uj", &out->zone_get_energy_uj},
        {"powercap_zone_set_enabled", &out->zone_set_enabled},
        {"powercap_zone_get_enabled", &out->zone_get_enabled},
        {"powercap_zone_get_name", &out->zone_get_name},
        {"powercap_constraint_set_power_limit_uw", &out->constraint_set_power_limit_uw},
        {"powercap_constraint_get_power_limit_uw", &out->constraint_get_power_limit_uw},
        {"powercap_constraint_set_time_window_us", &out->constraint_set_time_window_us},
        {"powercap_constraint_get_time_window_us", &out->constraint_get_time_window_us},
        {"powercap_constraint_get_min_power_uw", &out->constraint_get_min_power_uw},
        {"powercap_constraint_get_max_power_uw", &out->constraint_get_max_power_uw},
        {"powercap_constraint_get_name", &out->constraint_get_name},
    };
    out->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!out->library)
        return alert_power_fail_load(error, LIBRARY, REMEDY);
    for (size_t i = 0; i < sizeof symbol / sizeof *symbol; i++) {
        void *address = dlsym(out->library, symbol[i].name);
        if (!address) {
            int rc = alert_power_fail(error, ENOSYS, LIBRARY, dlerror(), REMEDY);
            alert_powercap_unload(out);
            return rc;
        }
        /* ISO C has no cast from an object to a function pointer; POSIX says their bytes are the same. */
        memcpy(symbol[i].function, &address, sizeof address);
    }
    return 0;
}

void alert_powercap_unload(alert_powercap *api)
{
    if (api->library)
        (void)dlclose(api->library);
    api->library = NULL;
}
