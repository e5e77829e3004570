#include "core/estimate/belief.h"

/* G_k from G_(k-1); p: P_k, first: P_0. */
static double gained_by(const alert_output *output, double before, double p, double first)
{
    if (p == first)
        return output->accuracy * p;
    return before + (output->accuracy - output[-1].accuracy) * p;
}

static double accuracy_of_long(const alert_belief *b, const alert_row *row, size_t column,
                               double q_fail, double *probability)
{
    alert_column_sums *sums = &b->sums->column[row->long_model * row->columns + column];
    alert_sum *sum = &b->sums->sum[row->long_first * row->columns + column];
    for (size_t k = sums->known; k < row->outputs; k++) {
        const alert_output *output = &row->output[k];
        double p = alert_probability(b, output->latency_s[column]);
        if (k == 0)
            sums->first = sums->last = p;
        alert_sum before = k > 0 ? sum[(k - 1) * row->columns] : (alert_sum){.done = p};
        sum[k * row->columns] = (alert_sum){
            .gained = gained_by(output, before.gained, p, sums->first),
            .done = before.done + output->reached * (p - sums->last),
        };
        sums->last = p;
    }
    if (sums->known < row->outputs)
        sums->known = row->outputs;
    alert_sum all = sum[(row->outputs - 1) * row->columns];
    if (row->leaves)
        *probability = all.done;
    return all.gained + q_fail * (1.0 - sums->first);
}

/* The probability that an input is done, which may leave early. last: that the exit chosen is out. */
static double probability_of_leaving(const alert_belief *b, const alert_row *row, size_t column,
                                     double first, double last)
{
    double done = first, before = first;
    for (size_t k = 1; k < row->outputs; k++) {
        const alert_output *output = &row->output[k];
        bool is_last = k + 1 == row->outputs;
        double p = is_last ? last : alert_probability(b, output->latency_s[column]);
        done += output->reached * (p - before);
        before = p;
    }
    return done;
}

double alert_accuracy_of_outputs(const alert_belief *b, const alert_row *row, size_t column,
                                 double q_fail, double *probability)
{
    if (b->sums && row->is_long)
        return accuracy_of_long(b, row, column, q_fail, probability);
    double first = alert_probability(b, row->output->latency_s[column]), in_time = *probability;
    double gained = row->output->accuracy * first;
    if (row->leaves)
        *probability = probability_of_leaving(b, row, column, first, in_time);
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
