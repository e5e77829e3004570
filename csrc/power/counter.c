#include "power/counter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "power/power.h"

/* Readings on two processors may come in the wrong order. [ours] */
#define BACK_J 1.0
/* A counter that has not moved for so many of its steps, or so many times its longest rest, stands still. [ours] */
#define STILL_TICKS 100.0
#define STILL_RESTS 3.0
#define STILL_READS 3
/* One reading in four may be off the line; where it is one in two or three, there is no line. [ours] */
#define DOUBT_OFF   3
#define DOUBT_LIMIT 9

double alert_counter_now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void alert_counter_start(alert_counter *c, uint64_t now, double now_s)
{
    c->last = now;
    c->moved_s = c->seen_s = now_s;
}

/* From one reading to the next. Without a range a counter that is lower has started again at 0, or has wrapped at an
 * unknown place: at least its reading was drawn. */
static uint64_t step(const alert_counter *c, uint64_t from, uint64_t to)
{
    if (to >= from)
        return to - from;
    return c->range > from ? c->range - from + to : to;
}

static bool can_be_drawn(const alert_counter *c, uint64_t units, double now_s)
{
    return (double)units * c->unit_j <= c->most_w * (now_s - c->moved_s) + c->burst_j;
}

static int rest(alert_counter *c, double now_s)
{
    double still_s = fmax(STILL_TICKS * c->tick_s, STILL_RESTS * c->longest_s);
    c->strays = false;
    c->seen_s = now_s;
    c->rests++;
    return c->rests >= STILL_READS && now_s - c->moved_s > still_s ? -ENODATA : 0;
}

static void move(alert_counter *c, uint64_t from, uint64_t now, double now_s)
{
    c->total += step(c, from, now);
    c->last = now;
    c->longest_s = fmax(c->longest_s, c->seen_s - c->moved_s);
    c->moved_s = c->seen_s = now_s;
    c->rests = 0;
    c->strays = false;
}

/* A second reading that follows the first one off the line is on a new line: what lies between them is not counted. */
static void stray(alert_counter *c, uint64_t now, double now_s)
{
    c->doubt = c->doubt < DOUBT_LIMIT ? c->doubt + DOUBT_OFF : c->doubt;
    if (c->strays && can_be_drawn(c, step(c, c->stray, now), now_s)) {
        move(c, c->stray, now, now_s);
        return;
    }
    c->strays = true;
    c->stray = now;
}

int alert_counter_take(alert_counter *c, uint64_t now, double now_s)
{
    if (now == c->last)
        return rest(c, now_s);
    if (now < c->last && (double)(c->last - now) * c->unit_j <= BACK_J)
        return 0;
    if (!can_be_drawn(c, step(c, c->last, now), now_s)) {
        stray(c, now, now_s);
    } else {
        move(c, c->last, now, now_s);
        c->doubt -= c->doubt > 0;
    }
    return c->doubt >= DOUBT_LIMIT ? -EBADMSG : 0;
}

double alert_counter_j(const alert_counter *c)
{
    return (double)c->total * c->unit_j;
}

int alert_counter_fail(const alert_counter *c, int rc, const char *where, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    if (rc == -EBADMSG)
        return alert_power_fail(error, -rc, where,
                                "the counter jumps between two lines: energy cannot be read there",
                                "");
    (void)snprintf(why, sizeof why,
                   "the counter stands still, for %.2g s so far: no energy can be read there",
                   c->seen_s - c->moved_s);
    return alert_power_fail(error, -rc, where, why,
                            "virtual machines and some boards show counters that never move");
}

void alert_counter_tell(alert_counter *c, const char *where, alert_power_error *notice)
{
    if (c->doubt == 0 || c->told)
        return;
    c->told = true;
    (void)alert_power_fail(notice, ERANGE, where,
                           "the counter made a step that no hardware can draw: it is not counted",
                           "");
}
