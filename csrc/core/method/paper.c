/* paper.c - the method of the paper, to the letter [R]: one filter, and a bound for each input. */
#include "core/estimate/kalman.h"
#include "core/method/method.h"

static void believe(const alert_slowdown_filter *slowdown, alert_belief *belief)
{
    belief->mean = slowdown->mean;
    belief->std = sqrt(slowdown->variance);
    belief->mixture = NULL;
}

static void start(void *learnt, const alert_task *task, alert_belief *belief)
{
    alert_slowdown_filter_init(learnt, task->constants);
    believe(learnt, belief);
}

static void learn(void *learnt, const alert_task *task, const alert_finished *finished,
                  alert_belief *belief)
{
    alert_slowdown_filter_update(learnt, task->constants, finished->slowdown);
    believe(learnt, belief);
}

static bool resume(void *learnt, const alert_task *task, alert_belief *belief)
{
    (void)task;
    believe(learnt, belief);
    return alert_slowdown_filter_is_sane(learnt);
}

const alert_method_functions ALERT_PAPER_FUNCTIONS = {
    .name = "paper",
    .start = start,
    .learn = learn,
    .resume = resume,
};
