#include "belief.h"

double alert_accuracy(const alert_belief *b, const alert_row *row, double latency_s, double q_fail)
{
    double in_time =
        alert_probability(b, latency_s); /* of the output looked at, from the last to the first */
    double expected = row->stair[row->stairs - 1].accuracy * in_time;
    for (size_t k = row->stairs - 1; k-- > 0;) {
        double earlier = alert_probability(b, latency_s / row->stair[k].stretch);
        expected += row->stair[k].accuracy * (earlier - in_time);
        in_time = earlier;
    }
    return expected + q_fail * (1.0 - in_time);
}

/* With rest >= T - mu t, and rest >= 0, the energy p mu t + (phi p + W) rest is at least
 *     mu p t                                 always,
 *     mu (p - W) t + W T                     while phi = 0,
 *     (1 - phi) mu p t + phi p T             while W = 0 and phi <= 1,
 * each smallest term by term. No difference of large numbers is taken (least_active_j is used where
 * it is positive), so that the last factor is enough to keep rounding from lifting the bound above
 * what it bounds. */
double alert_row_least_energy(const alert_belief *b, const alert_row *row)
{
    double least = b->mean * row->least_work_j, sharper = 0.0;
    if (b->idle_ratio == 0.0) {
        if (row->least_active_j > 0.0)
            sharper = b->mean * row->least_active_j + b->idle_power_w * b->deadline_s;
    } else if (b->idle_ratio <= 1.0) {
        sharper =
            (1.0 - b->idle_ratio) * least + b->idle_ratio * row->least_power_w * b->deadline_s;
    }
    return (sharper > least ? sharper : least) * (1.0 - 1e-9);
}
