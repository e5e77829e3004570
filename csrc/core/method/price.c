#include "core/method/price.h"

#include <math.h>

#include "core/ranges.h"

/* Beyond the slope of any real profile; exp() of it, times an accuracy, is finite and not 0. */
#define LOG_PRICE_MAX 500.0
/* From next to nothing to the most that an input may take. */
#define UNIT_MIN 1e-12
#define UNIT_MAX 1e18

/* A configuration in the plane of (accuracy, energy). */
typedef struct point {
    double accuracy, energy_j;
} point;

/* The quiet machine. */
typedef struct machine {
    const alert_profile *profile;
    alert_belief belief;
} machine;

static machine quiet_machine(const alert_profile *profile, double time_s)
{
    double fastest = HUGE_VAL;
    for (size_t r = 0; r < profile->rows; r++)
        fastest = fmin(fastest, profile->row[r].latency_s[0]);
    return (machine){.profile = profile,
                     .belief = {.mean = 1.0,
                                .deadline_s = fmax(time_s, fastest), /* something is in time */
                                .idle_power_w = profile->idle_power_w}};
}

/* The row's exit, at the cheapest cap that is in time; false when none is. */
static bool cheapest_in_time(const machine *m, const alert_row *row, point *out)
{
    out->accuracy = row->output[row->outputs - 1].accuracy;
    out->energy_j = HUGE_VAL;
    for (size_t j = 0; j < row->columns && alert_is_in_time(&m->belief, row, j, 1.0); j++)
        out->energy_j = fmin(out->energy_j, alert_energy(&m->belief, row, j));
    return out->energy_j < HUGE_VAL;
}

/* The point with the lowest energy - price x accuracy; ties go to the higher accuracy. An infinite price asks for
 * the highest accuracy. */
static point best_at(const machine *m, double price)
{
    point best = {0}, p;
    bool found = false;
    for (size_t r = 0; r < m->profile->rows; r++) {
        if (!cheapest_in_time(m, &m->profile->row[r], &p))
            continue;
        double gain = p.accuracy - best.accuracy, cost = p.energy_j - best.energy_j;
        bool better = price < HUGE_VAL ? cost < price * gain || (cost == price * gain && gain > 0.0)
                                       : gain > 0.0 || (gain == 0.0 && cost < 0.0);
        if (!found || better)
            best = p;
        found = true;
    }
    return best;
}

static bool saves(const alert_goal *goal)
{
    return goal->objective == ALERT_MIN_ENERGY;
}

/* The slope of the lower convex hull where it crosses `bound`: of its first edge for a bound below the hull, of its
 * last edge for one above. `low` and `high` are the ends of the hull. The line through two vertices has the price at
 * which they are equally good. The best point at this price lies below the line and between them, and takes the place
 * of one. When there is none, the two are neighbours. (The simplex method, for a mixture of two configurations.) */
static double slope_at(const machine *m, const alert_goal *goal, double bound, point low,
                       point high)
{
    while (true) {
        double price = (high.energy_j - low.energy_j) / (high.accuracy - low.accuracy);
        point middle = best_at(m, price);
        double gain = middle.accuracy - low.accuracy, cost = middle.energy_j - low.energy_j;
        bool below =
            gain > 0.0 && middle.accuracy < high.accuracy && cost < price * gain * (1.0 - 1e-12);
        if (!below)
            return price;
        if (saves(goal) ? middle.accuracy >= bound : middle.energy_j > bound)
            high = middle;
        else
            low = middle;
    }
}

/* The price at which the profile itself meets the bound, on average. */
static double first_log_price(const alert_price *p, const alert_goal *goal, point cheap, point rich,
                              double slope)
{
    if (saves(goal) ? goal->bound > rich.accuracy : goal->bound >= rich.energy_j)
        return p->log_high; /* buys all the accuracy there is */
    if (saves(goal) ? goal->bound <= cheap.accuracy : goal->bound < cheap.energy_j)
        return p->log_low; /* buys none */
    return alert_clamp(log(slope), p->log_low, p->log_high);
}

void alert_price_start(alert_price *p, const alert_constants *c, const alert_profile *profile,
                       const alert_goal *goal, double time_s)
{
    machine m = quiet_machine(profile, time_s);
    point cheap = best_at(&m, 0.0), rich = best_at(&m, HUGE_VAL);
    double gain = fmax(rich.accuracy - goal->q_fail, 1e-3), cost = rich.energy_j - cheap.energy_j;
    double first, last, start;
    first = last = start = rich.energy_j / gain; /* one point: an output is worth its energy */
    if (rich.accuracy > cheap.accuracy) {        /* so it takes more energy, too */
        first = slope_at(&m, goal, -HUGE_VAL, cheap, rich);
        last = slope_at(&m, goal, HUGE_VAL, cheap, rich);
        start = slope_at(&m, goal, goal->bound, cheap, rich);
    }
    double reach = log(c->price_reach);
    p->log_low = alert_clamp(log(first) - reach, -LOG_PRICE_MAX, LOG_PRICE_MAX);
    p->log_high = alert_clamp(log(last) + reach, p->log_low, LOG_PRICE_MAX);
    p->log_price = first_log_price(p, goal, cheap, rich, start);
    double unit = saves(goal) ? gain : cost > 0.0 ? cost : rich.energy_j;
    p->unit = alert_clamp(unit, UNIT_MIN, UNIT_MAX);
}

static double direction(const alert_goal *goal)
{
    return saves(goal) ? 1.0 : -1.0;
}

void alert_price_update(alert_price *p, const alert_constants *c, const alert_goal *goal,
                        double credited)
{
    double owed = saves(goal) ? goal->bound + c->price_margin - credited
                              : credited - goal->bound * (1.0 - c->price_margin);
    p->inputs += 1.0;
    p->owed = alert_clamp(p->owed + owed, -ALERT_OWED_MAX, ALERT_OWED_MAX);
    double step = direction(goal) * c->price_integral * owed / p->unit;
    p->log_price = alert_clamp(p->log_price + step, p->log_low, p->log_high);
}

double alert_price_now(const alert_price *p, const alert_constants *c, const alert_goal *goal)
{
    double reserve = c->price_reserve * p->inputs / (p->inputs + c->price_ramp);
    double pull = c->price_gain * (p->owed / p->unit + reserve);
    double swung =
        p->log_price + direction(goal) * alert_clamp(pull, -c->price_swing, c->price_swing);
    return exp(alert_clamp(swung, -LOG_PRICE_MAX, LOG_PRICE_MAX));
}

bool alert_price_is_exhausted(const alert_price *p, const alert_goal *goal)
{
    return saves(goal) ? p->log_price >= p->log_high : p->log_price <= p->log_low;
}

bool alert_price_is_sane(const alert_price *p)
{
    return p->log_low >= -1e3 && p->log_low <= p->log_price && p->log_price <= p->log_high &&
           p->log_high <= 1e3 && p->unit > 0.0 && p->unit <= 1e30 && p->owed >= -ALERT_OWED_MAX &&
           p->owed <= ALERT_OWED_MAX && p->inputs >= 0.0 && isfinite(p->inputs);
}
