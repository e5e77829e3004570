#include "core/machine.h"

#include <math.h>

/* Of the least power: what a second of the minima may cost too little. */
#define STEP (1.0 / 16.0)

static double least_power_w(const alert_profile *profile)
{
    double least_w = HUGE_VAL;
    for (size_t r = 0; r < profile->rows; r++)
        least_w = fmin(least_w, profile->row[r].overall.power_w);
    return least_w;
}

alert_machine alert_machine_of(const alert_profile *profile, const double *price_w)
{
    if (!price_w)
        return (alert_machine){0};
    double least_w = least_power_w(profile), step_w = STEP * least_w;
    /* no configuration costs less than nothing */
    double second_w = fmax(*price_w - profile->idle_power_w, -least_w);
    double bound_w = fmin(floor(second_w / step_w) * step_w, second_w); /* rounding */
    return (alert_machine){.is_shared = true,
                           .price_w = *price_w,
                           .second_w = second_w,
                           .bound_w = fmax(bound_w, -least_w)};
}
