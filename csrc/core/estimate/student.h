/*
 * student.h - internal: Student's t distribution with four degrees of freedom.
 *
 * Bell-shaped in the middle, heavy in the tails (a million times heavier than the normal one at 6), and the
 * one of the family with density, integral and quantile in closed form. With u = z / sqrt(1 + z^2 / 4):
 *
 *     density   3/8 (1 + z^2/4)^(-5/2)
 *     integral  (2 + u)^2 (4 - u) / 32
 *     quantile  2 v / sqrt(1 - v^2),  v = 2 sin(asin(2 p - 1) / 3)
 *
 * Its mean absolute value is 1, its variance 2. (The quantile solves 3 v - v^3 = 2 (2 p - 1), v = u/2, by
 * the sine of the triple angle.)
 */
#ifndef ALERT_STUDENT_H
#define ALERT_STUDENT_H

#include <math.h>

/* From here on Pr[Z <= z] counts as 1 (1.4e-4 is missing): an accuracy goal equal to a model's accuracy can be met. */
#define ALERT_STUDENT_CERTAIN 12.0

/* Density at a / b, for b > 0: 3/8 b^5 / alert_student_thinness(a, b). */
static inline double alert_student_thinness(double a, double b)
{
    double w = b * b + 0.25 * a * a;
    return w * w * sqrt(w);
}

/* No less than is missing there. */
#define ALERT_STUDENT_MISSING 1.5e-4

/* The integral up to a / b, for b > 0. */
static inline double alert_student_below(double a, double b)
{
    double u = a / sqrt(b * b + 0.25 * a * a), from_below = 2.0 + u;
    return from_below * from_below * (0.125 - 0.03125 * u);
}

/* Pr[Z <= a / b], for b > 0; 1 where a / b >= ALERT_STUDENT_CERTAIN. a may be infinite. */
static inline double alert_student_cdf(double a, double b)
{
    double p = alert_student_below(a, b);
    return a < ALERT_STUDENT_CERTAIN * b ? p : 1.0;
}

/* The z with Pr[Z <= z] = p <= 1; ALERT_STUDENT_CERTAIN at most, -infinity for p <= 0. */
static inline double alert_student_quantile(double p)
{
    if (p <= 0.0)
        return -HUGE_VAL;
    double v = 2.0 * sin(asin(2.0 * p - 1.0) / 3.0);
    return fmin(2.0 * v / sqrt(1.0 - v * v), ALERT_STUDENT_CERTAIN);
}

#endif
