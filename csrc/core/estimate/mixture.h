/*
 * mixture.h - internal: the slowdown of the next input as a mixture of two Student distributions.
 *
 *     Pr[xi <= x] = sum over k of weight_k F4(z_k),   z_k = (x / level_k - 1) / spread_k
 *
 * F4: see student.h. A spread is a mean absolute deviation, as a share of the level.
 */
#ifndef ALERT_MIXTURE_H
#define ALERT_MIXTURE_H

#include "core/estimate/student.h"

typedef struct alert_mixture {
    double other;    /* weight_1; weight_0 is the rest of 1 */
    double level[2]; /* > 0 */
    double width[2]; /* level x spread */
    /* z_k = scale_k x - shift_k, with 1 / width_k and 1 / spread_k. A mixture is evaluated more often than made, and
     * a division takes long. */
    double scale[2], shift[2];
} alert_mixture;

static inline void alert_mixture_set(alert_mixture *m, double other, const double level[2],
                                     const double spread[2])
{
    m->other = other;
    for (int k = 0; k < 2; k++) {
        m->level[k] = level[k];
        m->width[k] = level[k] * spread[k];
        m->scale[k] = 1.0 / m->width[k];
        m->shift[k] = 1.0 / spread[k];
    }
}

static inline double alert_mixture_z(const alert_mixture *m, int k, double x)
{
    return m->scale[k] * x - m->shift[k];
}

static inline double alert_mixture_cdf(const alert_mixture *m, double x)
{
    double p[2];
    for (int k = 0; k < 2; k++)
        p[k] = alert_student_cdf(alert_mixture_z(m, k, x));
    return p[0] + m->other * (p[1] - p[0]);
}

/* A slowdown x in the upper tail. Pr[xi <= x] does not exceed `at_most`: all of the other component may be below. */
static inline double alert_mixture_mark(const alert_mixture *m, double *at_most)
{
    *at_most = 1.0 - (1.0 - m->other) * ALERT_STUDENT_BEYOND_2;
    return m->level[0] + 2.0 * m->width[0];
}

static inline double alert_mixture_mean(const alert_mixture *m)
{
    return m->level[0] + m->other * (m->level[1] - m->level[0]);
}

double alert_mixture_std(const alert_mixture *m);
/* The x with Pr[xi <= x] = p; -infinity for p <= 0. */
double alert_mixture_quantile(const alert_mixture *m, double p);

#endif
