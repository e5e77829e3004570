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

/* Regime 1 counts as never met. */
static void suppose_other(alert_regimes *r, const alert_constants *c)
{
    r->k[1].level = level_within(r->k[0].level * c->other_level);
    r->k[1].spread = spread_within(c->other_spread);
    r->k[1].inputs = 0.0;
}

static void forget_changes(alert_regime *k, const alert_constants *c)
{
    k->left = c->change_rate * c->change_inputs;
    k->stayed = c->change_inputs;
}

void alert_regimes_init(alert_regimes *r, const alert_constants *c)
{
    *r = (alert_regimes){
        .k[0] = {.level = 1.0, .spread = spread_within(c->spread_0), .inputs = 1.0}};
    suppose_other(r, c);
    forget_changes(&r->k[0], c);
    forget_changes(&r->k[1], c);
}

static double rate_of(const alert_regime *k)
{
    return k->left / k->stayed;
}

void alert_regimes_forecast(const alert_regimes *r, bool grants_certain, alert_mixture *out)
{
    double w = r->in_other;
    double next = w * (1.0 - rate_of(&r->k[1])) + (1.0 - w) * rate_of(&r->k[0]);
    alert_mixture_set(out, next, (double[]){r->k[0].level, r->k[1].level},
                      (double[]){r->k[0].spread, r->k[1].spread});
    out->kept = 1.0 - r->broken;
    out->certain = grants_certain ? 1.0 : out->kept;
}

void alert_regimes_calibrate(alert_regimes *r, const alert_constants *c, double promised, bool done)
{
    double broken = r->broken + c->broken_gain * (promised - (done ? 1.0 : 0.0));
    if (promised > 0.5)
        r->broken = alert_clamp(broken, 0.0, ALERT_BROKEN_MAX);
}

/* A rate never falls so low that a change would not be believed: at least the changes assumed at the start are left. */
static void count(alert_regime *k, const alert_constants *c, double left, double stayed)
{
    k->stayed += stayed;
    k->left = smaller(k->left + left, k->stayed); /* rounding would let a rate of 1 grow */
    if (k->stayed > ALERT_CHANGE_MEMORY) {
        k->stayed *= 0.5;
        k->left = smaller(larger(0.5 * k->left, c->change_rate * c->change_inputs), k->stayed);
    }
}

/* No regime explains this slowdown. */
static void meet_outlier(alert_regimes *r, const alert_constants *c, double x)
{
    double first = r->outlier, most = larger(x, first), least = smaller(x, first);
    bool again = first > 0.0 && most < ALERT_SAME_LEVEL * least;
    r->outlier = again ? 0.0 : x;
    if (!again)
        return;
    int new = r->in_other > 0.5 ? 0 : 1;
    alert_regime *k = &r->k[new];
    k->level = level_within(sqrt(x * first));
    k->spread = larger(spread_within(c->spread_0), spread_within(0.5 * log(most / least)));
    k->inputs = 2.0;
    forget_changes(k, c);
    count(&r->k[1 - new], c, 1.0, 1.0);
    r->in_other = (double)new;
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
    double low = smaller(r->k[0].level, r->k[1].level), high = larger(r->k[0].level, r->k[1].level);
    bool one = high < ALERT_ONE_LEVEL * low;
    if (one && r->in_other > 0.5) {
        r->k[0].level = r->k[1].level;
        r->k[0].spread = r->k[1].spread;
        r->k[0].inputs = r->k[1].inputs;
    }
    if (one)
        r->in_other = 0.0;
    if (one || r->k[1].inputs == 0.0)
        suppose_other(r, c);
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
    double both = thin[0] * thin[1], f[2] = {dense[0] * thin[1], dense[1] * thin[0]};
    double in_other = forecast->other * f[1], either = (1.0 - forecast->other) * f[0] + in_other;
    if (!(either >= c->outlier * both)) {
        meet_outlier(r, c, x);
        return;
    }
    r->outlier = 0.0;
    double share = 1.0 / either, was[2] = {1.0 - r->in_other, r->in_other};
    for (int k = 0; k < 2; k++) {
        double leaves = was[k] * rate_of(&r->k[k]);
        double left = leaves * f[1 - k], stayed = (was[k] - leaves) * f[k];
        count(&r->k[k], c, left * share, (left + stayed) * share);
    }
    r->in_other = smaller(in_other * share, 1.0); /* rounding */
    if (r->in_other > 0.5 && r->k[1].inputs == 0.0) {
        r->k[1].level = x;
        z[1] = 0.0;
    }
    if (r->in_other <= 0.99)
        learn(&r->k[0], c, 1.0 - r->in_other, z[0]);
    if (r->in_other >= 0.01)
        learn(&r->k[1], c, r->in_other, z[1]);
    rearrange(r, c);
}

static bool regime_is_sane(const alert_regime *k)
{
    return k->level >= 1.0 / ALERT_RATIO_MAX && k->level <= ALERT_RATIO_MAX &&
           k->spread >= ALERT_SPREAD_MIN && k->spread <= ALERT_SPREAD_MAX && k->inputs >= 0.0 &&
           isfinite(k->inputs) && k->stayed > 0.0 && isfinite(k->stayed) && k->left >= 0.0 &&
           k->left <= k->stayed;
}

bool alert_regimes_are_sane(const alert_regimes *r)
{
    return regime_is_sane(&r->k[0]) && regime_is_sane(&r->k[1]) && r->in_other >= 0.0 &&
           r->in_other <= 1.0 && r->broken >= 0.0 && r->broken <= ALERT_BROKEN_MAX &&
           r->outlier >= 0.0 && r->outlier <= ALERT_RATIO_MAX;
}
