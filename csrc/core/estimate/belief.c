#include "core/estimate/belief.h"

double alert_accuracy_of_outputs(const alert_belief *b, const alert_row *row, size_t column,
                                 double q_fail, double in_time)
{
    /* in_time: of output k, from the last to the first. Outputs that are equally accurate count as the first of them:
     * stopping there is then an exact tie, which goes to the lower energy. */
    double later = 0.0, expected = 0.0;
    for (size_t k = row->outputs; k-- > 0;) {
        const alert_output *output = &row->output[k];
        if (k > 0 && output[-1].accuracy == output->accuracy)
            continue;
        if (k + 1 < row->outputs)
            in_time = alert_probability(b, output->latency_s[column]);
        expected += output->accuracy * (in_time - later);
        later = in_time;
    }
    return expected + q_fail * (1.0 - later);
}
