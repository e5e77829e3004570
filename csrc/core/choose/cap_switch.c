#include "core/choose/cap_switch.h"

#include <math.h>

/* What is asked for, and by what is chosen among the rest. */
typedef struct rule {
    bool latency, bound;
    bool saving;  /* least energy, else highest accuracy */
    bool fastest; /* lowest latency, whatever the rest */
} rule;

typedef struct scan {
    const alert_profile *profile;
    const alert_goal *goal;
    const alert_switching *switching;
    alert_belief here, elsewhere; /* under the cap in force, and under others */
    double bound, time_quantile;
    double price; /* of accuracy; negative where the goal's bound holds for each input */
    bool with_here, with_lower, with_higher; /* caps looked at */
    alert_choice best;                       /* row is NULL as long as nothing is found */
} scan;

static bool is_wanted(const scan *s, size_t cap)
{
    size_t now = s->switching->cap;
    return cap == now ? s->with_here : cap < now ? s->with_lower : s->with_higher;
}

static const alert_belief *belief_under(const scan *s, size_t cap)
{
    return cap == s->switching->cap ? &s->here : &s->elsewhere;
}

static alert_choice weigh(const scan *s, const alert_row *row, size_t column)
{
    const alert_belief *b = belief_under(s, row->cap[column]);
    double latency = row->latency_s[column], power = row->power_w[column];
    alert_choice c = {.row = row, .column = column};
    c.accuracy = alert_accuracy(b, row, column, s->goal->q_fail, &c.probability);
    c.energy_j = alert_energy(b, latency, power);
    if (b == &s->elsewhere)
        c.energy_j += power * s->switching->cost_s / s->switching->hold_inputs;
    return c;
}

static bool meets(const scan *s, const rule *r, const alert_choice *c)
{
    const alert_belief *b = belief_under(s, c->row->cap[c->column]);
    if (r->latency && !(c->row->latency_s[c->column] * s->time_quantile <= b->deadline_s))
        return false;
    if (!r->bound || s->price >= 0.0)
        return true;
    return s->goal->objective == ALERT_MIN_ENERGY ? c->accuracy >= s->bound
                                                  : c->energy_j <= s->bound;
}

static bool beats(const scan *s, const rule *r, const alert_choice *a, const alert_choice *b)
{
    if (!b->row)
        return true;
    if (r->fastest) {
        double latency = a->row->latency_s[a->column], other = b->row->latency_s[b->column];
        if (latency != other)
            return latency < other;
    } else if (s->price >= 0.0) {
        double value = a->energy_j - s->price * a->accuracy;
        double other = b->energy_j - s->price * b->accuracy;
        if (value != other)
            return value < other;
    } else if (!r->saving && a->accuracy != b->accuracy) {
        return a->accuracy > b->accuracy;
    }
    if (a->energy_j != b->energy_j)
        return a->energy_j < b->energy_j;
    return alert_comes_first(a->row, a->column, b->row, b->column);
}

static bool find(scan *s, const rule *r)
{
    s->best.row = NULL;
    for (size_t i = 0; i < s->profile->rows; i++) {
        const alert_row *row = &s->profile->row[i];
        for (size_t j = 0; j < row->columns; j++) {
            if (!is_wanted(s, row->cap[j]))
                continue;
            alert_choice c = weigh(s, row, j);
            if (meets(s, r, &c) && beats(s, r, &c, &s->best))
                s->best = c;
        }
    }
    return s->best.row != NULL;
}

static void give_up_in_turn(scan *s)
{
    const alert_goal *g = s->goal;
    bool saving = g->objective == ALERT_MIN_ENERGY;
    bool rather_saving = alert_importance(g, ALERT_ENERGY) < alert_importance(g, ALERT_ACCURACY);
    bool latency_first = alert_importance(g, ALERT_LATENCY) <
                         alert_importance(g, saving ? ALERT_ACCURACY : ALERT_ENERGY);
    rule partly = {.latency = latency_first,
                   .bound = !latency_first,
                   .saving = latency_first ? rather_saving : saving};
    rule none = {.saving = rather_saving};
    if (g->probability == 0.0 || !find(s, &partly))
        (void)find(s, &none); /* finds something: nothing is asked for */
}

void alert_choose_switching(const alert_profile *profile, alert_plan *plan, alert_belief *belief,
                            const alert_goal *goal, double bound, double price,
                            const alert_switching *switching, alert_choice *out)
{
    scan s = {.profile = profile,
              .goal = goal,
              .switching = switching,
              .here = *belief,
              .elsewhere = *belief,
              .bound = bound,
              .price = price,
              .with_here = true,
              .with_lower = !switching->held || switching->lost,
              .with_higher = !switching->held || switching->lost};
    const rule all = {
        .latency = true, .bound = true, .saving = goal->objective == ALERT_MIN_ENERGY};
    const rule fastest = {.fastest = true};
    s.elsewhere.deadline_s = fmax(belief->deadline_s - switching->cost_s, 0.0);
    alert_plan_follow(plan, profile, goal, bound);
    s.time_quantile = alert_slowdown_quantile(belief, goal->probability, plan->time_z);
    bool feasible = !switching->lost && find(&s, &all);
    if (!feasible && switching->held && !switching->lost) {
        s.with_here = false;
        s.with_higher = true;
        feasible = find(&s, &all);
        s.with_here = true;
        s.with_higher = false;
    }
    if (switching->lost)
        (void)find(&s, &fastest);
    else if (!feasible)
        give_up_in_turn(&s);
    *out = s.best;
    out->feasible = feasible;
    *belief = *belief_under(&s, out->row->cap[out->column]);
}
