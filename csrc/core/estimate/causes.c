#include "core/estimate/causes.h"

/* Those that the belief knows of, which have this share of the weight. */
static int known_causes(const alert_belief *b, double latency_s, double share, alert_cause *out)
{
    const alert_mixture *m = b->mixture;
    if (!m) {
        out[0] = (alert_cause){share, b->mean, b->std * b->std / (b->mean * b->mean)};
        return 1;
    }
    alert_slices lost = alert_slices_of(m, latency_s);
    double slice = m->slice_s / latency_s;
    double slowdown[] = {m->level[0], m->level[1] + lost.least * slice,
                         m->level[1] + (lost.least + 1.0) * slice};
    double other = share * m->other;
    double weight[] = {share - other, other * (1.0 - lost.more), other * lost.more};
    for (int k = 0; k < ALERT_CAUSES - 1; k++) {
        double spread = m->width[k > 0] / slowdown[k];
        out[k] = (alert_cause){weight[k], slowdown[k], 2.0 * spread * spread};
    }
    return ALERT_CAUSES - 1;
}

int alert_causes_of(const alert_belief *b, double latency_s, double unknown,
                    alert_cause out[ALERT_CAUSES])
{
    int known = known_causes(b, latency_s, 1.0 - unknown, out);
    out[known] =
        (alert_cause){unknown, out[0].slowdown, ALERT_UNKNOWN_SPREAD * ALERT_UNKNOWN_SPREAD};
    return known + 1;
}
