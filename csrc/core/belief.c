#include "belief.h"

double alert_accuracy(const alert_belief *b, const alert_row *row, double latency_s, double q_fail,
                      double *probability)
{
    /* Pr[the output looked at is out by the deadline], from the last output to the first */
    double in_time = alert_probability(b, latency_s);
    double expected = row->stair[row->stairs - 1].accuracy * in_time;
    *probability = in_time;
    for (size_t k = row->stairs - 1; k-- > 0;) {
        double earlier = alert_probability(b, latency_s / row->stair[k].stretch);
        expected += row->stair[k].accuracy * (earlier - in_time);
        in_time = earlier;
    }
    return expected + q_fail * (1.0 - in_time);
}
