/*
 * regimes.h - internal: runs switch between two regimes, and a belief says which one holds. [ours]
 *
 * Other work on the machine comes and goes: the slowdown stays near one level (quiet, say), steps to another, and
 * often steps back. A regime is a level and a spread, and the rate at which it is left. In regime 1 a run also
 * loses whole time slices to other work (mixture.h). w is the probability that the last input ran in regime 1. The next
 * one runs in it with probability
 *
 *     w' = w (1 - h_1) + (1 - w) h_0,                                               h_k = left_k / stayed_k
 *
 * and takes as long as mixture.h says. An input of profiled latency t took L seconds, x = L / t. With z_k and N of
 * mixture.h, the density of ln x in regime k is
 *
 *     f_k = x (sum over N of Pr[N] f4(z_kN)) / (spread_k mean_k),         z_kN = z_k((L - N s) / t)
 *
 * (N is 0 in regime 0). z_k is the z_kN of the N with the larger term. For the way from i to j,
 *
 *     a_ij = Pr[the input before ran in i] Pr[i -> j] f_j,                            Z = sum of the a_ij.
 *
 *   Z is less than `outlier`: no regime explains the input, and nothing is learnt. But a second one in a row, within a
 *     factor of ALERT_SAME_LEVEL of the first, is a new regime. It takes the place of the one that does not hold. Its
 *     level is the geometric mean of the two, its spread half of the difference of their logarithms. It loses nothing.
 *   Else, by Bayes' rule,
 *     w         = (a_01 + a_11) / Z,     q_0 = 1 - w, q_1 = w
 *     left_k   += a_kj / Z (j the other),   stayed_k += (a_k0 + a_k1) / Z
 *     inputs_k += q_k
 *     lost     += q_1 max(min(1 / inputs_1, 1/2) u, lost_gain) u cut(x - level_1 - lost, 2 + 3 s / t),   u = t / (t + s)
 *     level_k  *= 1 + q_k max(1 / inputs_k, level_gain) spread_k z_k          with |z_k| cut at ALERT_Z_CUT,
 *     spread_k *= 1 + q_k max(1 / inputs_k, spread_gain) (|z_k| - 1)          gains at most 1/2 and 1/5
 *
 * `lost` follows the time, and not the number of slices: else a machine that has become faster could be explained by
 * many slices. u: a run shorter than a slice tells little of it. Where nothing is lost, nothing of this is learnt.
 *
 * Two regimes whose means come within a factor of ALERT_ONE_LEVEL have become one: regime
 * 0. A regime 1 that has not been met is taken to have the level of regime 0, and to lose other_lost.
 *
 * `broken` follows the promises of an output in time that were not kept. It scales every probability (mixture.h):
 *
 *     broken += broken_gain (promised - done)      where promised > 1/2; within 0..ALERT_BROKEN_MAX
 *
 *     field               first value                  invariant
 *     level_0, level_1    1                            1 / ALERT_RATIO_MAX .. ALERT_RATIO_MAX
 *     spread_0            constants.spread_0           ALERT_SPREAD_MIN .. ALERT_SPREAD_MAX
 *     spread_1            constants.other_spread       as above
 *     lost                constants.other_lost         0, or ALERT_LOST_MIN .. ALERT_LOST_MAX
 *     w, broken           0                            0 .. 1, 0 .. ALERT_BROKEN_MAX
 *     left_k, stayed_k    constants.change_rate times, and constants.change_inputs
 */
#ifndef ALERT_REGIMES_H
#define ALERT_REGIMES_H

#include "alert.h"
#include "core/estimate/mixture.h"

#define ALERT_Z_CUT         4.0
#define ALERT_SPREAD_MIN    0.05
#define ALERT_SPREAD_MAX    0.4
#define ALERT_SAME_LEVEL    3.0
#define ALERT_ONE_LEVEL     1.16
#define ALERT_NEARLY_ALWAYS 10.0
#define ALERT_BROKEN_MAX    0.1
#define ALERT_LOST_MIN      1e-4
#define ALERT_LOST_MAX      50.0
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
    double lost;     /* in regime 1: time lost to other work / run time */
    double in_other; /* w */
    double broken;   /* share of promises that are not kept */
    double outlier;  /* slowdown of the last input where no regime explains it; else 0 */
} alert_regimes;

void alert_regimes_init(alert_regimes *r, const alert_constants *c);
/* promised: the probability that the input would be in time; done: whether it was, or would have been. */
void alert_regimes_calibrate(alert_regimes *r, const alert_constants *c, double promised,
                             bool done);
/* forecast: that of alert_regimes_forecast(r), under which the input ran; profiled_s: its latency in the profile, > 0;
 * latency_s: measured, >= 0. */
void alert_regimes_update(alert_regimes *r, const alert_constants *c, const alert_mixture *forecast,
                          double profiled_s, double latency_s);
/* How long the next input runs. */
void alert_regimes_forecast(const alert_regimes *r, const alert_constants *c, alert_mixture *out);
/* Mean slowdown of regime 1 where it is met nearly always, or else of regime 0. */
double alert_regimes_usual(const alert_regimes *r);
/* Divides all slowdowns by the square root of that of the quieter regime, and returns it. Its level moves with the noise of
 * single inputs; half of the way keeps most of that out of a profile. */
double alert_regimes_set_quiet(alert_regimes *r);
/* Every number is within its bounds. */
bool alert_regimes_are_sane(const alert_regimes *r);

#endif
