/*
 * table.h - internal: a table of positive numbers, learnt from single cells, noisy and few. [ours]
 *
 * Latencies (s) of models under caps are a product, to a few percent: of one number for the model and one for the cap. So
 * their logarithms are a sum:
 *
 *     ln y_ij = c + a_i + g u_j + h_j,        u_j = ln(highest finite cap / cap_j),  0 where there is no cap
 *
 *     c    all cells           a_i  model i
 *     g    a power law of the caps          h_j  cap j beside the law
 *
 * The d = 2 + N + M numbers are jointly normal, with mean m and covariance P. A cell is x' m, with variance x' P x: x has
 * four entries that are not 0. A run of the cell that took y, with variance v of ln y, moves them (Kalman; Sherman and
 * Morrison):
 *
 *     off = ln y - x' m;  where x' P x < v, cut at ALERT_TABLE_CUT sqrt(x' P x + v)
 *     m  += P x off / (x' P x + v),       P -= P x (P x)' / (x' P x + v),       P_aa += max(ALERT_TABLE_LEAST - x' P x, 0)
 *
 * One run of a model tells of the model under every cap, and of every model under this cap. The last term
 * keeps a cell that has been run often able to learn.
 *
 * The prior is a guess: m follows from the guessed table, and P is diagonal, with the squares of table_scale (c),
 * table_size (a), table_exponent (g) and table_cap (h).
 */
#ifndef ALERT_TABLE_H
#define ALERT_TABLE_H

#include "core/profile.h"

/* Deviations by which one run of a cell that is known may be off at most. */
#define ALERT_TABLE_CUT 4.0
/* Variance of a cell that is left after many runs. */
#define ALERT_TABLE_LEAST 1e-4
/* Models and caps together: P has the square of that. */
#define ALERT_TABLE_MAX 2000
/* Logarithms of numbers from 1e-30 to 1e30. */
#define ALERT_TABLE_LOG_MAX 69.0
/* Of a guess. */
#define ALERT_TABLE_EXPONENT_MAX 10.0
/* Entries of m and P are kept within these. */
#define ALERT_TABLE_MEAN_MAX     300.0
#define ALERT_TABLE_VARIANCE_MAX 1e12
/* A smaller variance of a cell counts as this. */
#define ALERT_TABLE_VARIANCE_MIN 1e-30

/* The arrays belong to somebody else. */
typedef struct alert_table {
    size_t models, caps;
    const double *u;    /* M */
    double *mean;       /* d: c, g, a, h */
    double *covariance; /* d x d, symmetric */
    double *gain;       /* room for d */
} alert_table;

static inline size_t alert_table_size(size_t models, size_t caps)
{
    return 2 + models + caps;
}

/* Starts from a guess, N x M; finite, > 0. */
void alert_table_start(alert_table *t, const alert_constants *c, const double *guess);
/* ln y of a cell. */
double alert_table_log(const alert_table *t, size_t model, size_t cap);
/* Its variance, > 0. */
double alert_table_variance(const alert_table *t, size_t model, size_t cap);
/* A run of a cell; variance >= 0. */
void alert_table_update(alert_table *t, size_t model, size_t cap, double log_y, double variance);
/* Adds to the logarithms of all cells. */
void alert_table_scale(alert_table *t, double log_factor);
/* Whether the numbers of such a table, mean and covariance one after the other and unaligned, are within their bounds. */
bool alert_table_is_sane(const alert_table *t, const void *numbers);

#endif
