/* profile_layout.h - internal: the order of a profile's columns and rows, which follows from what they cost. */
#ifndef ALERT_PROFILE_LAYOUT_H
#define ALERT_PROFILE_LAYOUT_H

#include "core/profile.h"

/* A configuration, while a row is sorted. */
typedef struct alert_column {
    double latency_s, power_w;
    uint32_t cap;
} alert_column;

/* Fills the columns of a row: of latency_s and power_w, the costs of its whole model under the M caps. power_w is NULL
 * where it is unknown. `sorting` is room for M columns. */
void alert_profile_cost_row(alert_profile *p, alert_row *row, const double *latency_s,
                            const double *power_w, alert_column *sorting);
/* Sorts the rows, after their columns have been filled. */
void alert_profile_sort(alert_profile *p);
/* Sorts `accurate` anew, after accuracies have changed. */
void alert_profile_sort_by_accuracy(alert_profile *p);

/* Gives a profile other costs, N x M. */
void alert_profile_cost(alert_profile *p, const double *latency_s, const double *power_w,
                        alert_column *sorting);

#endif
