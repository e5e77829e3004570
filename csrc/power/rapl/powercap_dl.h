/*
 * powercap_dl.h - internal: the functions of libpowercap that are used, and how to load them.
 *
 * The library is loaded when RAPL is first opened, so that alert builds and imports without it. The types
 * below are those of the library's header. A test compiles this file against that header, so that the two cannot
 * drift apart.
 */
#ifndef ALERT_POWERCAP_DL_H
#define ALERT_POWERCAP_DL_H

#include <stdint.h>
#include <sys/types.h>

#include "alert_power.h"

#ifndef _POWERCAP_H_ /* the library's own header, in the test mentioned above */

/* File descriptors of a zone; a file that is not open holds -1. */
typedef struct powercap_zone {
    int max_energy_range_uj;
    int energy_uj;
    int max_power_range_uw;
    int power_uw;
    int enabled;
    int name;
} powercap_zone;

typedef struct powercap_constraint {
    int power_limit_uw;
    int time_window_us;
    int max_power_uw;
    int min_power_uw;
    int max_time_window_us;
    int min_time_window_us;
    int name;
} powercap_constraint;

typedef enum powercap_zone_file {
    POWERCAP_ZONE_FILE_MAX_ENERGY_RANGE_UJ,
    POWERCAP_ZONE_FILE_ENERGY_UJ,
    POWERCAP_ZONE_FILE_MAX_POWER_RANGE_UW,
    POWERCAP_ZONE_FILE_POWER_UW,
    POWERCAP_ZONE_FILE_ENABLED,
    POWERCAP_ZONE_FILE_NAME
} powercap_zone_file;

typedef enum powercap_constraint_file {
    POWERCAP_CONSTRAINT_FILE_POWER_LIMIT_UW,
    POWERCAP_CONSTRAINT_FILE_TIME_WINDOW_US,
    POWERCAP_CONSTRAINT_FILE_MAX_POWER_UW,
    POWERCAP_CONSTRAINT_FILE_MIN_POWER_UW,
    POWERCAP_CONSTRAINT_FILE_MAX_TIME_WINDOW_US,
    POWERCAP_CONSTRAINT_FILE_MIN_TIME_WINDOW_US,
    POWERCAP_CONSTRAINT_FILE_NAME
} powercap_constraint_file;

#endif

/* The library's functions, by their names without the prefix powercap_. In every release, those that read and write
 * return -errno when they fail. The names of files always fit ALERT_POWERCAP_FILE. */
#define ALERT_POWERCAP_FILE 48

typedef struct alert_powercap {
    void *library;
    int (*zone_file_get_name)(powercap_zone_file, char *, size_t);
    int (*constraint_file_get_name)(powercap_constraint_file, uint32_t, char *, size_t);
    int (*zone_get_max_energy_range_uj)(const powercap_zone *, uint64_t *);
    int (*zone_get_energy_uj)(const powercap_zone *, uint64_t *);
    int (*zone_set_enabled)(const powercap_zone *, int);
    int (*zone_get_enabled)(const powercap_zone *, int *);
    ssize_t (*zone_get_name)(const powercap_zone *, char *, size_t);
    int (*constraint_set_power_limit_uw)(const powercap_constraint *, uint64_t);
    int (*constraint_get_power_limit_uw)(const powercap_constraint *, uint64_t *);
    int (*constraint_set_time_window_us)(const powercap_constraint *, uint64_t);
    int (*constraint_get_time_window_us)(const powercap_constraint *, uint64_t *);
    int (*constraint_get_min_power_uw)(const powercap_constraint *, uint64_t *);
    int (*constraint_get_max_power_uw)(const powercap_constraint *, uint64_t *);
    ssize_t (*constraint_get_name)(const powercap_constraint *, char *, size_t);
} alert_powercap;

/* Loads libpowercap.so.0. */
int alert_powercap_load(alert_powercap *out, alert_power_error *error) ALERT_MUST_CHECK;
void alert_powercap_unload(alert_powercap *api);

#endif
