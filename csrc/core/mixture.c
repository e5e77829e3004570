#include "mixture.h"

#include <math.h>

#include "student.h"

static double cdf_of(const alert_component *c, double x)
{
    return alert_student_cdf((x / c->level - 1.0) / c->spread);
}

double alert_mixture_cdf(const alert_mixture *m, double x)
{
    double p = cdf_of(&m->part[0], x);
    double weight = m->part[1].weight;
    return weight > 0.0 ? p + weight * (cdf_of(&m->part[1], x) - p) : p;
}

/* The quantile lies between those of the components. Bisection, to the last bit that matters: a choice
 * made by the quantile is the choice made by the probability. */
double alert_mixture_quantile(const alert_mixture *m, double p)
{
    double z = alert_student_quantile(p);
    if (!(z > -HUGE_VAL))
        return z;
    double low = m->part[0].level * (1.0 + m->part[0].spread * z);
    double high = m->part[1].level * (1.0 + m->part[1].spread * z);
    if (!(m->part[1].weight > 0.0))
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

void alert_mixture_moments(const alert_mixture *m, double *mean, double *std)
{
    const alert_component *a = &m->part[0], *b = &m->part[1];
    double gap = b->level - a->level;
    double a_scale = a->level * a->spread, b_scale = b->level * b->spread;
    *mean = a->level + b->weight * gap;
    *std = sqrt(2.0 * (a->weight * a_scale * a_scale + b->weight * b_scale * b_scale) +
                a->weight * b->weight * gap * gap);
}
