/*
 * alert_power.h - public contract of power: devices that can be capped and whose energy can be read.
 *
 * A device is an opaque alert_power of one kind of hardware: "rapl", "nvml", "cpufreq", "emulated", "none". Energies are
 * in joules, times in seconds. A cap is in the unit of its kind: watts, or GHz for "cpufreq". Hardware that counts in other
 * units is converted in the files of its kind.
 *
 * Errors. Every function that can fail returns 0 or a negative errno value. It describes the failure in the
 * alert_power_error, when one is passed: what failed, why, and what would put it right.
 *
 * Ownership. A device belongs to the process that opened it. In a child made by fork the device can still be read,
 * but refuses to cap, and closing it there gives nothing back.
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

typedef struct alert_power alert_power;

/* -------------------------------------------------------------------------------------------- opening */

/* What the value of an option is, and what a backend makes of it. */
typedef enum alert_power_option_type {
    ALERT_OPTION_FLAG,    /* 0 or 1: bool */
    ALERT_OPTION_NUMBER,  /* double */
    ALERT_OPTION_WHOLE,   /* a whole number: int */
    ALERT_OPTION_RANGE,   /* two numbers */
    ALERT_OPTION_INDICES, /* whole numbers >= 0; as many as `low` to `high` say */
    ALERT_OPTION_TEXT     /* const char * */
} alert_power_option_type;

/* One option of a kind. */
typedef struct alert_power_option_row {
    const char *name;
    alert_power_option_type type;
    const char *expected; /* "a number of seconds from 0 to 1000" */
    double usual;         /* the value where none is given; NaN where the machine decides */
    double low, high;     /* the range of the value */
    size_t offset;        /* of the field in the backend's struct of options */
} alert_power_option_row;

typedef struct alert_power_kind {
    const char *name;  /* "rapl" */
    const char *unit;  /* of a cap: "W" */
    const char *parts; /* what its parts are called: "zones"; NULL without parts */
    bool gives_back;   /* takes the options of ALERT_GIVE_BACK as well */
    const alert_power_option_row *option; /* its own options */
    size_t options;
} alert_power_kind;

/* The kinds there are; NULL after the last one. */
const alert_power_kind *alert_power_kind_at(size_t index);

/*
 * Options of every kind that gives back what it changes:
 *
 *   observe    flag: only read. The device never writes, and takes no lock.
 *   guard      flag: keep a journal of the values found, see alert_power_restore, and a watchdog
 *   directory  text: of the journals and of the locks of GPUs; without one there is no journal
 *   watchdog   text: the program that gives back when this process dies; without one there is none
 */
extern const alert_power_option_row ALERT_GIVE_BACK[4];

/* An option as it is given. */
typedef struct alert_power_option {
    const char *name;
    const char *text;     /* of a text */
    const double *number; /* of all others: `count` of them */
    size_t count;
} alert_power_option;

/*
 * Opens a device. First it does what alert_power_restore does, unless the device observes or has no guard: a cap
 * left by a dead process is no limit found. -EINVAL for an unknown kind, an option that the kind does not take, or a
 * value out of range; -EBUSY where another process caps a part of the device. In addition:
 *
 *   "rapl"      Every processor package of the machine, through libpowercap. A cap is split in proportion to the
 *               limits found. -ENOENT without RAPL, -EACCES where packages may neither be capped nor read.
 *   "nvml"      Some or all NVIDIA GPUs, through libnvidia-ml. A cap is split so that each GPU is as far up between
 *               its lowest and its highest cap as the cap is between their sums. The highest is the limit found. -ENOENT without the library,
 *               -ENODEV without a driver or a GPU; -EPERM or -EOPNOTSUPP where GPUs may neither be capped nor read.
 *   "cpufreq"   The cores of the machine by their frequency policies, through sysfs. Every policy gets the same highest
 *               frequency, as far as its own range goes. A setting found that is lower than a cap stays, unless
 *               cap_range is given. It reads no energy. -ENOENT where the kernel shows no policy.
 *   "emulated"  A package that exists as a law only, see alert_power_law.
 *   "none"      Caps nothing and reads nothing.
 */
int alert_power_open(alert_power **out, const char *kind, const alert_power_option *given,
                     size_t count, alert_power_error *error) ALERT_MUST_CHECK;
/* Gives back every value as it was found, and frees the device in any case. A failure is of the first value that
 * could not be given back. NULL is fine. */
int alert_power_close(alert_power *p, alert_power_error *error);

/* -------------------------------------------------------------------------------------------- using it */

/* What a device is and can do. */
typedef struct alert_power_traits {
    const char *kind;
    const char *parts;    /* what its parts are called; NULL without parts */
    const char *unit;     /* of a cap: "W" */
    bool emulated;        /* its numbers are computed, not measured */
    bool can_cap;         /* may become false when the hardware refuses a cap */
    bool can_read;        /* energy */
    double cap_min;       /* range of caps, in `unit`; 0 and 0 where it cannot cap */
    double cap_max;       /* INFINITY where the limits found are no limits */
    double asked;         /* the cap last set; NaN before the first, and after a release */
    double switch_cost_s; /* the caller's time that one change of the cap takes */
    double settle_s;      /* from a change of the cap until it acts */
    double tick_s;        /* between two steps of the energy counter; 0 for a continuous one */
} alert_power_traits;

void alert_power_about(const alert_power *p, alert_power_traits *out);

/* Caps the device at `cap`, within its range. Does nothing when that cap was the last one asked for. -ERANGE outside
 * the range; -EPERM in a forked child; what is missing where the device cannot cap. Once the hardware has refused a
 * cap no other is tried: each call returns that failure. -EINTR without a description when a signal came while work
 * under way was waited for: nothing has changed, call again to go on waiting. */
int alert_power_set_cap(alert_power *p, double cap, alert_power_error *error) ALERT_MUST_CHECK;
/* Gives back every value as it was found, until the next cap. The device goes on to be this process's. A failure is of
 * the first value that could not be given back; -EPERM and -EINTR as above. */
int alert_power_release(alert_power *p, alert_power_error *error) ALERT_MUST_CHECK;
/* The cap in force. */
int alert_power_cap(alert_power *p, double *cap, alert_power_error *error) ALERT_MUST_CHECK;
/* Joules drawn since the device was opened; never runs backwards. What is missing where energy cannot be read.
 * -ENODATA while a counter stands still, -EBADMSG where it jumps between two lines. */
int alert_power_energy(alert_power *p, double *energy_j, alert_power_error *error) ALERT_MUST_CHECK;
/* True when there is a warning to fetch: the hardware took a cap otherwise than asked, nobody guards a cap,
 * or a counter is odd. Each file or GPU is reported once. */
bool alert_power_notice(alert_power *p, alert_power_error *out);

/* Work starts now. */
void alert_power_begin(alert_power *p);
/* The work since alert_power_begin, or since the last pace, is done. An emulated device waits until its cap would have
 * let the work be done. Without `wait`, -EAGAIN when there is something to wait for. -EINTR when a signal came: call
 * again to go on waiting. */
int alert_power_pace(alert_power *p, bool wait) ALERT_MUST_CHECK;

/* -------------------------------------------------------------------------------------------- its parts */

typedef enum alert_power_fact_type {
    ALERT_FACT_TEXT,
    ALERT_FACT_NUMBER, /* NaN where it cannot be read */
    ALERT_FACT_WHOLE,
    ALERT_FACT_FLAG,   /* 0, 1, or NaN where it cannot be read */
    ALERT_FACT_RANGE,  /* two numbers */
    ALERT_FACT_MISSING /* an error; code 0 where nothing is missing */
} alert_power_fact_type;

/* One thing known about a part. */
typedef struct alert_power_fact {
    const char *name;
    alert_power_fact_type type;
    union {
        char text[512];
        double number[2];
        alert_power_error missing;
    } is;
} alert_power_fact;

#define ALERT_POWER_FACTS 16

/*
 * What is known about a part of a device, now or when it was opened: how many facts; 0 after the last part. Parts
 * of every kind have `name`, `can_cap`, `can_read`, `limit` (in the unit of a cap), and `cap_missing` and `read_missing`,
 * which say what stands in the way of caps and of energy.
 */
size_t alert_power_part(const alert_power *p, size_t index,
                        alert_power_fact out[ALERT_POWER_FACTS]);

/* ---------------------------------------------------------------------------------------- giving back */

/* Called for each file, or GPU by its UUID, that was given back (`why` NULL), or could not be; `found` is its value.
 * Also for each journal that was passed over, with `found` NULL: it is damaged, or another user's. */
typedef void (*alert_power_report)(void *context, const char *path, const uint64_t *found,
                                   const char *why);
/* Gives back what processes that died together with their watchdogs have left, by the journals in `directory`.
 * -EPERM where others may write to the directory; -EWOULDBLOCK where another restore is at work for seconds. Then
 * nothing was reported. */
int alert_power_restore(const char *directory, alert_power_report report, void *context,
                        alert_power_error *error) ALERT_MUST_CHECK;

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

/* An emulated device under a law and a clock of the caller's; `clock` NULL: the system's monotonic one. */
int alert_power_open_emulated(alert_power **out, const alert_power_law *law,
                              const alert_power_clock *clock,
                              alert_power_error *error) ALERT_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif /* ALERT_POWER_H */
