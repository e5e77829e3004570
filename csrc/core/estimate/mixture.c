#include "core/estimate/mixture.h"

#include <math.h>

#include "core/ranges.h"

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

/* In part 1, more than lost t / s - 1 slices are lost: the time is s longer, and the slowdown that of the mean. Or none is:
 * what is lower at latency_s counts. */
alert_ceiling alert_mixture_ceiling(const alert_mixture *m, double latency_s, double deadline_s)
{
    int near = alert_mixture_near(m);
    double lost = m->slices * m->slice_s, level = m->level[near],
           share = m->certain * (1.0 - m->far);
    if (near == 1 && m->slice_s < lost * latency_s) {
        deadline_s += m->slice_s;
        level += lost;
    }
    return (alert_ceiling){.per_pace_s = deadline_s / m->width[near],
                           .at_0 = level / m->width[near],
                           .sure = m->certain * m->far + share * ALERT_STUDENT_MISSING,
                           .near = share,
                           .most = m->certain};
}

/* The less likely part, as it counts in the moments. */
typedef struct far_part {
    double gap; /* of its mean, above the other's */
    double width;
} far_part;

static far_part far_part_of(const alert_mixture *m)
{
    int near = alert_mixture_near(m), far = 1 - near;
    double level = m->mean[far], width = m->width[far], most = ALERT_FAR * m->mean[near];
    if (level > most) {
        width *= most / level;
        level = most;
    }
    return (far_part){level - m->mean[near], width};
}

double alert_mixture_mean(const alert_mixture *m)
{
    return m->mean[alert_mixture_near(m)] + m->far * far_part_of(m).gap;
}

double alert_mixture_std(const alert_mixture *m)
{
    far_part far = far_part_of(m);
    double narrow = m->width[alert_mixture_near(m)], rest = 1.0 - m->far;
    double within = rest * narrow * narrow + m->far * far.width * far.width;
    return sqrt(2.0 * within + rest * m->far * far.gap * far.gap);
}
