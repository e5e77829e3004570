/*
 * gpu.h - internal: one GPU, its limit and its energy counter.
 *
 * Milliwatts and millijoules end here: the functions below speak SI units.
 */
#ifndef ALERT_NVML_GPU_H
#define ALERT_NVML_GPU_H

#include "power/counter.h"
#include "power/nvml/nvml_dl.h"
#include "power/parts.h"

/* The limit of one GPU, as a setting reads and writes it. */
typedef struct alert_nvml_target {
    const alert_nvml *api;
    alert_nvml_handle handle;
    int code; /* of the library, from the last call; 0 where that went well */
} alert_nvml_target;

typedef struct alert_nvml_gpu {
    alert_part part; /* see parts.h; its one setting is the power limit */
    alert_nvml_target target;
    unsigned index;
    char name[ALERT_NVML_TEXT], uuid[ALERT_NVML_TEXT];
    char label[ALERT_NVML_TEXT + 24]; /* "GPU 0 (NVIDIA A100)" */
    unsigned least_mw, most_mw;       /* the driver's constraints */
    unsigned proved_mw;               /* the highest cap that was seen in force */
    alert_counter counter;
} alert_nvml_gpu;

/* Cards of the last generations step their energy counters some tens of times a second; the library does not tell.
 * [ours] */
#define ALERT_NVML_TICK_S 0.02

/* Opens the GPU of that index, which stays where it is in memory. -ENODEV where there is none. */
int alert_nvml_gpu_open(alert_nvml_gpu *g, const alert_nvml *api, unsigned index,
                        alert_power_error *error);

/* The functions of a part, see parts.h. The lock is a file in `directory`. */
int alert_nvml_gpu_own(alert_part *part, const char *directory, alert_power_error *error);
int alert_nvml_gpu_set(alert_part *part, double cap_w, alert_power_error *notice,
                       alert_power_error *error);
/* The lowest of the limits in force on the GPU. */
int alert_nvml_gpu_get(const alert_part *part, double *limit_w, alert_power_error *error);
/* See counter.h. */
int alert_nvml_gpu_energy(alert_part *part, double *energy_j, alert_power_error *notice,
                          alert_power_error *error);
int alert_nvml_gpu_fail(const alert_part *part, const alert_setting *s, int rc,
                        alert_power_error *error);
size_t alert_nvml_gpu_describe(const alert_part *part, alert_power_fact *out);
void alert_nvml_gpu_close(alert_part *part);

/* Gives back the limit of the GPU whose UUID an entry names, in a process that has not opened it. */
int alert_nvml_give_back(alert_journal_entry *entry);

#endif
