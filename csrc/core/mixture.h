/*
 * mixture.h - internal: the slowdown of the next input as a mixture of two Student distributions.
 *
 *     Pr[xi <= x] = sum over k of weight_k F4((x / level_k - 1) / spread_k)
 *
 * F4: see student.h. A spread is a mean absolute deviation, as a share of the level.
 */
#ifndef ALERT_MIXTURE_H
#define ALERT_MIXTURE_H

typedef struct alert_component {
    double weight, level, spread; /* weights add up to 1; level > 0, spread > 0 */
} alert_component;

typedef struct alert_mixture {
    alert_component part[2];
} alert_mixture;

double alert_mixture_cdf(const alert_mixture *m, double x);
/* The x with Pr[xi <= x] = p; -infinity for p <= 0. */
double alert_mixture_quantile(const alert_mixture *m, double p);
void alert_mixture_moments(const alert_mixture *m, double *mean, double *std);

#endif
