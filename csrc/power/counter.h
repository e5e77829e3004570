/*
 * counter.h - internal: joules from an energy counter that wraps, jumps, or stands still.
 *
 * A counter of hardware is taken at its word only as far as its hardware can draw the power. What is beyond is off
 * the counter's line: not counted, and at the next reading compared with the line again.
 */
#ifndef ALERT_COUNTER_H
#define ALERT_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "alert_power.h"

typedef struct alert_counter {
    /* Facts about the hardware. */
    double unit_j;  /* joules of one unit of the counter */
    uint64_t range; /* the counter wraps there; 0 where unknown, UINT64_MAX where it never does */
    double most_w;  /* nothing that it meters draws more */
    double burst_j; /* what it may show at once, however little time has passed */
    double tick_s;  /* between two steps, as far as is known */
    /* What has been read. */
    uint64_t last;    /* on the line */
    uint64_t total;   /* units drawn since the start */
    uint64_t stray;   /* the last reading off the line, while `strays` */
    double moved_s;   /* when it last moved */
    double seen_s;    /* when it last showed last */
    double longest_s; /* its longest rest that ended */
    unsigned rests;   /* readings without a move */
    unsigned doubt;   /* rises with each reading off the line, falls with each on it */
    bool strays, told;
} alert_counter;

/* Begins to count at a reading; the facts are filled in before. Times are of alert_counter_now_s. */
void alert_counter_start(alert_counter *c, uint64_t now, double now_s);
/* Joules drawn since the start. */
double alert_counter_j(const alert_counter *c);
/* Takes a reading. 0; -ENODATA while the counter stands still; -EBADMSG where it jumps between lines. */
int alert_counter_take(alert_counter *c, uint64_t now, double now_s);
/* Describes what alert_counter_take returned, which is not 0; returns it. */
int alert_counter_fail(const alert_counter *c, int rc, const char *where, alert_power_error *error);
/* Fills `notice` the first time that a reading was off the line. */
void alert_counter_tell(alert_counter *c, const char *where, alert_power_error *notice);
/* Seconds that go on while the machine sleeps. */
double alert_counter_now_s(void);

#endif
