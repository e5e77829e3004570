/*
 * feedback.h - internal: accuracies learnt from ratings that come later. [ours]
 *
 * Each model has a posterior (posterior.h). The choice goes by one law of each, drawn at random: a model is tried as
 * often as it may be the better one (Thompson 1933). The laws are drawn anew with each rating. Where no rating comes
 * for ALERT_SILENT_INPUTS inputs, trying pays no more, and the choice goes by the means. With the law theta of a model,
 * its mean m, and x = (1, context), the accuracy of its last exit is
 *
 *     drawn = cut(theta . x, 0, 1)    for the choice,
 *     mean  = cut(m . x, 0, 1)        for what is credited and reported.
 *
 * Draws that are too high are chosen more often; credited as they are, they would hide a debt. The choice itself is
 * unchanged, so deadlines, energies and caps hold for any draw.
 *
 * A ticket names an input that may be rated once. An output after its deadline teaches nothing: its lateness is
 * reckoned with already. A rating of exit k of an anytime model counts for the last exit K: with the ratio of their
 * published accuracies, score = (q_k / q_K) theta . x.
 *
 * One user may count for ALERT_USER_RATINGS of ALERT_REMEMBERED_RATINGS ratings of a model that follow each other.
 * Without a context and with a prior of 20 ratings, no user moves an accuracy by more than 4 / 24 on his own.
 *
 * A rating helps (`asks`) where it would move the mean of what runs by ALERT_WORTH_ASKING or more. With the variance v
 * of theta . x, one standard deviation of a score moves the mean by
 *
 *     v / sqrt(v + s^2).
 *
 * A model that is less accurate than was published is asked about for longer: what was published still counts, so the mean
 * is too high, and a goal is missed by it. A model that is much less accurate hardly runs, and is asked about as others are.
 */
#ifndef ALERT_FEEDBACK_H
#define ALERT_FEEDBACK_H

#include <math.h>

#include "core/learning/posterior.h"
#include "core/profile.h"

#define ALERT_WORTH_ASKING          0.005
#define ALERT_WORTH_ASKING_IN_DOUBT 0.0033
/* By how much less accurate than was published. */
#define ALERT_DOUBTFUL_FROM 0.03
#define ALERT_DOUBTFUL_TO   0.1
/* A ticket is exact as a double. */
#define ALERT_FIRST_TICKET_MAX ((uint64_t)1 << 52)
/* Exits more accurate than this times the last count as this. */
#define ALERT_SHARE_MAX 10.0

static const alert_range ALERT_CONTEXT = {-10.0, 10.0, false, "a number from -10 to 10: scale it"};

enum {
    ALERT_TICKETS = 4096, /* inputs that may still be rated */
    ALERT_SILENT_INPUTS = 50,
    ALERT_USER_RATINGS = 4,
    ALERT_REMEMBERED_RATINGS = 64,
};

/* What a ticket is good for. */
typedef enum alert_ticket_state {
    ALERT_TICKET_NOT_RUN, /* no output */
    ALERT_TICKET_LATE,    /* an output after the deadline */
    ALERT_TICKET_OPEN,
    ALERT_TICKET_RATED,
} alert_ticket_state;

typedef struct alert_ticket {
    uint32_t output; /* of all models' outputs, that was out */
    uint32_t state;  /* alert_ticket_state */
} alert_ticket;

/* An output of a model. They are numbered as alert_row.position is: model by model, exit by exit. */
typedef struct alert_rated_output {
    size_t model;
    double share; /* q_k / q_K; 1 where q_K is 0 */
} alert_rated_output;

/* Of one model. Numbers only: saved as it is. */
typedef struct alert_rated_model {
    alert_posterior posterior;
    double theta[ALERT_WEIGHTS_MAX];
    double mean, drawn;                      /* in the context of the pending input */
    uint64_t asks;                           /* 0 or 1 */
    uint64_t ratings;                        /* learnt from */
    uint64_t user[ALERT_REMEMBERED_RATINGS]; /* who gave the last of them; ring */
} alert_rated_model;

/* Of all. Saved as it is. */
typedef struct alert_feedback_now {
    uint64_t random;                   /* state of random.h */
    uint64_t first_ticket;             /* of input 0 */
    uint64_t ratings;                  /* learnt from */
    uint64_t silent;                   /* inputs since the last rating */
    uint64_t is_drawn;                 /* 0: the choice goes by the means */
    uint64_t is_stale;                 /* 1: ratings or a context have come since the last choice */
    double context[ALERT_CONTEXT_MAX]; /* of the pending input */
    double next_context[ALERT_CONTEXT_MAX]; /* from the next choice on */
} alert_feedback_now;

typedef struct alert_feedback {
    size_t models, context;
    double prior_ratings, keep; /* posterior.h: prior, f */
    alert_feedback_now now;
    size_t outputs;
    alert_rated_output *output;
    double *published; /* one a model */
    alert_rated_model *model;
    alert_ticket *ticket;   /* ALERT_TICKETS; input n is at n % ALERT_TICKETS */
    double *ticket_context; /* `context` numbers a ticket */
} alert_feedback;

static inline alert_prior alert_feedback_prior(const alert_feedback *f, size_t model)
{
    return (alert_prior){
        .weights = f->context + 1, .ratings = f->prior_ratings, .published = f->published[model]};
}

int alert_feedback_check(const alert_feedback_options *options, alert_argument_error *error);
int alert_feedback_check_context(const alert_feedback *f, const double *context, size_t count,
                                 alert_argument_error *error);

/* NULL: no memory. */
alert_feedback *alert_feedback_new(const alert_feedback_options *options,
                                   const alert_profile *profile);
void alert_feedback_free(alert_feedback *f);

/* Gets ready for a choice. Whether accuracies have changed since the last one. */
bool alert_feedback_look(alert_feedback *f);

static inline bool alert_feedback_follow(alert_feedback *f)
{
    bool is_silent = f->now.is_drawn && f->now.silent > ALERT_SILENT_INPUTS;
    return (f->now.is_stale || is_silent) && alert_feedback_look(f);
}

/* What the choice goes by; NaN before the first rating: what was published. */
double alert_feedback_drawn(const alert_feedback *f, size_t model);
/* Whether that is the mean of what was learnt. */
static inline bool alert_feedback_goes_by_mean(const alert_feedback *f, size_t model)
{
    return f->model[model].mean == f->model[model].drawn;
}

/* What an output is worth, by the mean. */
static inline double alert_feedback_worth(const alert_feedback *f, size_t output)
{
    const alert_rated_output *o = &f->output[output];
    return fmin(f->model[o->model].mean * o->share, 1.0);
}

/* Keeps the ticket of a finished input, with the output that was out, or else was to be. */
static inline void alert_feedback_keep(alert_feedback *f, uint64_t input, alert_ticket_state state,
                                       size_t output)
{
    size_t place = input % ALERT_TICKETS;
    f->ticket[place] = (alert_ticket){.output = (uint32_t)output, .state = (uint32_t)state};
    for (size_t i = 0; i < f->context; i++)
        f->ticket_context[place * f->context + i] = f->now.context[i];
    f->now.silent++;
}

/* Whether a ticket may be rated, while `inputs` are finished: 0 or -EINVAL. */
int alert_feedback_check_ticket(const alert_feedback *f, uint64_t ticket, uint64_t inputs,
                                alert_argument_error *error);
/* Uses up a ticket that may be rated. Whether anything was learnt. user: 0 where it is not known. */
bool alert_feedback_rate(alert_feedback *f, uint64_t ticket, double score, uint64_t user);

/* Mean and deviation of the accuracy of each model in a context. */
void alert_feedback_accuracies(const alert_feedback *f, const double *context, double *mean,
                               double *deviation);

/* A saved state: the bytes of `now`, the models, the tickets, their contexts. */
size_t alert_feedback_size(const alert_feedback *f);
void alert_feedback_save(const alert_feedback *f, char *to);
/* `from` is unaligned. */
bool alert_feedback_is_sane(const alert_feedback *f, const char *from);
void alert_feedback_restore(alert_feedback *f, const char *from);

#endif
