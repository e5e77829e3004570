/*
 * test_choose.c - the pruned search against a scan of all configurations.
 *
 *     test_choose DECISIONS SEED
 *
 * Random tables (with ties, not monotone in anything, anytime models among them), beliefs, goals and prices. The scan
 * below is written from the rules in rules.h and problem.h, and shares nothing with the search but the integrals. The
 * core's own scan, which serves caps that cost time, is asked as well: with caps that cost nothing. Of many tables the core
 * sees the profile and what is expected beyond it, and the scan the product of the two. Some machines are shared, and
 * their time has a price.
 *
 * A search by quantile and a scan by probability may part where a configuration lies on its bound up to rounding. Such
 * a decision is counted apart, and there may be few of them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/choose/choose.h"
#include "expect.h"

enum { MODELS = 6, CAPS = 40, EXITS = 12, CONFIGURATIONS = MODELS * CAPS * EXITS };

static unsigned long long state;

/* xorshift64* */
static unsigned long long bits(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ULL;
}

static double uniform(double low, double high)
{
    return low + (high - low) * (double)(bits() >> 11) * 0x1p-53;
}

static size_t below(size_t n)
{
    return (size_t)(bits() >> 33) % n;
}

/* ---------------------------------------------------------------------------------- random tables */

typedef struct table {
    alert_profile_data t;
    double second; /* unit of time: what holds for milliseconds holds for minutes */
    double latency[MODELS * CAPS], power[MODELS * CAPS], accuracy[MODELS], cap[CAPS];
    size_t exits[MODELS];
    double fraction[MODELS * EXITS], reached[MODELS * EXITS];
    double delay[MODELS]; /* before a model can start */
    bool is_shared;
    double
        second_w; /* that a second costs beside the power drawn; 0 where the machine is not shared */
} table;

/* Coarse grids make ties. */
static double value(bool coarse, double low, double high)
{
    return coarse ? low + (high - low) * (double)(1 + below(4)) / 4.0 : uniform(low, high);
}

static void random_exits(table *x, bool coarse)
{
    size_t first = 0;
    for (size_t i = 0; i < x->t.models; i++) {
        size_t k = x->exits[i] = below(3) == 0 ? 1 + below(EXITS) : 0;
        for (size_t e = 0; e < k; e++) {
            x->fraction[first + e] = (double)(e + 1) / (double)k;
            if (!coarse && e + 1 < k)
                x->fraction[first + e] -= uniform(0.0, 0.9 / (double)k);
            x->reached[first + e] = value(coarse, 0.1, 1.0);
        }
        if (k > 0)
            x->accuracy[i] = x->reached[first + k - 1];
        first += k;
    }
}

/* No second costs less than nothing, nor nothing: costs of 0 would differ by rounding only. */
static void random_machine(table *x)
{
    double least = HUGE_VAL, price = 0.0;
    x->is_shared = below(3) == 0;
    for (size_t c = 0; c < x->t.models * x->t.caps; c++)
        least = fmin(least, x->power[c]);
    if (below(3) > 0)
        price = uniform(0.0, below(2) == 0 ? x->t.idle_power_w : 200.0);
    x->second_w = x->is_shared ? fmax(price - x->t.idle_power_w, -0.9 * least) : 0.0;
}

static void random_table(table *x)
{
    bool coarse = below(2) == 0;
    x->second = below(4) == 0 ? uniform(0.001, 1000.0) : 1.0;
    memset(x->delay, 0, sizeof x->delay);
    x->t = (alert_profile_data){.models = 1 + below(MODELS),
                                .caps = 1 + below(below(8) == 0 ? CAPS : 7),
                                .latency_s = x->latency,
                                .power_w = x->power,
                                .accuracy = x->accuracy,
                                .power_cap_w = x->cap,
                                .idle_power_w = below(4) == 0 ? 0.0 : value(coarse, 1.0, 20.0),
                                .exit_count = x->exits,
                                .exit_fraction = x->fraction,
                                .exit_accuracy = x->reached};
    for (size_t c = 0; c < x->t.models * x->t.caps; c++) {
        x->latency[c] = x->second * value(coarse, 0.01, 0.1);
        x->power[c] = value(coarse, 5.0, 40.0);
    }
    for (size_t i = 0; i < x->t.models; i++)
        x->accuracy[i] = value(coarse, 0.2, 1.0);
    for (size_t j = 0; j < x->t.caps; j++)
        x->cap[j] = 10.0 + (double)j;
    random_exits(x, coarse);
    random_machine(x);
}

/* Exact for powers of two: ties stay ties. */
static void random_expectations(const table *x, alert_expected e[MODELS])
{
    bool delays = below(3) == 0;
    for (size_t i = 0; i < x->t.models; i++) {
        e[i] = (alert_expected){.factor = ldexp(1.0, (int)below(5) - 2), .accuracy = (double)NAN};
        if (below(2) == 0)
            e[i].accuracy = value(below(2) == 0, 0.1, 1.0);
        if (delays && below(2) == 0)
            e[i].delay_s = x->second * value(below(2) == 0, 0.0, 0.1);
    }
}

static void expect_of_table(table *x, const alert_expected e[MODELS])
{
    size_t exit = 0;
    for (size_t i = 0; i < x->t.models; i++) {
        double accuracy = x->accuracy[i];
        for (size_t j = 0; j < x->t.caps; j++)
            x->latency[i * x->t.caps + j] *= e[i].factor;
        for (size_t k = 0; k < x->exits[i]; k++, exit++)
            if (!isnan(e[i].accuracy))
                x->reached[exit] = fmin(e[i].accuracy * (x->reached[exit] / accuracy), 1.0);
        if (!isnan(e[i].accuracy))
            x->accuracy[i] = e[i].accuracy;
        x->delay[i] = e[i].delay_s;
    }
}

static alert_goal random_goal(double second)
{
    static const alert_quantity ORDER[6][3] = {
        {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY},
        {ALERT_LATENCY, ALERT_ENERGY, ALERT_ACCURACY},
        {ALERT_ACCURACY, ALERT_LATENCY, ALERT_ENERGY},
        {ALERT_ACCURACY, ALERT_ENERGY, ALERT_LATENCY},
        {ALERT_ENERGY, ALERT_LATENCY, ALERT_ACCURACY},
        {ALERT_ENERGY, ALERT_ACCURACY, ALERT_LATENCY},
    };
    alert_goal goal = {.objective = (alert_objective)below(3),
                       .deadline_s = 1.0,
                       .energy_j = below(3) == 0 ? HUGE_VAL : second * uniform(0.05, 6.0),
                       .probability = below(2) == 0 ? 0.0 : uniform(0.05, 0.999),
                       .q_fail = below(2) == 0 ? 0.0 : uniform(0.0, 0.6)};
    goal.bound = goal.objective == ALERT_MAX_ACCURACY ? goal.energy_j
                 : below(4) == 0                      ? 0.0
                                                      : uniform(0.0, 1.0);
    memcpy(goal.priority, ORDER[below(6)], sizeof goal.priority);
    return goal;
}

static alert_belief random_belief(const table *x)
{
    alert_belief b = {.mean = uniform(0.3, 2.5),
                      .std = below(3) == 0 ? uniform(1e-6, 0.02) : uniform(0.02, 1.0)};
    double deadline_s = below(10) == 0 ? 0.0 : x->second * uniform(0.005, 0.25);
    alert_belief_set_deadline(&b, below(10) == 0 ? HUGE_VAL : deadline_s); /* or none */
    if (x->is_shared)
        return b; /* idle time is nobody's */
    if (below(2) == 0)
        b.idle_power_w = x->t.idle_power_w;
    else
        b.idle_ratio = uniform(0.0, below(4) == 0 ? 2.0 : 0.6);
    return b;
}

static alert_mixture random_mixture(double second)
{
    double other = below(4) == 0 ? 0.0 : uniform(0.0, 0.5), level = uniform(0.3, 2.5);
    alert_mixture mixture;
    alert_mixture_set(&mixture, other, (double[]){level, level * uniform(0.3, 3.0)},
                      (double[]){uniform(0.005, 0.4), uniform(0.005, 0.4)},
                      below(2) == 0 ? 0.0 : uniform(0.0, 4.0), second * uniform(0.001, 0.3));
    if (below(2) == 0)
        mixture.kept = uniform(0.9, 1.0);
    mixture.certain = below(2) == 0 ? 1.0 : mixture.kept;
    return mixture;
}

/* --------------------------------------------------------------------------------------- the scan */

typedef struct configuration {
    size_t model, cap;
    ptrdiff_t exit;
    double latency, expected; /* of the quiet machine, and now */
    double accuracy, energy, probability;
    double wait, cost;
    double none; /* probability that no output is in time */
} configuration;

static double in_time(const alert_belief *b, double latency)
{
    return b->mixture ? alert_mixture_cdf(b->mixture, latency, b->deadline_s)
                      : alert_normal_cdf((b->deadline_s / latency - b->mean) / b->std);
}

static configuration weigh(const table *x, const alert_belief *at_once, double q_fail, size_t i,
                           size_t j, size_t first, size_t k)
{
    alert_belief later_on = *at_once, *b = &later_on;
    alert_belief_set_deadline(b, fmax(b->deadline_s - x->delay[i], 0.0));
    size_t exits = x->exits[i];
    double full = x->latency[i * x->t.caps + j], power = x->power[i * x->t.caps + j];
    double latency = exits > 0 ? full * x->fraction[first + k] : full;
    double run = b->mean * latency;
    double rest = isinf(b->deadline_s) ? 0.0 : fmax(b->deadline_s - run, 0.0);
    configuration c = {.model = i,
                       .cap = j,
                       .exit = exits > 0 ? (ptrdiff_t)k : -1,
                       .latency = latency,
                       .wait = x->delay[i] > 0.0 ? x->delay[i] / b->mean : 0.0,
                       .expected = run + x->delay[i],
                       .energy = power * (run + b->idle_ratio * rest) + b->idle_power_w * rest +
                                 power * x->delay[i],
                       .probability = in_time(b, latency)};
    c.cost = c.energy + x->second_w * c.expected;
    if (exits == 0) {
        c.accuracy = x->accuracy[i] * c.probability + q_fail * (1.0 - c.probability);
        c.none = 1.0 - c.probability;
        return c;
    }
    double later = c.probability;
    c.accuracy = x->reached[first + k] * later;
    for (size_t m = k; m-- > 0;) {
        double earlier = in_time(b, full * x->fraction[first + m]);
        c.accuracy += x->reached[first + m] * (earlier - later);
        later = earlier;
    }
    c.accuracy += q_fail * (1.0 - later);
    c.none = 1.0 - later;
    return c;
}

static size_t weigh_all(const table *x, const alert_belief *b, double q_fail, configuration *out)
{
    size_t count = 0, first = 0;
    for (size_t i = 0; i < x->t.models; i++) {
        size_t outputs = x->exits[i] > 0 ? x->exits[i] : 1;
        for (size_t k = 0; k < outputs; k++)
            for (size_t j = 0; j < x->t.caps; j++)
                out[count++] = weigh(x, b, q_fail, i, j, first, k);
        first += x->exits[i];
    }
    return count;
}

static size_t rank(const alert_goal *goal, alert_quantity q)
{
    return goal->priority[0] == q ? 0 : goal->priority[1] == q ? 1 : 2;
}

/* Bounds that are still asked for (infinite: none), and by what it is chosen. */
typedef struct rule {
    double probability, accuracy, energy;
    alert_quantity by;
} rule;

/* All bounds, and then the first `kept` in the order of the goal, which has no more than three. */
static rule rule_with(const alert_goal *goal, size_t kept)
{
    bool saves = goal->objective == ALERT_MIN_ENERGY,
         limits = goal->objective == ALERT_MAX_ACCURACY;
    rule all = {.probability = goal->probability > 0.0 ? goal->probability : -HUGE_VAL,
                .accuracy = limits || (!saves && goal->bound == 0.0) ? -HUGE_VAL : goal->bound,
                .energy = saves    ? HUGE_VAL
                          : limits ? goal->bound
                                   : goal->energy_j};
    rule out = {-HUGE_VAL, -HUGE_VAL, HUGE_VAL,
                saves    ? ALERT_ENERGY
                : limits ? ALERT_ACCURACY
                         : ALERT_LATENCY};
    for (size_t i = 0; i < 3; i++) {
        alert_quantity q = goal->priority[i];
        bool keeps = i < kept;
        if (q == ALERT_LATENCY && keeps)
            out.probability = all.probability;
        if (q == ALERT_ACCURACY && keeps)
            out.accuracy = all.accuracy;
        if (q == ALERT_ENERGY && keeps)
            out.energy = all.energy;
        if (!keeps && ((q == ALERT_ACCURACY && isfinite(all.accuracy)) ||
                       (q == ALERT_ENERGY && isfinite(all.energy))))
            if (rank(goal, q) < rank(goal, out.by))
                out.by = q;
    }
    return out;
}

/* By how much a configuration meets what is asked for; negative: it does not. */
static double margin(const configuration *c, rule r)
{
    return fmin(c->probability - r.probability,
                fmin(c->accuracy - r.accuracy, r.energy - c->energy));
}

static bool better(const configuration *a, const configuration *b, rule r)
{
    if (r.by == ALERT_ACCURACY && a->accuracy != b->accuracy)
        return a->accuracy > b->accuracy;
    if (r.by == ALERT_LATENCY && a->expected != b->expected)
        return a->expected < b->expected;
    if (a->cost != b->cost)
        return a->cost < b->cost;
    if (a->cap != b->cap)
        return a->cap < b->cap;
    return a->model != b->model ? a->model < b->model : a->exit < b->exit;
}

/* Whether the difference between two configurations is one of rounding. */
static bool alike(const configuration *a, const configuration *b, rule r)
{
    double x = a->cost, y = b->cost;
    if (r.by == ALERT_ACCURACY)
        x = a->accuracy, y = b->accuracy;
    if (r.by == ALERT_LATENCY)
        x = a->expected, y = b->expected;
    return fabs(x - y) <= 1e-12 * (1.0 + fabs(x) + a->energy);
}

typedef struct verdict {
    const configuration *best;
    bool feasible;
    bool on_edge; /* some configuration lies on a bound, or two are alike, up to rounding */
} verdict;

static verdict scan(const configuration *all, size_t count, const alert_goal *goal)
{
    verdict v = {NULL, true, false};
    for (size_t kept = 4; kept-- > 0 && !v.best;) {
        rule r = rule_with(goal, kept);
        v.feasible = kept == 3;
        for (size_t c = 0; c < count; c++) {
            double spare = margin(&all[c], r);
            v.on_edge = v.on_edge || fabs(spare) < 1e-12;
            if (spare >= 0.0 && (!v.best || better(&all[c], v.best, r))) {
                v.best = &all[c];
            }
        }
        for (size_t c = 0; c < count && v.best; c++)
            if (&all[c] != v.best && margin(&all[c], r) >= 0.0 && alike(&all[c], v.best, r) &&
                !(all[c].energy == v.best->energy && all[c].cost == v.best->cost &&
                  all[c].accuracy == v.best->accuracy))
                v.on_edge = true;
    }
    return v;
}

/* ----------------------------------------------------------------------------------------- the test */

/* A cache for each kind of slowdown, as in a scheduler. */
enum { NORMAL, MIXTURE };

static configuration all[CONFIGURATIONS];
static unsigned long edges, infeasible, adjusted, waiting;

static const alert_expected *delays; /* NULL where none has to wait */
static bool is_shared;               /* the machine */

static alert_problem problem_of(const alert_profile *profile, alert_cache *cache,
                                alert_belief *belief, const alert_goal *goal)
{
    belief->sums = &cache->sums; /* of more than ALERT_LONG exits */
    alert_sums_forget(&cache->sums);
    return (alert_problem){.profile = profile,
                           .caps = profile->caps,
                           .delays = delays,
                           .is_shared = is_shared,
                           .goal = goal,
                           .cache = cache,
                           .belief = belief,
                           .average = goal->bound,
                           .bound = goal->bound,
                           .price = -1.0};
}

/* The choice; the belief stays that of the input. */
static alert_choice chosen_from(const alert_problem *problem)
{
    double deadline_s = problem->belief->deadline_s;
    alert_choice choice;
    alert_choose(problem, &choice);
    alert_belief_set_deadline(problem->belief, deadline_s);
    return choice;
}

/* Energy, what the time is worth to others, and what a late output loses, less the worth of the accuracy. */
static double value_of(const configuration *c, const alert_problem *p)
{
    double lost = p->price * (p->goal->q_fail - p->late_accuracy);
    return c->energy + p->time_price_w * (c->latency + c->wait) + lost * c->none -
           p->price * c->accuracy;
}

static void random_prices(const table *x, alert_problem *problem)
{
    double price = problem->price = x->second * exp(uniform(-5.0, 5.0));
    problem->late_accuracy = problem->goal->q_fail;
    if (below(2) == 0)
        problem->late_accuracy -= x->second * uniform(0.0, 4.0) / price;
    problem->time_price_w = x->second_w * problem->belief->mean;
    if (below(2) == 0)
        problem->time_price_w += uniform(0.0, 50.0);
}

/* Of those likely enough to be in time, or else of all, the lowest value. */
static void compare_priced(const table *x, const alert_profile *profile, alert_cache *cache)
{
    alert_goal goal = random_goal(x->second);
    alert_mixture mixture = random_mixture(x->second);
    alert_belief belief = random_belief(x);
    goal.objective = goal.objective == ALERT_MIN_ENERGY ? ALERT_MIN_ENERGY : ALERT_MAX_ACCURACY;
    if (isinf(belief.deadline_s)) /* goals with a price have a deadline */
        alert_belief_set_deadline(&belief, 0.1 * x->second);
    double lowest = HUGE_VAL;
    alert_problem problem = problem_of(profile, cache, &belief, &goal);
    belief.mixture = &mixture;
    belief.mean = alert_mixture_mean(&mixture);
    random_prices(x, &problem);
    problem.last =
        (alert_configuration){(uint32_t)below(profile->rows), (uint32_t)below(profile->caps)};
    alert_choice choice = chosen_from(&problem);
    size_t count = weigh_all(x, &belief, goal.q_fail, all);
    const configuration *chosen = NULL;
    bool some = false, edge = false;
    for (size_t c = 0; c < count; c++) {
        some = some || all[c].probability >= goal.probability;
        edge = edge || fabs(all[c].probability - goal.probability) < 1e-9;
        if (all[c].model == choice.row->model && all[c].exit == choice.row->exit &&
            all[c].cap == choice.row->cap[choice.column])
            chosen = &all[c];
    }
    EXPECT(edge || choice.feasible == some);
    if (edge)
        return;
    for (size_t c = 0; c < count; c++) {
        if (some && goal.probability > 0.0 && all[c].probability < goal.probability)
            continue;
        lowest = fmin(lowest, value_of(&all[c], &problem));
        if (all[c].energy == chosen->energy && all[c].latency == chosen->latency &&
            all[c].accuracy == chosen->accuracy)
            EXPECT(!better(&all[c], chosen, (rule){.by = ALERT_ENERGY}));
    }
    EXPECT_NEAR(value_of(chosen, &problem), lowest, 1e-11 * (x->second * 100.0 + problem.price));
    EXPECT_NEAR(choice.energy_j, chosen->energy, 1e-12 * chosen->energy);
    EXPECT_NEAR(choice.accuracy, chosen->accuracy, 1e-12);
}

/* The lowest latency, whatever the goal. */
static void compare_fastest(const table *x, const alert_profile *profile, alert_cache *cache)
{
    static const rule CHEAPEST = {.by = ALERT_ENERGY};
    alert_goal goal = random_goal(x->second);
    alert_belief belief = random_belief(x);
    alert_problem problem = problem_of(profile, cache, &belief, &goal);
    problem.is_hopelessly_late = true;
    problem.time_price_w = x->second_w * belief.mean;
    alert_choice choice = chosen_from(&problem);
    size_t count = weigh_all(x, &belief, goal.q_fail, all);
    const configuration *best = &all[0];
    for (size_t c = 1; c < count; c++)
        if (all[c].latency + all[c].wait < best->latency + best->wait ||
            (all[c].latency + all[c].wait == best->latency + best->wait &&
             better(&all[c], best, CHEAPEST)))
            best = &all[c];
    EXPECT(best->model == choice.row->model && best->exit == choice.row->exit);
    EXPECT(best->cap == choice.row->cap[choice.column] && !choice.feasible);
    EXPECT_NEAR(choice.accuracy, best->accuracy, 1e-12);
}

/* A price so high that joules vanish beside it: of equal accuracies the one that takes less is chosen all the same. */
static void test_a_price_beyond_rounding(void)
{
    static const double LATENCY[] = {0.2, 0.1, 0.1}, POWER[] = {10.0, 10.0, 10.0}, CAP[] = {10.0};
    static const double ACCURACY[] = {0.5, 0.5, 0.5};
    alert_profile_data t = {.models = 3,
                            .caps = 1,
                            .latency_s = LATENCY,
                            .power_w = POWER,
                            .accuracy = ACCURACY,
                            .power_cap_w = CAP};
    alert_goal goal = {.objective = ALERT_MAX_ACCURACY, .bound = 1.0, .q_fail = 0.5};
    alert_mixture mixture;
    alert_belief belief = {.mean = 1.0, .std = 0.1, .mixture = &mixture};
    alert_belief_set_deadline(&belief, 1.0);
    alert_mixture_set(&mixture, 0.0, (const double[]){1.0, 2.0}, (const double[]){0.1, 0.1}, 0.0,
                      1.0);
    alert_profile *profile;
    alert_cache cache;
    EXPECT(alert_profile_new(&profile, &t, NULL) == 0 && alert_cache_new(&cache, profile) == 0);
    for (uint32_t r = 0; r < 3; r++) {
        alert_problem problem = problem_of(profile, &cache, &belief, &goal);
        alert_choice choice;
        problem.price = 1e20;
        problem.last = (alert_configuration){r, 0};
        alert_choose(&problem, &choice);
        EXPECT(choice.row->model == 1);
        EXPECT_NEAR(choice.energy_j, 1.0, 1e-12);
    }
    alert_cache_clear(&cache);
    alert_profile_unref(profile);
}

/* Where changing the cap costs nothing, the core's own scan chooses the same. */
static bool is_found_by_scan(alert_problem *problem, const alert_choice *choice)
{
    alert_switching switching = {.cap = below(problem->profile->caps), .hold_inputs = 1.0};
    problem->switching = &switching;
    alert_choice found = chosen_from(problem);
    return found.row == choice->row && found.column == choice->column &&
           found.feasible == choice->feasible;
}

static void compare(const table *x, const alert_profile *profile, alert_cache cache[2])
{
    alert_goal goal = random_goal(x->second);
    alert_mixture mixture = random_mixture(x->second);
    alert_belief belief = random_belief(x);
    if (below(3) == 0) {
        if (isinf(belief.deadline_s)) /* nothing is late */
            mixture.certain = 1.0;
        belief.mixture = &mixture;
        belief.mean = alert_mixture_mean(&mixture);
    }
    alert_problem problem =
        problem_of(profile, &cache[belief.mixture ? MIXTURE : NORMAL], &belief, &goal);
    problem.time_price_w = x->second_w * belief.mean;
    alert_choice choice = chosen_from(&problem);
    verdict v = scan(all, weigh_all(x, &belief, goal.q_fail, all), &goal);
    const configuration *best = v.best;
    bool same = best->model == choice.row->model && best->exit == choice.row->exit &&
                best->cap == choice.row->cap[choice.column] && v.feasible == choice.feasible;
    infeasible += !v.feasible;
    if (!same && v.on_edge) {
        edges++;
        return;
    }
    EXPECT(same);
    EXPECT(v.on_edge || is_found_by_scan(&problem, &choice));
    EXPECT_NEAR(choice.energy_j, best->energy, 1e-12 * (1.0 + best->energy));
    EXPECT_NEAR(choice.accuracy, best->accuracy, 1e-12);
    EXPECT_NEAR(choice.probability, best->probability, 1e-12);
}

int main(int argc, char **argv)
{
    static table x;
    unsigned long decisions = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    test_a_price_beyond_rounding();
    for (unsigned long done = 0; done < decisions && expect_failures < 10;) {
        alert_profile *profile;
        alert_cache cache[2];
        random_table(&x);
        if (alert_profile_new(&profile, &x.t, NULL) != 0)
            return 2;
        if (alert_cache_new(&cache[NORMAL], profile) != 0 ||
            alert_cache_new(&cache[MIXTURE], profile) != 0)
            return 2;
        alert_outlook outlook = {0};
        const alert_profile *seen = profile;
        /* the minima may be of another price, which is lower */
        alert_machine machine = {.is_shared = x.is_shared,
                                 .second_w = x.second_w,
                                 .bound_w =
                                     x.second_w - fmax(uniform(-0.2, 0.2) * x.second_w, 0.0)};
        is_shared = x.is_shared;
        if (x.is_shared || below(2) == 0) {
            if (alert_outlook_reserve(&outlook, profile) != 0)
                return 2;
            if (!x.is_shared || below(2) == 0)
                random_expectations(&x, outlook.model);
            alert_outlook_follow(&outlook, profile, &machine, profile->size);
            expect_of_table(&x, outlook.model);
            seen = outlook.adjusts ? outlook.adjusted : profile;
            adjusted += outlook.adjusts;
            waiting += outlook.delays;
            delays = outlook.delays ? outlook.model : NULL;
        }
        for (int i = 0; i < 20; i++, done++)
            if (below(3) == 0)
                compare_priced(&x, seen, &cache[MIXTURE]);
            else
                compare(&x, seen, cache);
        compare_fastest(&x, seen, &cache[MIXTURE]);
        alert_cache_clear(&cache[NORMAL]);
        alert_cache_clear(&cache[MIXTURE]);
        alert_outlook_clear(&outlook);
        alert_profile_unref(profile);
        delays = NULL;
    }
    EXPECT(adjusted * 50 > decisions && waiting * 200 > decisions); /* of 20 decisions each */
    EXPECT(edges * 1000 < decisions);
    EXPECT(infeasible * 10 > decisions && infeasible * 10 < 9 * decisions);
    printf("%lu decisions, %lu infeasible, %lu on an edge\n", decisions, infeasible, edges);
    return expect_failures != 0;
}
