#include "core/choose/problem.h"

typedef struct search {
    const alert_belief *belief;
    alert_screen *screen;
    alert_lower_bound lower;
    alert_ceiling ceiling; /* of the probability */
    double late_accuracy, price, time_price_w;
    double time_quantile; /* slowdown that must still be in time; -infinity: none */
    double value;         /* of the best so far */
    /* Each a little more than it need be, which outweighs rounding: */
    double base;  /* the value, and what late_accuracy is worth */
    double gain;  /* the price */
    double slack; /* for accuracies below 0 */
    alert_choice *best;
} search;

/* A row, as the search looks at it. */
typedef struct candidates {
    const alert_row *row;
    double worth_j; /* of its best accuracy, above late_accuracy */
    double least_j; /* that its configurations cost */
    double most_j;  /* that one which is sure to be in time may cost and still beat the best */
} candidates;

static candidates candidates_of(const search *s, const alert_row *row)
{
    double above = row->best_accuracy - s->late_accuracy;
    candidates c = {.row = row,
                    .worth_j = s->gain * (above > 0.0 ? above : 0.0),
                    .least_j = alert_energy_lower_bound(&s->lower, &row->overall)};
    c.most_j = s->base + c.worth_j * s->ceiling.most;
    return c;
}

/* Whether the columns up to this one may cost so little, by the lower bound. */
static bool is_affordable(const search *s, const candidates *c, size_t column)
{
    return alert_energy_lower_bound(&s->lower, &c->row->minima[column]) <= c->most_j;
}

static void take(search *s, const alert_row *row, size_t column, double cost_j, double value,
                 double probability)
{
    s->value = value;
    s->base = value + 1e-12 * fabs(value) + s->slack + s->gain * s->late_accuracy;
    s->best->row = row;
    s->best->column = column;
    s->best->cost_j = cost_j;
    s->best->probability = probability;
}

/* Takes the configuration if it is better; returns the most that one may cost that is no more accurate. Where one output
 * counts, the ceiling shows of most configurations that they are not better. */
static inline double consider(search *s, const candidates *c, size_t column, double cost_j)
{
    const alert_row *row = c->row;
    if (row->outputs == 1 && s->best->row) {
        double limit = alert_ceiling_at(&s->ceiling, 1.0 / row->latency_s[column]);
        double most = s->base + c->worth_j * limit;
        if (cost_j > most)
            return most;
    }
    double probability, accuracy;
    accuracy = alert_accuracy(s->belief, row, column, s->late_accuracy, &probability);
    double value = cost_j - s->price * accuracy;
    if (value < s->value || (value == s->value && alert_is_cheaper(row, column, cost_j, s->best)))
        take(s, row, column, cost_j, value, probability);
    return s->base + s->gain * (accuracy - s->late_accuracy);
}

/* Looks at the columns from `first` to before `end`. In an ordered row, the accuracy of each one limits that of all after
 * it. */
static inline void best_of_columns(search *s, const candidates *c, size_t first, size_t end)
{
    const alert_row *row = c->row;
    bool ordered = alert_is_ordered(row, s->late_accuracy);
    double most = c->most_j;
    for (size_t j = first; j < end; j++) {
        double cost = alert_energy(s->belief, row, j) + s->time_price_w * row->run_s[j];
        if (c->least_j > most)
            return;
        if (cost > most)
            continue;
        if (!alert_is_in_time(s->belief, row, j, s->time_quantile))
            return;
        double found = consider(s, c, j, cost);
        most = ordered ? found : c->most_j;
    }
}

/* The first column that may be affordable; there is one. It is searched from `guess` on, in steps that double, and then by
 * halves. */
static size_t first_affordable(const search *s, const candidates *c, size_t guess)
{
    size_t last = c->row->columns - 1, low = guess, high = guess;
    for (size_t step = 1; low > 0 && is_affordable(s, c, low - 1); step *= 2) {
        high = low - 1;
        low -= step < low ? step : low;
    }
    for (size_t step = 1; high < last && !is_affordable(s, c, high); step *= 2) {
        low = high + 1;
        high += step < last - high ? step : last - high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_affordable(s, c, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Whether the row is passed over for what screen.h says, by itself. */
static bool is_hopeless(const search *s, const candidates *c, size_t kept)
{
    const alert_row *row = c->row;
    if (row->outputs > 1)
        return false;
    double limit = alert_ceiling_at(&s->ceiling, 1.0 / row->latency_s[kept]);
    return c->least_j > s->base + c->worth_j * limit &&
           (kept == 0 || !is_affordable(s, c, kept - 1));
}

static void best_of_row(search *s, size_t r, size_t end)
{
    alert_screen *screen = s->screen;
    candidates c = candidates_of(s, &screen->profile->row[r]);
    size_t kept = screen->column[r];
    if (!(c.least_j <= c.most_j) || (!screen->number && is_hopeless(s, &c, kept)))
        return;
    size_t first = first_affordable(s, &c, kept);
    if (first != kept)
        alert_screen_keep(screen, r, first);
    best_of_columns(s, &c, first, end < c.row->columns ? end : c.row->columns);
}

static void best_of_rows_left(search *s, const alert_configuration *last)
{
    alert_screen_weigh(s->screen, &s->lower, &s->ceiling, s->late_accuracy, s->gain);
    size_t left = alert_screen_rows_left(s->screen, s->base);
    for (size_t i = 0; i < left; i++) {
        size_t r = s->screen->left[i];
        if (!(s->screen->excess_j[r] > s->base))
            best_of_row(s, r, r == last->row ? last->column : SIZE_MAX);
    }
}

static bool find(search *s, const alert_problem *p, const alert_rule *rule)
{
    const alert_configuration *last = &p->last;
    const alert_row *row = &p->profile->row[last->row];
    candidates c = candidates_of(s, row);
    s->time_quantile = alert_time_quantile(p, rule);
    s->best->row = NULL;
    best_of_columns(s, &c, last->column, row->columns);
    if (s->screen->number)
        best_of_rows_left(s, last);
    for (size_t r = 0; !s->screen->number && r < p->profile->rows; r++)
        best_of_row(s, r, r == last->row ? last->column : SIZE_MAX);
    return s->best->row != NULL;
}

void alert_choose_priced(const alert_problem *p, alert_choice *out)
{
    search s = {.belief = p->belief,
                .screen = &p->cache->screen,
                .lower = alert_cost_bound_of(p),
                .value = HUGE_VAL,
                .base = HUGE_VAL,
                .gain = p->price * (1.0 + 1e-12),
                .slack = 1e-12 * p->price * fabs(p->late_accuracy),
                .late_accuracy = p->late_accuracy,
                .price = p->price,
                .time_price_w = p->time_price_w,
                .best = out};
    alert_rule rule;
    alert_keep_all(&rule, p->goal, true);
    if (s.screen->profile != p->profile)
        alert_screen_follow(s.screen, p->profile);
    s.ceiling = alert_mixture_ceiling(p->belief->mixture,
                                      p->profile->row[p->last.row].latency_s[p->last.column],
                                      p->belief->deadline_s);
    alert_cache_follow(p->cache, p->profile, p->goal, alert_accuracy_asked(p));
    out->feasible = true;
    while (!find(&s, p, &rule)) {
        out->feasible = false;
        if (!alert_give_up(&rule, p->goal))
            return;
    }
    out->energy_j = alert_energy(p->belief, out->row, out->column);
}
