/* ranges.h - internal: reporting a bad argument. */
#ifndef ALERT_RANGES_H
#define ALERT_RANGES_H

#include <errno.h>
#include <math.h>

#include "alert.h"

/* Largest time (s) and power (W) accepted anywhere: products of them with a slowdown stay finite.
 * */
#define ALERT_QUANTITY_MAX 1e9
/* Smallest time and power accepted where 0 is not: quotients of two times stay finite. */
#define ALERT_QUANTITY_MIN 1e-12
/* Smallest share of a model's latency after which it may have an output. */
#define ALERT_FRACTION_MIN 1e-9
/* Largest energy (J) accepted anywhere. */
#define ALERT_ENERGY_MAX 1e18

/* Rows x caps of a profile, and the outputs on the way to all of its rows' exits: some 600 MB. */
#define ALERT_CONFIGURATIONS_MAX 10000000

#define ALERT_EXPECT_SECONDS  "a finite number of seconds > 0, from 1e-12 to 1e9"
#define ALERT_EXPECT_WATTS    "a finite number of watts > 0, from 1e-12 to 1e9"
#define ALERT_EXPECT_ACCURACY "a number from 0 to 1"

/* These comparisons are false for NaN. */
static inline bool alert_is_positive(double x)
{
    return x >= ALERT_QUANTITY_MIN && x <= ALERT_QUANTITY_MAX;
}

static inline bool alert_is_quantity(double x)
{
    return x >= 0.0 && x <= ALERT_QUANTITY_MAX;
}

static inline bool alert_is_fraction(double x)
{
    return x >= 0.0 && x <= 1.0;
}

/* Describes the error where somebody asked for it, and returns -EINVAL. */
static inline int alert_refuse_at(alert_argument_error *error, const char *name, ptrdiff_t i,
                                  ptrdiff_t j, const char *expected, double value)
{
    if (error)
        *error = (alert_argument_error){
            .name = name, .index = {i, j}, .expected = expected, .value = value};
    return -EINVAL;
}

static inline int alert_refuse(alert_argument_error *error, const char *name, const char *expected,
                               double value)
{
    return alert_refuse_at(error, name, -1, -1, expected, value);
}

#endif
