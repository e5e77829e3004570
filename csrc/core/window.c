#include "core/window.h"

#include <errno.h>
#include <stdlib.h>

int alert_window_new(alert_window *w, size_t inputs)
{
    *w = (alert_window){.capacity = inputs > 1 ? inputs - 1 : 0};
    if (w->capacity == 0)
        return 0;
    w->owed = calloc(w->capacity, sizeof *w->owed);
    return w->owed ? 0 : -ENOMEM;
}

void alert_window_clear(alert_window *w)
{
    free(w->owed);
    *w = (alert_window){0};
}

void alert_window_push(alert_window *w, double owed)
{
    if (w->capacity == 0)
        return;
    if (w->count == w->capacity)
        w->sum -= w->owed[w->next];
    else
        w->count++;
    w->owed[w->next] = owed;
    w->sum += owed;
    if (++w->next < w->capacity)
        return;
    /* The sum is taken anew once a round: rounding errors do not pile up. */
    w->next = 0;
    w->sum = 0.0;
    for (size_t i = 0; i < w->count; i++)
        w->sum += w->owed[i];
}
