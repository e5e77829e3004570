#include "core/learning/posterior.h"

#include <math.h>

#include "core/learning/random.h"

/* Beyond any weight, and any root of a sum over 1e18 ratings. */
#define NUMBER_MAX 1e13
/* Of a variance; large where contexts are all but the same. No product of numbers overflows below it. */
#define ROUNDING 1e6

static size_t at(size_t i, size_t j)
{
    return i * (i + 1) / 2 + j;
}

void alert_posterior_start(alert_posterior *p, const alert_prior *prior)
{
    *p = (alert_posterior){.mean = {prior->published}};
    for (size_t i = 0; i < prior->weights; i++)
        p->root[at(i, i)] = sqrt(prior->ratings);
}

/* L becomes the root of L L^T + v v^T; v becomes 0. */
static void add(alert_posterior *p, size_t weights, double *v)
{
    for (size_t j = 0; j < weights; j++) {
        double before = p->root[at(j, j)], after = hypot(before, v[j]);
        double cosine = before / after, sine = v[j] / after;
        p->root[at(j, j)] = after;
        for (size_t i = j + 1; i < weights; i++) {
            double entry = p->root[at(i, j)];
            p->root[at(i, j)] = cosine * entry + sine * v[i];
            v[i] = cosine * v[i] - sine * entry;
        }
    }
}

/* v becomes L^-1 v. */
static void solve_down(const alert_posterior *p, size_t weights, double *v)
{
    for (size_t i = 0; i < weights; i++) {
        for (size_t j = 0; j < i; j++)
            v[i] -= p->root[at(i, j)] * v[j];
        v[i] /= p->root[at(i, i)];
    }
}

/* v becomes L^-T v. */
static void solve_up(const alert_posterior *p, size_t weights, double *v)
{
    for (size_t i = weights; i-- > 0;) {
        for (size_t j = i + 1; j < weights; j++)
            v[i] -= p->root[at(j, i)] * v[j];
        v[i] /= p->root[at(i, i)];
    }
}

static void copy(double *to, const double *from, size_t weights)
{
    for (size_t i = 0; i < weights; i++)
        to[i] = from[i];
}

/* m += A^-1 v */
static void move(alert_posterior *p, size_t weights, double *v)
{
    solve_down(p, weights, v);
    solve_up(p, weights, v);
    for (size_t i = 0; i < weights; i++)
        p->mean[i] += v[i];
}

void alert_posterior_learn(alert_posterior *p, const alert_prior *prior, const double *x,
                           double score)
{
    double v[ALERT_WEIGHTS_MAX], off = score - alert_posterior_mean(p, prior, x);
    copy(v, x, prior->weights);
    add(p, prior->weights, v);
    for (size_t i = 0; i < prior->weights; i++)
        v[i] = x[i] * off;
    move(p, prior->weights, v);
}

void alert_posterior_forget(alert_posterior *p, const alert_prior *prior, double keep)
{
    double back = (1.0 - keep) * prior->ratings;
    for (size_t k = 0; k < ALERT_TRIANGLE; k++)
        p->root[k] *= sqrt(keep);
    for (size_t i = 0; i < prior->weights; i++) {
        double v[ALERT_WEIGHTS_MAX] = {0.0};
        v[i] = sqrt(back);
        add(p, prior->weights, v);
    }
    double v[ALERT_WEIGHTS_MAX];
    for (size_t i = 0; i < prior->weights; i++)
        v[i] = back * ((i == 0 ? prior->published : 0.0) - p->mean[i]);
    move(p, prior->weights, v);
}

double alert_posterior_mean(const alert_posterior *p, const alert_prior *prior, const double *x)
{
    double sum = 0.0;
    for (size_t i = 0; i < prior->weights; i++)
        sum += p->mean[i] * x[i];
    return sum;
}

double alert_posterior_variance(const alert_posterior *p, const alert_prior *prior, const double *x)
{
    double v[ALERT_WEIGHTS_MAX], sum = 0.0;
    copy(v, x, prior->weights);
    solve_down(p, prior->weights, v);
    for (size_t i = 0; i < prior->weights; i++)
        sum += v[i] * v[i];
    return ALERT_RATING_VARIANCE * sum;
}

/* L^-T z has the covariance A^-1 where the numbers of z are independent. */
void alert_posterior_draw(const alert_posterior *p, const alert_prior *prior, uint64_t *random,
                          double *theta)
{
    for (size_t i = 0; i < prior->weights; i++)
        theta[i] = sqrt(ALERT_RATING_VARIANCE) * alert_random_normal(random);
    solve_up(p, prior->weights, theta);
    for (size_t i = 0; i < prior->weights; i++)
        theta[i] += p->mean[i];
}

/* A >= A0: no weight is less certain than before any rating, up to rounding. */
static bool is_certain_enough(const alert_posterior *p, const alert_prior *prior)
{
    double most = ROUNDING * ALERT_RATING_VARIANCE / prior->ratings;
    for (size_t i = 0; i < prior->weights; i++) {
        double x[ALERT_WEIGHTS_MAX] = {0.0};
        x[i] = 1.0;
        if (!(alert_posterior_variance(p, prior, x) <= most))
            return false;
    }
    return true;
}

/* A grows from A0, so no diagonal entry of L is below the root of the prior. */
bool alert_posterior_is_sane(const alert_posterior *p, const alert_prior *prior)
{
    for (size_t i = 0; i < ALERT_WEIGHTS_MAX; i++)
        if (!(fabs(p->mean[i]) <= NUMBER_MAX))
            return false;
    for (size_t k = 0; k < ALERT_TRIANGLE; k++)
        if (!(fabs(p->root[k]) <= NUMBER_MAX))
            return false;
    for (size_t i = 0; i < prior->weights; i++)
        if (!(p->root[at(i, i)] >= 0.999 * sqrt(prior->ratings)))
            return false;
    return is_certain_enough(p, prior);
}
