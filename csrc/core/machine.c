#include "core/machine.h"

#include <math.h>

/* No configuration costs less than nothing. */
static double second_of(const alert_profile *profile, double price_w)
{
    double least_w = HUGE_VAL;
    for (size_t r = 0; r < profile->rows; r++)
        least_w = fmin(least_w, profile->row[r].overall.power_w);
    return fmax(price_w - profile->idle_power_w, -least_w);
}

alert_machine alert_machine_of(const alert_profile *profile, const double *price_w)
{
    if (!price_w)
        return (alert_machine){0};
    return (alert_machine){
        .is_shared = true, .price_w = *price_w, .second_w = second_of(profile, *price_w)};
}
