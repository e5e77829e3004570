#include "core/choose/problem.h"
#include "core/ranges.h"

typedef struct scan {
    const alert_problem *problem;
    const alert_switching *switching;
    alert_rule rule;
    alert_limits limits;
    alert_belief staying,
        leaving;              /* of the row looked at: under the cap in force, and under others */
    bool here, lower, higher; /* caps looked at */
    double late_accuracy;     /* that an output after its deadline counts for */
    alert_choice *best;
} scan;

static bool is_looked_at(const scan *s, size_t cap)
{
    size_t now = s->switching->cap;
    if (cap >= s->problem->caps)
        return false;
    return cap == now ? s->here : cap < now ? s->lower : s->higher;
}

static const alert_belief *belief_under(const scan *s, size_t cap)
{
    return cap == s->switching->cap ? &s->staying : &s->leaving;
}

/* What the row's model waits for is taken off its time. The longest delay never ends, also where
   there is no deadline. */
static void turn_to(scan *s, const alert_row *row)
{
    double delay_s = alert_delay(s->problem->delays, row);
    double time_s = delay_s < ALERT_QUANTITY_MAX ? s->problem->belief->deadline_s - delay_s : 0.0;
    alert_belief_set_deadline(&s->staying, fmax(time_s, 0.0));
    alert_belief_set_deadline(&s->leaving, fmax(time_s - s->switching->cost_s, 0.0));
}

/* The belief's deadline becomes that of a choice in the row looked at. */
static void take_deadline(const scan *s, const alert_choice *c)
{
    alert_belief_set_deadline(s->problem->belief,
                              belief_under(s, c->row->cap[c->column])->deadline_s);
}

/* Profiled seconds until the configuration is done. */
static double profiled_s(const scan *s, const alert_row *row, size_t column)
{
    double delay_s = alert_delay(s->problem->delays, row);
    return row->run_s[column] + (delay_s > 0.0 ? delay_s / s->problem->belief->mean : 0.0);
}

static alert_choice weigh(const scan *s, const alert_row *row, size_t column)
{
    const alert_belief *b = belief_under(s, row->cap[column]);
    alert_choice c = {.row = row, .column = column, .energy_j = alert_energy(b, row, column)};
    c.accuracy = alert_accuracy(b, row, column, s->late_accuracy, &c.probability);
    c.energy_j += row->power_w[column] * alert_delay(s->problem->delays, row);
    if (b == &s->leaving)
        c.energy_j += row->power_w[column] * s->switching->cost_s / s->switching->hold_inputs;
    c.cost_j = c.energy_j + s->problem->time_price_w * profiled_s(s, row, column);
    return c;
}

static bool meets(const scan *s, const alert_choice *c)
{
    if (s->rule.keeps[ALERT_LATENCY] && c->probability < s->problem->goal->probability)
        return false;
    return c->accuracy >= s->limits.least_accuracy && c->energy_j <= s->limits.most_energy_j;
}

/* Expected, with the delay and the change of the cap. */
static double latency_of(const scan *s, const alert_choice *c)
{
    bool leaves = c->row->cap[c->column] != s->switching->cap;
    double before_s = alert_delay(s->problem->delays, c->row);
    return s->staying.mean * c->row->run_s[c->column] + before_s +
           (leaves ? s->switching->cost_s : 0.0);
}

/* What the choice goes by, before the cost: the smaller, the better. */
static double rank(const scan *s, const alert_choice *c)
{
    if (s->problem->is_hopelessly_late)
        return profiled_s(s, c->row, c->column);
    if (s->problem->price >= 0.0)
        return c->cost_j - s->problem->price * c->accuracy;
    return s->rule.decides == ALERT_ENERGY     ? c->cost_j
           : s->rule.decides == ALERT_ACCURACY ? -c->accuracy
                                               : latency_of(s, c);
}

static bool beats_best(const scan *s, const alert_choice *c)
{
    if (!s->best->row)
        return true;
    double mine = rank(s, c), its = rank(s, s->best);
    return mine != its ? mine < its : alert_is_cheaper(c->row, c->column, c->cost_j, s->best);
}

static void look_along(scan *s, const alert_row *row)
{
    for (size_t j = 0; j < row->columns; j++) {
        if (!is_looked_at(s, row->cap[j]))
            continue;
        if (s->problem->is_hopelessly_late && s->best->row &&
            profiled_s(s, row, j) > profiled_s(s, s->best->row, s->best->column))
            return;
        alert_choice c = weigh(s, row, j);
        if (meets(s, &c) && beats_best(s, &c))
            *s->best = c;
    }
}

static bool find(scan *s)
{
    const alert_profile *profile = s->problem->profile;
    s->limits = alert_limits_of(s->problem, &s->rule);
    s->best->row = NULL;
    for (size_t r = 0; r < profile->rows; r++) {
        turn_to(s, &profile->row[r]);
        look_along(s, &profile->row[r]);
    }
    return s->best->row != NULL;
}

static bool find_under_a_higher_cap(scan *s)
{
    s->here = false;
    s->higher = true;
    bool found = find(s);
    s->here = true;
    s->higher = false;
    return found;
}

static const alert_switching FREE = {.hold_inputs = 1.0};

void alert_weigh(const alert_problem *p, alert_choice *choice)
{
    scan s = {.problem = p,
              .switching = p->switching ? p->switching : &FREE,
              .staying = *p->belief,
              .leaving = *p->belief,
              .late_accuracy = p->goal->q_fail};
    bool feasible = choice->feasible;
    turn_to(&s, choice->row);
    *choice = weigh(&s, choice->row, choice->column);
    choice->feasible = feasible;
    take_deadline(&s, choice);
}

void alert_choose_by_scan(const alert_problem *p, alert_choice *out)
{
    const alert_switching *switching = p->switching ? p->switching : &FREE;
    bool late = p->is_hopelessly_late;
    bool held = switching->holds_cap && switching->cap < p->caps && !late;
    scan s = {.problem = p,
              .switching = switching,
              .staying = *p->belief,
              .leaving = *p->belief,
              .here = true,
              .lower = !held,
              .higher = !held,
              .late_accuracy = p->price >= 0.0 ? p->late_accuracy : p->goal->q_fail,
              .best = out};
    if (!late)
        alert_keep_all(&s.rule, p->goal, p->price >= 0.0);
    alert_cache_follow(p->cache, p->profile, p->goal, alert_accuracy_asked(p));
    bool feasible = !late;
    while (!find(&s) && !(held && feasible && find_under_a_higher_cap(&s))) {
        feasible = false;
        if (!alert_give_up(&s.rule, p->goal))
            return;
    }
    out->feasible = feasible;
    turn_to(&s, out->row);
    take_deadline(&s, out);
}
