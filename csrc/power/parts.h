/*
 * parts.h - internal: a device that consists of parts of one kind: zones, GPUs.
 *
 * The functions of one part are the backend's. Written once, here: which part gets how much of a cap, the sum of
 * their energies, what is missing, the lock, the journal and the watchdog, and giving back. Caps and shares are in the
 * unit of the kind.
 */
#ifndef ALERT_PARTS_H
#define ALERT_PARTS_H

#include "power/backends.h"
#include "power/give_back/setting.h"
#include "power/give_back/watchdog_start.h"
#include "power/power.h"

#define ALERT_PART_SETTINGS 4

/* What every part begins with; the backend's own fields follow. */
typedef struct alert_part {
    bool caps;           /* gets a share of the cap; a part that cannot be capped says so below */
    bool counts;         /* its energy is in the sum */
    double base, weight; /* its share of a cap: base + weight (cap - sum of the bases) */
    double settle_s;     /* from a change of its setting until that acts */
    alert_power_error cap_missing, read_missing; /* code 0 where nothing is missing */
    alert_power_error range_missing;             /* why its highest cap is unknown; code 0 else */
    bool prepared;                               /* for caps, since what was found was in force */
    int lock_fd;                                 /* -1 while this process does not hold its lock */
    size_t settings;
    alert_setting setting[ALERT_PART_SETTINGS]; /* all that a cap changes, first given back first */
} alert_part;

typedef struct alert_parts alert_parts;

/* The functions of one kind of part. Those that return int return 0 or -errno. */
typedef struct alert_part_ops {
    const alert_power_kind *kind;
    size_t size; /* of the backend's struct, which begins with an alert_part */
    /* Every part takes the whole cap (base 0, weight 1), and the device's is their mean; else it is their sum. */
    bool alike;
    /* Takes the lock of a part, takes what is in force then as what was found, and tries whether it can be written.
     * A failure is one of opening the device: -EBUSY above all. All else goes into `cap_missing`. */
    int (*own)(alert_part *part, const char *directory, alert_power_error *error);
    /* Puts a setting in force and reads it back; `notice` where it was taken otherwise than asked. */
    int (*set)(alert_part *part, double share, alert_power_error *notice, alert_power_error *error);
    /* The setting in force. */
    int (*get)(const alert_part *part, double *share, alert_power_error *error);
    /* Joules drawn since the device was opened; `notice` once for each thing that is wrong with the meter. A part
     * that can be done without may end its `counts`. */
    int (*energy)(alert_part *part, double *energy_j, alert_power_error *notice,
                  alert_power_error *error);
    /* Describes the failure of a setting. */
    int (*fail)(const alert_part *part, const alert_setting *s, int rc, alert_power_error *error);
    /* Fills in what is known about a part, but for what every part has; returns how many facts. */
    size_t (*describe)(const alert_part *part, alert_power_fact *out);
    void (*close)(alert_part *part);
    /* Frees the backend's struct that contains `d`, and what the parts share. */
    void (*free)(alert_parts *d, bool owner);
} alert_part_ops;

/* What the backend's device begins with. */
struct alert_parts {
    const alert_part_ops *ops;
    void *part; /* an array of the backend's structs */
    size_t parts;
    bool observe, guarded;
    bool can_cap, can_read;
    bool touched;            /* a cap has been tried */
    bool released;           /* since the last cap */
    double cap_min, cap_max; /* the backend's to fill in */
    double switch_cost_s;    /* NaN before alert_parts_learn: measured there, and with every cap */
    bool measures_cost;
    double tick_s;
    alert_power_error notice; /* what there is to say when it is opened; code 0 for nothing */
    char directory[400], watchdog[512]; /* empty for none */
    alert_watchdog guard;
};

void alert_parts_begin(alert_parts *d, const alert_part_ops *ops, const alert_give_back_options *o);
/* Room for that many parts, zeros beyond those there are. Parts may move. 0 or -ENOMEM. */
int alert_parts_reserve(alert_parts *d, size_t parts) ALERT_MUST_CHECK;
alert_part *alert_part_at(const alert_parts *d, size_t index);
/* Takes the parts over, unless the device observes, and learns what they can do. A failure where they can neither be
 * capped nor read. */
int alert_parts_learn(alert_parts *d, alert_power_error *error) ALERT_MUST_CHECK;
/* The end of opening: makes the device where `rc` is 0, else closes the parts. Returns `rc`, or -ENOMEM. */
int alert_parts_end(alert_power **out, alert_parts *d, int rc,
                    alert_power_error *error) ALERT_MUST_CHECK;

/* Facts for `describe`; each returns the place of the next one. */
alert_power_fact *alert_fact_text(alert_power_fact *f, const char *name, const char *text);
alert_power_fact *alert_fact_number(alert_power_fact *f, const char *name,
                                    alert_power_fact_type type, double number);

#endif
