#include "core/estimate/kalman.h"

/* Also for an infinite ratio. */
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

void alert_idle_filter_init(alert_idle_filter *f, const alert_constants *c)
{
    *f = (alert_idle_filter){.ratio = 0.0, .variance = c->idle_m, .started = false};
}

void alert_idle_filter_update(alert_idle_filter *f, const alert_constants *c, double idle_power_w,
                              double power_w, double profile_idle_w)
{
    if (!f->started) {
        f->ratio = clip(profile_idle_w / power_w);
        f->started = true;
    }
    double predicted = f->variance + c->idle_s;
    double gain = predicted / (predicted + c->idle_v);
    f->variance = (1.0 - gain) * predicted;
    f->ratio += gain * (clip(idle_power_w / power_w) - f->ratio);
}
