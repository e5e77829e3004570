/*
 * problem.h - internal: what the next configuration is chosen from, and the searches that choose [A/R].
 *
 *     minimise energy     lowest expected cost with accuracy >= bound and probability >= Pr;
 *     maximise accuracy   highest expected accuracy with energy <= bound and probability >= Pr;
 *     minimise latency    lowest expected latency with accuracy >= bound, energy <= E and probability >= Pr. [ours]
 *
 * The cost is the expected energy and the price of the time: energy + time price x t (tenant.c). Ties go to the lower
 * cost, then the lower cap, the lower model index, the lower exit. When nothing meets every
 * bound, they are given up in the order of rules.h.
 *
 * The result is that of a scan of all configurations by these rules, for any table. Three properties keep the search
 * short:
 *   - along a row (ascending latency) probability falls (up to rounding). Expected accuracy falls with it in an
 *     ordered row (alert_is_ordered): the configurations that are accurate enough come first, and bisection finds
 *     the last of them;
 *   - alert_energy_lower_bound() holds for the leading columns of a row, and falls along the row: columns, and whole
 *     rows, that cannot beat the best so far (or cannot be afforded) are passed over;
 *   - in an ordered row of one output, accuracy >= Q is the same as t (mean + z std) <= T, where z depends on the
 *     goal and the row alone: the search takes no normal integral. (Where the slowdown is a mixture, the few
 *     integrals of a bisection cost less than its quantile.)
 */
#ifndef ALERT_PROBLEM_H
#define ALERT_PROBLEM_H

#include "core/choose/cache.h"
#include "core/choose/rules.h"
#include "core/estimate/belief.h"
#include "core/outlook.h"

/* A configuration: an index into the rows of a profile, and one into the columns of the row. */
typedef struct alert_configuration {
    uint32_t row, column;
} alert_configuration;

/* What changing the cap costs. */
typedef struct alert_switching {
    size_t cap; /* in force: index into power_cap_w */
    double cost_s;
    double hold_inputs; /* D >= 1 */
    bool holds_cap;     /* `cap` has served fewer than D inputs */
} alert_switching;

/* What the choice is made from and goes by. */
typedef struct alert_problem {
    const alert_profile *profile;
    const alert_goal *goal;
    alert_cache *cache;
    alert_belief *belief;             /* its deadline becomes that of the configuration chosen */
    alert_configuration last;         /* of the input before; only speed depends on it */
    const alert_switching *switching; /* NULL where the cap changes freely */
    const alert_row *untried;         /* runs first, whatever the goal; NULL where none has to */
    const alert_expected *delays;     /* one a model; NULL where none has to wait */
    size_t caps;                      /* that may be chosen: the lowest ones of the profile */
    double deadline_s;                /* of the input, before the overhead was taken off */
    double average;                   /* the goal's bound for this input */
    double bound;                     /* the same, which a window may have moved */
    uint64_t sharing;        /* inputs that share the deadline; 0 where it is this one's own */
    bool is_hopelessly_late; /* the lowest latency is wanted, whatever the goal and the cap held */
    bool is_shared;          /* the machine: the profile's minima are of costs */
    /* Joules that a second of profiled time costs others, beside the energy. Negative where they would gain by it, but
     * for no configuration more than its power. */
    double time_price_w;
    double price; /* joules per unit of accuracy; negative where `bound` holds for each input */
    /* Where the bound has a price: */
    double late_accuracy; /* that an output after its deadline counts for, <= q_fail */
    bool is_exhausted;    /* nothing more can be done for the bound */
} alert_problem;

typedef struct alert_choice {
    const alert_row *row; /* NULL as long as nothing is found */
    size_t column;
    double cost_j, energy_j, accuracy, probability;
    bool feasible;
} alert_choice;

/* The accuracy that searches keep results for. A bound on energy moves from input to input, and has none. */
static inline double alert_accuracy_asked(const alert_problem *problem)
{
    return problem->goal->objective == ALERT_MAX_ACCURACY ? 0.0 : problem->bound;
}

/* The bounds that a rule keeps, of accuracy and energy; infinite where it keeps none. */
typedef struct alert_limits {
    double least_accuracy, most_energy_j;
} alert_limits;

static inline alert_limits alert_limits_of(const alert_problem *problem, const alert_rule *rule)
{
    const alert_goal *goal = problem->goal;
    alert_limits limits = {-HUGE_VAL, HUGE_VAL};
    if (rule->keeps[ALERT_ACCURACY])
        limits.least_accuracy = problem->bound;
    if (rule->keeps[ALERT_ENERGY])
        limits.most_energy_j =
            goal->objective == ALERT_MAX_ACCURACY ? problem->bound : goal->energy_j;
    return limits;
}

/* The choice where the bound holds for each input. Its row, like that of the next two, is NULL if no cost is a number. */
void alert_choose_bounded(const alert_problem *problem, alert_choice *out);

/*
 * The choice where the goal's bound has a price (price.h): the lowest value
 *
 *     energy + time price x latency - price x accuracy
 *
 * among the configurations with probability >= Pr, or among all when there are none. In this accuracy a late output
 * counts for late_accuracy. Ties go to the lower cost, the first two terms, and on as above. The slowdown is a mixture.
 *
 * The search begins at the last configuration: the nearer to the result, the shorter. Only a configuration with
 *     energy <= cost <= lowest value so far + price x accuracy
 * can beat the best so far. Most rows are screened out by their numbers alone (screen.h). Another row is
 * walked from the first column for which that may hold at the row's highest accuracy. In an ordered row the accuracy of
 * each configuration limits that of all slower ones; the walk ends when the lower bound says that none of them takes so
 * little energy.
 */
void alert_choose_priced(const alert_problem *problem, alert_choice *out);

/*
 * The choice by a look at every configuration, as often as bounds are given up. It serves five cases. [ours]
 *
 * An input is hopelessly late: the earliest end keeps its delay small, and drains a queue of late inputs.
 *
 * Models cannot start at once. A configuration whose model waits for d seconds loses them off its deadline, and is
 * charged with its power meanwhile:
 *
 *     T' = max(T - d, 0),   energy' = energy(T') + p d.
 *
 * Power is limited: only the caps up to the limit are looked at.
 *
 * A probability is asked of models that inputs leave early: it is a sum over the exits, which has no quantile.
 *
 * Changing the cap takes time: a search by quantiles would save nothing that matters beside that. A configuration
 * under another cap than the one in force loses the cost s off its deadline. It is charged with its power during s,
 * spread over the D inputs that a new cap serves at least:
 *
 *     T' = max(T - s, 0),   energy' = energy(T') + p s / D.
 *
 * A cap that has served fewer than D inputs is held, unless it is above the limit. Then the choice is, by the rules,
 *   - among the configurations under it, when one of them meets every bound;
 *   - else among those under higher caps, when one of them meets every bound;
 *   - else among those under it again, giving up bounds in turn.
 * So a cap is lowered no sooner than D inputs after the last change, and raised sooner only where a bound is at
 * stake: between two times that it is lowered it can only rise.
 *
 * Where the bound has a price, energy' - price x accuracy decides, and only the deadline's probability is a bound:
 * without one a held cap is kept, and what that costs raises the price. (Rising whenever it pays was tried: it
 * doubled the changes and saved nothing.)
 */
void alert_choose_by_scan(const alert_problem *problem, alert_choice *out);

/* What is expected of the configuration in choice->row and choice->column. The belief's deadline becomes its own. */
void alert_weigh(const alert_problem *problem, alert_choice *choice);

/* The input came late, and no configuration that may be chosen is expected to finish it in time. (For an input that came
 * in time, the goal decides, even when it cannot be finished in time.) [ours] */
bool alert_is_hopelessly_late(const alert_problem *problem);

/* Seconds before the row's model can start. */
static inline double alert_delay(const alert_expected *delays, const alert_row *row)
{
    return delays ? delays[row->model].delay_s : 0.0;
}

/* The last tie-break: lower cap, lower model index, lower exit. */
bool alert_comes_first(const alert_row *a, size_t a_column, const alert_row *b, size_t b_column);

/* All tie-breaks, from the cost on. */
static inline bool alert_is_cheaper(const alert_row *row, size_t column, double cost_j,
                                    const alert_choice *than)
{
    if (cost_j != than->cost_j)
        return cost_j < than->cost_j;
    return alert_comes_first(row, column, than->row, than->column);
}

/* The factors of a lower bound of the cost, and of one of the energy. (outlook.h has what minima are of on a shared
 * machine.) */
static inline alert_lower_bound alert_cost_bound_of(const alert_problem *problem)
{
    if (problem->is_shared)
        return (alert_lower_bound){.work = problem->belief->mean * (1.0 - 1e-9)};
    return alert_lower_bound_of(problem->belief);
}

static inline alert_lower_bound alert_energy_bound_of(const alert_problem *problem)
{
    if (problem->is_shared)
        return (alert_lower_bound){.active = problem->belief->mean * (1.0 - 1e-9)};
    return alert_lower_bound_of(problem->belief);
}

/* The slowdown at which a configuration must still be in time, by this rule; -infinity: none. */
static inline double alert_time_quantile(const alert_problem *problem, const alert_rule *rule)
{
    return rule->keeps[ALERT_LATENCY]
               ? alert_slowdown_quantile(problem->belief, problem->goal->probability,
                                         problem->cache->time_z)
               : -HUGE_VAL;
}

#endif
