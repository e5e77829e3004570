/*
 * test_choose.c - the pruned search against a scan of all configurations.
 *
 *     test_choose DECISIONS SEED
 *
 * The core's own scan, which serves caps that cost time, is asked as well: with caps that cost nothing.
 *
 * A search by quantile and a scan by probability may part where a configuration lies on its bound up to rounding. Such
 * a decision is counted apart, and there may be few of them.
 */
#include <stdlib.h>

#include "expect.h"
#include "scan_all.h"

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
    return c->energy + p->time_price_w * (c->run + c->wait) + lost * c->none -
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
        if (all[c].run + all[c].wait < best->run + best->wait ||
            (all[c].run + all[c].wait == best->run + best->wait && better(&all[c], best, CHEAPEST)))
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

/* No search compares with what is no number: something is chosen all the same, and it is not feasible. */
static void test_costs_that_are_no_numbers(void)
{
    static const double LATENCY[] = {0.2, 0.1, 0.4, 0.2}, POWER[] = {10.0, 20.0, 10.0, 20.0};
    static const double CAP[] = {10.0, 20.0}, ACCURACY[] = {0.5, 0.6};
    alert_profile_data t = {.models = 2,
                            .caps = 2,
                            .latency_s = LATENCY,
                            .power_w = POWER,
                            .accuracy = ACCURACY,
                            .power_cap_w = CAP};
    alert_goal goal = {.objective = ALERT_MIN_ENERGY,
                       .bound = 0.55,
                       .deadline_s = 1.0,
                       .energy_j = HUGE_VAL,
                       .probability = 0.9,
                       .priority = {ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY}};
    alert_profile *profile;
    EXPECT(alert_profile_new(&profile, &t, NULL) == 0);
    /* by bounds, by price, by a scan, hopelessly late, under a limit */
    for (int way = 0; way < 5; way++) {
        alert_cache cache;
        alert_mixture mixture;
        alert_mixture_set(&mixture, 0.0, (const double[]){1.0, 2.0}, (const double[]){0.1, 0.1},
                          0.0, 1.0);
        alert_belief belief = {.mean = (double)NAN, .std = 0.1, .idle_power_w = (double)NAN};
        alert_belief_set_deadline(&belief, 1.0);
        EXPECT(alert_cache_new(&cache, profile) == 0);
        alert_problem problem = problem_of(profile, &cache, &belief, &goal);
        alert_switching switching = {.cap = 0, .hold_inputs = 1.0};
        alert_choice choice;
        if (way == 1) {
            problem.price = 1.0;
            belief.mixture = &mixture;
        }
        problem.switching = way == 2 ? &switching : NULL;
        problem.is_hopelessly_late = way == 3;
        problem.caps = way == 4 ? 1 : 2;
        alert_choose(&problem, &choice);
        EXPECT(choice.row && choice.row->cap[choice.column] < problem.caps && !choice.feasible);
        alert_cache_clear(&cache);
    }
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
    verdict v = scan(all, weigh_all(x, &belief, goal.q_fail, all), &goal, !x->t.exit_share);
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
    test_costs_that_are_no_numbers();
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
