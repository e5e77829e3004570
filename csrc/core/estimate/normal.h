/* normal.h - internal: the standard normal distribution. */
#ifndef ALERT_NORMAL_H
#define ALERT_NORMAL_H

/* From here on Pr[Z <= z] counts as 1 (1.3e-12 is missing). Rounding would make it 1 a little later anyway. With a
 * stated threshold, ties between configurations that are sure to be in time are well defined. */
#define ALERT_Z_CERTAIN 7.0

/* Pr[Z <= z], relative error below 1e-14; 1 for z >= ALERT_Z_CERTAIN. z is not NaN. The last bit of the result may fall
 * where the last bit of z rises. */
double alert_normal_cdf(double z);

/* The z with Pr[Z <= z] = p, relative error about 1e-16; -infinity for p <= 0, ALERT_Z_CERTAIN at
 * most. */
double alert_normal_quantile(double p);

#endif
