/*
 * learnt.h - internal: a profile that is learnt while serving. [ours]
 *
 * Two tables (table.h) start from a guessed profile: of latencies, and of watts where the guess has power. Each finished
 * input runs one configuration, and tells of all.
 *
 * The table and the slowdown of the machine are one product, L = xi t. A surprise is divided between them. The slowdown has
 * some causes k (causes.h). That of the weight ALERT_UNKNOWN_CAUSE is one that the belief does not know of. (Without it, the
 * first contended inputs were written into the table.) With the table's mean and variance of ln t, which are x' m and x' P x,
 * a cause has caused the input with
 *
 *     r_k ~ w_k f4(z_k) / d_k,     z_k = (ln L - x' m - ln x_k) / d_k,     d_k^2 = (x' P x + v_k + table_noise^2) / 2
 *
 * and for each of them the table sees a run of ln L - ln x_k with the variance (v_k + table_noise^2) / r_k. The method then learns the
 * slowdown from the rest: L / t with the new t. So while the table knows little, a surprise is the table's; later it is the
 * machine's, and contention is not written into the table. Watts are energy / L, with the variance table_noise^2.
 *
 * Choices are made from a profile of the tables' means. It is made anew where ln t or ln p of some configuration has moved
 * by ALERT_LEARNT_MOVED since, after 1, 2, 4, 8, ... inputs, and after each ALERT_LEARNT_INPUTS. The method may then hand
 * over a factor of all slowdowns (alert_method_functions.set_quiet): the profile is that of the quiet machine.
 *
 * First each model runs once, under the highest cap: that of the smallest guess first. A model that has to wait is not tried
 * before it can start: it may be one that can never run. Then the means count as if they were
 * known. (Tried: their spread as a risk. Low caps are never dared, at 1.3 times the energy. Random tries: they are late. To
 * let only the table, or only the method, learn from an input: one writes into the other's account.)
 */
#ifndef ALERT_LEARNT_H
#define ALERT_LEARNT_H

#include "core/estimate/causes.h"
#include "core/estimate/table.h"
#include "core/outlook.h"
#include "core/profile_layout.h"

#define ALERT_LEARNT_MOVED  0.03
#define ALERT_LEARNT_INPUTS 64.0
/* More than any run has; exact as a double. */
#define ALERT_RUNS_MAX 1e15

typedef struct alert_learnt {
    alert_table latency, power; /* power: of nothing where the guess has none */
    bool has_power;
    size_t cells;
    /* What is saved, a block of `count` doubles: the tables' means and covariances, and these. */
    double *numbers;
    size_t count;
    double *runs;          /* N x M: inputs that ran the configuration */
    double *log_latency_s; /* N x M: what the profile in use was made of */
    double *log_power_w;   /* the same; NULL without a power */
    double *inputs;        /* 1: learnt from */
    /* Room, and what does not change. */
    double *room, *u, *gain, *latency_s, *power_w;
    alert_column *sorting;
    alert_profile *spare; /* to be made of the tables next */
} alert_learnt;

/* Starts from a guess. 0, -ENOMEM, or -EINVAL where it has more models and caps than ALERT_TABLE_MAX. */
int alert_learnt_new(alert_learnt **out, const alert_profile *guess, const alert_constants *c,
                     alert_argument_error *error) ALERT_MUST_CHECK;
void alert_learnt_free(alert_learnt *l);

/* The row of a model that has never run and can start at once, up to its last exit, in a profile; NULL where there is none.
 * delays: one a model; NULL where none has to wait. */
const alert_row *alert_learnt_untried(const alert_learnt *l, const alert_profile *profile,
                                      const alert_expected *delays);
static inline bool alert_learnt_has_run(const alert_learnt *l, size_t model, size_t cap)
{
    return l->runs[model * l->latency.caps + cap] > 0.0;
}

/* Seconds and watts of a configuration, as known by now. */
double alert_learnt_latency(const alert_learnt *l, size_t model, size_t cap);
double alert_learnt_power(const alert_learnt *l, size_t model, size_t cap);

/* Learns from an input that ran a configuration with this slowdown, > 0, against the profile in use. power_w: drawn; 0 where
 * it is unknown. Returns the factor by which the latency now differs from that of the profile in use. */
double alert_learnt_update(alert_learnt *l, const alert_constants *c, size_t model, size_t cap,
                           const alert_cause *causes, int count, double slowdown, double power_w);
/* Multiplies all latencies. */
void alert_learnt_scale(alert_learnt *l, double factor);
/* Whether a profile is to be made anew. */
bool alert_learnt_has_moved(const alert_learnt *l);
/* Makes the spare profile of the tables. */
void alert_learnt_make(alert_learnt *l);
/* Makes the spare profile as the one in use was when the numbers were saved. */
void alert_learnt_make_again(alert_learnt *l);

/* Whether l->count doubles, unaligned, may be those of such a profile. */
bool alert_learnt_is_sane(const alert_learnt *l, const void *numbers);

#endif
