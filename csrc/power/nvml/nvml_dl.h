/*
 * nvml_dl.h - internal: the functions of NVIDIA's management library that are used, and how to load them.
 *
 * The library comes with NVIDIA's driver and is loaded when a GPU is first opened, so that alert builds and
 * imports without it. Functions return 0 or one of the library's own codes. Power is in milliwatts, energy in
 * millijoules.
 */
#ifndef ALERT_NVML_DL_H
#define ALERT_NVML_DL_H

#include "alert_power.h"

typedef struct nvmlDevice_st *alert_nvml_handle;

/* The codes of nvmlReturn_t that mean something here. */
enum {
    ALERT_NVML_NOT_SUPPORTED = 3,
    ALERT_NVML_NO_PERMISSION = 4,
    ALERT_NVML_NOT_FOUND = 6,
    ALERT_NVML_DRIVER_NOT_LOADED = 9,
    ALERT_NVML_TIMEOUT = 10,
    ALERT_NVML_GPU_IS_LOST = 15,
    ALERT_NVML_VERSION_MISMATCH = 18
};

#define ALERT_NVML_TEXT 96 /* the library's longest name or UUID */

typedef struct alert_nvml {
    void *library;
    bool initialized;
    int (*init)(void);
    int (*shutdown)(void);
    const char *(*error_string)(int);
    int (*count)(unsigned *);
    int (*by_index)(unsigned, alert_nvml_handle *);
    int (*by_uuid)(const char *, alert_nvml_handle *);
    int (*name)(alert_nvml_handle, char *, unsigned);
    int (*uuid)(alert_nvml_handle, char *, unsigned);
    int (*mig_mode)(alert_nvml_handle, unsigned *current,
                    unsigned *pending); /* NULL: older driver */
    int (*limit)(alert_nvml_handle, unsigned *mw);
    int (*enforced_limit)(alert_nvml_handle, unsigned *mw); /* the lowest of all limits in force */
    int (*limit_range)(alert_nvml_handle, unsigned *least_mw, unsigned *most_mw);
    int (*set_limit)(alert_nvml_handle, unsigned mw);
    int (*energy)(alert_nvml_handle, unsigned long long *mj); /* NULL: older driver */
} alert_nvml;

/* Loads libnvidia-ml.so.1 and initializes it: -ENOENT without the library, -ENODEV without a driver. */
int alert_nvml_load(alert_nvml *out, alert_power_error *error) ALERT_MUST_CHECK;
void alert_nvml_unload(alert_nvml *api);

/* The errno value for one of the library's codes, which is not 0. */
int alert_nvml_errno(int code);
/* Describes a failure of the library; returns the negative errno value. `remedy` NULL: the usual one. */
int alert_nvml_fail(const alert_nvml *api, int code, const char *where, const char *remedy,
                    alert_power_error *error);

#endif
