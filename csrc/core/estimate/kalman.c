#include "core/estimate/kalman.h"

/* Process noise is a squared correction. The variance is at most that, plus a share of the variance before. */
#define VARIANCE_MAX (4.0 * ALERT_RATIO_MAX * ALERT_RATIO_MAX)

/* The ratio may be infinite. */
static double clip(double ratio)
{
    return ratio < ALERT_RATIO_MAX ? ratio : ALERT_RATIO_MAX;
}

void alert_slowdown_filter_init(alert_slowdown_filter *f, const alert_constants *c)
{
    *f = (alert_slowdown_filter){.mean = c->mu0,
                                 .variance = c->s2_0,
                                 .gain = c->k0,
                                 .process_noise = c->q0,
                                 .innovation = 0.0};
}

void alert_slowdown_filter_update(alert_slowdown_filter *f, const alert_constants *c, double ratio)
{
    double y = clip(ratio) - f->mean;
    double correction =
        f->gain * f->innovation; /* K y_prev: how far the last input moved the mean */
    double noise = c->alpha * f->process_noise + (1.0 - c->alpha) * correction * correction;
    f->process_noise = noise > c->q0 ? noise : c->q0;
    f->variance = (1.0 - f->gain) * f->variance + f->process_noise;
    f->gain = f->variance / (f->variance + c->r);
    f->mean += f->gain * y;
    f->innovation = y;
}

bool alert_slowdown_filter_is_sane(const alert_slowdown_filter *f)
{
    return f->mean >= 0.0 && f->mean <= ALERT_RATIO_MAX && f->variance > 0.0 &&
           f->variance <= VARIANCE_MAX && f->gain >= 0.0 && f->gain <= 1.0 &&
           f->process_noise > 0.0 && f->process_noise <= VARIANCE_MAX &&
           f->innovation >= -ALERT_RATIO_MAX && f->innovation <= ALERT_RATIO_MAX;
}

void alert_idle_filter_init(alert_idle_filter *f, const alert_constants *c)
{
    *f = (alert_idle_filter){.variance = c->idle_m};
}

void alert_idle_filter_update(alert_idle_filter *f, const alert_constants *c, double idle_power_w,
                              double power_w, double profile_idle_w)
{
    if (f->reports++ == 0)
        f->ratio = clip(profile_idle_w / power_w);
    double predicted = f->variance + c->idle_s;
    double gain = predicted / (predicted + c->idle_v);
    f->variance = (1.0 - gain) * predicted;
    f->ratio += gain * (clip(idle_power_w / power_w) - f->ratio);
}
