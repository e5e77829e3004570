/*
 * gpu.h - internal: one GPU, its limit and its energy counter.
 *
 * What is missing for caps or for energy is no failure of opening: it is noted, and handed on when a cap is
 * set or energy read.
 */
#ifndef ALERT_NVML_GPU_H
#define ALERT_NVML_GPU_H

#include "power/give_back/journal.h"
#include "power/nvml/nvml_dl.h"

typedef struct alert_nvml_gpu {
    const alert_nvml *api;
    alert_nvml_handle handle;
    unsigned index;
    char name[ALERT_NVML_TEXT], uuid[ALERT_NVML_TEXT];
    char label[ALERT_NVML_TEXT + 24]; /* "GPU 0 (NVIDIA A100)" */
    bool can_cap, can_read;
    alert_power_error cap_missing, read_missing; /* code 0 where nothing is missing */
    unsigned least_mw, most_mw;                  /* the driver's constraints */
    unsigned found_mw, held_mw; /* limit as found; read back after the last write */
    bool unread;                /* the last write could not be read back: the limit there is ours */
    bool capped;                /* has been, since it was opened */
    int lock_fd;                /* -1 while it is not owned */
    alert_journal_entry *entry; /* where writes are noted; NULL without a guard */
    unsigned long long counter_mj, drawn_mj; /* at the last read; since opening */
} alert_nvml_gpu;

/* -ENODEV where there is no such GPU. */
int alert_nvml_gpu_open(alert_nvml_gpu *g, const alert_nvml *api, unsigned index,
                        alert_power_error *error);
/* Makes this process its only owner, by a lock file in `directory`, and tries whether its limit may be changed,
 * by writing the one found. -EBUSY naming the owner; all else is a thing missing. */
int alert_nvml_gpu_own(alert_nvml_gpu *g, const char *directory, alert_power_error *error);
/* Names it in the journal, so that the watchdog and a later replay can give its limit back. */
void alert_nvml_gpu_guard(alert_nvml_gpu *g, alert_journal_entry *entry);

int alert_nvml_gpu_cap(alert_nvml_gpu *g, double cap_w, alert_power_error *notice,
                       alert_power_error *error);
/* The lowest of the limits in force on it. */
int alert_nvml_gpu_limit(const alert_nvml_gpu *g, double *limit_w, alert_power_error *error);
/* Since it was opened. */
int alert_nvml_gpu_energy(alert_nvml_gpu *g, double *energy_j, alert_power_error *error);

/* 0 when its limit is as found, or somebody else's, or the GPU is gone. */
int alert_nvml_gpu_give_back(alert_nvml_gpu *g, alert_power_error *error);
/* `owner`: called in the process that opened it, which frees it for others. */
void alert_nvml_gpu_close(alert_nvml_gpu *g, bool owner);

#endif
