/*
 * test_posterior.c - a posterior after many ratings, against sums in long double.
 *
 *     test_posterior [RATINGS]
 */
#include <stdlib.h>

#include "core/learning/posterior.h"
#include "core/learning/random.h"
#include "expect.h"

enum { N = ALERT_WEIGHTS_MAX };

typedef struct sums {
    long double matrix[N][N], vector[N];
} sums;

static double entry(const alert_posterior *p, size_t i, size_t j)
{
    return j > i ? 0.0 : p->root[i * (i + 1) / 2 + j];
}

/* A = L L^T, and A m = b. */
static void check(const alert_posterior *p, const alert_prior *prior, const sums *s)
{
    for (size_t i = 0; i < N; i++) {
        long double rest = s->vector[i];
        EXPECT(entry(p, i, i) >= sqrt(prior->ratings) * (1.0 - 1e-9));
        for (size_t j = 0; j < N; j++) {
            long double product = 0.0L;
            for (size_t k = 0; k < N; k++)
                product += (long double)entry(p, i, k) * entry(p, j, k);
            EXPECT(fabsl(product - s->matrix[i][j]) <= 1e-9L * s->matrix[0][0]);
            rest -= s->matrix[i][j] * p->mean[j];
        }
        EXPECT(fabsl(rest) <= 1e-8L * s->matrix[0][0]);
    }
    EXPECT(alert_posterior_is_sane(p, prior));
}

static void add(sums *s, const double *x, double score)
{
    for (size_t i = 0; i < N; i++) {
        s->vector[i] += (long double)x[i] * score;
        for (size_t j = 0; j <= i; j++)
            s->matrix[j][i] = s->matrix[i][j] += (long double)x[i] * x[j];
    }
}

static void stays_positive(size_t ratings)
{
    alert_prior prior = {.weights = N, .ratings = 20.0, .published = 0.7};
    alert_posterior p;
    sums s = {.vector = {20.0L * prior.published}};
    uint64_t random = 1;
    alert_posterior_start(&p, &prior);
    for (size_t i = 0; i < N; i++)
        s.matrix[i][i] = 20.0L;
    for (size_t n = 0; n < ratings; n++) {
        double x[N] = {1.0}, score = (double)(alert_random_next(&random) >> 63);
        for (size_t i = 1; i < N; i++) /* the last two are nearly the same */
            x[i] = i == N - 1 ? x[i - 1] * (1.0 + 1e-6 * (double)(n % 3))
                              : (double)(alert_random_next(&random) >> 11) * 0x1p-52 - 1.0;
        alert_posterior_learn(&p, &prior, x, score);
        add(&s, x, score);
    }
    check(&p, &prior, &s);
}

static void forgets_everything_without_ratings(void)
{
    alert_prior prior = {.weights = 3, .ratings = 20.0, .published = 0.7};
    alert_posterior p, first;
    const double x[] = {1.0, 0.5, -0.5};
    alert_posterior_start(&first, &prior);
    p = first;
    for (size_t n = 0; n < 1000; n++)
        alert_posterior_learn(&p, &prior, x, 0.0);
    for (size_t n = 0; n < 2000; n++)
        alert_posterior_forget(&p, &prior, 0.98);
    for (size_t i = 0; i < 3; i++)
        EXPECT_NEAR(p.mean[i], first.mean[i], 1e-9);
    EXPECT_NEAR(alert_posterior_variance(&p, &prior, x),
                alert_posterior_variance(&first, &prior, x), 1e-9);
}

/* Each number is within its bounds, but the inverse is not: learning would lead to NaN. */
static void numbers_that_no_rating_leads_to_are_not_sane(void)
{
    alert_prior prior = {.weights = N, .ratings = 20.0, .published = 0.7};
    alert_posterior p;
    alert_posterior_start(&p, &prior);
    EXPECT(alert_posterior_is_sane(&p, &prior));
    for (size_t i = 1; i < N; i++)
        p.root[i * (i + 1) / 2 + i - 1] = 1e12;
    EXPECT(!alert_posterior_is_sane(&p, &prior));
}

static void draws_have_its_moments(void)
{
    enum { DRAWS = 200000 };
    alert_prior prior = {.weights = 2, .ratings = 5.0, .published = 0.7};
    alert_posterior p;
    const double x[] = {1.0, 0.8}, at[] = {1.0, -0.3};
    uint64_t random = 7;
    double sum = 0.0, squares = 0.0;
    alert_posterior_start(&p, &prior);
    for (size_t n = 0; n < 10; n++)
        alert_posterior_learn(&p, &prior, x, 0.2);
    for (size_t n = 0; n < DRAWS; n++) {
        double theta[2];
        alert_posterior_draw(&p, &prior, &random, theta);
        double drawn = theta[0] * at[0] + theta[1] * at[1];
        sum += drawn / DRAWS;
        squares += drawn * drawn / DRAWS;
    }
    double variance = alert_posterior_variance(&p, &prior, at);
    EXPECT_NEAR(sum, alert_posterior_mean(&p, &prior, at), 4.0 * sqrt(variance / DRAWS));
    EXPECT_NEAR(squares - sum * sum, variance, 0.02 * variance);
}

int main(int argc, char **argv)
{
    stays_positive(argc > 1 ? (size_t)atol(argv[1]) : 20000);
    forgets_everything_without_ratings();
    numbers_that_no_rating_leads_to_are_not_sane();
    draws_have_its_moments();
    return expect_failures > 0;
}
