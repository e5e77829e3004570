/* choose.h - internal: the choice of the next configuration, by the search of problem.h that fits the problem. */
#ifndef ALERT_CHOOSE_H
#define ALERT_CHOOSE_H

#include "core/choose/problem.h"

void alert_choose(const alert_problem *problem, alert_choice *out);

#endif
