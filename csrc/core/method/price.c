#include "core/method/price.h"

#include <math.h>

#include "core/ranges.h"

/* Beyond the slope of any profile worth the name; exp() of it, times an accuracy, is finite and not 0. */
#define LOG_PRICE_MAX 500.0
/* Neither nothing nor more than any input may take. */
#define UNIT_MIN 1e-12
#define UNIT_MAX 1e18

/* A vertex of the lower convex hull of (accuracy, energy): a model at the cheapest cap that is in time. */
typedef struct point {
    double accuracy, energy_j;
} point;

/* The quiet machine. */
typedef struct machine {
    const alert_profile *profile;
    alert_belief belief;
} machine;

static double time_of(const machine *m, const alert_row *row, size_t column)
{
    return m->belief.mean * row->latency_s[column];
}

static bool cheapest_in_time(const machine *m, const alert_row *row, double *energy_j)
{
    *energy_j = HUGE_VAL;
    for (size_t j = 0; j < row->columns && time_of(m, row, j) <= m->belief.deadline_s; j++)
        *energy_j = fmin(*energy_j, alert_energy(&m->belief, row->latency_s[j], row->power_w[j]));
    return *energy_j < HUGE_VAL;
}

/* The point with the lowest energy - price x accuracy; ties go to the higher accuracy. An infinite price asks for
 * the highest accuracy. */
static point best_at(const machine *m, double price)
{
    point best = {0};
    bool found = false;
    for (size_t r = 0; r < m->profile->rows; r++) {
        point p = {.accuracy = m->profile->row[r].stair[m->profile->row[r].stairs - 1].accuracy};
        if (!cheapest_in_time(m, &m->profile->row[r], &p.energy_j))
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

/* The slope of the hull at its cheapest end (`up`), at its most accurate (`down`), or where it crosses the bound: the
 * lines through two points are cut by ever closer ones, as in a simplex of two columns. */
enum where { FIRST, LAST, AT_BOUND };

static double slope(const machine *m, const alert_goal *goal, enum where where, point low,
                    point high)
{
    while (true) {
        double price = (high.energy_j - low.energy_j) / (high.accuracy - low.accuracy);
        point middle = best_at(m, price);
        bool inside = middle.accuracy > low.accuracy && middle.accuracy < high.accuracy &&
                      middle.energy_j - low.energy_j <
                          price * (middle.accuracy - low.accuracy) * (1.0 - 1e-12);
        if (!inside)
            return price;
        bool enough = goal->objective == ALERT_MIN_ENERGY ? middle.accuracy >= goal->bound
                                                          : middle.energy_j > goal->bound;
        if (where == FIRST || (where == AT_BOUND && enough))
            high = middle;
        else
            low = middle;
    }
}

void alert_price_start(alert_price *p, const alert_constants *c, const alert_profile *profile,
                       const alert_goal *goal, double time_s)
{
    machine m = {
        .profile = profile,
        .belief = {.mean = 1.0, .deadline_s = time_s, .idle_power_w = profile->idle_power_w}};
    double fastest = HUGE_VAL;
    for (size_t r = 0; r < profile->rows; r++)
        fastest = fmin(fastest, time_of(&m, &profile->row[r], 0));
    m.belief.deadline_s = fmax(time_s, fastest); /* something is in time */
    point cheap = best_at(&m, 0.0), rich = best_at(&m, HUGE_VAL);
    double gain = rich.accuracy - goal->q_fail;
    double first, last, start;
    if (rich.accuracy > cheap.accuracy) { /* so it takes more energy, too */
        first = slope(&m, goal, FIRST, cheap, rich);
        last = slope(&m, goal, LAST, cheap, rich);
        start = slope(&m, goal, AT_BOUND, cheap, rich);
    } else { /* one point: an output is worth the energy it takes */
        first = last = start = rich.energy_j / fmax(gain, 1e-3);
    }
    bool saving = goal->objective == ALERT_MIN_ENERGY;
    bool beyond = saving ? goal->bound > rich.accuracy : goal->bound < cheap.energy_j;
    double reach = log(c->price_reach);
    p->log_low = alert_clamp(log(first) - reach, -LOG_PRICE_MAX, LOG_PRICE_MAX);
    p->log_high = alert_clamp(log(last) + reach, p->log_low, LOG_PRICE_MAX);
    bool idle = saving ? goal->bound <= cheap.accuracy : goal->bound >= rich.energy_j;
    if (idle || beyond) /* asks for nothing; asks for too much */
        p->log_price = saving == beyond ? p->log_high : p->log_low;
    else
        p->log_price = alert_clamp(log(start), p->log_low, p->log_high);
    p->unit = alert_clamp(saving                           ? fmax(gain, 1e-3)
                          : rich.energy_j > cheap.energy_j ? rich.energy_j - cheap.energy_j
                                                           : rich.energy_j,
                          UNIT_MIN, UNIT_MAX);
}

static double direction(const alert_goal *goal)
{
    return goal->objective == ALERT_MIN_ENERGY ? 1.0 : -1.0;
}

void alert_price_update(alert_price *p, const alert_constants *c, const alert_goal *goal,
                        double bound, double credited)
{
    double owed = goal->objective == ALERT_MIN_ENERGY ? bound + c->price_margin - credited
                                                      : credited - bound * (1.0 - c->price_margin);
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
    return goal->objective == ALERT_MIN_ENERGY ? p->log_price >= p->log_high
                                               : p->log_price <= p->log_low;
}

bool alert_price_is_sane(const alert_price *p)
{
    return p->log_low >= -1e3 && p->log_low <= p->log_price && p->log_price <= p->log_high &&
           p->log_high <= 1e3 && p->unit > 0.0 && p->unit <= 1e30 && p->owed >= -ALERT_OWED_MAX &&
           p->owed <= ALERT_OWED_MAX && p->inputs >= 0.0 && isfinite(p->inputs);
}
