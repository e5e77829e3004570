/*
 * outlook.h - internal: what a caller expects of the next inputs, model by model. [ours]
 *
 * A caller may know what the profile cannot: what a scene does to the accuracies, or how long a model takes to load.
 * The choice is then made from an adjusted copy of the profile. With the factor w and the accuracy a of a model, and
 * its outputs 1..K,
 *
 *     t' = w t (f + (1 - f) x / x_0),   q'_k = min(a q_k / q_K, 1), or a where q_K is 0.
 *
 * x is the size of the input, x_0 the one that the profile holds for, and f the fixed share of the latency there. Where the
 * model is off its profile, w is multiplied by its offset (offsets.h).
 *
 * On a shared machine, the minima of the copy are those of the costs: of (p + second_w) t in work_j, of p t in active_j, and 0 in
 * power_w (alert_cost_bound_of, alert_energy_bound_of).
 *
 * Every search works on the copy as it does on the profile: the columns of a row stay in their order. A model that
 * cannot start for d seconds has so much less time, and its power is drawn meanwhile. The scan reckons with that
 * (problem.h).
 */
#ifndef ALERT_OUTLOOK_H
#define ALERT_OUTLOOK_H

#include <math.h>

#include "core/machine.h"
#include "core/profile.h"

/* What is expected of one model. */
typedef struct alert_expected {
    double delay_s;  /* before it can start */
    double factor;   /* on the latency of the profile */
    double accuracy; /* NaN: that of the profile */
} alert_expected;

/* Of a model, where nothing is. */
static const alert_expected ALERT_NOTHING_EXPECTED = {.factor = 1.0, .accuracy = (double)NAN};

typedef struct alert_outlook {
    alert_expected *model; /* one a model; NULL before the first use */
    const double *offset;  /* one a model, on top of its factor (offsets.h); NULL: none */
    alert_profile
        *adjusted; /* by factors, size, accuracies and machine; NULL before the first use */
    bool adjusts,
        delays; /* whether the profile is not to be used as it is, and whether a delay is not 0 */
} alert_outlook;

/* Allocates what an outlook needs, where it has nothing yet. */
int alert_outlook_reserve(alert_outlook *outlook, const alert_profile *profile) ALERT_MUST_CHECK;
/* Takes note that the profile has other costs, in another order. */
void alert_outlook_change_profile(alert_outlook *outlook, const alert_profile *profile);
/* Follows from `model`, for an input of this size on this machine. */
void alert_outlook_follow(alert_outlook *outlook, const alert_profile *profile,
                          const alert_machine *machine, double size);
/* The same, where the accuracies are as before. */
void alert_outlook_follow_costs(alert_outlook *outlook, const alert_profile *profile,
                                const alert_machine *machine, double size);
void alert_outlook_clear(alert_outlook *outlook);

#endif
