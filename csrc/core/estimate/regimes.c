#include "core/estimate/regimes.h"

#include <math.h>

#include "core/estimate/student.h"
#include "core/ranges.h"

/* fmin() and fmax() of numbers that are not NaN: without a call. */
static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double level_within(double level)
{
    return alert_clamp(level, 1.0 / ALERT_RATIO_MAX, ALERT_RATIO_MAX);
}

static double spread_within(double spread)
{
    return alert_clamp(spread, ALERT_SPREAD_MIN, ALERT_SPREAD_MAX);
}

static alert_regime supposed(const alert_constants *c, double level)
{
    return (alert_regime){.level = level_within(level * c->other_level),
                          .spread = spread_within(c->other_spread)};
}

void alert_regimes_init(alert_regimes *r, const alert_constants *c)
{
    *r = (alert_regimes){
        .now = {.level = 1.0, .spread = spread_within(c->spread_0), .inputs = 1.0},
        .other = supposed(c, 1.0),
        .changes = c->change_rate * c->change_inputs,
        .inputs = c->change_inputs,
    };
}

static double change_rate(const alert_regimes *r)
{
    return r->changes / r->inputs;
}

void alert_regimes_forecast(const alert_regimes *r, alert_mixture *out)
{
    double other = r->in_other + change_rate(r) * (1.0 - 2.0 * r->in_other);
    alert_mixture_set(out, other, (double[]){r->now.level, r->other.level},
                      (double[]){r->now.spread, r->other.spread});
}

static void count(alert_regimes *r, double changes)
{
    r->inputs += 1.0;
    r->changes = smaller(r->changes + changes, r->inputs); /* rounding would let a rate of 1 grow */
    if (r->inputs > ALERT_CHANGE_MEMORY) {
        r->inputs *= 0.5;
        r->changes *= 0.5;
    }
}

/* Neither regime explains this slowdown. */
static void meet_outlier(alert_regimes *r, const alert_constants *c, double x)
{
    double first = r->outlier;
    bool again = first > 0.0 && (first > r->now.level) == (x > r->now.level) &&
                 larger(x, first) < ALERT_SAME_LEVEL * smaller(x, first);
    r->outlier = again ? 0.0 : x;
    count(r, again ? 1.0 : 0.0);
    if (!again)
        return;
    r->other = r->now;
    r->now.level = level_within(sqrt(x * first));
    r->now.spread = larger(r->now.spread, spread_within(c->spread_0));
    r->now.inputs = 2.0;
    r->in_other = 0.0;
}

/* max(1 / inputs, gain), at most `most`; without a division once 1 / inputs has fallen below the gain. */
static double gain_of(double inputs, double gain, double most)
{
    if (inputs * gain < 1.0)
        gain = 1.0 / inputs;
    return smaller(gain, most);
}

static void learn(alert_regime *k, const alert_constants *c, double share, double z)
{
    k->inputs += share;
    double level_gain = gain_of(k->inputs, c->level_gain, 0.5);
    double spread_gain = gain_of(k->inputs, c->spread_gain, 0.2);
    z = alert_clamp(z, -ALERT_Z_CUT, ALERT_Z_CUT);
    /* a share of an extreme z is next to nothing; a level cannot fall below a tenth of itself at once */
    k->level = level_within(k->level * larger(1.0 + share * (level_gain * k->spread * z), 0.1));
    k->spread = spread_within(k->spread * (1.0 + share * (spread_gain * (fabs(z) - 1.0))));
}

static void rearrange(alert_regimes *r, const alert_constants *c)
{
    if (r->in_other > 0.5) {
        alert_regime swap = r->now;
        r->now = r->other;
        r->other = swap;
        r->in_other = 1.0 - r->in_other;
    }
    double apart = r->other.level / r->now.level;
    bool one = apart < ALERT_ONE_LEVEL && apart > 1.0 / ALERT_ONE_LEVEL;
    if (one)
        r->in_other = 0.0;
    if (one || r->other.inputs == 0.0)
        r->other = supposed(c, r->now.level);
}

void alert_regimes_update(alert_regimes *r, const alert_constants *c, const alert_mixture *forecast,
                          double ratio)
{
    double x = level_within(ratio), z[2], thin[2], dense[2];
    for (int k = 0; k < 2; k++) {
        z[k] = alert_mixture_z(forecast, k, x);
        thin[k] = alert_student_thinness(z[k]);
        dense[k] = x * forecast->scale[k];
    }
    /* the densities f_k = dense_k / thin_k, over one denominator: several divisions in a row take long */
    double w = r->in_other, both = thin[0] * thin[1];
    double now = dense[0] * thin[1], other = dense[1] * thin[0];
    double in_other = forecast->other * other, either = (1.0 - forecast->other) * now + in_other;
    if (!(either >= c->outlier * both)) {
        meet_outlier(r, c, x);
        return;
    }
    r->outlier = 0.0;
    double share = 1.0 / either;
    count(r, change_rate(r) * ((1.0 - w) * other + w * now) * share);
    r->in_other = in_other * share;
    learn(&r->now, c, 1.0 - r->in_other, z[0]);
    if (r->in_other > 0.01)
        learn(&r->other, c, r->in_other, z[1]);
    rearrange(r, c);
}

static bool regime_is_sane(const alert_regime *k)
{
    return k->level >= 1.0 / ALERT_RATIO_MAX && k->level <= ALERT_RATIO_MAX &&
           k->spread >= ALERT_SPREAD_MIN && k->spread <= ALERT_SPREAD_MAX && k->inputs >= 0.0 &&
           isfinite(k->inputs);
}

bool alert_regimes_are_sane(const alert_regimes *r)
{
    return regime_is_sane(&r->now) && regime_is_sane(&r->other) && r->in_other >= 0.0 &&
           r->in_other <= 0.5 && r->inputs > 0.0 && isfinite(r->inputs) && r->changes >= 0.0 &&
           r->changes <= r->inputs && r->outlier >= 0.0 && r->outlier <= ALERT_RATIO_MAX;
}
