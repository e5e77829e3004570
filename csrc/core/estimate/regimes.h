/*
 * regimes.h - internal: the slowdown switches between two regimes, and a belief says which one holds. [ours]
 *
 * Other work on the machine comes and goes: the slowdown stays near one level (quiet, say), steps to another, and
 * often steps back. A regime is a level and a spread about it, and the rate at which it is left. w is the probability
 * that the last input ran in regime 1. The next one runs in it with probability
 *
 *     w' = w (1 - h_1) + (1 - w) h_0,                                               h_k = left_k / stayed_k
 *
 * and its slowdown has the distribution of mixture.h. An input has the slowdown x, z_k = (x / level_k - 1) / spread_k,
 * and the density f_k = (x / level_k) f4(z_k) / spread_k of ln x. For the way from i to j,
 *
 *     a_ij = Pr[the input before ran in i] Pr[i -> j] f_j,                            Z = sum of the a_ij.
 *
 *   Z is less than `outlier`: no regime explains the input, and nothing is learnt. But a second one in a row, within a
 *     factor of ALERT_SAME_LEVEL of the first, is a new regime. It takes the place of the one that does not hold. Its
 *     level is the geometric mean of the two, its spread half of the difference of their logarithms.
 *   Else, by Bayes' rule,
 *     w         = (a_01 + a_11) / Z,     r_0 = 1 - w, r_1 = w
 *     left_k   += a_kj / Z (j the other),   stayed_k += (a_k0 + a_k1) / Z
 *     inputs_k += r_k
 *     level_k  *= 1 + r_k max(1 / inputs_k, level_gain) spread_k z_k          with |z_k| cut at ALERT_Z_CUT,
 *     spread_k *= 1 + r_k max(1 / inputs_k, spread_gain) (|z_k| - 1)          gains at most 1/2 and 1/5
 *
 * Two regimes whose levels come within a factor of ALERT_ONE_LEVEL have become one: regime 0. A regime 1 that has not
 * been met is taken to be other_level times as slow as regime 0. The first input that more likely than not ran in it
 * sets its level: x takes the place of level_1 before the lines above, so z_1 = 0.
 *
 * `broken` follows the promises of an output in time that were not kept. It scales every probability (mixture.h):
 *
 *     broken += broken_gain (promised - done)      where promised > 1/2; within 0..ALERT_BROKEN_MAX
 *
 *     field               first value                  invariant
 *     level_0             1                            1 / ALERT_RATIO_MAX .. ALERT_RATIO_MAX
 *     spread_0            constants.spread_0           ALERT_SPREAD_MIN .. ALERT_SPREAD_MAX
 *     level_1             constants.other_level        as above
 *     spread_1            constants.other_spread       as above
 *     w, broken           0                            0 .. 1, 0 .. ALERT_BROKEN_MAX
 *     left_k, stayed_k    constants.change_rate times, and constants.change_inputs
 */
#ifndef ALERT_REGIMES_H
#define ALERT_REGIMES_H

#include "alert.h"
#include "core/estimate/mixture.h"

#define ALERT_Z_CUT      4.0
#define ALERT_SPREAD_MIN 0.05
#define ALERT_SPREAD_MAX 0.4
#define ALERT_SAME_LEVEL 3.0
#define ALERT_ONE_LEVEL  1.16
#define ALERT_BROKEN_MAX 0.1
/* Counts of changes are halved when they stand for so many inputs; of the changes, the assumed ones remain. */
#define ALERT_CHANGE_MEMORY 300.0

typedef struct alert_regime {
    double level, spread;
    double inputs; /* that it has explained; 0 while it has not been met */
    double left,
        stayed; /* changes to the other regime, and inputs after which there might have been one */
} alert_regime;

typedef struct alert_regimes {
    alert_regime k[2];
    double in_other; /* w */
    double broken;   /* share of promises that are not kept */
    double outlier;  /* slowdown of the last input where no regime explains it; else 0 */
} alert_regimes;

void alert_regimes_init(alert_regimes *r, const alert_constants *c);
/* promised: the probability that the input would be in time; done: whether it was, or would have been. */
void alert_regimes_calibrate(alert_regimes *r, const alert_constants *c, double promised,
                             bool done);
/* forecast: that of alert_regimes_forecast(r), under which the input ran; ratio: measured / profiled latency, >= 0,
 * infinity allowed. */
void alert_regimes_update(alert_regimes *r, const alert_constants *c, const alert_mixture *forecast,
                          double ratio);
/* The slowdown of the next input. grants_certain: no promise is broken where both regimes are certain. */
void alert_regimes_forecast(const alert_regimes *r, bool grants_certain, alert_mixture *out);
/* Every number is within its bounds. */
bool alert_regimes_are_sane(const alert_regimes *r);

#endif
