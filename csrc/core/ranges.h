/* ranges.h - internal: the numbers that are accepted, and reporting one that is not. */
#ifndef ALERT_RANGES_H
#define ALERT_RANGES_H

#include <errno.h>
#include <math.h>

#include "alert.h"

/* Largest time (s) and power (W) accepted: products of them with a slowdown stay finite. */
#define ALERT_QUANTITY_MAX 1e9
/* Smallest time and power accepted where 0 is not: quotients of two times stay finite. */
#define ALERT_QUANTITY_MIN 1e-12
/* Largest energy (J) accepted. */
#define ALERT_ENERGY_MAX 1e18
/* Inputs of a budget: exact as a double, and so are sums of joules a share of it. */
#define ALERT_BUDGET_MAX ((size_t)1000000000000)
/* Largest ratio of two times or powers: a larger one counts as this, so that no measurement drives a filter to
 * infinity. */
#define ALERT_RATIO_MAX 1e6
/* Smallest share of a model's latency after which it may have an output. */
#define ALERT_FRACTION_MIN 1e-9
/* Rows x caps of a profile, and the outputs on the way to all of its rows' exits: some 600 MB. */
#define ALERT_CONFIGURATIONS_MAX 10000000

static const alert_range ALERT_SHARE = {0.0, 1.0, false, "a number from 0 to 1"};
static const alert_range ALERT_BELOW_1 = {0.0, 1.0 - 0x1p-53, false,
                                          "a number from 0 to 1, 1 excluded"};
static const alert_range ALERT_POSITIVE = {0.0, 1e6, true, "a number > 0 and <= 1e6"};

static const alert_range ALERT_SECONDS = {ALERT_QUANTITY_MIN, ALERT_QUANTITY_MAX, false,
                                          "a finite number of seconds > 0, from 1e-12 to 1e9"};
static const alert_range ALERT_SECONDS_OR_0 = {0.0, ALERT_QUANTITY_MAX, false,
                                               "a finite number of seconds >= 0 and <= 1e9"};
static const alert_range ALERT_WATTS = {ALERT_QUANTITY_MIN, ALERT_QUANTITY_MAX, false,
                                        "a finite number of watts > 0, from 1e-12 to 1e9"};
static const alert_range ALERT_CAP = {ALERT_QUANTITY_MIN, HUGE_VAL, false,
                                      "a number >= 1e-12, or infinity for no cap"};
static const alert_range ALERT_FINITE_CAP = {ALERT_QUANTITY_MIN, ALERT_QUANTITY_MAX, false,
                                             "a finite number > 0, from 1e-12 to 1e9"};
static const alert_range ALERT_WATTS_OR_0 = {0.0, ALERT_QUANTITY_MAX, false,
                                             "a finite number of watts >= 0 and <= 1e9"};
static const alert_range ALERT_JOULES = {0.0, ALERT_ENERGY_MAX, true,
                                         "a finite number of joules > 0 and <= 1e18"};
static const alert_range ALERT_JOULES_OR_0 = {0.0, ALERT_ENERGY_MAX, false,
                                              "a finite number of joules >= 0 and <= 1e18"};
static const alert_range ALERT_SIZE = {1e-9, 1e9, false, "a number > 0, from 1e-9 to 1e9"};
/* Times a latency and a slowdown it stays finite, and so do their quotients. */
static const alert_range ALERT_FACTOR = {1.0 / ALERT_RATIO_MAX, ALERT_RATIO_MAX, false,
                                         "a factor on the profile's latency, from 1e-6 to 1e6"};

static inline bool alert_is_in(const alert_range *range, double x)
{
    return (range->above ? x > range->lowest : x >= range->lowest) && x <= range->highest;
}

static inline bool alert_is_within(double x, double low, double high)
{
    return x >= low && x <= high; /* false for NaN */
}

static inline double alert_clamp(double x, double low, double high)
{
    double above = x < low ? low : x;
    return above > high ? high : above; /* two steps: an instruction each, without a jump */
}

/* Describes the error where the caller wants to know it, and returns -EINVAL. */
static inline int alert_refuse_at(alert_argument_error *error, const char *name, size_t i,
                                  ptrdiff_t j, const char *expected, double value)
{
    if (error)
        *error = (alert_argument_error){name, {(ptrdiff_t)i, j}, expected, value};
    return -EINVAL;
}

static inline int alert_refuse(alert_argument_error *error, const char *name, const char *expected,
                               double value)
{
    return alert_refuse_at(error, name, (size_t)-1, -1, expected, value);
}

/* 0, or the error that `value` is not in `range`. */
static inline int alert_check(alert_argument_error *error, const char *name, double value,
                              const alert_range *range)
{
    return alert_is_in(range, value) ? 0 : alert_refuse(error, name, range->expected, value);
}

#endif
