/*
 * regimes.h - internal: the slowdown switches between two regimes, and a belief says which one holds. [ours]
 *
 * Other work on the machine comes and goes: the slowdown stays near one level (quiet, say), steps to another, and
 * often steps back. A regime is a level and a spread about it. Two are remembered: the one that holds now, and the
 * other. w is the probability that the last input ran in the other. Between inputs the regimes change places with
 * probability h, so the next input runs in the other with probability
 *
 *     w' = w + h (1 - 2 w),
 *
 * and its slowdown has the distribution of mixture.h with the weights 1 - w', w'. An input has the slowdown x,
 * z_k = (x / level_k - 1) / spread_k, and the density f_k = (x / level_k) f4(z_k) / spread_k of ln x.
 *
 *   The w'_k f_k add up to less than `outlier`, a flat density: neither regime explains the input. It is an outlier,
 *     and nothing is learnt. But a second one in a row, on the same side and within a factor of ALERT_SAME_LEVEL of
 *     the first, is a new regime: its level is their geometric mean, and the regime that held becomes the other.
 *   Else, by Bayes' rule,
 *     w        = w'_1 f_1 / (w'_0 f_0 + w'_1 f_1),     r_0 = 1 - w, r_1 = w
 *     changes += h ((1 - w) f_1 + w f_0) / (w'_0 f_0 + w'_1 f_1),  inputs += 1,  h = changes / inputs  (old w)
 *     inputs_k += r_k
 *     level_k  *= 1 + r_k max(1 / inputs_k, level_gain) spread_k z_k          with |z_k| cut at ALERT_Z_CUT,
 *     spread_k *= 1 + r_k max(1 / inputs_k, spread_gain) (|z_k| - 1)          gains at most 1/2 and 1/5
 *     and the regimes change places when w > 1/2.
 *
 * Two regimes whose levels come within a factor of ALERT_ONE_LEVEL have become one: the other is forgotten. A regime
 * that has not been met is taken to be other_level times as slow as the one that holds.
 *
 *     field               first value                  invariant
 *     now.level           1                            1 / ALERT_RATIO_MAX .. ALERT_RATIO_MAX
 *     now.spread          constants.spread_0           ALERT_SPREAD_MIN .. ALERT_SPREAD_MAX
 *     other.level         constants.other_level        as above
 *     other.spread        constants.other_spread       as above
 *     w                   0                            0 .. 1/2
 *     changes, inputs     constants.change_rate times, and constants.change_inputs
 */
#ifndef ALERT_REGIMES_H
#define ALERT_REGIMES_H

#include "alert.h"
#include "core/estimate/mixture.h"

#define ALERT_Z_CUT      4.0
#define ALERT_SPREAD_MIN 0.005
#define ALERT_SPREAD_MAX 0.4
#define ALERT_SAME_LEVEL 1.65
#define ALERT_ONE_LEVEL  1.16
/* Counts of changes are halved when they stand for so many inputs. */
#define ALERT_CHANGE_MEMORY 1000.0

typedef struct alert_regime {
    double level, spread;
    double inputs; /* that it has explained; 0 while it has not been met */
} alert_regime;

typedef struct alert_regimes {
    alert_regime now, other;
    double in_other;        /* w */
    double changes, inputs; /* counted */
    double outlier;         /* slowdown of the last input where neither explains it; else 0 */
} alert_regimes;

void alert_regimes_init(alert_regimes *r, const alert_constants *c);
/* forecast: that of alert_regimes_forecast(r), under which the input ran; ratio: measured / profiled latency, >= 0,
 * infinity allowed. */
void alert_regimes_update(alert_regimes *r, const alert_constants *c, const alert_mixture *forecast,
                          double ratio);
/* The slowdown of the next input. */
void alert_regimes_forecast(const alert_regimes *r, alert_mixture *out);
/* Every number is within its bounds. */
bool alert_regimes_are_sane(const alert_regimes *r);

#endif
