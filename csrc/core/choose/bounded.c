#include "core/choose/problem.h"

typedef struct search {
    const alert_profile *profile;
    const alert_belief *belief;
    alert_cache *cache;
    alert_lower_bound lower, lower_energy; /* of the cost, and of the energy */
    double q_fail, time_price_w;
    alert_limits limits;
    double time_quantile; /* slowdown that must still be in time; -infinity: none */
    size_t near;          /* column before which all cost too much in the last row passed over */
    alert_choice *best;
} search;

static double accuracy_of(const search *s, const alert_row *row, size_t column, double *probability)
{
    return alert_accuracy(s->belief, row, column, s->q_fail, probability);
}

static bool is_accurate_enough(const search *s, const alert_row *row, size_t column)
{
    double probability;
    return accuracy_of(s, row, column, &probability) >= s->limits.least_accuracy;
}

/* Whether all columns up to this one are known to be beyond the energy allowed. */
static bool cost_too_much(const search *s, const alert_row *row, size_t column)
{
    return alert_energy_lower_bound(&s->lower_energy, &row->minima[column]) >
           s->limits.most_energy_j;
}

/* How many of the first `count` columns have a property that no column has after the first without it. */
static inline size_t count_leading(const search *s, const alert_row *row, size_t count,
                                   bool (*has)(const search *, const alert_row *, size_t))
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (has(s, row, middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether all columns of these minima are known to cost more than the best so far. */
static bool cost_more(const search *s, const alert_minima *minima)
{
    return s->best->row && alert_energy_lower_bound(&s->lower, minima) > s->best->cost_j;
}

static bool costs_less(const search *s, const alert_row *row, size_t column, double cost_j)
{
    return !s->best->row || alert_is_cheaper(row, column, cost_j, s->best);
}

static double cost_of(const search *s, const alert_row *row, size_t column, double energy_j)
{
    return energy_j + s->time_price_w * row->run_s[column];
}

/* Member by member: a copy of the whole would have to wait for members just written. */
static void take(search *s, const alert_row *row, size_t column, double cost_j, double energy_j)
{
    s->best->row = row;
    s->best->column = column;
    s->best->cost_j = cost_j;
    s->best->energy_j = energy_j;
}

static void expect_accuracy(search *s)
{
    alert_choice *best = s->best;
    if (best->row)
        best->accuracy = accuracy_of(s, best->row, best->column, &best->probability);
}

/* The number of leading columns that are known to be beyond the energy allowed. */
static size_t count_dear(const search *s, const alert_row *row)
{
    bool is_limited = s->limits.most_energy_j < HUGE_VAL;
    return is_limited ? count_leading(s, row, row->columns, cost_too_much) : 0;
}

/* --------------------------------------------------------------------------------- least energy */

/* The number of leading columns that are done by the deadline at `quantile` times their latency; 0 also when all of
 * them cost more than the best so far. Rows are alike, so the first column tried is the one that showed this in another
 * row. */
static size_t count_in_time(search *s, const alert_row *row, double quantile)
{
    size_t low = 0, high = row->columns;
    for (size_t middle = s->near; low < high; middle = low + (high - low) / 2) {
        if (alert_is_in_time(s->belief, row, middle, quantile)) {
            low = middle + 1;
            continue;
        }
        high = middle;
        if (high > 0 && cost_more(s, &row->minima[high - 1])) {
            s->near = high;
            return 0;
        }
    }
    return low;
}

/* The slowdown at which a configuration of the row must still be in time. */
static double quantile_of_row(const search *s, size_t r, bool by_quantile)
{
    double quantile = s->time_quantile;
    if (by_quantile) {
        double z = alert_cache_accuracy_z(s->cache, s->profile, r);
        double needed = s->belief->mean + s->belief->std * z;
        quantile = needed > quantile ? needed : quantile;
    }
    return quantile;
}

static void cheapest_of_row(search *s, size_t r, bool by_quantile)
{
    const alert_row *row = &s->profile->row[r];
    size_t count = count_in_time(s, row, quantile_of_row(s, r, by_quantile));
    if (count == 0)
        return;
    bool ordered = alert_is_ordered(row, s->q_fail);
    if (ordered && s->limits.least_accuracy > s->q_fail && !(by_quantile && row->outputs == 1))
        count = count_leading(s, row, count, is_accurate_enough);
    for (size_t j = count; j-- > 0 && !cost_more(s, &row->minima[j]);) {
        double energy = alert_energy(s->belief, row, j), cost = cost_of(s, row, j, energy);
        if (costs_less(s, row, j, cost) && (ordered || is_accurate_enough(s, row, j)))
            take(s, row, j, cost, energy);
    }
}

static void find_lowest_energy(search *s)
{
    const alert_profile *p = s->profile;
    bool all = s->limits.least_accuracy <= s->q_fail;
    double least_accuracy = all ? -HUGE_VAL : s->limits.least_accuracy;
    bool by_quantile = !all && alert_has_quick_quantile(s->belief);
    for (size_t r = all ? 0 : s->cache->too_inaccurate; r < p->rows; r++) {
        const alert_row *row = &p->row[r];
        if (row->best_accuracy >= least_accuracy && !cost_more(s, &row->overall))
            cheapest_of_row(s, r, by_quantile);
    }
    expect_accuracy(s);
}

/* ----------------------------------------------------------------------------- highest accuracy */

static bool is_more_accurate(const search *s, const alert_row *row, size_t column, double accuracy,
                             double cost_j)
{
    const alert_choice *best = s->best;
    if (best->row && accuracy == best->accuracy)
        return alert_is_cheaper(row, column, cost_j, best);
    return !best->row || accuracy > best->accuracy;
}

static void most_accurate_of_row(search *s, const alert_row *row)
{
    bool ordered = alert_is_ordered(row, s->q_fail);
    double row_best = -HUGE_VAL;
    for (size_t j = count_dear(s, row); j < row->columns; j++) {
        if (!alert_is_in_time(s->belief, row, j, s->time_quantile))
            break;
        double energy = alert_energy(s->belief, row, j);
        if (energy > s->limits.most_energy_j)
            continue;
        double probability, accuracy = accuracy_of(s, row, j, &probability);
        if (ordered && accuracy < row_best)
            break;
        row_best = accuracy;
        double cost = cost_of(s, row, j, energy);
        if (!is_more_accurate(s, row, j, accuracy, cost))
            continue;
        take(s, row, j, cost, energy);
        s->best->accuracy = accuracy;
        s->best->probability = probability;
    }
}

static void find_highest_accuracy(search *s)
{
    const alert_profile *p = s->profile;
    for (size_t r = 0; r < p->rows; r++) {
        const alert_row *row = p->accurate[r];
        if (s->best->row && row->best_accuracy < s->best->accuracy && s->q_fail < s->best->accuracy)
            break;
        most_accurate_of_row(s, row);
    }
}

/* ------------------------------------------------------------------------------- lowest latency */

/* Expected latency less that of the best so far. */
static double delay_of(const search *s, const alert_row *row, size_t column)
{
    const alert_choice *best = s->best;
    double mean = s->belief->mean;
    return best->row ? mean * row->run_s[column] - mean * best->row->run_s[best->column]
                     : -HUGE_VAL;
}

static void fastest_of_row(search *s, const alert_row *row)
{
    bool ordered = alert_is_ordered(row, s->q_fail);
    for (size_t j = count_dear(s, row); j < row->columns; j++) {
        double delay = delay_of(s, row, j), energy = alert_energy(s->belief, row, j);
        double cost = cost_of(s, row, j, energy);
        if (delay > 0.0 || !alert_is_in_time(s->belief, row, j, s->time_quantile))
            return;
        if (energy > s->limits.most_energy_j ||
            (delay == 0.0 && !alert_is_cheaper(row, j, cost, s->best)))
            continue;
        if (is_accurate_enough(s, row, j))
            take(s, row, j, cost, energy);
        else if (ordered)
            return;
    }
}

static void find_lowest_latency(search *s)
{
    const alert_profile *p = s->profile;
    for (size_t r = 0; r < p->rows; r++)
        if (fmax(p->row[r].best_accuracy, s->q_fail) >= s->limits.least_accuracy)
            fastest_of_row(s, &p->row[r]);
    expect_accuracy(s);
}

/* --------------------------------------------------------------------------------------- bounds */

static bool find(search *s, const alert_problem *p, const alert_rule *rule)
{
    s->limits = alert_limits_of(p, rule);
    s->time_quantile = alert_time_quantile(p, rule);
    s->best->row = NULL;
    if (rule->decides == ALERT_ENERGY)
        find_lowest_energy(s);
    else if (rule->decides == ALERT_ACCURACY)
        find_highest_accuracy(s);
    else
        find_lowest_latency(s);
    return s->best->row != NULL;
}

void alert_choose_bounded(const alert_problem *p, alert_choice *out)
{
    search s = {.profile = p->profile,
                .belief = p->belief,
                .cache = p->cache,
                .lower = alert_cost_bound_of(p),
                .lower_energy = alert_energy_bound_of(p),
                .q_fail = p->goal->q_fail,
                .time_price_w = p->time_price_w,
                .near = p->profile->caps / 2,
                .best = out};
    alert_rule rule;
    alert_keep_all(&rule, p->goal, false);
    alert_cache_follow(p->cache, p->profile, p->goal, alert_accuracy_asked(p));
    out->feasible = true;
    while (!find(&s, p, &rule)) {
        out->feasible = false;
        if (!alert_give_up(&rule, p->goal))
            return;
    }
}
