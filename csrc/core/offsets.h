/*
 * offsets.h - internal: models that are off their profile, on the same machine. [ours]
 *
 * The method believes one slowdown for all models. So a model that alone takes 1.8 times its profile would make all others
 * look too slow to be tried. An offset s_i multiplies the latencies of model i, with a variance v_i of ln s_i.
 *
 * Other work on the machine comes and goes at any time. A jump of the latency that comes with a change of model, from quiet to
 * quiet, is the model's. So offsets learn only from an input before which another model ran. With x = L / (s_i t), the causes
 * k of causes.h, each with its x_k and v_k + table_noise^2, and the Student density f4,
 *
 *     u_k   = (x - x_k) / (x + x_k)                   2 u is close to ln x - ln x_k: within 4 % up to a factor of 2
 *     r_k   ~ w_k f4(2 u_k / d_k) / d_k,              d_k^2 = (v_i + v_k) / 2
 *     g     = v_i / (v_i + v_0 / r_0),                h = g u_0
 *     s_i  *= (1 + h) / (1 - h)                       by x / x_0 where g = 1, and by about its power of g elsewhere
 *     v_i   = max(g v_0 / r_0, offset_least^2)
 *
 * where r_0 > ALERT_OFFSET_SHARE, and x is within a factor of offset_far of x_0: beyond, it is an outlier, or contention. v_i
 * starts at offset_spread^2. Until a model has taught something, the unknown cause has the weight offset_new: first runs compile
 * and fill caches, and at the first input of all other work may be there already.
 *
 * A profile is right to a few percent, and spreads cover those. So an offset within a factor of offset_served is not served:
 * where the profile is right, nothing changes. Beyond, s_i t takes the place of t, anew where s_i has moved by a factor of
 * ALERT_OFFSET_MOVED. The price of accuracy moves to the hull of the latencies served.
 *
 * Two models that are both slower than profiled, or both quicker, tell only what they differ by: the rest may be the machine's.
 * So after an input of the one, the offset of the other goes a share ALERT_OFFSET_PULL of its way to 1, too, and is served
 * until it is within a factor of ALERT_OFFSET_MOVED of 1. Else all that run would drift off their profiles together, and the
 * slowdown the other way.
 */
#ifndef ALERT_OFFSETS_H
#define ALERT_OFFSETS_H

#include "core/estimate/causes.h"

#define ALERT_OFFSET_SHARE 0.01
#define ALERT_OFFSET_MOVED 1.1
#define ALERT_OFFSET_PULL  0.1
/* s_i is within 1 / ALERT_OFFSET_MAX .. ALERT_OFFSET_MAX. */
#define ALERT_OFFSET_MAX 20.0

typedef struct alert_offsets {
    size_t models; /* N */
    /* What is saved, `count` numbers: all below but the room. */
    double *numbers;
    size_t count;
    double *learnt, *variance; /* N: s, v */
    double *served;            /* N: factors on the latencies; NULL where no offsets are learnt */
    double *last;              /* 1: the model that ran last; N before the first input */
    double *before;            /* N: room for the factors served before */
} alert_offsets;

/* 0 or -ENOMEM. */
int alert_offsets_new(alert_offsets *o, const alert_constants *c, size_t models) ALERT_MUST_CHECK;
void alert_offsets_clear(alert_offsets *o);

/* Learns from a run of `model`, of latency profiled_s as served, and this slowdown against it. Returns the factor that its
 * latencies are to be served with from now on. */
double alert_offsets_learn(alert_offsets *o, const alert_constants *c, const alert_belief *belief,
                           size_t model, double profiled_s, double slowdown);
/* Serves the factor; `before` has the factors so far. */
void alert_offsets_serve(alert_offsets *o, size_t model, double factor);

/* Whether o->count numbers, unaligned, may be those of such offsets; and whether they serve any model another latency. */
bool alert_offsets_are_sane(const alert_offsets *o, const void *numbers);
bool alert_offsets_are_served(const alert_offsets *o, const void *numbers);

#endif
