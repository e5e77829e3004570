/*
 * profile.h - internal: the profile as the choice wants to read it.
 *
 * A row holds every configuration of one model that stops at one exit, by ascending latency (ties:
 * by cap). A traditional model is one row; an anytime model with K exits is K rows, all in the same
 * order.
 */
#ifndef ALERT_PROFILE_H
#define ALERT_PROFILE_H

#include <stdatomic.h>

#include "alert.h"

/* An output on the way to a row's exit. */
typedef struct alert_stair {
    double stretch; /* latency of this row / time until this output, >= 1; the last stair has 1 */
    double accuracy;
    const double *latency_s; /* until this output; a column each, in the row's order */
} alert_stair;

/* Less than any energy, and finite times any slowdown. */
#define ALERT_NO_BOUND (-1e200)

/* The smallest of three products over the columns of a row up to and including one of them, from
 * which alert_least_energy() bounds the energy of all these columns. */
typedef struct alert_least {
    double work_j;   /* p t */
    double power_w;  /* p */
    double active_j; /* (p - idle power) t; ALERT_NO_BOUND where that is not positive */
} alert_least;

typedef struct alert_row {
    size_t model;
    ptrdiff_t exit; /* -1: traditional */
    size_t output;  /* its place among the outputs of all models, model by model, exit by exit */
    size_t stairs;  /* >= 1 */
    const alert_stair *stair;
    size_t columns;           /* M */
    const double *latency_s;  /* M, ascending */
    const double *power_w;    /* M, in the same order */
    const uint32_t *cap;      /* M, in the same order: index of the power cap */
    double best_accuracy;     /* highest accuracy of its stairs */
    bool ascending;           /* accuracies never fall from stair to stair */
    const alert_least *least; /* M: over the columns up to this one */
    alert_least overall;      /* the last of them */
} alert_row;

struct alert_profile {
    atomic_size_t references;
    size_t models, caps, rows;
    double idle_power_w;
    double *power_cap_w;        /* M */
    alert_row *row;             /* by ascending p t of its cheapest column */
    const alert_row **accurate; /* the same rows, by descending best_accuracy */
    /* What the rows point into. */
    alert_stair *stair;
    double *latency_s, *power_w;
    uint32_t *cap;
    alert_least *least;
};

/* Accuracy of the last of the first `outputs` outputs of `row` that is out at `time_s`, when the
 * row's exit itself is (or would be) reached at `latency_s`; q_fail when there is none. */
double alert_row_delivered(const alert_row *row, size_t outputs, double latency_s, double time_s,
                           double q_fail, bool *any);

#endif
