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
    r->k[1].level = r->k[0].level;
    r->k[1].spread = spread_within(c->other_spread);
    r->k[1].inputs = 0.0;
    r->lost = alert_clamp(c->other_lost, ALERT_LOST_MIN, ALERT_LOST_MAX);
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

void alert_regimes_forecast(const alert_regimes *r, const alert_constants *c, alert_mixture *out)
{
    double w = r->in_other;
    double next = w * (1.0 - rate_of(&r->k[1])) + (1.0 - w) * rate_of(&r->k[0]);
    alert_mixture_set(out, next, (double[]){r->k[0].level, r->k[1].level},
                      (double[]){r->k[0].spread, r->k[1].spread}, r->lost, c->time_slice);
    out->kept = out->certain = 1.0 - r->broken;
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
    if (new == 1)
        r->lost = 0.0;
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

/* x: slowdown; slices: s / t. After the count of inputs. */
static void learn_lost(alert_regimes *r, const alert_constants *c, double share, double x,
                       double slices)
{
    double tells = 1.0 / (1.0 + slices), most = 2.0 + 3.0 * slices;
    double gain = larger(gain_of(r->k[1].inputs, 0.0, 0.5) * tells, c->lost_gain);
    double more = alert_clamp(x - r->k[1].level - r->lost, -most, most);
    r->lost = alert_clamp(r->lost + share * gain * tells * more, ALERT_LOST_MIN, ALERT_LOST_MAX);
}

/* off: x - level - N s / t; mean, width: of the forecast. After the count of inputs. */
static void learn(alert_regime *k, const alert_constants *c, double share, double off, double mean,
                  double width)
{
    double level_gain = gain_of(k->inputs, c->level_gain, 0.5);
    double spread_gain = gain_of(k->inputs, c->spread_gain, 0.2);
    double z_spread = alert_clamp(off, -ALERT_Z_CUT * width, ALERT_Z_CUT * width) / mean;
    /* a share of an extreme z is next to nothing; a level cannot fall below a tenth of itself at once */
    k->level = level_within(k->level * larger(1.0 + share * (level_gain * z_spread), 0.1));
    k->spread = spread_within(k->spread + share * (spread_gain * (fabs(z_spread) - k->spread)));
}

static void rearrange(alert_regimes *r, const alert_constants *c)
{
    double one = r->k[0].level, other = r->k[1].level + r->lost;
    bool alike = larger(one, other) < ALERT_ONE_LEVEL * smaller(one, other);
    if (alike && r->in_other > 0.5) {
        r->k[0].level = level_within(other);
        r->k[0].spread = r->k[1].spread;
        r->k[0].inputs = r->k[1].inputs;
    }
    if (alike)
        r->in_other = 0.0;
    if (alike || r->k[1].inputs == 0.0)
        suppose_other(r, c);
}

/* An input seen from both regimes: z_k width_k, and the densities f_k x 8/3 thin (several divisions in a row take
 * long). */
typedef struct explained {
    double off[2], dense[2], thin;
} explained;

static double fourth_power(double x)
{
    return (x * x) * (x * x);
}

static explained explain(const alert_mixture *m, double profiled_s, double x)
{
    alert_slices lost = alert_slices_of(m, profiled_s);
    double slice = m->slice_s / profiled_s;
    double one = x - m->level[0], least = x - m->level[1] - lost.least * slice;
    double more = least - slice;
    double thin = alert_student_thinness(one, m->width[0]);
    double thin_least = alert_student_thinness(least, m->width[1]);
    double thin_more = alert_student_thinness(more, m->width[1]);
    double by_least = (1.0 - lost.more) * thin_more, by_more = lost.more * thin_least;
    return (explained){
        .off = {one, by_more > by_least ? more : least},
        .dense = {x * fourth_power(m->width[0]) * (thin_least * thin_more),
                  x * fourth_power(m->width[1]) * ((by_least + by_more) * thin)},
        .thin = thin * thin_least * thin_more,
    };
}

void alert_regimes_update(alert_regimes *r, const alert_constants *c, const alert_mixture *forecast,
                          double profiled_s, double latency_s)
{
    double x = level_within(latency_s / profiled_s);
    explained e = explain(forecast, profiled_s, x);
    double in_other = forecast->other * e.dense[1];
    double either = (1.0 - forecast->other) * e.dense[0] + in_other;
    if (!(either >= 8.0 / 3.0 * c->outlier * e.thin)) {
        meet_outlier(r, c, x);
        return;
    }
    r->outlier = 0.0;
    double share = 1.0 / either, was[2] = {1.0 - r->in_other, r->in_other};
    for (int k = 0; k < 2; k++) {
        double leaves = was[k] * rate_of(&r->k[k]);
        double left = leaves * e.dense[1 - k], stayed = (was[k] - leaves) * e.dense[k];
        count(&r->k[k], c, left * share, (left + stayed) * share);
    }
    r->in_other = smaller(in_other * share, 1.0); /* rounding */
    if (r->in_other <= 0.99) {
        r->k[0].inputs += 1.0 - r->in_other;
        learn(&r->k[0], c, 1.0 - r->in_other, e.off[0], forecast->mean[0], forecast->width[0]);
    }
    if (r->in_other >= 0.01) {
        r->k[1].inputs += r->in_other;
        if (r->lost > 0.0)
            learn_lost(r, c, r->in_other, x, forecast->slice_s / profiled_s);
        learn(&r->k[1], c, r->in_other, e.off[1], forecast->mean[1], forecast->width[1]);
    }
    rearrange(r, c);
}

double alert_regimes_usual(const alert_regimes *r)
{
    bool other = r->k[1].inputs > ALERT_NEARLY_ALWAYS * r->k[0].inputs;
    return other ? level_within(r->k[1].level + r->lost) : r->k[0].level;
}

double alert_regimes_set_quiet(alert_regimes *r)
{
    double one = r->k[0].level, other = r->k[1].level + r->lost;
    double quiet = sqrt(r->k[1].inputs > 0.0 ? smaller(one, other) : one);
    for (int k = 0; k < 2; k++)
        r->k[k].level = level_within(r->k[k].level / quiet);
    if (r->k[1].inputs > 0.0 && r->lost > 0.0)
        r->lost = alert_clamp(r->lost / quiet, ALERT_LOST_MIN, ALERT_LOST_MAX);
    r->outlier = r->outlier > 0.0 ? level_within(r->outlier / quiet) : 0.0;
    return quiet;
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
           r->in_other <= 1.0 &&
           (r->lost == 0.0 || alert_is_within(r->lost, ALERT_LOST_MIN, ALERT_LOST_MAX)) &&
           r->broken >= 0.0 && r->broken <= ALERT_BROKEN_MAX && r->outlier >= 0.0 &&
           r->outlier <= ALERT_RATIO_MAX;
}
