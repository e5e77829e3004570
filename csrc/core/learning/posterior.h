/*
 * posterior.h - internal: what ratings say of the accuracy of one model. [ours]
 *
 * Bayesian linear regression with Gaussian noise, one a model (the "disjoint" model of Li et al. 2010):
 *
 *     score = theta . x + noise,   theta ~ Normal(m, s^2 A^-1)
 *
 *     symbol  meaning                                                         unit
 *     x       1, then the numbers of the context; n of them in all            -
 *     score   of an output, 0..1                                              -
 *     s^2     ALERT_RATING_VARIANCE: variance of a score around the law       -
 *     A       what is known, a symmetric matrix                               ratings
 *     A0, m0  the same before any rating: prior x I; (published accuracy, 0, ..., 0)
 *     L       lower triangle with a positive diagonal, A = L L^T
 *
 * A rating adds to A and moves the mean:
 *
 *     A += x x^T,   m += A^-1 x (score - m . x)
 *
 * L is updated, never A: its columns are turned one after the other until x is 0 (Golub and Van Loan, Matrix Computations,
 * 6.5.4, with a plus). Each diagonal entry is a hypotenuse, so it never falls. A therefore stays symmetric and positive
 * after any number of ratings, and nothing has to be computed anew.
 *
 * Forgetting, where older ratings shall count less, by the factor f a rating:
 *
 *     A' = f A + (1 - f) A0,   m' = m + (1 - f) A'^-1 A0 (m0 - m)
 *
 * Without ratings it leads back to what was published.
 *
 * Influence. A rating moves m . x at its own context by a share h / (1 + h) of the difference, with h = x^T A^-1 x of
 * before. k ratings at one context move it by at most k x.x / (prior + k x.x): k / (prior + k) without a context.
 */
#ifndef ALERT_POSTERIOR_H
#define ALERT_POSTERIOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alert.h"

/* Of a score around its mean: between the 0.25 of a model that is right half of the time, and the 0.16 of one that is
 * right in 4 of 5. */
#define ALERT_RATING_VARIANCE 0.2

enum {
    ALERT_WEIGHTS_MAX = ALERT_CONTEXT_MAX + 1,
    ALERT_TRIANGLE = ALERT_WEIGHTS_MAX * (ALERT_WEIGHTS_MAX + 1) / 2,
};

/* Numbers beyond the n in use are 0. */
typedef struct alert_posterior {
    double mean[ALERT_WEIGHTS_MAX];
    double root[ALERT_TRIANGLE]; /* L, row by row: entry (i, j) is at i (i + 1) / 2 + j */
} alert_posterior;

/* What was known before any rating. */
typedef struct alert_prior {
    size_t weights;   /* n, 1..ALERT_WEIGHTS_MAX */
    double ratings;   /* that the published accuracy counts for, > 0 */
    double published; /* 0..1 */
} alert_prior;

void alert_posterior_start(alert_posterior *p, const alert_prior *prior);
/* x: n finite numbers. score: 0..1. */
void alert_posterior_learn(alert_posterior *p, const alert_prior *prior, const double *x,
                           double score);
/* keep: f, 0..1. */
void alert_posterior_forget(alert_posterior *p, const alert_prior *prior, double keep);

/* m . x; unbounded. */
double alert_posterior_mean(const alert_posterior *p, const alert_prior *prior, const double *x);
/* Variance of theta . x: s^2 x^T A^-1 x. */
double alert_posterior_variance(const alert_posterior *p, const alert_prior *prior,
                                const double *x);
/* One theta at random, its n numbers; `random` is the state of random.h. */
void alert_posterior_draw(const alert_posterior *p, const alert_prior *prior, uint64_t *random,
                          double *theta);

/* Whether the numbers can have come from ratings. */
bool alert_posterior_is_sane(const alert_posterior *p, const alert_prior *prior);

#endif
