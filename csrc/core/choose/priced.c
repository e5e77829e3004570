/* priced.c - the choice where the bound of the goal has a price (choose.h). */
#include <math.h>

#include "core/choose/choose.h"

typedef struct search {
    const alert_belief *belief;
    alert_floor floor;
    double q_fail, price;
    double time_quantile; /* slowdown that must still be in time; -infinity: none */
    double value;         /* of the best so far */
    double limit, gain;   /* value and price, a little more: outweighs rounding */
    double slow_s;        /* what takes this long, or longer, ... */
    double slow_share;    /* ... is done in time with this probability at most */
    alert_choice *best;   /* row is NULL as long as nothing is found */
} search;

static bool comes_first(const search *s, const alert_row *row, size_t column, double energy_j)
{
    if (energy_j != s->best->energy_j)
        return energy_j < s->best->energy_j;
    return alert_comes_first(row, column, s->best->row, s->best->column);
}

/* What is no more accurate than this and takes more energy than the result cannot beat the best so far. */
static double most_energy(const search *s, double accuracy)
{
    return s->limit + s->gain * accuracy;
}

static bool is_affordable(const search *s, const alert_least *least, double most)
{
    return alert_least_energy(&s->floor, least) <= most;
}

static double energy_of(const search *s, const alert_row *row, size_t column)
{
    return alert_energy(s->belief, row->latency_s[column], row->power_w[column]);
}

static bool is_in_time(const search *s, const alert_row *row, size_t column)
{
    return row->latency_s[column] * s->time_quantile <= s->belief->deadline_s;
}

/* Takes the configuration if it is better; returns its accuracy. */
static inline double consider(search *s, const alert_row *row, size_t column, double energy_j)
{
    double probability, accuracy = alert_accuracy(s->belief, row, column, s->q_fail, &probability);
    double value = energy_j - s->price * accuracy;
    if (value < s->value || (value == s->value && comes_first(s, row, column, energy_j))) {
        s->value = value;
        s->limit = value + 1e-12 * fabs(value);
        s->best->row = row;
        s->best->column = column;
        s->best->energy_j = energy_j;
        s->best->accuracy = accuracy;
        s->best->probability = probability;
    }
    return accuracy;
}

/* The first column that is not known, with all before it, to take more energy than `most`; the last column is not.
 * Looked for from `guess` on, in steps that double, and then by halves. */
static size_t first_affordable(const search *s, const alert_row *row, double most, size_t guess)
{
    size_t low = 0, high = row->columns - 1, step = 1;
    if (is_affordable(s, &row->least[guess], most)) {
        high = guess;
        for (; step <= high && is_affordable(s, &row->least[high - step], most); step *= 2)
            high -= step;
        low = step <= high ? high - step + 1 : 0;
    } else {
        low = guess + 1;
        for (; step < high - low && !is_affordable(s, &row->least[low + step - 1], most); step *= 2)
            low += step;
        high = step < high - low ? low + step - 1 : high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_affordable(s, &row->least[middle], most))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Expected accuracy falls along the row. */
static bool is_ordered(const search *s, const alert_row *row)
{
    return row->ascending && row->stair[0].accuracy >= s->q_fail;
}

/* Looks at the columns from `first` to before `end`, none of which exceeds `accuracy`. In an ordered row each one
 * looked at limits the accuracy of those that follow. */
static inline void best_of_columns(search *s, const alert_row *row, size_t first, size_t end,
                                   double accuracy)
{
    bool ordered = is_ordered(s, row);
    for (size_t j = first; j < end; j++) {
        double most = most_energy(s, accuracy), energy;
        if (!is_affordable(s, &row->least[end - 1], most))
            return;
        while ((energy = energy_of(s, row, j)) > most)
            if (++j == end)
                return;
        if (!is_in_time(s, row, j))
            return;
        double found = consider(s, row, j, energy);
        accuracy = ordered ? found : accuracy;
    }
}

static double highest_accuracy(const search *s, const alert_row *row)
{
    return row->best_accuracy > s->q_fail ? row->best_accuracy : s->q_fail;
}

/* Whether the columns from `column` on are too slow for energy that none of them goes below. No integral is taken to
 * see that. */
static bool is_slow(const search *s, const alert_row *row, size_t column, double energy_j)
{
    if (row->latency_s[column] < s->slow_s || row->stairs > 1)
        return false;
    double accuracy = s->q_fail + (highest_accuracy(s, row) - s->q_fail) * s->slow_share;
    return energy_j > most_energy(s, accuracy);
}

static void best_of_row(search *s, const alert_row *row, size_t end, uint32_t *guess)
{
    double accuracy = highest_accuracy(s, row), most = most_energy(s, accuracy);
    double least_j = alert_least_energy(&s->floor, &row->overall);
    if (!(least_j <= most))
        return;
    if (is_slow(s, row, *guess, least_j) &&
        (*guess == 0 || !is_affordable(s, &row->least[*guess - 1], most)))
        return;
    *guess = (uint32_t)first_affordable(s, row, most, *guess);
    best_of_columns(s, row, *guess, end, accuracy);
}

static void find(search *s, const alert_profile *profile, alert_plan *plan, const alert_place *last)
{
    const alert_row *row = &profile->row[last->row];
    best_of_columns(s, row, last->column, row->columns, highest_accuracy(s, row));
    for (size_t r = 0; r < profile->rows; r++) {
        row = &profile->row[r];
        best_of_row(s, row, r == last->row ? last->column : row->columns, &plan->first[r]);
    }
}

void alert_choose_priced(const alert_profile *profile, alert_plan *plan, const alert_belief *belief,
                         const alert_goal *goal, double price, const alert_place *last,
                         alert_choice *out)
{
    alert_plan_follow(plan, profile, goal, goal->bound);
    search s = {.belief = belief,
                .floor = alert_floor_of(belief),
                .value = HUGE_VAL,
                .limit = HUGE_VAL,
                .gain = price * (1.0 + 1e-12),
                .q_fail = goal->q_fail,
                .price = price,
                .time_quantile = alert_slowdown_quantile(belief, goal->probability, plan->time_z),
                .best = out};
    s.slow_s = belief->deadline_s / alert_mixture_mark(belief->mixture, &s.slow_share);
    out->row = NULL;
    find(&s, profile, plan, last);
    out->feasible = out->row != NULL;
    if (!out->feasible) {
        s.time_quantile = -HUGE_VAL;
        find(&s, profile, plan, last);
    }
}
