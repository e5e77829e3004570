/* cache.h - internal: results of a search that are kept for the next one. */
#ifndef ALERT_CACHE_H
#define ALERT_CACHE_H

#include <math.h>

#include "core/choose/screen.h"

typedef struct alert_cache {
    /* The bound and the parts of the goal that accuracy_z holds for. */
    double accuracy, q_fail, probability;
    double time_z;         /* normal quantile of the least probability; -infinity: none */
    size_t too_inaccurate; /* leading rows that cannot have the accuracy */
    double *accuracy_z;    /* one a row: alert_cache_accuracy_z(); NaN: not worked out yet */
    alert_sums sums;
    alert_screen screen; /* of the priced search */
} alert_cache;

int alert_cache_new(alert_cache *cache, const alert_profile *profile) ALERT_MUST_CHECK;
void alert_cache_clear(alert_cache *cache);
/* Forgets the results that hold for another goal. */
void alert_cache_renew(alert_cache *cache, const alert_profile *profile, const alert_goal *goal,
                       double bound);

/* Forgets what holds for other costs. */
static inline void alert_cache_forget_costs(alert_cache *cache)
{
    cache->screen.profile = NULL;
}

/* Forgets all, whatever the goal: accuracies have changed. */
static inline void alert_cache_forget(alert_cache *cache)
{
    cache->probability = -1.0; /* no goal has this probability */
    alert_cache_forget_costs(cache);
}

static inline void alert_cache_follow(alert_cache *cache, const alert_profile *profile,
                                      const alert_goal *goal, double bound)
{
    if (cache->accuracy != bound || cache->q_fail != goal->q_fail ||
        cache->probability != goal->probability)
        alert_cache_renew(cache, profile, goal, bound);
}

double alert_cache_work_out_z(alert_cache *cache, const alert_profile *profile, size_t r);

/* For a bound above q_fail and a row `r` that can have it: where the row has one output, the z with accuracy >= bound
 * exactly when t (mean + z std) <= T; else -infinity. Normal slowdowns only. */
static inline double alert_cache_accuracy_z(alert_cache *cache, const alert_profile *profile,
                                            size_t r)
{
    double z = cache->accuracy_z[r];
    return isnan(z) ? alert_cache_work_out_z(cache, profile, r) : z;
}

#endif
