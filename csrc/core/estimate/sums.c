#include "core/estimate/sums.h"

#include <errno.h>
#include <stdlib.h>

int alert_sums_new(alert_sums *s, const alert_profile *profile)
{
    *s = (alert_sums){.columns = profile->long_models * profile->caps};
    if (s->columns == 0)
        return 0;
    s->column = calloc(s->columns, sizeof *s->column);
    s->sum = calloc(profile->long_outputs * profile->caps, sizeof *s->sum);
    return s->column && s->sum ? 0 : -ENOMEM;
}

void alert_sums_clear(alert_sums *s)
{
    free(s->column);
    free(s->sum);
}
