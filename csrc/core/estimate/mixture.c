#include "core/estimate/mixture.h"

#include <math.h>

/* Less than any level that a quantile is asked for. */
#define SLOWDOWN_MIN 1e-12

/* No run is longer than one that loses no slice. Bisection finds the longest to the last bit that matters: a choice by
 * the quantile is the choice by the probability. */
double alert_mixture_quantile(const alert_mixture *m, double p, double deadline_s)
{
    if (p <= 0.0)
        return -HUGE_VAL;
    if (p > m->certain || !(deadline_s > 0.0))
        return HUGE_VAL;
    double z = alert_student_quantile(fmin(p / m->kept, 1.0));
    double one = m->level[0] + z * m->width[0], other = m->level[1] + z * m->width[1];
    double least = m->other > 0.0 ? fmin(one, other) : one;
    double low = 0.0, high = deadline_s / fmax(least, SLOWDOWN_MIN) * (1.0 + 1e-12);
    for (int i = 0; i < 100 && high - low > 1e-13 * high; i++) {
        double middle = low + 0.5 * (high - low);
        if (alert_mixture_cdf(m, middle, deadline_s) < p)
            high = middle;
        else
            low = middle;
    }
    return low > 0.0 ? deadline_s / low : HUGE_VAL;
}

void alert_mixture_moments(const alert_mixture *m, double *mean, double *std)
{
    int near = m->other > 0.5, far = 1 - near;
    double weight = far ? m->other : 1.0 - m->other; /* of the far part */
    double level = m->mean[far], width = m->width[far], most = ALERT_FAR * m->mean[near];
    if (level > most) {
        width *= most / level;
        level = most;
    }
    double gap = level - m->mean[near], narrow = m->width[near];
    double within = (1.0 - weight) * narrow * narrow + weight * width * width;
    *mean = m->mean[near] + weight * gap;
    *std = sqrt(2.0 * within + (1.0 - weight) * weight * gap * gap);
}
