#include "core/learning/feedback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/learning/random.h"
#include "core/ranges.h"

static const alert_range PRIOR = {1.0, 1e6, false, "a number of ratings from 1 to 1e6"};
static const alert_range HALF_LIFE = {1.0, HUGE_VAL, false, "a number of ratings >= 1, or None"};

/* ----------------------------------------------------------------------------------- making and freeing */

int alert_feedback_check(const alert_feedback_options *o, alert_argument_error *error)
{
    if (o->context > ALERT_CONTEXT_MAX)
        return alert_refuse(error, "context", "at most 8 numbers", (double)o->context);
    if (o->first_ticket > ALERT_FIRST_TICKET_MAX)
        return alert_refuse(error, "first_ticket", "at most 2^52", (double)o->first_ticket);
    int rc = alert_check(error, "prior", o->prior, &PRIOR);
    return rc ? rc : alert_check(error, "half_life", o->half_life, &HALF_LIFE);
}

int alert_feedback_check_context(const alert_feedback *f, const double *context, size_t count,
                                 alert_argument_error *error)
{
    if (!f)
        return alert_refuse(error, "context", "none, without feedback", (double)count);
    if (count != f->context)
        return alert_refuse(error, "context", "as many numbers as Feedback says", (double)count);
    for (size_t i = 0; i < count; i++)
        if (!alert_is_in(&ALERT_CONTEXT, context[i]))
            return alert_refuse_at(error, "context", i, -1, ALERT_CONTEXT.expected, context[i]);
    return 0;
}

static void read_outputs(alert_feedback *f, const alert_profile *profile)
{
    for (size_t r = 0; r < profile->rows; r++) {
        const alert_row *row = &profile->row[r];
        double accuracy = row->output[row->outputs - 1].accuracy, last = row->model_accuracy;
        f->published[row->model] = last;
        f->output[row->position] =
            (alert_rated_output){.model = row->model, .share = last > 0.0 ? accuracy / last : 1.0};
    }
}

static void start(alert_feedback *f)
{
    for (size_t i = 0; i < f->models; i++) {
        alert_prior prior = alert_feedback_prior(f, i);
        alert_rated_model *m = &f->model[i];
        alert_posterior_start(&m->posterior, &prior);
        memcpy(m->theta, m->posterior.mean, sizeof m->theta);
    }
    f->now.is_stale = 1;
}

alert_feedback *alert_feedback_new(const alert_feedback_options *o, const alert_profile *profile)
{
    alert_feedback *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->models = profile->models;
    f->outputs = profile->rows;
    f->context = o->context;
    f->prior_ratings = o->prior;
    f->keep = exp2(-1.0 / o->half_life);
    f->now.random = o->seed;
    f->now.first_ticket = o->first_ticket;
    f->output = calloc(f->outputs, sizeof *f->output);
    f->published = calloc(f->models, sizeof *f->published);
    f->model = calloc(f->models, sizeof *f->model);
    f->ticket = calloc(ALERT_TICKETS, sizeof *f->ticket);
    f->ticket_context = calloc(ALERT_TICKETS * (f->context + 1), sizeof *f->ticket_context);
    if (!f->output || !f->published || !f->model || !f->ticket || !f->ticket_context) {
        alert_feedback_free(f);
        return NULL;
    }
    read_outputs(f, profile);
    start(f);
    return f;
}

void alert_feedback_free(alert_feedback *f)
{
    if (!f)
        return;
    free(f->output);
    free(f->published);
    free(f->model);
    free(f->ticket);
    free(f->ticket_context);
    free(f);
}

/* --------------------------------------------------------------------------------------------- choosing */

/* x = share * (1, context) */
static void features(const alert_feedback *f, const double *context, double share, double *x)
{
    x[0] = share;
    for (size_t i = 0; i < f->context; i++)
        x[i + 1] = share * context[i];
}

static bool is_worth_asking(const alert_rated_model *m, const alert_prior *prior, double variance)
{
    double fallen = prior->published - m->mean;
    bool is_doubtful = fallen > ALERT_DOUBTFUL_FROM && fallen < ALERT_DOUBTFUL_TO;
    double least = is_doubtful ? ALERT_WORTH_ASKING_IN_DOUBT : ALERT_WORTH_ASKING;
    return variance >= least * sqrt(variance + ALERT_RATING_VARIANCE);
}

static void look(alert_rated_model *m, const alert_prior *prior, const double *x)
{
    double drawn = 0.0;
    for (size_t i = 0; i < prior->weights; i++)
        drawn += m->theta[i] * x[i];
    m->drawn = alert_clamp(drawn, 0.0, 1.0);
    m->mean = alert_clamp(alert_posterior_mean(&m->posterior, prior, x), 0.0, 1.0);
    m->asks = is_worth_asking(m, prior, alert_posterior_variance(&m->posterior, prior, x));
}

static void draw(alert_feedback *f)
{
    for (size_t i = 0; i < f->models; i++) {
        alert_prior prior = alert_feedback_prior(f, i);
        alert_posterior_draw(&f->model[i].posterior, &prior, &f->now.random, f->model[i].theta);
    }
    f->now.is_drawn = 1;
    f->now.is_stale = 1;
}

static void stop_trying(alert_feedback *f)
{
    for (size_t i = 0; i < f->models; i++)
        memcpy(f->model[i].theta, f->model[i].posterior.mean, sizeof f->model[i].theta);
    f->now.is_drawn = 0;
    f->now.is_stale = 1;
}

bool alert_feedback_look(alert_feedback *f)
{
    if (f->now.is_drawn && f->now.silent > ALERT_SILENT_INPUTS)
        stop_trying(f);
    if (!f->now.is_stale)
        return false;
    double x[ALERT_WEIGHTS_MAX];
    memcpy(f->now.context, f->now.next_context, sizeof f->now.context);
    features(f, f->now.context, 1.0, x);
    for (size_t i = 0; i < f->models; i++) {
        alert_prior prior = alert_feedback_prior(f, i);
        look(&f->model[i], &prior, x);
    }
    f->now.is_stale = 0;
    return f->now.ratings > 0;
}

double alert_feedback_drawn(const alert_feedback *f, size_t model)
{
    return f->now.ratings > 0 ? f->model[model].drawn : (double)NAN;
}

/* --------------------------------------------------------------------------------------------- learning */

int alert_feedback_check_ticket(const alert_feedback *f, uint64_t ticket, uint64_t inputs,
                                alert_argument_error *error)
{
    uint64_t input = ticket - f->now.first_ticket; /* a ticket below the first wraps */
    const char *expected = NULL;
    if (input > inputs)
        expected = "a ticket of this scheduler";
    else if (input == inputs)
        expected = "the ticket of an input that is finished";
    else if (inputs - input > ALERT_TICKETS)
        expected = "a ticket of the last 4096 inputs";
    else if (f->ticket[input % ALERT_TICKETS].state == ALERT_TICKET_RATED)
        expected = "a ticket that was not rated before";
    else if (f->ticket[input % ALERT_TICKETS].state == ALERT_TICKET_NOT_RUN)
        expected = "the ticket of an input that was run";
    return expected ? alert_refuse(error, "ticket", expected, (double)ticket) : 0;
}

static bool has_said_enough(const alert_rated_model *m, uint64_t user)
{
    size_t count = 0;
    for (size_t i = 0; i < ALERT_REMEMBERED_RATINGS; i++)
        count += m->user[i] == user;
    return user != 0 && count >= ALERT_USER_RATINGS;
}

bool alert_feedback_rate(alert_feedback *f, uint64_t ticket, double score, uint64_t user)
{
    size_t place = (ticket - f->now.first_ticket) % ALERT_TICKETS;
    alert_ticket *t = &f->ticket[place];
    const alert_rated_output *output = &f->output[t->output];
    alert_rated_model *m = &f->model[output->model];
    bool is_late = t->state == ALERT_TICKET_LATE;
    t->state = ALERT_TICKET_RATED;
    if (is_late || has_said_enough(m, user))
        return false;
    double x[ALERT_WEIGHTS_MAX];
    alert_prior prior = alert_feedback_prior(f, output->model);
    features(f, f->ticket_context + place * f->context, fmin(output->share, ALERT_SHARE_MAX), x);
    if (f->keep < 1.0)
        alert_posterior_forget(&m->posterior, &prior, f->keep);
    alert_posterior_learn(&m->posterior, &prior, x, score);
    m->user[m->ratings++ % ALERT_REMEMBERED_RATINGS] = user;
    f->now.ratings++;
    f->now.silent = 0;
    draw(f);
    return true;
}

void alert_feedback_accuracies(const alert_feedback *f, const double *context, double *mean,
                               double *deviation)
{
    double x[ALERT_WEIGHTS_MAX];
    features(f, context, 1.0, x);
    for (size_t i = 0; i < f->models; i++) {
        alert_prior prior = alert_feedback_prior(f, i);
        const alert_posterior *p = &f->model[i].posterior;
        mean[i] = alert_clamp(alert_posterior_mean(p, &prior, x), 0.0, 1.0);
        deviation[i] = sqrt(alert_posterior_variance(p, &prior, x));
    }
}
