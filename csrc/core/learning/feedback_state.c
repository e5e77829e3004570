/* feedback_state.c - what was learnt from feedback, as a block of bytes. */
#include <math.h>
#include <string.h>

#include "core/learning/feedback.h"
#include "core/ranges.h"

/* Beyond any law that is drawn. */
#define WEIGHT_MAX 1e15

_Static_assert(sizeof(alert_feedback_now) == 8 * (6 + 2 * ALERT_CONTEXT_MAX), "no padding");
_Static_assert(sizeof(alert_rated_model) ==
                   8 * (2 * ALERT_WEIGHTS_MAX + ALERT_TRIANGLE + 4 + ALERT_REMEMBERED_RATINGS),
               "no padding");
_Static_assert(sizeof(alert_ticket) == 8, "no padding");

static size_t model_bytes(const alert_feedback *f)
{
    return f->models * sizeof *f->model;
}

static size_t ticket_bytes(void)
{
    return ALERT_TICKETS * sizeof(alert_ticket);
}

static size_t context_bytes(const alert_feedback *f)
{
    return ALERT_TICKETS * f->context * sizeof *f->ticket_context;
}

size_t alert_feedback_size(const alert_feedback *f)
{
    return f ? sizeof f->now + model_bytes(f) + ticket_bytes() + context_bytes(f) : 0;
}

void alert_feedback_save(const alert_feedback *f, char *to)
{
    if (!f)
        return;
    memcpy(to, &f->now, sizeof f->now);
    memcpy(to += sizeof f->now, f->model, model_bytes(f));
    memcpy(to += model_bytes(f), f->ticket, ticket_bytes());
    memcpy(to + ticket_bytes(), f->ticket_context, context_bytes(f));
}

void alert_feedback_restore(alert_feedback *f, const char *from)
{
    if (!f)
        return;
    memcpy(&f->now, from, sizeof f->now);
    memcpy(f->model, from += sizeof f->now, model_bytes(f));
    memcpy(f->ticket, from += model_bytes(f), ticket_bytes());
    memcpy(f->ticket_context, from + ticket_bytes(), context_bytes(f));
}

/* `from` holds `count` numbers of contexts. */
static bool contexts_are_sane(const char *from, size_t count)
{
    double number;
    for (size_t i = 0; i < count; i++) {
        memcpy(&number, from + i * sizeof number, sizeof number);
        if (!alert_is_in(&ALERT_CONTEXT, number))
            return false;
    }
    return true;
}

static bool now_is_sane(const alert_feedback_now *now)
{
    return now->first_ticket <= ALERT_FIRST_TICKET_MAX && now->is_drawn <= 1 &&
           now->is_stale <= 1 && contexts_are_sane((const char *)now->context, ALERT_CONTEXT_MAX) &&
           contexts_are_sane((const char *)now->next_context, ALERT_CONTEXT_MAX);
}

static bool model_is_sane(const alert_feedback *f, size_t i, const alert_rated_model *m)
{
    alert_prior prior = alert_feedback_prior(f, i);
    for (size_t k = 0; k < ALERT_WEIGHTS_MAX; k++)
        if (!(fabs(m->theta[k]) <= WEIGHT_MAX))
            return false;
    return alert_posterior_is_sane(&m->posterior, &prior) && m->asks <= 1 &&
           alert_is_in(&ALERT_SHARE, m->mean) && alert_is_in(&ALERT_SHARE, m->drawn);
}

static bool ticket_is_sane(const alert_feedback *f, const alert_ticket *t)
{
    return t->output < f->outputs && t->state <= ALERT_TICKET_RATED;
}

bool alert_feedback_is_sane(const alert_feedback *f, const char *from)
{
    alert_feedback_now now;
    alert_rated_model model;
    alert_ticket ticket;
    if (!f)
        return true;
    memcpy(&now, from, sizeof now);
    if (!now_is_sane(&now))
        return false;
    from += sizeof now;
    for (size_t i = 0; i < f->models; i++, from += sizeof model) {
        memcpy(&model, from, sizeof model);
        if (!model_is_sane(f, i, &model))
            return false;
    }
    for (size_t n = 0; n < ALERT_TICKETS; n++, from += sizeof ticket) {
        memcpy(&ticket, from, sizeof ticket);
        if (!ticket_is_sane(f, &ticket))
            return false;
    }
    return contexts_are_sane(from, ALERT_TICKETS * f->context);
}
