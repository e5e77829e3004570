/*
 * outlook.h - internal: what a caller expects of the next inputs, model by model. [ours]
 *
 * A caller may know what the profile cannot: what a scene does to the accuracies, or how long a model takes to load.
 * The choice is then made from an adjusted copy of the profile. With the factor w and the accuracy a of a model, and
 * its outputs 1..K,
 *
 *     t' = w t,   q'_k = min(a q_k / q_K, 1), or a where q_K is 0.
 *
 * Every search works on the copy as it does on the profile: the columns of a row stay in their order. A model that
 * cannot start for d seconds has so much less time, and its power is drawn meanwhile. The scan reckons with that
 * (problem.h).
 */
#ifndef ALERT_OUTLOOK_H
#define ALERT_OUTLOOK_H

#include "core/profile.h"

/* What is expected of one model. */
typedef struct alert_expected {
    double delay_s;  /* before it can start */
    double factor;   /* on the latency of the profile */
    double accuracy; /* NaN: that of the profile */
} alert_expected;

typedef struct alert_outlook {
    alert_expected *model;   /* one a model; NULL before the first use */
    alert_profile *adjusted; /* by factors and accuracies; NULL before the first use */
    bool adjusts,
        delays; /* whether the profile is not to be used as it is, and whether a delay is not 0 */
} alert_outlook;

/* Allocates what an outlook needs, where it has nothing yet. */
int alert_outlook_reserve(alert_outlook *outlook, const alert_profile *profile) ALERT_MUST_CHECK;
/* Follows from `model`. */
void alert_outlook_follow(alert_outlook *outlook, const alert_profile *profile);
void alert_outlook_clear(alert_outlook *outlook);

#endif
