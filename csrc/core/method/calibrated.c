/* calibrated.c - regimes of the slowdown, and a price of accuracy where a goal holds on average. [ours] */
#include <math.h>

#include "core/estimate/regimes.h"
#include "core/method/method.h"
#include "core/method/price.h"
#include "core/ranges.h"

typedef struct calibrated {
    alert_regimes regimes;
    alert_price price;
    alert_mixture forecast; /* follows from the regimes */
} calibrated;

_Static_assert(sizeof(calibrated) <= ALERT_METHOD_NUMBERS * sizeof(double), "has room");

/* The goal's bound has a price, instead of holding for each input. */
static bool is_priced(const alert_goal *goal)
{
    return alert_goal_window(goal) != 1;
}

/* The belief points to the mixture in `c`. */
static void believe(calibrated *c, const alert_task *task, alert_belief *belief)
{
    alert_regimes_forecast(&c->regimes, task->constants, &c->forecast);
    belief->mean = alert_mixture_mean(&c->forecast);
    belief->mixture = &c->forecast;
}

static void start_price_of(alert_price *price, const alert_task *task)
{
    alert_quiet quiet = {.profile = task->profile,
                         .offset = task->offset,
                         .caps = task->caps,
                         .slowdown = price->slowdown,
                         .time_s = alert_time_within(task, task->goal.deadline_s),
                         .idle_power_w = alert_idle_power(task)};
    alert_price_start(price, task->constants, &quiet, &task->goal, task->room);
}

static void start_price(calibrated *c, const alert_task *task)
{
    start_price_of(&c->price, task);
}

static void start(void *learnt, const alert_task *task, alert_belief *belief)
{
    calibrated *c = learnt;
    alert_regimes_init(&c->regimes, task->constants);
    c->price.slowdown = 1.0;
    if (is_priced(&task->goal))
        start_price(c, task);
    c->price.inputs_left = (double)task->goal.budget_inputs;
    believe(c, task, belief);
}

static void book(calibrated *c, const alert_task *task, const alert_finished *finished)
{
    if (is_priced(&task->goal) && finished->is_booked)
        alert_price_update(&c->price, task->constants, &task->goal, &finished->booking);
}

static void miss(void *learnt, const alert_task *task, const alert_finished *missed)
{
    book(learnt, task, missed);
}

/* The slow part keeps its distance from where it would start; at an end where it does not start it stays. */
static void move_price(calibrated *c, const alert_task *task, const alert_task *before,
                       double slowdown)
{
    alert_price was = c->price, start = was;
    c->price.slowdown = slowdown;
    if (!is_priced(&task->goal))
        return;
    start_price_of(&start, before);
    start_price(c, task);
    double slow = c->price.log_slow + (was.log_slow - start.log_slow);
    c->price.log_slow = alert_clamp(slow, c->price.log_low, c->price.log_high);
    if (was.log_slow <= was.log_low && start.log_slow > start.log_low)
        c->price.log_slow = c->price.log_low;
    if (was.log_slow >= was.log_high && start.log_slow < start.log_high)
        c->price.log_slow = c->price.log_high;
}

static void learn(void *learnt, const alert_task *task, const alert_finished *finished,
                  alert_belief *belief)
{
    calibrated *c = learnt;
    book(c, task, finished);
    alert_regimes_calibrate(&c->regimes, task->constants, finished->promised, finished->done);
    alert_regimes_update(&c->regimes, task->constants, &c->forecast, finished->profiled_s,
                         finished->latency_s);
    double usual = alert_regimes_usual(&c->regimes), was = c->price.slowdown;
    if (usual > ALERT_OTHER_MACHINE * was || ALERT_OTHER_MACHINE * usual < was)
        move_price(c, task, task, usual);
    believe(c, task, belief);
}

static bool resume(void *learnt, const alert_task *task, alert_belief *belief)
{
    calibrated *c = learnt;
    bool sane = alert_regimes_are_sane(&c->regimes) &&
                alert_is_within(c->price.slowdown, 1.0 / ALERT_RATIO_MAX, ALERT_RATIO_MAX) &&
                (!is_priced(&task->goal) || alert_price_is_sane(&c->price));
    if (sane)
        believe(c, task, belief);
    return sane;
}

static void change_goal(void *learnt, const alert_task *task, const alert_goal *before)
{
    calibrated *c = learnt;
    const alert_goal *goal = &task->goal;
    bool anew = alert_goal_starts_anew(goal, before);
    if (anew) {
        c->price.inputs = c->price.owed = c->price.reserve = 0.0;
        c->price.inputs_left = (double)goal->budget_inputs;
    }
    if (is_priced(goal) &&
        (anew || goal->bound != before->bound || goal->deadline_s != before->deadline_s ||
         goal->q_fail != before->q_fail))
        start_price(c, task);
}

static double set_quiet(void *learnt, const alert_task *task, alert_belief *belief)
{
    calibrated *c = learnt;
    double quiet = alert_regimes_set_quiet(&c->regimes);
    believe(c, task, belief);
    return quiet;
}

static void change_profile(void *learnt, const alert_task *task, const alert_task *before)
{
    calibrated *c = learnt;
    move_price(c, task, before, c->price.slowdown);
}

static void count_idle(void *learnt, const alert_task *task)
{
    if (is_priced(&task->goal))
        start_price(learnt, task);
}

static void pose(void *learnt, const alert_task *task, alert_problem *problem)
{
    calibrated *c = learnt;
    const alert_goal *goal = problem->goal;
    const alert_belief *belief = problem->belief;
    problem->is_hopelessly_late = alert_is_hopelessly_late(problem);
    problem->price = -1.0;
    /* where a bound holds for each input, broken promises do not put a certain output out of its reach */
    bool grants_certain = !is_priced(goal) || goal->probability > 0.0;
    c->forecast.certain = grants_certain ? 1.0 : c->forecast.kept;
    if (!is_priced(goal))
        return;
    problem->price = alert_price_now(&c->price, task->constants, goal, &problem->is_exhausted);
    problem->late_accuracy = goal->q_fail - c->price.in_time_j / problem->price;
    if (problem->sharing > 1 && belief->deadline_s > 0.0)
        problem->time_price_w += problem->price * c->price.accuracies * belief->mean /
                                 fmax(belief->deadline_s, ALERT_QUANTITY_MIN);
}

const alert_method_functions ALERT_CALIBRATED_FUNCTIONS = {
    .name = "calibrated",
    .has_offsets = true,
    .start = start,
    .learn = learn,
    .miss = miss,
    .resume = resume,
    .change_goal = change_goal,
    .set_quiet = set_quiet,
    .change_profile = change_profile,
    .count_idle = count_idle,
    .pose = pose,
};
