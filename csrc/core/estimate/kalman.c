#include "core/estimate/kalman.h"

const alert_constants ALERT_CONSTANTS = {
    .alpha = 0.3,       /* [R] */
    .q0 = 0.1,          /* [R] */
    .k0 = 0.5,          /* [R] */
    .mu0 = 1.0,         /* [R] */
    .r = 0.001,         /* [r] */
    .s2_0 = 0.1,        /* [r] */
    .level_gain = 0.15, /* [ours], as all below; docs/method.md has the reasons */
    .spread_gain = 0.015,
    .spread_0 = 0.15,
    .other_level = 2.0,
    .other_spread = 0.15,
    .change_rate = 0.05,
    .change_inputs = 30.0,
    .outlier = 0.0015,
    .price_integral = 0.005,
    .price_gain = 0.75,
    .price_swing = 2.5,
    .price_reserve = 4.0,
    .price_ramp = 30.0,
    .price_margin = 0.0015,
    .price_reach = 2.0,
    .idle_m = 0.01, /* [r] */
    .idle_s = 1e-4, /* [r] */
    .idle_v = 1e-3, /* [r] */
};

alert_constants alert_constants_default(alert_method method)
{
    (void)method; /* each reads its own */
    return ALERT_CONSTANTS;
}

const char *alert_constants_check(const alert_constants *c, const char **expected, double *value)
{
    static const char *const UNIT = "a number from 0 to 1";
    static const char *const POSITIVE = "a number > 0 and <= 1e6";
    const struct {
        const char *name;
        double value;
        bool unit;
    } rules[] = {
        {"alpha", c->alpha, true},
        {"k0", c->k0, true},
        {"level_gain", c->level_gain, true},
        {"spread_gain", c->spread_gain, true},
        {"change_rate", c->change_rate, true},
        {"price_integral", c->price_integral, true},
        {"price_margin", c->price_margin, true},
        {"q0", c->q0, false},
        {"mu0", c->mu0, false},
        {"r", c->r, false},
        {"s2_0", c->s2_0, false},
        {"spread_0", c->spread_0, false},
        {"other_level", c->other_level, false},
        {"other_spread", c->other_spread, false},
        {"change_inputs", c->change_inputs, false},
        {"outlier", c->outlier, false},
        {"price_gain", c->price_gain, false},
        {"price_swing", c->price_swing, false},
        {"price_reserve", c->price_reserve, false},
        {"price_ramp", c->price_ramp, false},
        {"price_reach", c->price_reach, false},
        {"idle_m", c->idle_m, false},
        {"idle_s", c->idle_s, false},
        {"idle_v", c->idle_v, false},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        double v = rules[i].value;
        bool fine = rules[i].unit ? v >= 0.0 && v <= 1.0 : v > 0.0 && v <= ALERT_RATIO_MAX;
        if (!fine) {
            *expected = rules[i].unit ? UNIT : POSITIVE;
            *value = v;
            return rules[i].name;
        }
    }
    return NULL;
}

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
