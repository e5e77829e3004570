/*
 * zone.h - internal: one zone of the powercap tree, its limits and its energy counter.
 *
 * Microwatts, microjoules and microseconds end here: the functions below speak SI units.
 */
#ifndef ALERT_RAPL_ZONE_H
#define ALERT_RAPL_ZONE_H

#include "power/rapl/setting.h"

#define ALERT_RAPL_REMEDY_LOCK                                                                     \
    "the firmware may have locked the limit: look for a power limit lock in the BIOS setup"

/* What a cap may change in a zone. */
#define ALERT_RAPL_ENTRIES 4

typedef struct alert_rapl_zone {
    const alert_powercap *api;
    char name[64];
    char path[512];
    /* fd -1 where absent */
    alert_setting long_term, long_window, short_term, short_window, enabled;
    bool owned;
    /* The same package's limit under intel-rapl-mmio: the lower of the two is in force. Read only. */
    alert_setting twin_limit, twin_enabled;
    bool mirrors; /* shows the counter of an earlier zone: not counted again */
    bool can_cap, can_read;
    double found_w;                              /* limit in force when the device was opened */
    alert_power_error cap_missing, read_missing; /* code 0 where nothing is missing */
    double min_power_w; /* lowest limit the zone states; 0 where it states none */
    bool prepared;      /* for caps, see alert_rapl_zone_cap */
    bool moves;         /* a cap has changed the limit: it is not locked */
    bool short_follows; /* the long_term window stayed long: short_term holds the cap as well */
    powercap_zone fd;   /* of the energy counter */
    uint64_t range_uj;  /* the counter wraps there; 0 where unknown */
    uint64_t last_uj, total_uj;
} alert_rapl_zone;

/* Opens the zone in `directory`. What may not be opened is left out and described in the zone; -ENOENT and
 * the like only when not even its name can be read. */
int alert_rapl_zone_open(alert_rapl_zone *z, const alert_powercap *api,
                         const char *directory) ALERT_MUST_CHECK;
/* Writes the limit found once more, to learn whether limits can be written at all. */
void alert_rapl_zone_try(alert_rapl_zone *z);
/* Opens the twin in `directory` when it bears the zone's name. */
void alert_rapl_zone_add_twin(alert_rapl_zone *z, const char *directory);
/* Puts a cap on the zone. The first time it also shortens the averaging window of long_term to `window_s` (> 0)
 * and enables the zone: over the seconds it comes with, a cap would not act within an input. Where that fails,
 * short_term takes the cap as well. `notice` is filled when another limit is in force; where the
 * zone is locked or stays disabled, no cap will ever take, and that is a failure. */
int alert_rapl_zone_cap(alert_rapl_zone *z, double cap_w, double window_s,
                        alert_power_error *notice, alert_power_error *error) ALERT_MUST_CHECK;
/* The limit in force now. */
int alert_rapl_zone_limit(const alert_rapl_zone *z, double *limit_w,
                          alert_power_error *error) ALERT_MUST_CHECK;
/* Joules drawn since the zone was opened, wraps accounted for. */
int alert_rapl_zone_energy(alert_rapl_zone *z, double *energy_j,
                           alert_power_error *error) ALERT_MUST_CHECK;
/* What the counter shows now; NaN where it cannot be read. */
double alert_rapl_zone_counter_j(const alert_rapl_zone *z);
/* Makes this process the one owner of a zone that can be capped, and takes what is in force then as what was
 * found. -EBUSY when there is another. */
int alert_rapl_zone_own(alert_rapl_zone *z, alert_power_error *error) ALERT_MUST_CHECK;
/* Fills the entries of a journal that an owned zone needs. */
void alert_rapl_zone_guard(alert_rapl_zone *z, alert_journal_entry entry[ALERT_RAPL_ENTRIES]);
/* 0 when everything is back, or is somebody else's by now; else the first failure. */
int alert_rapl_zone_give_back(alert_rapl_zone *z, alert_power_error *error);
/* Lets others own it. */
void alert_rapl_zone_disown(alert_rapl_zone *z);
void alert_rapl_zone_close(alert_rapl_zone *z);

/* The limit in force after the last write. */
double alert_rapl_zone_in_force_w(const alert_rapl_zone *z);
/* How long a new cap takes to act: the averaging window it is held over. */
double alert_rapl_zone_settle_s(const alert_rapl_zone *z);
/* Failures of a file of the zone; the second one knows what usually is behind it when a limit's. */
int alert_rapl_fail(const alert_rapl_zone *z, const char *file, int rc, const char *remedy,
                    alert_power_error *error);
int alert_rapl_cap_fail(const alert_rapl_zone *z, const alert_setting *s, int rc,
                        alert_power_error *error);
void alert_rapl_zone_describe(const alert_rapl_zone *z, alert_rapl_zone_info *out);

#endif
