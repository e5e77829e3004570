#include "power/nvml/nvml_dl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "power/power.h"

#define LIBRARY "libnvidia-ml.so.1"
#define REMEDY                                                                                     \
    "it comes with NVIDIA's driver; a machine without an NVIDIA GPU has nothing to cap here"

#define REMEDY_ROOT                                                                                \
    "root lacks CAP_SYS_ADMIN: start the container with `--cap-add=SYS_ADMIN`, or observe=True; "  \
    "a rootless one (a user namespace) never has it"

static const struct {
    int code, errno_value;
    const char *remedy;
} MEANING[] = {
    {ALERT_NVML_NOT_SUPPORTED, EOPNOTSUPP, "leave this GPU out: gpus=[...]"},
    {ALERT_NVML_NO_PERMISSION, EPERM,
     "the limit of a GPU is changed by root only: run as root, or observe=True"},
    {ALERT_NVML_NOT_FOUND, ENODEV, ""},
    {ALERT_NVML_DRIVER_NOT_LOADED, ENODEV,
     "load it: `modprobe nvidia`; without an NVIDIA GPU there is nothing to cap here"},
    {ALERT_NVML_TIMEOUT, ETIMEDOUT, ""},
    {ALERT_NVML_GPU_IS_LOST, ENODEV, "reset the GPU, or reboot"},
    {ALERT_NVML_VERSION_MISMATCH, ELIBBAD,
     "the driver has been updated under the running system: reload it, or reboot"},
};

/* NULL for a code without a meaning of its own. */
static const char *find_remedy(int code)
{
    if (code == ALERT_NVML_NO_PERMISSION && alert_power_is_root())
        return REMEDY_ROOT;
    for (size_t i = 0; i < sizeof MEANING / sizeof *MEANING; i++)
        if (MEANING[i].code == code)
            return MEANING[i].remedy;
    return NULL;
}

int alert_nvml_errno(int code)
{
    for (size_t i = 0; i < sizeof MEANING / sizeof *MEANING; i++)
        if (MEANING[i].code == code)
            return MEANING[i].errno_value;
    return EIO;
}

int alert_nvml_fail(const alert_nvml *api, int code, const char *where, const char *remedy,
                    alert_power_error *error)
{
    const char *usual = find_remedy(code), *why = api->error_string(code);
    return alert_power_fail(error, alert_nvml_errno(code), where, why ? why : "unknown error",
                            remedy ? remedy : (usual ? usual : ""));
}

static int find_symbols(alert_nvml *out, alert_power_error *error)
{
    const struct {
        const char *name;
        void *function; /* where its address goes */
        bool optional;
    } symbol[] = {
        {"nvmlInit_v2", &out->init, false},
        {"nvmlShutdown", &out->shutdown, false},
        {"nvmlErrorString", &out->error_string, false},
        {"nvmlDeviceGetCount_v2", &out->count, false},
        {"nvmlDeviceGetHandleByIndex_v2", &out->by_index, false},
        {"nvmlDeviceGetHandleByUUID", &out->by_uuid, false},
        {"nvmlDeviceGetName", &out->name, false},
        {"nvmlDeviceGetUUID", &out->uuid, false},
        {"nvmlDeviceGetMigMode", &out->mig_mode, true},
        {"nvmlDeviceGetPowerManagementLimit", &out->limit, false},
        {"nvmlDeviceGetEnforcedPowerLimit", &out->enforced_limit, false},
        {"nvmlDeviceGetPowerManagementLimitConstraints", &out->limit_range, false},
        {"nvmlDeviceSetPowerManagementLimit", &out->set_limit, false},
        {"nvmlDeviceGetTotalEnergyConsumption", &out->energy, true},
    };
    for (size_t i = 0; i < sizeof symbol / sizeof *symbol; i++) {
        void *address = dlsym(out->library, symbol[i].name);
        if (!address && !symbol[i].optional)
            return alert_power_fail(error, ENOSYS, LIBRARY, dlerror(), REMEDY);
        /* ISO C has no cast from an object to a function pointer; POSIX says their bytes are the same. */
        memcpy(symbol[i].function, &address, sizeof address);
    }
    return 0;
}

int alert_nvml_load(alert_nvml *out, alert_power_error *error)
{
    *out = (alert_nvml){.library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)};
    if (!out->library)
        return alert_power_fail_load(error, LIBRARY, REMEDY);
    int rc = find_symbols(out, error);
    if (!rc) {
        int code = out->init();
        out->initialized = code == 0;
        rc = code ? alert_nvml_fail(out, code, "nvmlInit", NULL, error) : 0;
    }
    if (rc)
        alert_nvml_unload(out);
    return rc;
}

void alert_nvml_unload(alert_nvml *api)
{
    if (api->initialized)
        (void)api->shutdown();
    if (api->library)
        (void)dlclose(api->library);
    *api = (alert_nvml){0};
}
