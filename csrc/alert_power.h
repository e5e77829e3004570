/*
 * alert_power.h - public contract of power: devices that can be capped and whose energy can be read.
 *
 * A device is an opaque alert_power over a table of functions, one table per kind of hardware. SI units:
 * watts, joules, seconds; a kind of hardware that speaks another unit converts inside its own file.
 *
 * Errors. Every function that can fail returns 0 or a negative errno value and describes the failure in the
 * alert_power_error, when one is passed: what failed, why, and what would put it right.
 *
 * Ownership. A device belongs to the process that opened it. In a child made by fork it can still be read,
 * but it refuses to cap, and closing it there gives nothing back.
 *
 * Threads. A device is used by one thread at a time.
 */
#ifndef ALERT_POWER_H
#define ALERT_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(ALERT_MUST_CHECK)
#define ALERT_MUST_CHECK __attribute__((warn_unused_result))
#elif !defined(ALERT_MUST_CHECK)
#define ALERT_MUST_CHECK
#endif

#define ALERT_POWER_TEXT 320

typedef struct alert_power_error {
    int code;                      /* errno value, > 0 */
    bool is_argument;              /* an argument is out of range; else the machine is to blame */
    char where[ALERT_POWER_TEXT];  /* the file, library or argument */
    char why[ALERT_POWER_TEXT];    /* what happened there */
    char remedy[ALERT_POWER_TEXT]; /* what would put it right; may be empty */
} alert_power_error;

/* What a device is and can do. */
typedef struct alert_power_traits {
    const char *kind; /* "rapl", "nvml", "emulated" */
    bool emulated;    /* numbers from it are computed, not measured */
    bool can_cap;     /* may become false when the hardware refuses a cap */
    bool can_read;    /* energy */
    double cap_min_w; /* range of caps; 0 and 0 where it cannot cap */
    double cap_max_w;
    double switch_cost_s; /* the caller's time that one change of the cap takes */
    double settle_s;      /* from a change of the cap until it acts */
    double tick_s;        /* between two steps of the energy counter; 0 for a continuous one */
} alert_power_traits;

/* The functions of one kind of device. `device` is what was given to alert_power_new. */
typedef struct alert_power_ops {
    void (*traits)(const void *device, alert_power_traits *out);
    /* Puts a cap inside the range in force and reads it back. A cap the hardware took otherwise than asked
     * is no failure: it fills `notice` (whose code is 0 before). Where it cannot cap, it says why. */
    int (*set_cap)(void *device, double cap_w, alert_power_error *notice, alert_power_error *error);
    int (*cap)(void *device, double *cap_w, alert_power_error *error);
    int (*energy)(void *device, double *energy_j, alert_power_error *error);
    /* Both may be NULL: only an emulated device has to be told of the work. */
    void (*begin)(void *device);
    int (*pace)(void *device, bool wait);
    /* `owner`: called in the process that opened it, which gives back what it found. Frees the device in any
     * case; a failure is of the first limit that could not be given back. */
    int (*close)(void *device, bool owner, alert_power_error *error);
} alert_power_ops;

typedef struct alert_power alert_power;

/* A device of any kind. It takes `device` over: on failure `device` has been closed. */
int alert_power_new(alert_power **out, const alert_power_ops *ops, void *device) ALERT_MUST_CHECK;
/* Gives back every limit as it was found, and frees the device; also on failure, which says what could not be
 * given back. NULL is fine. */
int alert_power_close(alert_power *p, alert_power_error *error);

void alert_power_about(const alert_power *p, alert_power_traits *out);

/* Caps the device at `cap_w`, which is within its range. Does nothing when that cap was the last one asked
 * for. -ERANGE outside the range; -EPERM in a forked child; what is missing where the device cannot cap.
 * Once the hardware has refused a cap it is not tried again: that failure is returned from then on. */
int alert_power_set_cap(alert_power *p, double cap_w, alert_power_error *error) ALERT_MUST_CHECK;
/* The cap in force, in watts. */
int alert_power_cap(alert_power *p, double *cap_w, alert_power_error *error) ALERT_MUST_CHECK;
/* Joules drawn since the device was opened; never runs backwards. What is missing where it cannot be
 * read. */
int alert_power_energy(alert_power *p, double *energy_j, alert_power_error *error) ALERT_MUST_CHECK;
/* True once for each file (or the like) of which there is something to say that is no failure: a cap that the
 * hardware took otherwise than asked, or that nobody guards. */
bool alert_power_notice(alert_power *p, alert_power_error *out);

/* Work starts now. */
void alert_power_begin(alert_power *p);
/* The work since alert_power_begin, or since the last pace, is done. An emulated device waits until its cap
 * would have let it be done. Without `wait`, -EAGAIN when there is something to wait for. -EINTR when a
 * signal came: call again to go on waiting. */
int alert_power_pace(alert_power *p, bool wait) ALERT_MUST_CHECK;

/* ------------------------------------------------------------------------------------------- emulated */

/*
 * A package that exists as a law only. A cap sets its frequency f, relative to the highest:
 *
 *     cap = idle + (peak - idle) f^exponent       solved for f, which is kept within min_frequency..1
 *     t   = t_real (compute / f + 1 - compute)    how long work that really took t_real takes at f
 *
 * While work runs the package draws idle + (peak - idle) f^exponent, otherwise idle.
 */
typedef struct alert_power_law {
    double idle_w;        /* finite, >= 0 */
    double peak_w;        /* > idle_w: drawn at the highest frequency */
    double exponent;      /* 1..5 */
    double compute;       /* 0..1, share of the work's time that scales with the frequency */
    double min_frequency; /* 0.01..1 */
} alert_power_law;

/* Time as an emulated device sees it. */
typedef struct alert_power_clock {
    int64_t (*now_ns)(void *context);
    /* Returns at `until_ns` or later; -EINTR when a signal came first. */
    int (*wait_ns)(void *context, int64_t until_ns);
    void *context;
} alert_power_clock;

/* The law used where nobody says otherwise; provenance in emulated.c. */
alert_power_law alert_power_law_default(void);
/* `clock` NULL: the system's monotonic one. */
int alert_power_open_emulated(alert_power **out, const alert_power_law *law,
                              const alert_power_clock *clock,
                              alert_power_error *error) ALERT_MUST_CHECK;

/* ----------------------------------------------------------------------------------------------- RAPL */

typedef struct alert_rapl_options {
    const char *root; /* of the powercap tree; NULL for /sys/class/powercap */
    bool observe;     /* read only: never writes, owns nothing */
    bool dram;        /* count the energy of dram too */
    int package;      /* one package only; -1 for all of them */
    double window_s;  /* averaging window asked for with the first cap; 0 leaves the one found */
    const char *
        journal; /* directory for what has to be given back, see alert_power_restore; NULL for none */
    const char *watchdog; /* program that gives it back when this process dies; NULL for none */
    double cap_min_w;     /* range of caps for the whole machine; 0 and 0: from the machine */
    double cap_max_w;
} alert_rapl_options;

alert_rapl_options alert_rapl_options_default(void);
/* Every package of the machine as one device; a cap is split in proportion to the limits found. Opens what may be
 * opened: -ENOENT where there is no RAPL, -EACCES where it may neither be capped nor read. */
int alert_power_open_rapl(alert_power **out, const alert_rapl_options *options,
                          alert_power_error *error) ALERT_MUST_CHECK;

/* Told of each file, or GPU by its UUID, that was given back (rc 1), or could not be (-errno). */
typedef void (*alert_power_report)(void *context, const char *path, uint64_t value, int rc);
/* Gives back what processes that died together with their watchdogs have left, by the journals in `directory`.
 * Opening a device does so, too. -EPERM where others may write to the directory. */
int alert_power_restore(const char *directory, alert_power_report report,
                        void *context) ALERT_MUST_CHECK;

/* One zone of a RAPL device, as found when it was opened. */
typedef struct alert_rapl_zone_info {
    char name[64];  /* "package-0" */
    char path[512]; /* its directory */
    bool can_cap;
    bool can_read;
    int enabled;     /* -1 where it cannot be read */
    double limit_w;  /* long_term; NaN where it cannot be read */
    double window_s; /* of long_term; NaN likewise */
    double short_term_w;
    double twin_limit_w; /* of the same package under intel-rapl-mmio; NaN where there is none */
    bool mirrors;        /* shows the counter of an earlier zone, and is not counted again */
    alert_power_error cap_missing; /* code 0 where nothing is missing */
    alert_power_error read_missing;
} alert_rapl_zone_info;

size_t alert_power_rapl_zones(const alert_power *p);
void alert_power_rapl_zone(const alert_power *p, size_t index, alert_rapl_zone_info *out);

/* ----------------------------------------------------------------------------------------------- NVML */

typedef struct alert_nvml_options {
    const unsigned *gpu;   /* indices, as nvidia-smi counts */
    size_t gpus;           /* how many; 0 for all of the machine */
    bool observe;          /* read only: never writes, owns nothing */
    bool guard;            /* keep a journal, see alert_power_restore, and a watchdog */
    double switch_cost_s;  /* what one change of the cap costs the caller; NaN: measured */
    double settle_s;       /* from a change of the cap until it acts */
    const char *directory; /* where a GPU's owner locks a file, and of the journal; not NULL */
    const char *watchdog; /* program that gives limits back when this process dies; NULL for none */
} alert_nvml_options;

alert_nvml_options alert_nvml_options_default(void);
/* Some or all NVIDIA GPUs of the machine as one device, through libnvidia-ml. A cap is split so that each GPU is as
 * far up between the driver's constraints for it as the cap is between their sums. -ENOENT without the library,
 * -ENODEV without a driver or a GPU, -EBUSY where another process caps one of them; -EPERM and -EOPNOTSUPP where
 * they may neither be capped nor read. */
int alert_power_open_nvml(alert_power **out, const alert_nvml_options *options,
                          alert_power_error *error) ALERT_MUST_CHECK;

/* One GPU of an NVML device, as found when it was opened. */
typedef struct alert_nvml_gpu_info {
    unsigned index;
    char name[96], uuid[96];
    bool can_cap, can_read;
    double limit_w;                /* NaN where it cannot be read */
    double cap_min_w, cap_max_w;   /* the driver's constraints; NaN likewise */
    alert_power_error cap_missing; /* code 0 where nothing is missing */
    alert_power_error read_missing;
} alert_nvml_gpu_info;

size_t alert_power_nvml_gpus(const alert_power *p);
void alert_power_nvml_gpu(const alert_power *p, size_t index, alert_nvml_gpu_info *out);

#ifdef __cplusplus
}
#endif

#endif /* ALERT_POWER_H */
