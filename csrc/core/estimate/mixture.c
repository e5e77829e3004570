#include "core/estimate/mixture.h"

#include <math.h>

/* The quantile lies between those of the parts, or beyond the upper one by its rounding error. Bisection finds it to
 * the last bit that matters: a choice by the quantile is the choice by the probability. */
double alert_mixture_quantile(const alert_mixture *m, double p)
{
    if (p <= 0.0)
        return -HUGE_VAL;
    if (p > m->certain)
        return HUGE_VAL;
    double z = alert_student_quantile(fmin(p / m->kept, 1.0));
    double one = m->level[0] + z * m->width[0], other = m->level[1] + z * m->width[1];
    if (!(m->other > 0.0))
        other = one;
    double low = fmin(one, other), high = fmax(one, other) + 1e-13 * fabs(fmax(one, other));
    for (int i = 0; i < 60 && high - low > 1e-13 * fabs(high); i++) {
        double middle = low + 0.5 * (high - low);
        if (alert_mixture_cdf(m, middle) < p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

void alert_mixture_moments(const alert_mixture *m, double *mean, double *std)
{
    int near = m->other > 0.5, far = 1 - near;
    double weight = far ? m->other : 1.0 - m->other; /* of the far part */
    double level = m->level[far], width = m->width[far], most = ALERT_FAR * m->level[near];
    if (level > most) {
        width *= most / level;
        level = most;
    }
    double gap = level - m->level[near], narrow = m->width[near];
    double within = (1.0 - weight) * narrow * narrow + weight * width * width;
    *mean = m->level[near] + weight * gap;
    *std = sqrt(2.0 * within + (1.0 - weight) * weight * gap * gap);
}
