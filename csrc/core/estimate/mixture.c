#include "core/estimate/mixture.h"

#include <math.h>

/* The quantile lies between those of the components. Bisection finds it to the last bit that matters: a choice by the
 * quantile is the choice by the probability. */
double alert_mixture_quantile(const alert_mixture *m, double p)
{
    double z = alert_student_quantile(p);
    if (!(z > -HUGE_VAL))
        return z;
    double low = m->level[0] + z * m->width[0];
    double high = m->level[1] + z * m->width[1];
    if (!(m->other > 0.0))
        return low;
    if (low > high) {
        double swap = low;
        low = high;
        high = swap;
    }
    for (int i = 0; i < 60 && high - low > 1e-13 * fabs(high); i++) {
        double middle = low + 0.5 * (high - low);
        if (alert_mixture_cdf(m, middle) < p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double alert_mixture_std(const alert_mixture *m)
{
    double weight[2] = {1.0 - m->other, m->other};
    double gap = m->level[1] - m->level[0], within = 0.0;
    for (int k = 0; k < 2; k++)
        within += weight[k] * m->width[k] * m->width[k];
    return sqrt(2.0 * within + weight[0] * weight[1] * gap * gap);
}
