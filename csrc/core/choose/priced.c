#include "core/choose/problem.h"

typedef struct search {
    const alert_belief *belief;
    alert_lower_bound lower;
    double late_accuracy, price, time_price_w;
    double time_quantile; /* slowdown that must still be in time; -infinity: none */
    double value;         /* of the best so far */
    double limit, gain;   /* value and price, a little more: outweighs rounding */
    double slack;         /* a little more for accuracies below 0 */
    double slow_s;        /* a configuration of this latency, or a longer one, ... */
    double slow_share;    /* ... is done in time with this probability at most */
    double most_probable; /* no probability exceeds this */
    alert_choice *best;
} search;

/* The most that a configuration of this accuracy may cost and still beat the best so far. */
static double most_cost(const search *s, double accuracy)
{
    return s->limit + s->gain * accuracy;
}

static bool is_affordable(const search *s, const alert_minima *minima, double most)
{
    return alert_energy_lower_bound(&s->lower, minima) <= most;
}

/* The most that the row's accuracy can be where nothing is in time with a higher probability. */
static double accuracy_limit(const search *s, const alert_row *row, double probability)
{
    double late = s->late_accuracy;
    return row->best_accuracy > late ? probability * row->best_accuracy + (1.0 - probability) * late
                                     : late;
}

/* Takes the configuration if it is better; returns no less than its accuracy. Where one output counts, the likelier
 * part of the mixture alone shows of most configurations that they are not. */
static inline double consider(search *s, const alert_row *row, size_t column, double cost_j)
{
    double probability, accuracy, near, latency_s = row->latency_s[column];
    if (row->outputs == 1) {
        accuracy = accuracy_limit(s, row, alert_probability_limit(s->belief, latency_s, &near));
        if (cost_j > most_cost(s, accuracy))
            return accuracy;
        probability =
            alert_mixture_given(s->belief->mixture, latency_s, s->belief->deadline_s, near);
        accuracy = alert_accuracy_given(s->belief, row, column, s->late_accuracy, probability);
    } else {
        accuracy = alert_accuracy(s->belief, row, column, s->late_accuracy, &probability);
    }
    double value = cost_j - s->price * accuracy;
    if (value < s->value || (value == s->value && alert_is_cheaper(row, column, cost_j, s->best))) {
        s->value = value;
        s->limit = value + 1e-12 * fabs(value) + s->slack;
        s->best->row = row;
        s->best->column = column;
        s->best->cost_j = cost_j;
        s->best->probability = probability;
    }
    return accuracy;
}

/* The first column that may take no more energy than `most`, by the lower bound; there is one. It is searched from
 * `guess` on, in steps that double, and then by halves. */
static size_t first_affordable(const search *s, const alert_row *row, double most, size_t guess)
{
    size_t last = row->columns - 1, low = guess, high = guess;
    for (size_t step = 1; low > 0 && is_affordable(s, &row->minima[low - 1], most); step *= 2) {
        high = low - 1;
        low -= step < low ? step : low;
    }
    for (size_t step = 1; high < last && !is_affordable(s, &row->minima[high], most); step *= 2) {
        low = high + 1;
        high += step < last - high ? step : last - high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_affordable(s, &row->minima[middle], most))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Looks at the columns from `first` to before `end`; none of them exceeds `accuracy`, or is known to cost too much. In an
 * ordered row, the accuracy of each one limits that of all after it. */
static inline void best_of_columns(search *s, const alert_row *row, size_t first, size_t end,
                                   double accuracy)
{
    bool ordered = alert_is_ordered(row, s->late_accuracy);
    double most = most_cost(s, accuracy), cost;
    for (size_t j = first; j < end; j++) {
        while ((cost = alert_energy(s->belief, row, j) + s->time_price_w * row->latency_s[j]) >
               most)
            if (++j == end)
                return;
        if (!alert_is_in_time(s->belief, row, j, s->time_quantile))
            return;
        double found = consider(s, row, j, cost);
        most = most_cost(s, ordered ? found : accuracy);
        if (!is_affordable(s, &row->overall, most))
            return;
    }
}

/* Whether the columns from `column` on are too slow to be worth `energy_j`, which none of them goes below. Takes no
 * integral. */
static bool is_slow(const search *s, const alert_row *row, size_t column, double energy_j)
{
    if (row->latency_s[column] < s->slow_s || row->outputs > 1)
        return false;
    return energy_j > most_cost(s, accuracy_limit(s, row, s->slow_share));
}

static void best_of_row(search *s, const alert_row *row, size_t end, uint32_t *guess)
{
    double accuracy = accuracy_limit(s, row, s->most_probable), most = most_cost(s, accuracy);
    double least_j = alert_energy_lower_bound(&s->lower, &row->overall);
    if (!(least_j <= most))
        return;
    if (is_slow(s, row, *guess, least_j) &&
        (*guess == 0 || !is_affordable(s, &row->minima[*guess - 1], most)))
        return;
    *guess = (uint32_t)first_affordable(s, row, most, *guess);
    best_of_columns(s, row, *guess, end, accuracy);
}

static bool find(search *s, const alert_problem *p, const alert_rule *rule)
{
    const alert_configuration *last = &p->last;
    const alert_row *row = &p->profile->row[last->row];
    s->time_quantile = alert_time_quantile(p, rule);
    s->best->row = NULL;
    best_of_columns(s, row, last->column, row->columns, accuracy_limit(s, row, s->most_probable));
    for (size_t r = 0; r < p->profile->rows; r++) {
        row = &p->profile->row[r];
        best_of_row(s, row, r == last->row ? last->column : row->columns, &p->cache->affordable[r]);
    }
    return s->best->row != NULL;
}

void alert_choose_priced(const alert_problem *p, alert_choice *out)
{
    search s = {.belief = p->belief,
                .lower = alert_cost_bound_of(p),
                .value = HUGE_VAL,
                .limit = HUGE_VAL,
                .gain = p->price * (1.0 + 1e-12),
                .slack = 1e-12 * p->price * fabs(p->late_accuracy),
                .late_accuracy = p->late_accuracy,
                .price = p->price,
                .time_price_w = p->time_price_w,
                .most_probable = p->belief->mixture->certain,
                .best = out};
    alert_rule rule = alert_first_rule(p->goal, true);
    s.slow_s = alert_slow_latency(p->belief, &s.slow_share);
    alert_cache_follow(p->cache, p->profile, p->goal, alert_accuracy_asked(p));
    out->feasible = true;
    while (!find(&s, p, &rule)) {
        out->feasible = false;
        alert_give_up(&rule, p->goal);
    }
    out->energy_j = alert_energy(p->belief, out->row, out->column);
}
