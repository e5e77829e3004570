#include "core/estimate/belief.h"

/* G_k from G_(k-1); p: P_k, first: P_0. */
static double gained_by(const alert_output *output, double before, double p, double first)
{
    if (p == first)
        return output->accuracy * p;
    return before + (output->accuracy - output[-1].accuracy) * p;
}

static double accuracy_of_long(const alert_belief *b, const alert_row *row, size_t column,
                               double q_fail)
{
    alert_column_sums *sums = &b->sums->column[row->long_model * row->columns + column];
    double *gained = &b->sums->gained[row->long_first * row->columns + column];
    for (size_t k = sums->known; k < row->outputs; k++) {
        const alert_output *output = &row->output[k];
        double p = alert_probability(b, output->latency_s[column]);
        if (k == 0)
            sums->first = p;
        double before = k > 0 ? gained[(k - 1) * row->columns] : 0.0;
        gained[k * row->columns] = gained_by(output, before, p, sums->first);
    }
    if (sums->known < row->outputs)
        sums->known = row->outputs;
    return gained[(row->outputs - 1) * row->columns] + q_fail * (1.0 - sums->first);
}

double alert_accuracy_of_outputs(const alert_belief *b, const alert_row *row, size_t column,
                                 double q_fail, double in_time)
{
    if (b->sums && row->is_long)
        return accuracy_of_long(b, row, column, q_fail);
    double first = alert_probability(b, row->output->latency_s[column]);
    double gained = row->output->accuracy * first;
    for (size_t k = 1; k < row->outputs; k++) {
        const alert_output *output = &row->output[k];
        if (output->accuracy == output[-1].accuracy)
            continue;
        if (k + 1 < row->outputs)
            gained =
                gained_by(output, gained, alert_probability(b, output->latency_s[column]), first);
        else
            gained = gained_by(output, gained, in_time, first);
    }
    return gained + q_fail * (1.0 - first);
}
