/*
 * window.h - internal: the debt of the last inputs, for a goal that holds on average.
 *
 * A finished input owes the difference between its bound and what it was credited: accuracy short of the bound, or
 * energy above it. The debt is negative where the input did better. A goal over the last N inputs asks of the next one
 * the bound plus the debt of the N - 1 inputs before it, so that the N together meet it [R].
 */
#ifndef ALERT_WINDOW_H
#define ALERT_WINDOW_H

#include "alert.h"

typedef struct alert_window {
    double *owed;    /* ring of N - 1 entries; NULL where nothing is remembered */
    size_t capacity; /* N - 1 */
    size_t count, next;
    double sum; /* of the ring */
} alert_window;

/* inputs: N. 0 and 1 remember nothing. */
int alert_window_new(alert_window *w, size_t inputs) ALERT_MUST_CHECK;
void alert_window_clear(alert_window *w);
void alert_window_push(alert_window *w, double owed);

#endif
