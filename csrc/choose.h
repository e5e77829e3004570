/*
 * choose.h - internal: the choice of the next configuration [A/R].
 *
 *     minimise energy     lowest expected energy with accuracy >= bound and probability >= Pr;
 *     maximise accuracy   highest expected accuracy with energy <= bound and probability >= Pr.
 *
 * Ties go to the lower energy, then the lower cap, the lower model index, the lower exit.
 *
 * When nothing meets every bound, they are given up one after the other from the least important
 * until something meets those that are left. The objective then still decides, unless the accuracy
 * or energy bound was given up and is more important than the objective: then it decides (highest
 * accuracy; lowest energy). Latency needs no such turn: expected accuracy counts lateness.
 *
 * The result is what a scan of all configurations by these rules would give, for any table. Two
 * properties keep the search short:
 *   - along a row (ascending latency) probability falls, and with it expected accuracy where
 *     accuracies ascend from exit to exit and none is below q_fail; so the admissible configurations
 *     come first, and the first one affordable is the most accurate;
 *   - a row whose lower bound on energy (upper bound on accuracy) does not beat the best so far
 *     cannot hold the choice.
 */
#ifndef ALERT_CHOOSE_H
#define ALERT_CHOOSE_H

#include "belief.h"

typedef struct alert_choice {
    const alert_row *row;
    size_t column; /* into the row */
    double energy_j, accuracy;
    bool feasible;
} alert_choice;

/* `bound` stands for goal->bound, which a window may have moved. */
void alert_choose(const alert_profile *profile, const alert_belief *belief, const alert_goal *goal,
                  double bound, alert_choice *out);

#endif
