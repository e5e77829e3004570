/* choose_priced.c - the choice where the bound of the goal has a price (choose.h). */
#include <math.h>

#include "choose.h"

/* Stretches up to this length are looked at column by column. */
enum { MARKS = 2, SHORT = 4 };

/* A slowdown, and the probability that it is not exceeded. */
typedef struct mark {
    double slowdown, probability;
} mark;

typedef struct search {
    const alert_belief *belief;
    double q_fail, price;
    double time_quantile; /* slowdown that must still be in time; -infinity: none */
    mark mark[MARKS];     /* by descending slowdown */
    double value;         /* of the best so far */
    alert_choice best;    /* row is NULL as long as nothing is found */
} search;

/* A stretch of columns of one row, and an accuracy that none of them exceeds. */
typedef struct stretch {
    size_t first, end;
    double accuracy;
} stretch;

static bool comes_first(const search *s, const alert_choice *c)
{
    if (c->energy_j != s->best.energy_j)
        return c->energy_j < s->best.energy_j;
    return alert_comes_first(c->row, c->column, s->best.row, s->best.column);
}

/* Something of no less energy and no more accuracy than this cannot beat the best so far; the factor outweighs
 * rounding. */
static bool is_beaten(const search *s, double energy_j, double accuracy)
{
    return energy_j - s->price * accuracy * (1.0 + 1e-12) > s->value;
}

static bool is_stretch_beaten(const search *s, const alert_row *row, const stretch *part)
{
    double least = alert_least_energy(s->belief, &row->least[part->end - 1]);
    return is_beaten(s, least, part->accuracy);
}

/* Looks at one configuration, which is known not to exceed `accuracy`; returns a sharper limit of the accuracy of
 * slower ones in an ordered row. */
static double consider(search *s, const alert_row *row, size_t column, double accuracy)
{
    const alert_belief *b = s->belief;
    alert_choice c = {.row = row, .column = column};
    c.energy_j = alert_energy(b, row->latency_s[column], row->power_w[column]);
    if (is_beaten(s, c.energy_j, accuracy))
        return accuracy;
    c.accuracy = alert_accuracy(b, row, column, s->q_fail, &c.probability);
    double value = c.energy_j - s->price * c.accuracy;
    if (value < s->value || (value == s->value && comes_first(s, &c))) {
        s->best = c;
        s->value = value;
    }
    return c.accuracy;
}

/* The number of the columns before `end` that are done by the deadline at `slowdown` times their latency. */
static size_t count_in_time(const search *s, const alert_row *row, size_t end, double slowdown)
{
    size_t low = 0;
    while (low < end) {
        size_t middle = low + (end - low) / 2;
        if (row->latency_s[middle] * slowdown <= s->belief->deadline_s)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

/* Halves the stretch as long as it is long and may hold something better. In an ordered row nothing slower than a
 * column is more accurate than it. */
static void best_of_stretch(search *s, const alert_row *row, stretch part, bool ordered)
{
    while (part.end > part.first + SHORT) {
        if (is_stretch_beaten(s, row, &part))
            return;
        size_t middle = part.first + (part.end - part.first) / 2;
        double accuracy = consider(s, row, middle, part.accuracy);
        stretch slower = {middle + 1, part.end, ordered ? accuracy : part.accuracy};
        best_of_stretch(s, row, slower, ordered);
        part.end = middle;
    }
    for (size_t j = part.first; j < part.end; j++) {
        double accuracy = consider(s, row, j, part.accuracy);
        if (ordered)
            part.accuracy = accuracy;
    }
}

/* An ordered row of one output is cut where it passes the marks: behind one, nothing is in time with more than its
 * probability. */
static void best_of_row(search *s, const alert_row *row)
{
    bool ordered = row->ascending && row->stair[0].accuracy >= s->q_fail;
    stretch part = {0, row->columns,
                    row->best_accuracy > s->q_fail ? row->best_accuracy : s->q_fail};
    if (is_stretch_beaten(s, row, &part))
        return;
    if (s->time_quantile > -HUGE_VAL)
        part.end = count_in_time(s, row, part.end, s->time_quantile);
    for (int k = 0; k < MARKS && ordered && row->stairs == 1; k++) {
        size_t cut = count_in_time(s, row, part.end, s->mark[k].slowdown);
        best_of_stretch(s, row, (stretch){part.first, cut, part.accuracy}, true);
        double gain = row->best_accuracy - s->q_fail;
        part = (stretch){cut, part.end, s->q_fail + gain * s->mark[k].probability};
    }
    best_of_stretch(s, row, part, ordered);
}

static void find(search *s, const alert_profile *profile, const alert_place *last)
{
    const alert_row *row = &profile->row[last->row];
    if (row->latency_s[last->column] * s->time_quantile <= s->belief->deadline_s)
        (void)consider(s, row, last->column, 1.0);
    for (size_t r = 0; r < profile->rows; r++)
        best_of_row(s, &profile->row[r]);
}

static mark mark_at(const alert_belief *b, double slowdown)
{
    return (mark){slowdown, alert_mixture_cdf(b->mixture, slowdown)};
}

void alert_choose_priced(const alert_profile *profile, alert_plan *plan, const alert_belief *belief,
                         const alert_goal *goal, double price, const alert_place *last,
                         alert_choice *out)
{
    const alert_component *now = &belief->mixture->part[0];
    alert_plan_follow(plan, profile, goal, goal->bound);
    search s = {.belief = belief,
                .value = HUGE_VAL,
                .q_fail = goal->q_fail,
                .price = price,
                .time_quantile = alert_slowdown_quantile(belief, goal->probability, plan->time_z),
                .mark = {mark_at(belief, now->level * (1.0 + 2.0 * now->spread)),
                         mark_at(belief, now->level)}};
    find(&s, profile, last);
    bool feasible = s.best.row != NULL;
    if (!feasible) {
        s.time_quantile = -HUGE_VAL;
        find(&s, profile, last);
    }
    *out = s.best;
    out->feasible = feasible;
}
