#include "core/choose/choose.h"

#include <math.h>

bool alert_comes_first(const alert_row *a, size_t a_column, const alert_row *b, size_t b_column)
{
    uint32_t a_cap = a->cap[a_column], b_cap = b->cap[b_column];
    if (a_cap != b_cap)
        return a_cap < b_cap;
    return a->model != b->model ? a->model < b->model : a->exit < b->exit;
}

/* What a search goes by. */
typedef struct search {
    const alert_profile *profile;
    const alert_belief *belief;
    alert_floor floor;
    alert_plan *plan;
    double q_fail;
    double least_accuracy; /* -infinity: none */
    double most_energy_j;  /* infinity: none */
    double time_quantile;  /* slowdown that must still be in time; -infinity: none */
    size_t near;           /* column before which all cost too much in the last row passed over */
    alert_choice *best;    /* row is NULL as long as nothing is found */
} search;

/* Expected accuracy falls along the row. */
static bool is_ordered(const search *s, const alert_row *row)
{
    return row->ascending && row->stair[0].accuracy >= s->q_fail;
}

static double accuracy_of(const search *s, const alert_row *row, size_t column, double *probability)
{
    return alert_accuracy(s->belief, row, column, s->q_fail, probability);
}

static bool is_accurate_enough(const search *s, const alert_row *row, size_t column)
{
    double probability;
    return accuracy_of(s, row, column, &probability) >= s->least_accuracy;
}

static double energy_of(const search *s, const alert_row *row, size_t column)
{
    return alert_energy(s->belief, row->latency_s[column], row->power_w[column]);
}

/* Whether the columns summed up are known to cost more than the best so far. */
static bool cost_more(const search *s, const alert_least *least)
{
    return s->best->row && alert_least_energy(&s->floor, least) > s->best->energy_j;
}

static bool comes_first(const search *s, const alert_row *row, size_t column)
{
    return alert_comes_first(row, column, s->best->row, s->best->column);
}

/* Member by member: what is copied whole right after its parts were written waits for them. */
static void take(search *s, const alert_row *row, size_t column, double energy_j)
{
    s->best->row = row;
    s->best->column = column;
    s->best->energy_j = energy_j;
}

/* --------------------------------------------------------------------------------- least energy */

static bool is_in_time(const search *s, const alert_row *row, size_t column, double quantile)
{
    return row->latency_s[column] * quantile <= s->belief->deadline_s;
}

/* The number of leading columns that are done by the deadline at `quantile` times their latency;
 * 0 also when all of them cost more than the best so far. The first column tried is the one that said
 * so of another row: rows are much alike. */
static size_t count_in_time(search *s, const alert_row *row, double quantile)
{
    size_t low = 0, high = row->columns;
    for (size_t middle = s->near; low < high; middle = low + (high - low) / 2) {
        if (is_in_time(s, row, middle, quantile)) {
            low = middle + 1;
            continue;
        }
        high = middle;
        if (high > 0 && cost_more(s, &row->least[high - 1])) {
            s->near = high;
            return 0;
        }
    }
    return low;
}

/* In an ordered row: the number of the first `count` columns that are accurate enough. */
static size_t count_accurate(const search *s, const alert_row *row, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_accurate_enough(s, row, middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The slowdown at which a configuration of the row must still be in time. */
static double quantile_of_row(const search *s, size_t r, bool by_quantile)
{
    double quantile = s->time_quantile;
    if (by_quantile) {
        double z = alert_plan_accuracy_z(s->plan, s->profile, r);
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
    bool ordered = is_ordered(s, row);
    if (ordered && s->least_accuracy > s->q_fail && !(by_quantile && row->stairs == 1))
        count = count_accurate(s, row, count);
    for (size_t j = count; j-- > 0 && !cost_more(s, &row->least[j]);) {
        double energy = energy_of(s, row, j);
        if (s->best->row && (energy > s->best->energy_j ||
                             (energy == s->best->energy_j && !comes_first(s, row, j))))
            continue;
        if (!ordered && !is_accurate_enough(s, row, j))
            continue;
        take(s, row, j, energy);
    }
}

static void find_lowest_energy(search *s)
{
    const alert_profile *p = s->profile;
    bool all = s->least_accuracy <= s->q_fail;
    double least_accuracy = all ? -HUGE_VAL : s->least_accuracy;
    /* a quantile of a mixture costs more than the few integrals of a bisection */
    bool by_quantile = !all && !s->belief->mixture;
    for (size_t r = all ? 0 : s->plan->hopeless; r < p->rows; r++) {
        const alert_row *row = &p->row[r];
        if (row->best_accuracy >= least_accuracy && !cost_more(s, &row->overall))
            cheapest_of_row(s, r, by_quantile);
    }
    alert_choice *best = s->best;
    if (best->row)
        best->accuracy = accuracy_of(s, best->row, best->column, &best->probability);
}

/* ----------------------------------------------------------------------------- highest accuracy */

/* The number of leading columns that are known to be beyond the energy allowed. */
static size_t count_unaffordable(const search *s, const alert_row *row)
{
    size_t low = 0, high = s->most_energy_j < HUGE_VAL ? row->columns : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (alert_least_energy(&s->floor, &row->least[middle]) > s->most_energy_j)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool beats_best(const search *s, const alert_row *row, size_t column, double accuracy,
                       double energy)
{
    if (!s->best->row || accuracy != s->best->accuracy)
        return !s->best->row || accuracy > s->best->accuracy;
    if (energy != s->best->energy_j)
        return energy < s->best->energy_j;
    return comes_first(s, row, column);
}

static void most_accurate_of_row(search *s, const alert_row *row)
{
    bool ordered = is_ordered(s, row);
    double row_best = -HUGE_VAL;
    for (size_t j = count_unaffordable(s, row); j < row->columns; j++) {
        if (!is_in_time(s, row, j, s->time_quantile))
            break;
        double energy = energy_of(s, row, j);
        if (energy > s->most_energy_j)
            continue;
        double probability, accuracy = accuracy_of(s, row, j, &probability);
        if (ordered && accuracy < row_best)
            break;
        row_best = accuracy;
        if (!beats_best(s, row, j, accuracy, energy))
            continue;
        take(s, row, j, energy);
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

/* --------------------------------------------------------------------------------------- bounds */

size_t alert_importance(const alert_goal *goal, alert_quantity quantity)
{
    size_t place = 0;
    while (goal->priority[place] != quantity)
        place++;
    return place;
}

/* Goes by `goal` with the bounds marked; false when nothing meets them. */
static bool attempt(search *s, const alert_goal *goal, double bound, bool keep_bound,
                    bool keep_latency)
{
    const alert_belief *b = s->belief;
    bool saving = goal->objective == ALERT_MIN_ENERGY;
    s->least_accuracy = saving && keep_bound ? bound : -HUGE_VAL;
    s->most_energy_j = !saving && keep_bound ? bound : HUGE_VAL;
    s->time_quantile =
        keep_latency ? alert_slowdown_quantile(b, goal->probability, s->plan->time_z) : -HUGE_VAL;
    s->best->row = NULL;
    if (!keep_bound)
        saving = alert_importance(goal, ALERT_ENERGY) < alert_importance(goal, ALERT_ACCURACY);
    if (saving)
        find_lowest_energy(s);
    else
        find_highest_accuracy(s);
    return s->best->row != NULL;
}

static bool attempt_in_turn(search *s, const alert_goal *goal, double bound)
{
    if (attempt(s, goal, bound, true, true))
        return true;
    alert_quantity bounded = goal->objective == ALERT_MIN_ENERGY ? ALERT_ACCURACY : ALERT_ENERGY;
    bool latency_first = alert_importance(goal, ALERT_LATENCY) < alert_importance(goal, bounded);
    if (goal->probability == 0.0 || !attempt(s, goal, bound, !latency_first, latency_first))
        (void)attempt(s, goal, bound, false, false); /* finds something: nothing is asked for */
    return false;
}

void alert_choose(const alert_profile *profile, alert_plan *plan, const alert_belief *belief,
                  const alert_goal *goal, double bound, alert_choice *out)
{
    search s = {.profile = profile,
                .belief = belief,
                .floor = alert_floor_of(belief),
                .plan = plan,
                .q_fail = goal->q_fail,
                .near = profile->caps / 2,
                .best = out};
    alert_plan_follow(plan, profile, goal, bound);
    out->feasible = attempt_in_turn(&s, goal, bound);
}

/* -------------------------------------------------------------------------------- lowest latency */

void alert_choose_fastest(const alert_profile *profile, const alert_belief *belief,
                          const alert_goal *goal, alert_choice *out)
{
    search s = {.profile = profile, .belief = belief, .q_fail = goal->q_fail, .best = out};
    *out = (alert_choice){0};
    for (size_t r = 0; r < profile->rows; r++) {
        const alert_row *row = &profile->row[r];
        for (size_t j = 0; j < row->columns && row->latency_s[j] == row->latency_s[0]; j++) {
            double energy = energy_of(&s, row, j);
            double least = out->row ? out->row->latency_s[out->column] : HUGE_VAL;
            bool better = row->latency_s[j] < least;
            if (row->latency_s[j] == least)
                better =
                    energy < out->energy_j || (energy == out->energy_j && comes_first(&s, row, j));
            if (better)
                take(&s, row, j, energy);
        }
    }
    out->accuracy = accuracy_of(&s, out->row, out->column, &out->probability);
}
