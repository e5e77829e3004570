/*
 * causes.h - internal: why an input took as long as it did. [ours]
 *
 * The belief of the slowdown knows some causes k, each with a weight w_k, a slowdown x_k and a variance v_k of ln x_k: one
 * of a normal slowdown; of a mixture (mixture.h) the regime 0, and regime 1 with n or n + 1 slices lost,
 *
 *     x_0 = level_0,   x_1n = level_1 + n s / t,   v = 2 (width / x)^2
 *
 * and one that it does not know of, such as contention that sets in for the first time: of the weight `unknown`, x = x_0 and
 * v = ALERT_UNKNOWN_SPREAD^2. The other weights are those of the belief, times 1 - unknown.
 */
#ifndef ALERT_CAUSES_H
#define ALERT_CAUSES_H

#include "core/estimate/belief.h"

/* Of a cause that the belief does not know of: its usual weight, and the deviation of ln x. */
#define ALERT_UNKNOWN_CAUSE  0.05
#define ALERT_UNKNOWN_SPREAD 1.0

/* One way in which the machine may have slowed an input down. */
typedef struct alert_cause {
    double weight;   /* its probability */
    double slowdown; /* > 0 */
    double variance; /* of the logarithm of the slowdown */
} alert_cause;

enum { ALERT_CAUSES = 4 };

/* The causes, for a run of profiled latency latency_s; how many. The first is that of the quiet machine, the last the unknown
 * one. */
int alert_causes_of(const alert_belief *belief, double latency_s, double unknown,
                    alert_cause out[ALERT_CAUSES]);

#endif
