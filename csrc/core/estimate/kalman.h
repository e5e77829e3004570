/*
 * kalman.h - internal: the two scalar filters that follow the machine.
 *
 * Slowdown filter [R]. One factor xi = measured latency / profiled latency holds for all configurations. A Kalman
 * filter tracks it, with a process noise that adapts to the filter's own corrections. After every input:
 *
 *     y   = t_measured / t_ij - mu                     innovation, for the configuration that ran
 *     Q   = max(Q0, alpha Q + (1 - alpha) (K y_prev)^2)
 *     K'  = ((1 - K) s2 + Q) / ((1 - K) s2 + Q + R)
 *     s2  = (1 - K) s2 + Q                             with the old K
 *     mu  = mu + K' y
 *
 *     symbol   field                 unit   first value        invariant
 *     mu       mean                  1      1       [R]        0 <= mu <= ALERT_RATIO_MAX
 *     s2       variance              1      0.1     [r]        > 0
 *     K        gain                  1      0.5     [R]        0 <= K <= 1
 *     Q        process_noise         1      0.1     [R] (Q0)   >= Q0
 *     y_prev   innovation            1      0
 *     alpha    constants.alpha       1      0.3     [R]
 *     R        constants.r           1      0.001   [r]
 *
 * Then xi t_ij is taken as Normal(mu t_ij, s2 t_ij^2) for every configuration.
 *
 * Idle filter [r]. phi = idle power / power of the configuration that ran, after every idle power
 * reported:
 *
 *     W = (M + S) / (M + S + V);   M = (1 - W) (M + S);   phi = phi + W (phi_measured - phi)
 *
 *     phi      ratio                 1      profile's idle power / power of the configuration that
 *                                           ran when the first idle power was reported
 *     M        variance              1      0.01    [r]
 *     S        constants.idle_s      1      1e-4    [r]
 *     V        constants.idle_v      1      1e-3    [r]
 *
 * Deviation from the paper: a ratio above ALERT_RATIO_MAX counts as ALERT_RATIO_MAX. No measurement can drive a filter
 * to infinity.
 */
#ifndef ALERT_KALMAN_H
#define ALERT_KALMAN_H

#include "core/ranges.h"

typedef struct alert_slowdown_filter {
    double mean, variance, gain, process_noise, innovation;
} alert_slowdown_filter;

void alert_slowdown_filter_init(alert_slowdown_filter *f, const alert_constants *c);
/* ratio: measured / profiled latency, >= 0, infinity allowed. */
void alert_slowdown_filter_update(alert_slowdown_filter *f, const alert_constants *c, double ratio);
/* Every number is within its bounds. */
bool alert_slowdown_filter_is_sane(const alert_slowdown_filter *f);

typedef struct alert_idle_filter {
    double ratio, variance;
    uint64_t reports; /* idle powers reported so far */
} alert_idle_filter;

void alert_idle_filter_init(alert_idle_filter *f, const alert_constants *c);
/* power_w: the profile's power of the configuration that ran; profile_idle_w: the profile's idle
 * power. */
void alert_idle_filter_update(alert_idle_filter *f, const alert_constants *c, double idle_power_w,
                              double power_w, double profile_idle_w);

#endif
