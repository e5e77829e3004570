#include "core/method/price.h"

#include <math.h>

#include "core/ranges.h"

/* Beyond the slope of any real profile; exp() of it, times an accuracy, is finite and not 0. */
#define LOG_PRICE_MAX 500.0
/* From next to nothing to the most that an input may take. */
#define UNIT_MIN 1e-12
#define UNIT_MAX 1e18
/* The least that an output in time counts for, above a late one. */
#define GAIN_MIN 1e-3
/* Of the slow part, for one input. */
#define STEP_CUT 5.0
/* Of the mean square of surprises: over a hundred inputs. */
#define SURPRISE_GAIN 0.01
/* Units that one input counts for in this mean. */
#define SURPRISE_CUT 3.0
/* The square of more than any input can take. */
#define SURPRISE_MAX 1e60

/* In the plane of (accuracy, energy). */
typedef alert_point point;

/* Of the quiet machine: the points that are in time, one for each row at most. */
typedef struct machine {
    const point *points;
    size_t count;
} machine;

/* The number of leading columns that are in time: all of them, or by bisection. */
static size_t count_in_time(const alert_belief *b, const alert_row *row)
{
    size_t low = 0, high = row->columns;
    if (alert_is_in_time(b, row, high - 1, b->mean))
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (alert_is_in_time(b, row, middle, b->mean))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The lowest energy in the row that is in time, under one of so many caps; infinite when there is none. Slow columns are the cheap
 * ones, mostly. */
static double cheapest_in_time(const alert_belief *b, const alert_lower_bound *lower,
                               const alert_row *row, size_t caps)
{
    double best = HUGE_VAL;
    for (size_t j = count_in_time(b, row);
         j-- > 0 && !(alert_energy_lower_bound(lower, &row->minima[j]) >= best);)
        if (row->cap[j] < caps)
            best = fmin(best, alert_energy(b, row, j));
    return best;
}

/* Of a row, as it is served on the quiet machine. */
static double slowdown_of(const alert_quiet *quiet, const alert_row *row)
{
    return quiet->slowdown * (quiet->offset ? quiet->offset[row->model] : 1.0);
}

static machine points_of(const alert_quiet *quiet, point *points)
{
    const alert_profile *profile = quiet->profile;
    double fastest = HUGE_VAL;
    for (size_t r = 0; r < profile->rows; r++)
        fastest = fmin(fastest, slowdown_of(quiet, &profile->row[r]) *
                                    alert_fastest_s(&profile->row[r], quiet->caps));
    alert_belief belief = {.idle_power_w = quiet->idle_power_w};
    alert_belief_set_deadline(&belief, fmax(quiet->time_s, fastest)); /* something is in time */
    machine m = {.points = points};
    for (size_t r = 0; r < profile->rows; r++) {
        const alert_row *row = &profile->row[r];
        belief.mean = slowdown_of(quiet, row);
        alert_lower_bound lower = alert_lower_bound_of(&belief);
        point p = {row->output[row->outputs - 1].accuracy,
                   cheapest_in_time(&belief, &lower, row, quiet->caps)};
        if (p.energy_j < HUGE_VAL)
            points[m.count++] = p;
    }
    return m;
}

/* The point with the lowest energy - price x accuracy; ties go to the higher accuracy. An infinite price asks for
 * the highest accuracy. */
static point best_at(const machine *m, double price)
{
    point best = m->points[0];
    for (size_t i = 1; i < m->count; i++) {
        const point *p = &m->points[i];
        double gain = p->accuracy - best.accuracy, cost = p->energy_j - best.energy_j;
        bool better = price < HUGE_VAL ? cost < price * gain || (cost == price * gain && gain > 0.0)
                                       : gain > 0.0 || (gain == 0.0 && cost < 0.0);
        if (better)
            best = *p;
    }
    return best;
}

static bool saves(const alert_goal *goal)
{
    return goal->objective == ALERT_MIN_ENERGY;
}

/* The measure of the bound. */
static double measure_of(const alert_goal *goal, point p)
{
    return saves(goal) ? p.accuracy : p.energy_j;
}

/* An edge of the lower convex hull, or a hull that is one point. */
typedef struct edge {
    point low, high;
} edge;

/* Joules per unit of accuracy. At one point an output is worth its energy. */
static double slope_of(const alert_goal *goal, edge e)
{
    double gain = e.high.accuracy - e.low.accuracy;
    return gain > 0.0 ? (e.high.energy_j - e.low.energy_j) / gain
                      : e.high.energy_j / fmax(e.high.accuracy - goal->q_fail, GAIN_MIN);
}

/* The edge where the hull crosses the goal's bound: its first for a bound below the hull, its last for one above. `whole` joins
 * the ends of the hull. The line through two vertices has the price at which they are equally good. The best point at
 * this price lies below the line and between them, and takes the place of one. When there is none, the two are
 * neighbours. (The simplex method, for a mixture of two configurations.) */
static edge edge_at(const machine *m, const alert_goal *goal, edge whole)
{
    edge e = whole;
    while (true) {
        double price = slope_of(goal, e);
        point middle = best_at(m, price);
        double gain = middle.accuracy - e.low.accuracy, cost = middle.energy_j - e.low.energy_j;
        bool below =
            gain > 0.0 && middle.accuracy < e.high.accuracy && cost < price * gain * (1.0 - 1e-12);
        if (!below)
            return e;
        if (saves(goal) ? middle.accuracy >= goal->bound : middle.energy_j > goal->bound)
            e.high = middle;
        else
            e.low = middle;
    }
}

/* The slope of the hull's first edge, or of its last. It is the least from the cheapest point to those that are more
 * accurate, or the greatest from those that are less accurate to the most accurate point. */
static double end_slope(const machine *m, const alert_goal *goal, edge hull, bool is_last)
{
    double least = HUGE_VAL, most = 0.0;
    for (size_t i = 0; i < m->count; i++) {
        const point *p = &m->points[i];
        if (!is_last && p->accuracy > hull.low.accuracy)
            least = fmin(least, slope_of(goal, (edge){hull.low, *p}));
        if (is_last && p->accuracy < hull.high.accuracy)
            most = fmax(most, slope_of(goal, (edge){*p, hull.high}));
    }
    if (!(hull.low.accuracy < hull.high.accuracy)) /* one point */
        return slope_of(goal, hull);
    return is_last ? most : least;
}

static double log_within(double price)
{
    return alert_clamp(log(price), -LOG_PRICE_MAX, LOG_PRICE_MAX);
}

/* Sets how far the price may go, and where it starts. Before the first edge of the hull lies the line from no output to
 * its cheapest point: at such prices, cheaper caps that are sometimes late are worth their risk. */
static void set_prices(alert_price *p, const alert_constants *c, const alert_goal *goal, edge hull,
                       const double log_slope[3])
{
    double reach = log(c->price_reach), span = log(c->price_span), start = log_slope[1];
    double least = measure_of(goal, hull.low), most = measure_of(goal, hull.high);
    double first = log_within(slope_of(goal, (edge){hull.low, hull.low}));
    p->log_low = fmax(fmin(first, log_slope[0]) - reach, start - span);
    p->log_high = fmax(fmin(log_slope[2] + reach, start + span), p->log_low);
    p->log_slow = alert_clamp(start, p->log_low, p->log_high);
    if (saves(goal) ? goal->bound > most : goal->bound >= most)
        p->log_slow = p->log_high; /* buys all the accuracy there is */
    if (saves(goal) ? goal->bound <= least : goal->bound < least)
        p->log_slow = p->log_low; /* buys none */
}

void alert_price_start(alert_price *p, const alert_constants *c, const alert_quiet *quiet,
                       const alert_goal *goal, alert_point *room)
{
    machine m = points_of(quiet, room);
    edge hull = {best_at(&m, 0.0), best_at(&m, HUGE_VAL)}, at = edge_at(&m, goal, hull);
    double gain = fmax(hull.high.accuracy - goal->q_fail, GAIN_MIN);
    double log_slope[3] = {log_within(end_slope(&m, goal, hull, false)),
                           log_within(slope_of(goal, at)),
                           log_within(end_slope(&m, goal, hull, true))};
    set_prices(p, c, goal, hull, log_slope);
    double low = measure_of(goal, at.low), high = measure_of(goal, at.high);
    double whole = measure_of(goal, hull.high) - measure_of(goal, hull.low);
    double unit = saves(goal) ? gain : whole > 0.0 ? whole : hull.high.energy_j;
    double step = high > low ? high - low : saves(goal) ? 1e-3 : 1e-2 * hull.high.energy_j;
    p->unit = alert_clamp(unit, UNIT_MIN, UNIT_MAX);
    p->step = alert_clamp(step, UNIT_MIN, UNIT_MAX);
    p->ease = alert_clamp(saves(goal) ? goal->bound - low : high - goal->bound, 0.0, p->step);
    p->range = alert_clamp(whole / (log_slope[2] - log_slope[0] + 1.0), 0.3 * p->step, UNIT_MAX);
    p->best = measure_of(goal, saves(goal) ? hull.high : hull.low);
    p->accuracies = hull.high.accuracy - hull.low.accuracy;
    p->in_time_j = c->late_worth * hull.high.energy_j;
    if (p->inputs == 0.0)
        p->surprise = 1e-4 * p->unit * p->unit;
}

/* What is owed now. The debt of a budget is spread over the inputs left. */
static double due(const alert_price *p, const alert_constants *c)
{
    return p->inputs_left > c->price_horizon ? p->owed * (c->price_horizon / p->inputs_left)
                                             : p->owed;
}

/* What is owed, and what is to be in hand. */
static double wanted(const alert_price *p, const alert_constants *c)
{
    return due(p, c) + c->price_ease * p->ease + p->reserve;
}

void alert_price_update(alert_price *p, const alert_constants *c, const alert_goal *goal,
                        const alert_booking *b)
{
    double s = saves(goal) ? 1.0 : -1.0;
    double aim = b->bound + s * c->price_margin * (saves(goal) ? 1.0 : b->bound);
    double owed = s * (aim - b->credited), most = ALERT_OWED_AT_ONCE * p->unit;
    owed = b->has_debt ? b->debt : p->owed + (owed < most ? owed : most);
    p->owed = alert_clamp(owed, -ALERT_OWED_MAX, ALERT_OWED_MAX);
    p->inputs_left = b->inputs_left;
    double asked = s * (aim - b->expected) + wanted(p, c) / c->price_horizon;
    double step = s * c->price_gain * alert_clamp(asked / p->range, -STEP_CUT, STEP_CUT);
    p->log_slow = alert_clamp(p->log_slow + step, p->log_low, p->log_high);
    double n = p->inputs += 1.0, gain = n < 90.0 ? 1.0 / (n + 10.0) : SURPRISE_GAIN;
    double most_off = SURPRISE_CUT * p->unit;
    double surprise = alert_clamp(b->credited - b->expected, -most_off, most_off);
    p->surprise += gain * (surprise * surprise - p->surprise);
    p->surprise = alert_clamp(p->surprise, 0.0, SURPRISE_MAX);
    if (goal->window > 1)
        n = fmin(n, (double)goal->window);
    p->reserve = c->price_reserve * sqrt(p->surprise) * n / (n + c->price_ramp);
}

double alert_price_now(const alert_price *p, const alert_constants *c, const alert_goal *goal,
                       bool *is_exhausted)
{
    double pull = wanted(p, c) / (c->price_step * p->step);
    double fast = (saves(goal) ? 1.0 : -1.0) * alert_clamp(pull, -c->price_down, c->price_up);
    double left =
        p->inputs_left > 0.0 ? p->owed / p->inputs_left : 0.0; /* missing, for each input */
    bool is_beyond = saves(goal) ? goal->bound > p->best : goal->bound - left < p->best;
    bool is_at_end = saves(goal) ? p->log_slow >= p->log_high : p->log_slow <= p->log_low;
    *is_exhausted = is_beyond || (is_at_end && pull >= c->price_up);
    return exp(alert_clamp(p->log_slow + fast, -LOG_PRICE_MAX, LOG_PRICE_MAX));
}

bool alert_price_is_sane(const alert_price *p)
{
    return alert_is_within(p->log_low, -1e3, 1e3) &&
           alert_is_within(p->log_high, p->log_low, 1e3) &&
           alert_is_within(p->log_slow, p->log_low, p->log_high) &&
           alert_is_within(p->unit, UNIT_MIN, UNIT_MAX) &&
           alert_is_within(p->step, UNIT_MIN, UNIT_MAX) && alert_is_within(p->ease, 0.0, p->step) &&
           alert_is_within(p->range, 0.1 * UNIT_MIN, UNIT_MAX) &&
           alert_is_within(p->best, 0.0, ALERT_OWED_MAX) &&
           alert_is_within(p->accuracies, 0.0, 1.0) &&
           alert_is_within(p->in_time_j, 0.0, ALERT_OWED_MAX) &&
           alert_is_within(p->inputs, 0.0, 1e18) && alert_is_within(p->inputs_left, 0.0, 1e18) &&
           alert_is_within(p->surprise, 0.0, SURPRISE_MAX) &&
           alert_is_within(p->reserve, 0.0, 1e6 * SURPRISE_MAX) &&
           alert_is_within(p->owed, -ALERT_OWED_MAX, ALERT_OWED_MAX);
}
