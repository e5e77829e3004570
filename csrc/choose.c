#include "choose.h"

#include <math.h>

/* What a configuration must meet. */
typedef struct demand {
    double least_accuracy; /* -infinity: none */
    double most_energy_j;  /* infinity: none */
    double time_quantile;  /* F^-1 of the least probability; -infinity: none */
    double q_fail;
} demand;

/* The test for one row: columns [0, count) with t quantile <= T, and, in rows without order,
 * accuracy checked one by one. */
typedef struct gate {
    size_t count;
    double quantile;
    bool check_accuracy;
} gate;

static bool comes_first(const alert_row *row, size_t column, const alert_choice *best)
{
    uint32_t cap = row->cap[column], best_cap = best->row->cap[best->column];
    if (cap != best_cap)
        return cap < best_cap;
    if (row->model != best->row->model)
        return row->model < best->row->model;
    return row->exit < best->row->exit;
}

/* Expected accuracy falls along the row. */
static bool is_ordered(const alert_row *row, double q_fail)
{
    return row->ascending && row->stair[0].accuracy >= q_fail;
}

/* In an ordered row: the number of leading columns whose expected accuracy is enough. */
static size_t count_accurate(const alert_belief *b, const alert_row *row, size_t caps,
                             const demand *d)
{
    size_t low = 0, high = caps;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (alert_accuracy(b, row, row->latency_s[middle], d->q_fail) >= d->least_accuracy)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static gate open_gate(const alert_belief *b, const alert_row *row, size_t caps, const demand *d)
{
    gate g = {.count = caps, .quantile = d->time_quantile, .check_accuracy = false};
    if (d->least_accuracy <= d->q_fail && is_ordered(row, d->q_fail))
        return g;
    if (!is_ordered(row, d->q_fail)) {
        g.check_accuracy = true;
    } else if (row->stairs == 1) {
        /* q Pr + q_fail (1 - Pr) >= Q as a bound on Pr, and so on latency */
        double q = row->stair[0].accuracy;
        double quantile =
            alert_slowdown_quantile(b, (d->least_accuracy - d->q_fail) / (q - d->q_fail));
        g.quantile = quantile > g.quantile ? quantile : g.quantile;
    } else {
        g.count = count_accurate(b, row, caps, d);
    }
    return g;
}

static void lowest_energy(const alert_profile *p, const alert_belief *b, const demand *d,
                          alert_choice *best)
{
    for (size_t r = 0; r < p->rows; r++) {
        const alert_row *row = &p->row[r];
        double most_accurate = row->best_accuracy > d->q_fail ? row->best_accuracy : d->q_fail;
        if (most_accurate < d->least_accuracy ||
            (best->row && alert_row_least_energy(b, row) > best->energy_j))
            continue;
        gate g = open_gate(b, row, p->caps, d);
        for (size_t j = 0; j < g.count && row->latency_s[j] * g.quantile <= b->deadline_s; j++) {
            double energy = alert_energy(b, row->latency_s[j], row->power_w[j]);
            if (best->row && (energy > best->energy_j ||
                              (energy == best->energy_j && !comes_first(row, j, best))))
                continue;
            if (g.check_accuracy &&
                alert_accuracy(b, row, row->latency_s[j], d->q_fail) < d->least_accuracy)
                continue;
            best->row = row;
            best->column = j;
            best->energy_j = energy;
        }
    }
    if (best->row)
        best->accuracy =
            alert_accuracy(b, best->row, best->row->latency_s[best->column], d->q_fail);
}

static bool is_more_accurate(const alert_row *row, size_t column, double accuracy, double energy,
                             const alert_choice *best)
{
    if (!best->row || accuracy != best->accuracy)
        return !best->row || accuracy > best->accuracy;
    return energy < best->energy_j || (energy == best->energy_j && comes_first(row, column, best));
}

static void highest_accuracy(const alert_profile *p, const alert_belief *b, const demand *d,
                             alert_choice *best)
{
    for (size_t r = 0; r < p->rows; r++) {
        const alert_row *row = p->accurate[r];
        if (best->row && row->best_accuracy < best->accuracy && d->q_fail < best->accuracy)
            break;
        bool ordered = is_ordered(row, d->q_fail);
        double row_best = -HUGE_VAL;
        for (size_t j = 0; j < p->caps && row->latency_s[j] * d->time_quantile <= b->deadline_s;
             j++) {
            double energy = alert_energy(b, row->latency_s[j], row->power_w[j]);
            if (energy > d->most_energy_j)
                continue;
            double accuracy = alert_accuracy(b, row, row->latency_s[j], d->q_fail);
            if (ordered && accuracy < row_best)
                break;
            row_best = accuracy;
            if (is_more_accurate(row, j, accuracy, energy, best)) {
                best->row = row;
                best->column = j;
                best->energy_j = energy;
                best->accuracy = accuracy;
            }
        }
    }
}

static size_t importance(const alert_goal *goal, alert_quantity quantity)
{
    size_t place = 0;
    while (goal->priority[place] != quantity)
        place++;
    return place;
}

/* Goes by `goal` with the bounds marked; false when nothing meets them. */
static bool attempt(const alert_profile *p, const alert_belief *b, const alert_goal *goal,
                    double bound, bool keep_bound, bool keep_latency, alert_choice *out)
{
    bool saving = goal->objective == ALERT_MIN_ENERGY;
    demand d = {
        .least_accuracy = saving && keep_bound ? bound : -HUGE_VAL,
        .most_energy_j = !saving && keep_bound ? bound : HUGE_VAL,
        .time_quantile = keep_latency && goal->probability > 0.0
                             ? alert_slowdown_quantile(b, goal->probability)
                             : -HUGE_VAL,
        .q_fail = goal->q_fail,
    };
    if (!keep_bound)
        saving = importance(goal, ALERT_ENERGY) < importance(goal, ALERT_ACCURACY);
    *out = (alert_choice){.row = NULL, .feasible = false};
    if (saving)
        lowest_energy(p, b, &d, out);
    else
        highest_accuracy(p, b, &d, out);
    return out->row != NULL;
}

void alert_choose(const alert_profile *p, const alert_belief *b, const alert_goal *goal,
                  double bound, alert_choice *out)
{
    if (attempt(p, b, goal, bound, true, true, out)) {
        out->feasible = true;
        return;
    }
    alert_quantity bounded = goal->objective == ALERT_MIN_ENERGY ? ALERT_ACCURACY : ALERT_ENERGY;
    bool latency_first = importance(goal, ALERT_LATENCY) < importance(goal, bounded);
    if (goal->probability > 0.0 && attempt(p, b, goal, bound, !latency_first, latency_first, out))
        return;
    (void)attempt(p, b, goal, bound, false, false,
                  out); /* nothing is demanded: something is found */
}
