#include "core/choose/cache.h"

#include <errno.h>
#include <stdlib.h>

#include "core/estimate/normal.h"

int alert_cache_new(alert_cache *cache, const alert_profile *profile)
{
    *cache = (alert_cache){0};
    alert_cache_forget(cache);
    cache->accuracy_z = calloc(profile->rows, sizeof *cache->accuracy_z);
    int rc = alert_screen_new(&cache->screen, profile);
    if (!rc)
        rc = alert_sums_new(&cache->sums, profile);
    return cache->accuracy_z ? rc : -ENOMEM;
}

void alert_cache_clear(alert_cache *cache)
{
    free(cache->accuracy_z);
    alert_screen_clear(&cache->screen);
    alert_sums_clear(&cache->sums);
}

void alert_cache_renew(alert_cache *cache, const alert_profile *profile, const alert_goal *goal,
                       double bound)
{
    cache->accuracy = bound;
    cache->q_fail = goal->q_fail;
    cache->probability = goal->probability;
    cache->time_z = alert_normal_quantile(goal->probability);
    for (size_t r = 0; r < profile->rows; r++)
        cache->accuracy_z[r] = (double)NAN;
    size_t r = 0;
    while (r < profile->rows && bound > goal->q_fail && profile->row[r].best_accuracy < bound)
        r++;
    cache->too_inaccurate = r;
}

double alert_cache_work_out_z(alert_cache *cache, const alert_profile *profile, size_t r)
{
    const alert_row *row = &profile->row[r];
    double share = (cache->accuracy - cache->q_fail) / (row->best_accuracy - cache->q_fail);
    cache->accuracy_z[r] = row->outputs == 1 ? alert_normal_quantile(share) : -HUGE_VAL;
    return cache->accuracy_z[r];
}
