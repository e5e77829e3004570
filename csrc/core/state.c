/* state.c - what a scheduler remembers, handed out: the trace, and all of it as a block of bytes.
 * */
#include <math.h>
#include <string.h>

#include "fault.h"
#include "scheduler.h"

size_t alert_scheduler_trace_length(const alert_scheduler *s)
{
    size_t capacity = s->options.trace_capacity;
    return s->now.inputs < capacity ? (size_t)s->now.inputs : capacity;
}

void alert_scheduler_trace(const alert_scheduler *s, alert_record *out)
{
    size_t length = alert_scheduler_trace_length(s);
    uint64_t first = s->now.inputs - length;
    for (size_t i = 0; i < length; i++)
        out[i] = s->trace[(first + i) % s->options.trace_capacity];
}

/* A saved state: this header, what the scheduler has learnt, the window's ring, the trace's ring.
 * */
typedef struct saved_header {
    char magic[8];
    size_t window_capacity, window_count, window_next;
    size_t trace_capacity;
    double window_sum;
} saved_header;

static const char MAGIC[8] = "ALERT-2";

static size_t window_bytes(const alert_scheduler *s)
{
    return s->window.capacity * sizeof *s->window.owed;
}

static size_t trace_bytes(const alert_scheduler *s)
{
    return s->options.trace_capacity * sizeof *s->trace;
}

size_t alert_scheduler_state_size(const alert_scheduler *s)
{
    return sizeof(saved_header) + sizeof s->now + window_bytes(s) + trace_bytes(s);
}

void alert_scheduler_save(const alert_scheduler *s, void *state)
{
    saved_header header = {
        .window_capacity = s->window.capacity,
        .window_count = s->window.count,
        .window_next = s->window.next,
        .trace_capacity = s->options.trace_capacity,
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
    if (s->trace)
        memcpy(to, s->trace, trace_bytes(s));
}

static bool header_fits(const alert_scheduler *s, const saved_header *h)
{
    return memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 && h->window_capacity == s->window.capacity &&
           h->trace_capacity == s->options.trace_capacity &&
           h->window_count <= h->window_capacity &&
           (h->window_next < h->window_capacity || h->window_next == 0) && isfinite(h->window_sum);
}

static bool learned_is_sane(const alert_scheduler *s, const alert_learned *now)
{
    const alert_slowdown_filter *f = &now->slowdown;
    const alert_idle_filter *idle = &now->idle;
    const alert_pending *p = &now->pending;
    return f->mean >= 0.0 && f->mean <= ALERT_RATIO_MAX && f->variance > 0.0 &&
           isfinite(f->variance) && f->gain >= 0.0 && f->gain <= 1.0 && f->process_noise > 0.0 &&
           isfinite(f->process_noise) && isfinite(f->innovation) && idle->ratio >= 0.0 &&
           idle->ratio <= ALERT_RATIO_MAX && idle->variance > 0.0 && isfinite(idle->variance) &&
           isfinite(now->shared.left_s) && now->cap < s->profile->caps &&
           p->row < s->profile->rows && p->column < s->profile->caps && isfinite(p->deadline_s) &&
           isfinite(p->bound) && p->belief.std > 0.0 && isfinite(p->belief.std) &&
           isfinite(p->belief.mean) && isfinite(p->belief.deadline_s) &&
           p->decision.model == s->profile->row[p->row].model &&
           p->decision.exit == s->profile->row[p->row].exit &&
           p->decision.cap == s->profile->row[p->row].cap[p->column];
}

int alert_scheduler_restore(alert_scheduler *s, const void *state, size_t size, alert_fault *fault)
{
    saved_header header;
    alert_learned now;
    const char *from = state;
    if (size != alert_scheduler_state_size(s))
        return alert_fault_in(fault, "state", "the bytes saved from a scheduler like this one",
                              (double)size);
    memcpy(&header, from, sizeof header);
    from += sizeof header;
    memcpy(&now, from, sizeof now);
    from += sizeof now;
    if (!header_fits(s, &header) || !learned_is_sane(s, &now))
        return alert_fault_in(fault, "state", "the bytes saved from a scheduler like this one",
                              (double)NAN);
    s->now = now;
    s->window.count = header.window_count;
    s->window.next = header.window_next;
    s->window.sum = header.window_sum;
    if (s->window.owed)
        memcpy(s->window.owed, from, window_bytes(s));
    from += window_bytes(s);
    if (s->trace)
        memcpy(s->trace, from, trace_bytes(s));
    return 0;
}
