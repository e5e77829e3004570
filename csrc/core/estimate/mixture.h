/*
 * mixture.h - internal: how long the next input runs, as a mixture of two Student distributions. [ours]
 *
 * A run of profiled latency t takes t xi seconds in part 0, and t xi + N s in part 1. There other work takes turns on the
 * processor: it takes `lost` seconds of each second of the run, in N whole time slices of s seconds,
 *
 *     N = n, or n + 1 with probability f,        n + f = lost t / s,   n = floor(lost t / s)
 *
 * so a short run is spared or late, and a long one always takes longer. The mean slowdown is mean_0 = level_0, and
 * mean_1 = level_1 + lost, whatever t. A spread is a mean absolute deviation, as a share of the mean. With F4 of
 * student.h, where T - N s > 0,
 *
 *     P_k(N) = F4(z_k((T - N s) / t)),     z_k(x) = (x - level_k) / (spread_k mean_k)
 *
 * and P_k(N) = 0 elsewhere, the run is done by T with the probability
 *
 *     Pr = (1 - broken) ((1 - other) P_0(0) + other ((1 - f) P_1(n) + f P_1(n + 1))).
 *
 * It falls along a row, as t rises. What both parts call certain has the probability `certain`.
 */
#ifndef ALERT_MIXTURE_H
#define ALERT_MIXTURE_H

#include "core/estimate/student.h"

/* In the mean and the std, the mean of the less likely part counts for at most so many times that of the other: a
 * level that was met once, far away, would spoil every expectation. */
#define ALERT_FAR 4.0

typedef struct alert_mixture {
    double other;    /* weight of part 1; that of part 0 is the rest of 1 */
    double far;      /* the smaller of the two weights */
    double kept;     /* 1 - broken */
    double certain;  /* kept, or 1 */
    double level[2]; /* > 0 */
    double mean[2];  /* of the slowdown */
    double width[2]; /* mean x spread */
    double slice_s;  /* s, > 0 */
    double slices;   /* lost / s, at most ALERT_SLICES_MAX */
} alert_mixture;

/* A second: keeps the number of slices finite. */
#define ALERT_SLICES_MAX 1e12

/* Nothing is broken. lost >= 0. */
static inline void alert_mixture_set(alert_mixture *m, double other, const double level[2],
                                     const double spread[2], double lost, double slice_s)
{
    double slices = lost / slice_s;
    *m = (alert_mixture){
        .other = other,
        .far = other > 0.5 ? 1.0 - other : other,
        .kept = 1.0,
        .certain = 1.0,
        .level = {level[0], level[1]},
        .mean = {level[0], level[1] + lost},
        .width = {level[0] * spread[0], (level[1] + lost) * spread[1]},
        .slice_s = slice_s,
        .slices = slices < ALERT_SLICES_MAX ? slices : ALERT_SLICES_MAX,
    };
}

/* The likelier part. */
static inline int alert_mixture_near(const alert_mixture *m)
{
    return m->other > 0.5;
}

/* Time slices that a run loses in part 1. */
typedef struct alert_slices {
    double least; /* n */
    double more;  /* f */
} alert_slices;

static inline alert_slices alert_slices_of(const alert_mixture *m, double latency_s)
{
    double all = m->slices * latency_s;
    double least = all < 0x1p52 ? (double)(long long)all : all; /* floor() would be a call */
    return (alert_slices){least, all - least};
}

/* P_k(N), with left_s = T - N s. (z is the quotient of left_s - level t and width t.) */
static inline double alert_mixture_after(const alert_mixture *m, int k, double latency_s,
                                         double left_s)
{
    double p = alert_student_cdf(left_s - m->level[k] * latency_s, m->width[k] * latency_s);
    return left_s > 0.0 ? p : 0.0;
}

/* Probability that a run of profiled latency latency_s is done by the deadline, if it runs in part k. */
static inline double alert_mixture_part(const alert_mixture *m, int k, double latency_s,
                                        double deadline_s)
{
    if (k == 0)
        return alert_mixture_after(m, 0, latency_s, deadline_s);
    alert_slices lost = alert_slices_of(m, latency_s);
    double left_s = deadline_s - lost.least * m->slice_s;
    double least = alert_mixture_after(m, 1, latency_s, left_s);
    double more = alert_mixture_after(m, 1, latency_s, left_s - m->slice_s);
    return least + lost.more * (more - least);
}

/* Of both parts together, with their probabilities. */
static inline double alert_mixture_of(const alert_mixture *m, double near, double far)
{
    double both = near + m->far * (far - near);
    return both < 1.0 ? m->kept * both : m->certain;
}

/* Probability that a run is done by the deadline. */
static inline double alert_mixture_cdf(const alert_mixture *m, double latency_s, double deadline_s)
{
    int near = alert_mixture_near(m);
    return alert_mixture_of(m, alert_mixture_part(m, near, latency_s, deadline_s),
                            alert_mixture_part(m, 1 - near, latency_s, deadline_s));
}

/* No less than the probability that a run is done by the deadline. With the pace 1 / t, it is
 *
 *     min(sure + near F4(z), most),     z = min(per_pace pace - at_0, ALERT_STUDENT_CERTAIN)
 *
 * All of the less likely part may be in time. It has no cases: a processor can work out several at once. */
typedef struct alert_ceiling {
    double per_pace_s, at_0;
    double sure, near, most;
} alert_ceiling;

/* It falls as the pace does. */
static inline double alert_ceiling_at(const alert_ceiling *c, double pace)
{
    double z = c->per_pace_s * pace - c->at_0;
    z = z < ALERT_STUDENT_CERTAIN ? z : ALERT_STUDENT_CERTAIN;
    double p = c->sure + c->near * alert_student_below(z, 1.0);
    return p < c->most ? p : c->most;
}

/* The ceiling that is close to the probability for runs about as long as latency_s. */
alert_ceiling alert_mixture_ceiling(const alert_mixture *m, double latency_s, double deadline_s);
/* Of the slowdown. */
double alert_mixture_mean(const alert_mixture *m);
/* The same; without the variance of the number of slices, which depends on the run. */
double alert_mixture_std(const alert_mixture *m);
/* T / t, for the longest run t that is done by T with probability >= p; -infinity for p <= 0, infinity where there is
 * none. */
double alert_mixture_quantile(const alert_mixture *m, double p, double deadline_s);

#endif
