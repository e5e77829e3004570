/* choose_priced.c - the choice where the bound of the goal has a price (choose.h). */
#include <math.h>

#include "choose.h"

typedef struct search {
    const alert_belief *belief;
    double q_fail, price;
    double time_quantile; /* slowdown that must still be in time; -infinity: none */
    double value;         /* of the best so far */
    alert_choice best;    /* row is NULL as long as nothing is found */
} search;

/* Whether something of no less than this energy and no more than this accuracy is known to be worse than the best
 * so far; the factor outweighs rounding. */
static bool is_beaten(const search *s, double energy_j, double accuracy)
{
    return s->best.row && energy_j - s->price * accuracy * (1.0 + 1e-12) > s->value;
}

static bool comes_first(const search *s, const alert_choice *c)
{
    if (c->energy_j != s->best.energy_j)
        return c->energy_j < s->best.energy_j;
    return alert_comes_first(c->row, c->column, s->best.row, s->best.column);
}

/* Looks at one configuration; returns its expected accuracy. */
static double consider(search *s, const alert_row *row, size_t column)
{
    const alert_belief *b = s->belief;
    alert_choice c = {.row = row, .column = column};
    c.energy_j = alert_energy(b, row->latency_s[column], row->power_w[column]);
    c.accuracy = alert_accuracy(b, row, column, s->q_fail, &c.probability);
    double value = c.energy_j - s->price * c.accuracy;
    if (!s->best.row || value < s->value || (value == s->value && comes_first(s, &c))) {
        s->best = c;
        s->value = value;
    }
    return c.accuracy;
}

/* The number of leading columns done by the deadline at `quantile` times their latency. */
static size_t count_in_time(const search *s, const alert_row *row, double quantile)
{
    size_t low = 0, high = row->columns;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row->latency_s[middle] * quantile <= s->belief->deadline_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* From the column that is in time on average: to the slower ones, as long as the accuracy that is left could make up
 * for the least energy of the row; to the faster ones, as long as their energy could be made up for by all accuracy
 * there is. */
static void best_of_row(search *s, const alert_row *row)
{
    size_t count =
        s->time_quantile > -HUGE_VAL ? count_in_time(s, row, s->time_quantile) : row->columns;
    bool ordered = row->ascending && row->stair[0].accuracy >= s->q_fail;
    double least = alert_least_energy(s->belief, &row->least[row->columns - 1]);
    double most = fmax(row->best_accuracy, s->q_fail);
    if (count == 0 || is_beaten(s, least, most))
        return;
    size_t start = ordered ? count_in_time(s, row, s->belief->mean) : count;
    start = start < count ? start : count;
    for (size_t j = start; j < count; j++)
        if (is_beaten(s, least, consider(s, row, j)))
            break;
    for (size_t j = start;
         j-- > 0 && !is_beaten(s, alert_least_energy(s->belief, &row->least[j]), most);)
        (void)consider(s, row, j);
}

static void find(search *s, const alert_profile *profile)
{
    for (size_t r = 0; r < profile->rows; r++)
        best_of_row(s, &profile->row[r]);
}

void alert_choose_priced(const alert_profile *profile, alert_plan *plan, const alert_belief *belief,
                         const alert_goal *goal, double price, alert_choice *out)
{
    alert_plan_follow(plan, profile, goal, goal->bound);
    search s = {.belief = belief,
                .q_fail = goal->q_fail,
                .price = price,
                .time_quantile = alert_slowdown_quantile(belief, goal->probability, plan->time_z)};
    find(&s, profile);
    bool feasible = s.best.row != NULL;
    if (!feasible) {
        s.time_quantile = -HUGE_VAL;
        find(&s, profile);
    }
    *out = s.best;
    out->feasible = feasible;
}
