/*
 * options.h - internal: what a device is opened with, from names and values to a struct.
 *
 * A backend has a struct of options and a table with a row for each field. Reading, checking, the binding and the
 * documentation go by the table.
 */
#ifndef ALERT_OPTIONS_H
#define ALERT_OPTIONS_H

#include "alert_power.h"

/* The field of a RANGE or of INDICES. The numbers are the caller's, and last until the device is open. */
typedef struct alert_numbers {
    const double *value;
    size_t count; /* 0 where the option is not given */
} alert_numbers;

/* Fills the fields of `out` that the rows describe: with the value given, else with the usual one. Names that no row
 * has are passed over. -EINVAL naming the option whose value is out of range. */
int alert_options_read(const alert_power_option_row *row, size_t rows,
                       const alert_power_option *given, size_t count, void *out,
                       alert_power_error *error) ALERT_MUST_CHECK;
/* Checks the NUMBER fields of a struct. */
int alert_options_check(const alert_power_option_row *row, size_t rows, const void *options,
                        alert_power_error *error) ALERT_MUST_CHECK;
/* The row of that name; NULL where there is none. */
const alert_power_option_row *alert_options_find(const alert_power_option_row *row, size_t rows,
                                                 const char *name);

#endif
