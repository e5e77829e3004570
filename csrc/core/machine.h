/* machine.h - internal: a machine that serves other schedulers, too. [ours] */
#ifndef ALERT_MACHINE_H
#define ALERT_MACHINE_H

#include "core/profile.h"

typedef struct alert_machine {
    bool is_shared; /* idle time is nobody's: it is not counted */
    double
        price_w; /* joules that a second of the machine is worth to all; 0 where it is not shared */
    double second_w; /* joules that a second costs beyond the power drawn: price - idle power */
    double
        bound_w; /* no more, and the same for prices that are close: the minima are of these costs */
} alert_machine;

/* NULL: the machine is not shared. */
alert_machine alert_machine_of(const alert_profile *profile, const double *price_w);

#endif
