/* state.c - a scheduler saved as a block of bytes, and restored. */
#include <math.h>
#include <string.h>

#include "core/ranges.h"
#include "core/scheduler.h"

/* A saved state: this header, what the scheduler has learnt, what is expected of each model, the window's ring, the history's
 * ring, what was learnt from feedback, the numbers of a profile that is learnt, or of offsets. None of them
 * has padding, or it is 0: a state tells nothing but what it says, and is the same bytes each time. */
typedef struct saved_header {
    char magic[8];
    uint64_t method;
    uint64_t window_capacity, window_count, window_next;
    double window_sum;
    uint64_t history_capacity;
} saved_header;

/* Of an entry of the history, what comes before the padding at its end. */
enum { ENTRY_BYTES = offsetof(alert_history_entry, met) + 1 };

_Static_assert(ENTRY_BYTES == 17 * 8 + 2, "no padding before");
_Static_assert(sizeof(saved_header) == 7 * 8, "no padding");
_Static_assert(sizeof(alert_learned) ==
                   8 * (ALERT_METHOD_NUMBERS + 3 + 3 + 2 + 7 + 9 + 5) + sizeof(alert_goal),
               "no padding");
_Static_assert(sizeof(alert_goal) == 4 * 4 + 8 * 8, "no padding");

static saved_header header_of(const alert_scheduler *s)
{
    return (saved_header){
        .magic = "ALERT10",
        .method = (uint64_t)s->task.method,
        .window_capacity = s->window.capacity,
        .window_count = s->window.count,
        .window_next = s->window.next,
        .window_sum = s->window.sum,
        .history_capacity = s->history_capacity,
    };
}

static size_t outlook_bytes(const alert_scheduler *s)
{
    return s->task.profile->models * sizeof(alert_expected);
}

static size_t window_bytes(const alert_scheduler *s)
{
    return s->window.capacity * sizeof *s->window.owed;
}

static size_t history_bytes(const alert_scheduler *s)
{
    return s->history_capacity * sizeof *s->history;
}

/* Of a profile that is learnt. */
static size_t profile_bytes(const alert_scheduler *s)
{
    return alert_scheduler_learnt_count(s) * sizeof(double);
}

/* A profile that is learnt has no offsets. */
static size_t offsets_bytes(const alert_scheduler *s)
{
    return s->offsets.count * sizeof *s->offsets.numbers;
}

size_t alert_scheduler_state_size(const alert_scheduler *s)
{
    return sizeof(saved_header) + sizeof s->now + outlook_bytes(s) + window_bytes(s) +
           history_bytes(s) + alert_feedback_size(s->feedback) + profile_bytes(s) +
           offsets_bytes(s);
}

void alert_scheduler_save(const alert_scheduler *s, void *state)
{
    saved_header header = header_of(s);
    char *to = state;
    memcpy(to, &header, sizeof header);
    to += sizeof header;
    memcpy(to, &s->now, sizeof s->now);
    to += sizeof s->now;
    for (size_t i = 0; i < s->task.profile->models; i++, to += sizeof(alert_expected))
        memcpy(to, s->outlook.model ? &s->outlook.model[i] : &ALERT_NOTHING_EXPECTED,
               sizeof(alert_expected));
    if (s->window.owed)
        memcpy(to, s->window.owed, window_bytes(s));
    to += window_bytes(s);
    if (s->history)
        memset(to, 0, history_bytes(s));
    for (size_t i = 0; i < s->history_capacity; i++)
        memcpy(to + i * sizeof *s->history, &s->history[i], ENTRY_BYTES);
    to += history_bytes(s);
    alert_feedback_save(s->feedback, to);
    to += alert_feedback_size(s->feedback);
    if (s->learnt)
        memcpy(to, s->learnt->numbers, profile_bytes(s));
    if (s->offsets.served)
        memcpy(to, s->offsets.numbers, offsets_bytes(s));
}

/* ---------------------------------------------------------------------------------------- restoring */

/* An expected accuracy is a sum that may round to a little more than 1. */
#define ROUNDING 1e-9
/* Beyond any window of the longest inputs at the highest power. */
#define OWED_MAX 1e36

static bool header_is_sane(const alert_scheduler *s, const saved_header *h)
{
    saved_header own = header_of(s);
    return memcmp(h->magic, own.magic, sizeof own.magic) == 0 && h->method == own.method &&
           h->window_capacity == own.window_capacity &&
           h->history_capacity == own.history_capacity && h->window_count <= h->window_capacity &&
           (h->window_next < h->window_capacity || h->window_next == 0) &&
           alert_is_within(h->window_sum, -OWED_MAX, OWED_MAX);
}

/* Without a deadline the time is infinite, too. */
static bool times_are_sane(const alert_goal *goal, const alert_pending *p)
{
    double most_s = goal->deadline_s < HUGE_VAL ? ALERT_QUANTITY_MAX : HUGE_VAL;
    return alert_is_within(p->deadline_s, -HUGE_VAL, most_s) &&
           alert_is_within(p->time_s, 0.0, most_s);
}

static bool pending_is_sane(const alert_profile *profile, const alert_pending *p)
{
    return p->configuration.row < profile->rows && p->configuration.column < profile->caps &&
           alert_is_within(p->slowdown_mean, 0.0, ALERT_RATIO_MAX) && p->slowdown_std > 0.0 &&
           isfinite(p->slowdown_std) && p->energy_j >= 0.0 && isfinite(p->energy_j) &&
           alert_is_within(p->accuracy, -ROUNDING, 1.0 + ROUNDING) &&
           alert_is_within(p->probability, 0.0, 1.0) && p->feasible <= 1;
}

static bool own_goal_is_sane(const alert_learned *now)
{
    return now->has_own_goal == 0 || (now->has_own_goal == 1 && now->own_goal.window == 1 &&
                                      alert_goal_check(&now->own_goal, NULL) == 0);
}

static bool learned_is_sane(const alert_scheduler *s, const alert_learned *now)
{
    return alert_is_within(now->idle.ratio, 0.0, ALERT_RATIO_MAX) &&
           alert_is_within(now->idle.variance, 0.0, ALERT_RATIO_MAX) &&
           alert_is_within(now->shared.left_s, -HUGE_VAL, ALERT_QUANTITY_MAX) &&
           alert_is_within(now->shared.share_s, 0.0, ALERT_QUANTITY_MAX) &&
           now->cap < s->task.profile->caps && pending_is_sane(s->task.profile, &now->pending) &&
           now->budget.inputs <= s->task.goal.budget_inputs &&
           alert_is_within(now->budget.left_j, -OWED_MAX, OWED_MAX) && own_goal_is_sane(now) &&
           (now->size == s->task.profile->size ||
            alert_check_size(s->task.profile, &now->size, NULL) == 0) &&
           times_are_sane(now->has_own_goal ? &now->own_goal : &s->task.goal, &now->pending);
}

/* `from` holds what is expected, unaligned. */
static bool outlook_is_sane(const alert_scheduler *s, const char *from)
{
    alert_expected e;
    for (size_t i = 0; i < s->task.profile->models; i++) {
        memcpy(&e, from + i * sizeof e, sizeof e);
        if (!alert_is_in(&ALERT_SECONDS_OR_0, e.delay_s) || !alert_is_in(&ALERT_FACTOR, e.factor) ||
            !(isnan(e.accuracy) || alert_is_in(&ALERT_SHARE, e.accuracy)))
            return false;
    }
    return true;
}

static bool is_nothing_expected(const alert_scheduler *s, const char *from)
{
    for (size_t i = 0; i < s->task.profile->models; i++)
        if (memcmp(from + i * sizeof ALERT_NOTHING_EXPECTED, &ALERT_NOTHING_EXPECTED,
                   sizeof ALERT_NOTHING_EXPECTED) != 0)
            return false;
    return true;
}

/* Takes over what is expected. Allocates only for the first time that something is, or that a model is off its profile. */
static int restore_outlook(alert_scheduler *s, const char *from, const char *offsets)
{
    bool is_off = s->offsets.served && alert_offsets_are_served(&s->offsets, offsets);
    if (!s->outlook.model && is_nothing_expected(s, from) && !is_off)
        return 0;
    int rc = alert_outlook_reserve(&s->outlook, s->task.profile);
    if (rc)
        return rc;
    memcpy(s->outlook.model, from, outlook_bytes(s));
    return 0;
}

/* `from` holds the rings of a saved state, unaligned. */
static bool rings_are_sane(const alert_scheduler *s, const char *from)
{
    double owed;
    alert_history_entry entry;
    for (size_t i = 0; i < s->window.capacity; i++) {
        memcpy(&owed, from + i * sizeof owed, sizeof owed);
        if (!alert_is_within(owed, -OWED_MAX, OWED_MAX))
            return false;
    }
    from += window_bytes(s);
    for (size_t i = 0; i < s->history_capacity; i++) {
        memcpy(&entry, from + i * sizeof entry, sizeof entry);
        if (entry.feasible > 1 || entry.met > 1) /* are handed out as bools */
            return false;
    }
    return true;
}

int alert_scheduler_restore(alert_scheduler *s, const void *state, size_t size,
                            alert_argument_error *error)
{
    static const char EXPECTED[] = "the bytes saved from a scheduler like this one";
    saved_header header;
    alert_learned now;
    alert_belief belief;
    const char *from = state;
    if (size != alert_scheduler_state_size(s))
        return alert_refuse(error, "state", EXPECTED, (double)size);
    memcpy(&header, from, sizeof header);
    from += sizeof header;
    memcpy(&now, from, sizeof now);
    from += sizeof now;
    const char *rings = from + outlook_bytes(s);
    const char *feedback = rings + window_bytes(s) + history_bytes(s);
    const char *costs = feedback + alert_feedback_size(s->feedback);
    if (!header_is_sane(s, &header) || !learned_is_sane(s, &now) || !outlook_is_sane(s, from) ||
        !rings_are_sane(s, rings) || !alert_feedback_is_sane(s->feedback, feedback) ||
        (s->learnt && !alert_learnt_is_sane(s->learnt, costs)) ||
        (s->offsets.served && !alert_offsets_are_sane(&s->offsets, costs)) ||
        !s->method->resume(now.by_method, &s->task, &belief))
        return alert_refuse(error, "state", EXPECTED, (double)NAN);
    int rc = restore_outlook(s, from, costs);
    if (rc)
        return rc;
    s->now = now;
    alert_feedback_restore(s->feedback, feedback);
    if (s->learnt)
        alert_scheduler_resume_profile(s, costs);
    if (s->offsets.served)
        memcpy(s->offsets.numbers, costs, offsets_bytes(s));
    if (s->outlook.model)
        alert_scheduler_follow_outlook(s);
    (void)s->method->resume(s->now.by_method, &s->task, &s->belief);
    alert_scheduler_believe_idle(s);
    s->window.count = header.window_count;
    s->window.next = header.window_next;
    s->window.sum = header.window_sum;
    if (s->window.owed)
        memcpy(s->window.owed, rings, window_bytes(s));
    if (s->history)
        memcpy(s->history, rings + window_bytes(s), history_bytes(s));
    alert_scheduler_pose(s, s->now.pending.deadline_s);
    return 0;
}
