/*
 * zone.h - internal: one zone of the powercap tree, its limits and its energy counter.
 *
 * Microwatts, microjoules and microseconds end here: the functions below speak SI units.
 */
#ifndef ALERT_RAPL_ZONE_H
#define ALERT_RAPL_ZONE_H

#include "power/counter.h"
#include "power/parts.h"
#include "power/rapl/setting.h"

/* The kernel's counter ticks about once a millisecond. */
#define ALERT_RAPL_TICK_S 1e-3

/* What a cap may change in a zone, first given back first: should a write fail on the way, a limit at its old value
 * matters most. */
enum {
    ALERT_RAPL_SHORT_TERM,
    ALERT_RAPL_LONG_TERM,
    ALERT_RAPL_LONG_WINDOW,
    ALERT_RAPL_IS_ENABLED,
    ALERT_RAPL_SETTINGS
};

typedef struct alert_rapl_zone {
    alert_part part; /* see parts.h */
    alert_powercap *api;
    char name[64];
    char path[512];
    double window_s;    /* averaging window asked for with the first cap; 0 leaves the one found */
    double min_power_w; /* lowest limit the zone states; 0 where it states none */
    double
        max_power_w; /* what the processor states for long_term; a hint only; 0 where it states none */
    double highest_w;   /* of all limits found; 0 where there is none */
    double found_w;     /* limit in force when the device was opened */
    bool mirrors;       /* shows the counter of an earlier zone */
    bool moves;         /* a cap has changed the limit: it is not locked */
    bool short_follows; /* the long_term window stayed long: short_term holds the cap as well */
    alert_setting short_window;
    uint64_t peak_uw; /* limit of peak_power; 0 for none. Like the twin's limits it is only read */
    /* The same package under intel-rapl-mmio: the lowest of all limits is in force. */
    alert_setting twin_limit, twin_short, twin_enabled;
    char twin_path[512]; /* empty without a twin */
    powercap_zone fd;    /* of the energy counter */
    alert_counter counter;
} alert_rapl_zone;

/* Opens the zone in `directory`. A file that may not be opened is left out, and described in the zone; a failure only
 * when not even the zone's name can be read. */
int alert_rapl_zone_open(alert_rapl_zone *z, alert_powercap *api,
                         const char *directory) ALERT_MUST_CHECK;
/* Opens the twin in `directory` when it bears the zone's name. */
void alert_rapl_zone_add_twin(alert_rapl_zone *z, const char *directory);

/* The functions of a part, see parts.h. */
int alert_rapl_zone_own(alert_part *part, const char *directory, alert_power_error *error);
/* The first time it also shortens the averaging window of long_term and enables the zone: over the seconds a zone comes
 * with, a cap would not act within an input. Where that fails, short_term takes the cap as well. A zone that is locked
 * or stays disabled is a failure: no cap will ever take. */
int alert_rapl_zone_set(alert_part *part, double cap_w, alert_power_error *notice,
                        alert_power_error *error);
int alert_rapl_zone_get(const alert_part *part, double *limit_w, alert_power_error *error);
/* See counter.h. Memory whose counter stands still is counted no more, and `notice` says so. */
int alert_rapl_zone_energy(alert_part *part, double *energy_j, alert_power_error *notice,
                           alert_power_error *error);
size_t alert_rapl_zone_describe(const alert_part *part, alert_power_fact *out);
void alert_rapl_zone_close(alert_part *part);

/* What the counter shows now; NaN where it cannot be read. */
double alert_rapl_zone_counter_j(const alert_rapl_zone *z);
/* The limit in force after the last write: the lowest of all constraints. */
double alert_rapl_zone_in_force_w(const alert_rapl_zone *z);

/* Notes in `range_missing` that the limits found are no limits, where they are none. */
void alert_rapl_zone_doubt_range(alert_rapl_zone *z);

/* Failures of a file of the zone; the second knows what usually is behind the failure of a limit. */
int alert_rapl_fail(const alert_rapl_zone *z, const char *file, int rc, const char *remedy,
                    alert_power_error *error);
int alert_rapl_setting_fail(const alert_part *part, const alert_setting *s, int rc,
                            alert_power_error *error);

#endif
