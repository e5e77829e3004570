/* calibrated.c - regimes of the slowdown, and a price of accuracy where a goal holds on average over the run. [ours] */
#include "core/estimate/regimes.h"
#include "core/method/method.h"
#include "core/method/price.h"

typedef struct calibrated {
    alert_regimes regimes;
    alert_price price;
    alert_mixture forecast; /* follows from the regimes */
} calibrated;

_Static_assert(sizeof(calibrated) <= ALERT_METHOD_NUMBERS * sizeof(double), "has room");

/* The goal's bound has a price, instead of holding for each input. */
static bool is_priced(const alert_goal *goal)
{
    return goal->window == 0;
}

/* The belief points to the mixture in `c`. */
static void believe(calibrated *c, alert_belief *belief)
{
    alert_regimes_forecast(&c->regimes, &c->forecast);
    belief->mean = alert_mixture_mean(&c->forecast);
    belief->std = alert_mixture_std(&c->forecast);
    belief->mixture = &c->forecast;
}

static void start_price(calibrated *c, const alert_task *task)
{
    double time_s = alert_time_within(task, task->goal.deadline_s);
    alert_price_start(&c->price, task->constants, task->profile, &task->goal, time_s);
}

static void start(void *learnt, const alert_task *task, alert_belief *belief)
{
    calibrated *c = learnt;
    alert_regimes_init(&c->regimes, task->constants);
    start_price(c, task);
    believe(c, belief);
}

static void learn(void *learnt, const alert_task *task, const alert_finished *finished,
                  alert_belief *belief)
{
    calibrated *c = learnt;
    if (is_priced(&task->goal))
        alert_price_update(&c->price, task->constants, &task->goal, finished->credited);
    alert_regimes_update(&c->regimes, task->constants, &c->forecast, finished->slowdown);
    believe(c, belief);
}

static bool resume(void *learnt, alert_belief *belief)
{
    calibrated *c = learnt;
    bool sane = alert_regimes_are_sane(&c->regimes) && alert_price_is_sane(&c->price);
    if (sane)
        believe(c, belief);
    return sane;
}

static void change_goal(void *learnt, const alert_task *task, const alert_goal *before)
{
    calibrated *c = learnt;
    const alert_goal *goal = &task->goal;
    if (goal->objective != before->objective || goal->window != before->window) {
        c->price.owed = 0.0;
        c->price.inputs = 0.0;
    }
    if (goal->objective != before->objective || goal->bound != before->bound ||
        goal->deadline_s != before->deadline_s || goal->q_fail != before->q_fail)
        start_price(c, task);
}

static void pose(const void *learnt, const alert_task *task, alert_problem *problem)
{
    const calibrated *c = learnt;
    bool priced = is_priced(&task->goal);
    problem->is_hopelessly_late = alert_is_hopelessly_late(problem);
    problem->price = priced ? alert_price_now(&c->price, task->constants, &task->goal) : -1.0;
    problem->is_infeasible = priced && alert_price_is_exhausted(&c->price, &task->goal);
}

const alert_method_functions ALERT_CALIBRATED_FUNCTIONS = {
    .name = "calibrated",
    .start = start,
    .learn = learn,
    .resume = resume,
    .change_goal = change_goal,
    .pose = pose,
};
