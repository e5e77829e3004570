#include "core/estimate/normal.h"

#include <math.h>

static const double SQRT_HALF = 0.70710678118654752440;

/* Coefficients from the constant term up. */
static inline double polynomial(int degree, const double *coefficient, double x)
{
    double sum = coefficient[degree];
    for (int i = degree - 1; i >= 0; i--)
        sum = sum * x + coefficient[i];
    return sum;
}

/* exp(-z^2/2) N(|z|) / D(|z|) is the tail beyond |z|: N / D approximates exp(z^2/2) Pr[Z > z] on [0, 7], with a
 * relative error of 5e-16. tests/support/fit_normal.py fits the coefficients. (libm's erfc() takes another path for
 * each of four ranges, and a processor cannot foresee in which the next z is: 20 ns.) */
double alert_normal_cdf(double z)
{
    static const double n[8] = {
        5.0000000000000000000e-1, 5.9768840635868849888e-1, 3.5626454376326361867e-1,
        1.3097858506353156396e-1, 3.1629933691306460178e-2, 4.9914035640211736072e-3,
        4.7745132132978232948e-4, 2.1540451070475115315e-5,
    };
    static const double d[9] = {
        1.0000000000000000000e0,  1.9932613735201956063e0,  1.8029215631046709911e0,
        9.6981128315356890044e-1, 3.4072736087578395529e-1, 8.0480657932827707959e-2,
        1.2565617514461755702e-2, 1.1967920383331214154e-3, 5.3993917751322915447e-5,
    };
    if (z >= ALERT_Z_CERTAIN)
        return 1.0;
    if (z < -ALERT_Z_CERTAIN)
        return 0.5 * erfc(-z * SQRT_HALF);
    double distance = fabs(z);
    double tail = exp(-0.5 * z * z) * polynomial(7, n, distance) / polynomial(8, d, distance);
    return z < 0.0 ? tail : 1.0 - tail;
}

static double ratio(const double numerator[8], const double denominator[8], double x)
{
    return polynomial(7, numerator, x) / polynomial(7, denominator, x);
}

/* Rational approximations of Wichura, "Algorithm AS 241: The Percentage Points of the Normal
 * Distribution", Applied Statistics 37 (1988) 477-484, routine PPND16: one for |p - 1/2| <= 0.425,
 * two for the tails. */
double alert_normal_quantile(double p)
{
    static const double a[8] = {
        3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
        1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
        3.3430575583588128105e4, 2.5090809287301226727e3,
    };
    static const double b[8] = {
        1.0000000000000000000e0, 4.2313330701600911252e1, 6.8718700749205790830e2,
        5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
        2.8729085735721942674e4, 5.2264952788528545610e3,
    };
    static const double c[8] = {
        1.42343711074968357734e0,  4.63033784615654529590e0,  5.76949722146069140550e0,
        3.64784832476320460504e0,  1.27045825245236838258e0,  2.41780725177450611770e-1,
        2.27238449892691845833e-2, 7.74545014278341407640e-4,
    };
    static const double d[8] = {
        1.0000000000000000000e0,   2.05319162663775882187e0,  1.67638483018380384940e0,
        6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
        5.47593808499534494600e-4, 1.05075007164441684324e-9,
    };
    static const double e[8] = {
        6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
        2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
        2.71155556874348757815e-5, 2.01033439929228813265e-7,
    };
    static const double f[8] = {
        1.0000000000000000000e0,   5.99832206555887937690e-1,  1.36929880922735805310e-1,
        1.48753612908506148525e-2, 7.86869131145613259100e-4,  1.84631831751005468180e-5,
        1.42151175831644588870e-7, 2.04426310338993978564e-15,
    };
    if (p <= 0.0)
        return -HUGE_VAL;
    if (p >= 1.0)
        return ALERT_Z_CERTAIN;
    double centred = p - 0.5;
    if (fabs(centred) <= 0.425)
        return centred * ratio(a, b, 0.180625 - centred * centred);
    double r = sqrt(-log(centred < 0.0 ? p : 1.0 - p));
    double tail = r <= 5.0 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5.0);
    return centred < 0.0 ? -tail : fmin(tail, ALERT_Z_CERTAIN);
}
