/*
 * mixture.h - internal: the slowdown of the next input as a mixture of two Student distributions. [ours]
 *
 *     Pr[xi <= x] = (1 - broken) sum over k of weight_k F4(z_k),   z_k = (x / level_k - 1) / spread_k
 *
 * F4: see student.h. A spread is a mean absolute deviation, as a share of the level. What both parts call certain has
 * the probability `certain`.
 */
#ifndef ALERT_MIXTURE_H
#define ALERT_MIXTURE_H

#include "core/estimate/student.h"

/* In the mean and the std, the level of the less likely part counts for at most so many times that of the other: a
 * level that was met once, far away, would spoil every expectation. */
#define ALERT_FAR 4.0

typedef struct alert_mixture {
    double other;    /* weight_1; weight_0 is the rest of 1 */
    double kept;     /* 1 - broken */
    double certain;  /* kept, or 1 */
    double level[2]; /* > 0 */
    double width[2]; /* level x spread */
    /* z_k = scale_k x - shift_k, with 1 / width_k and 1 / spread_k. A mixture is evaluated more often than made, and
     * a division takes long. */
    double scale[2], shift[2];
} alert_mixture;

/* Nothing is broken. */
static inline void alert_mixture_set(alert_mixture *m, double other, const double level[2],
                                     const double spread[2])
{
    m->other = other;
    m->kept = m->certain = 1.0;
    for (int k = 0; k < 2; k++) {
        m->level[k] = level[k];
        m->width[k] = level[k] * spread[k];
        m->scale[k] = 1.0 / m->width[k];
        m->shift[k] = level[k] * m->scale[k];
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
    double both = p[0] + m->other * (p[1] - p[0]);
    return both < 1.0 ? m->kept * both : m->certain;
}

/* A slowdown x in the upper tail of the likelier part. Pr[xi <= x] does not exceed `at_most`: all of the other part may
 * be below. */
static inline double alert_mixture_mark(const alert_mixture *m, double *at_most)
{
    int near = m->other > 0.5; /* the likelier part */
    double weight = near ? m->other : 1.0 - m->other;
    *at_most = m->kept * (1.0 - weight * ALERT_STUDENT_BEYOND_2);
    return m->level[near] + 2.0 * m->width[near];
}

void alert_mixture_moments(const alert_mixture *m, double *mean, double *std);
/* The least x with Pr[xi <= x] >= p; -infinity for p <= 0, infinity where there is none. */
double alert_mixture_quantile(const alert_mixture *m, double p);

#endif
