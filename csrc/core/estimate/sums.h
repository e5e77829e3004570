/*
 * sums.h - internal: what the exits of a long anytime model gain, each worked out from the exit before. [ours]
 *
 * The expected accuracy of stopping at output k is, by summation by parts of the sum in belief.h,
 *
 *     q_fail (1 - P_0) + G_k,     G_0 = q_0 P_0,     G_k = G_(k-1) + (q_k - q_(k-1)) P_k
 *
 * with the probabilities P_k that output k is in time. So all K exits of a model take K probabilities in each column,
 * instead of K^2 / 2. While P_k = P_0, G_k is q_k P_0: no rounding error keeps a sure output from its accuracy. Outputs that
 * are equally accurate have the same G: stopping at the first of them is an exact tie, which goes to the lower energy.
 *
 * The G of long models are kept for the choice at hand. In a short model they cost less than that.
 */
#ifndef ALERT_SUMS_H
#define ALERT_SUMS_H

#include "core/profile.h"

/* A column of a long model: its power cap, under the belief of the choice at hand. */
typedef struct alert_column_sums {
    size_t known; /* outputs worked out */
    double first; /* P_0 */
    double last;  /* P of the last output worked out */
} alert_column_sums;

/* Of stopping at an output. */
typedef struct alert_sum {
    double gained; /* G */
    double done;   /* probability that an input is done, which may leave before (belief.h) */
} alert_sum;

typedef struct alert_sums {
    size_t columns; /* of all long models; 0 where there is none */
    alert_column_sums *column;
    alert_sum *sum; /* outputs x caps of all long models */
} alert_sums;

int alert_sums_new(alert_sums *sums, const alert_profile *profile) ALERT_MUST_CHECK;
void alert_sums_clear(alert_sums *sums);

/* The belief has changed. */
static inline void alert_sums_forget(alert_sums *sums)
{
    for (size_t c = 0; c < sums->columns; c++)
        sums->column[c].known = 0;
}

#endif
