/* state.c - what a scheduler remembers, handed out: the trace, and all of it as a block of bytes.
 * */
#include <math.h>
#include <string.h>

#include "core/ranges.h"
#include "core/scheduler.h"

size_t alert_scheduler_history_length(const alert_scheduler *s)
{
    size_t capacity = s->history_capacity;
    return s->now.inputs < capacity ? (size_t)s->now.inputs : capacity;
}

void alert_scheduler_history(const alert_scheduler *s, size_t length, alert_history_entry *out)
{
    uint64_t first = s->now.inputs - alert_scheduler_history_length(s);
    for (size_t i = 0; i < length; i++)
        out[i] = s->history[(first + i) % s->history_capacity];
}

/* A saved state: this header, what the scheduler has learnt, the window's ring, the trace's ring.
 * */
typedef struct saved_header {
    char magic[8];
    size_t window_capacity, window_count, window_next;
    size_t history_capacity;
    double window_sum;
} saved_header;

static const char MAGIC[8] = "ALERT-4";

static size_t window_bytes(const alert_scheduler *s)
{
    return s->window.capacity * sizeof *s->window.owed;
}

static size_t history_bytes(const alert_scheduler *s)
{
    return s->history_capacity * sizeof *s->history;
}

size_t alert_scheduler_state_size(const alert_scheduler *s)
{
    return sizeof(saved_header) + sizeof s->now + window_bytes(s) + history_bytes(s);
}

void alert_scheduler_save(const alert_scheduler *s, void *state)
{
    saved_header header = {
        .window_capacity = s->window.capacity,
        .window_count = s->window.count,
        .window_next = s->window.next,
        .history_capacity = s->history_capacity,
        .window_sum = s->window.sum,
    };
    memcpy(header.magic, MAGIC, sizeof MAGIC);
    char *to = state;
    memcpy(to, &header, sizeof header);
    to += sizeof header;
    memcpy(to, &s->now, sizeof s->now);
    to += sizeof s->now;
    if (s->window.owed)
        memcpy(to, s->window.owed, window_bytes(s));
    to += window_bytes(s);
    if (s->history)
        memcpy(to, s->history, history_bytes(s));
}

/* ---------------------------------------------------------------------------------------- restoring */

/* An expected accuracy is a sum that may round to a little more than 1. */
#define ROUNDING 1e-9

/* Process noise is a squared correction, and the variance at most that plus what the gain left of the last. */
#define VARIANCE_MAX (4.0 * ALERT_RATIO_MAX * ALERT_RATIO_MAX)

/* Beyond what a window of the longest inputs at the highest power can owe. */
#define OWED_MAX ALERT_OWED_MAX

/* A bool of any other value is undefined behaviour to look at. */
static bool is_bool(const bool *b)
{
    unsigned char byte;
    memcpy(&byte, b, 1);
    return byte <= 1;
}

static bool is_within(double x, double low, double high)
{
    return x >= low && x <= high; /* false for NaN */
}

static bool header_fits(const alert_scheduler *s, const saved_header *h)
{
    return memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 && h->window_capacity == s->window.capacity &&
           h->history_capacity == s->history_capacity && h->window_count <= h->window_capacity &&
           (h->window_next < h->window_capacity || h->window_next == 0) &&
           is_within(h->window_sum, -OWED_MAX, OWED_MAX);
}

static bool filters_are_sane(const alert_slowdown_filter *f, const alert_idle_filter *idle)
{
    return is_within(f->mean, 0.0, ALERT_RATIO_MAX) && f->variance > 0.0 &&
           f->variance <= VARIANCE_MAX && is_within(f->gain, 0.0, 1.0) && f->process_noise > 0.0 &&
           f->process_noise <= VARIANCE_MAX &&
           is_within(f->innovation, -ALERT_RATIO_MAX, ALERT_RATIO_MAX) &&
           is_within(idle->ratio, 0.0, ALERT_RATIO_MAX) &&
           is_within(idle->variance, 0.0, ALERT_RATIO_MAX) && is_bool(&idle->started);
}

static bool belief_is_sane(const alert_belief *b)
{
    return is_within(b->mean, 0.0, ALERT_RATIO_MAX) && b->std > 0.0 && b->std <= VARIANCE_MAX &&
           alert_is_in(&ALERT_SECONDS_OR_0, b->deadline_s) &&
           is_within(b->idle_ratio, 0.0, ALERT_RATIO_MAX) &&
           alert_is_in(&ALERT_WATTS_OR_0, b->idle_power_w) && !b->mixture;
}

static bool pending_is_sane(const alert_profile *profile, const alert_pending *p)
{
    const alert_decision *d = &p->decision;
    if (p->row >= profile->rows || p->column >= profile->caps)
        return false;
    const alert_row *row = &profile->row[p->row];
    return d->model == row->model && d->exit == row->exit && d->cap == row->cap[p->column] &&
           d->power_cap_w == profile->power_cap_w[d->cap] && d->latency_s >= 0.0 &&
           isfinite(d->latency_s) && d->energy_j >= 0.0 && isfinite(d->energy_j) &&
           is_within(d->accuracy, -ROUNDING, 1.0 + ROUNDING) &&
           alert_is_in(&ALERT_SHARE, d->probability) && is_bool(&d->feasible) &&
           is_within(p->deadline_s, -HUGE_VAL, ALERT_QUANTITY_MAX) &&
           is_within(p->bound, 0.0, ALERT_ENERGY_MAX) && belief_is_sane(&p->belief);
}

static bool learned_is_sane(const alert_scheduler *s, const alert_learned *now)
{
    return filters_are_sane(&now->slowdown, &now->idle) && alert_regimes_are_sane(&now->regimes) &&
           alert_price_is_sane(&now->price) &&
           is_within(now->shared.left_s, -HUGE_VAL, ALERT_QUANTITY_MAX) &&
           now->cap < s->profile->caps && pending_is_sane(s->profile, &now->pending);
}

/* `from` holds the rings of a saved state, unaligned. */
static bool rings_are_sane(const alert_scheduler *s, const char *from)
{
    double owed;
    alert_history_entry record;
    for (size_t i = 0; i < s->window.capacity; i++) {
        memcpy(&owed, from + i * sizeof owed, sizeof owed);
        if (!is_within(owed, -OWED_MAX, OWED_MAX))
            return false;
    }
    from += window_bytes(s);
    for (size_t i = 0; i < s->history_capacity; i++) {
        memcpy(&record, from + i * sizeof record, sizeof record);
        if (record.feasible > 1 || record.met > 1) /* are handed out as bools */
            return false;
    }
    return true;
}

int alert_scheduler_restore(alert_scheduler *s, const void *state, size_t size,
                            alert_argument_error *error)
{
    saved_header header;
    alert_learned now;
    const char *from = state;
    if (size != alert_scheduler_state_size(s))
        return alert_refuse(error, "state", "the bytes saved from a scheduler like this one",
                            (double)size);
    memcpy(&header, from, sizeof header);
    from += sizeof header;
    memcpy(&now, from, sizeof now);
    from += sizeof now;
    if (!header_fits(s, &header) || !learned_is_sane(s, &now) || !rings_are_sane(s, from))
        return alert_refuse(error, "state", "the bytes saved from a scheduler like this one",
                            (double)NAN);
    s->now = now;
    alert_regimes_forecast(&now.regimes, &s->forecast);
    s->window.count = header.window_count;
    s->window.next = header.window_next;
    s->window.sum = header.window_sum;
    if (s->window.owed)
        memcpy(s->window.owed, from, window_bytes(s));
    from += window_bytes(s);
    if (s->history)
        memcpy(s->history, from, history_bytes(s));
    return 0;
}
