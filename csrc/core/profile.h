/*
 * profile.h - internal: the profile, laid out for the choice.
 *
 * A row holds every configuration of one model that stops at one exit, by ascending latency (ties: by cap). A
 * traditional model is one row; an anytime model with K exits is K rows. The columns of all rows of a model are in the
 * same order.
 */
#ifndef ALERT_PROFILE_H
#define ALERT_PROFILE_H

#include <stdatomic.h>

#include "alert.h"

/* An output of a model: that of a traditional model, or of one exit. */
typedef struct alert_output {
    double fraction; /* of the model's latency */
    double accuracy;
    double reached; /* share of the inputs that get so far; 1 for the first */
    const double
        *latency_s; /* M, until it is out; a column each, in the order of the model's rows */
} alert_output;

/* Less than any energy, and finite times any slowdown. */
#define ALERT_NO_BOUND (-1e200)

/* The smallest of three products over the columns of a row up to and including one of them:
 * alert_energy_lower_bound() makes of them a lower bound of the energy of all these columns. t is run_s. */
typedef struct alert_minima {
    double work_j;   /* p t */
    double power_w;  /* p */
    double active_j; /* (p - idle power) t; ALERT_NO_BOUND where that is not positive */
} alert_minima;

/* Sums over more outputs than this are kept (sums.h). */
#define ALERT_LONG 8

typedef struct alert_row {
    /* What every choice looks at comes first: it shares a cache line. */
    alert_minima overall;       /* the last of the minima */
    double best_accuracy;       /* highest accuracy of its outputs */
    double first_accuracy;      /* of its first output */
    const double *latency_s;    /* M, ascending */
    const double *power_w;      /* M, in the same order */
    const alert_minima *minima; /* M: over the columns up to this one */
    size_t columns;             /* M */
    size_t outputs;             /* on the way to its exit, the exit's own included; >= 1 */
    bool ascending;             /* accuracies never fall from output to output */
    bool leaves;                /* some inputs leave before its exit */
    bool is_long;               /* of a model with more than ALERT_LONG outputs */
    /* M: seconds that an input takes on average, at the pace of latency_s: the same array where no input leaves early */
    const double *run_s;
    const alert_output *output; /* these outputs */
    const uint32_t *cap;        /* M, in the same order: index of the power cap */
    size_t index;               /* in the profile's rows */
    size_t model;
    ptrdiff_t exit;  /* -1: traditional */
    size_t position; /* of its output among those of all models, model by model, exit by exit */
    double model_accuracy; /* of the model's last output */
    /* Where it is long: of the model among the long ones, and of its first output among theirs. */
    size_t long_model, long_first;
} alert_row;

struct alert_profile {
    atomic_size_t references;
    size_t models, caps, rows;
    size_t long_models, long_outputs; /* of models with more than ALERT_LONG outputs */
    bool has_power; /* false: power_w is 1 throughout, and nothing is drawn between inputs */
    double idle_power_w;
    double *fixed_share;        /* one a model; NULL where sizes are unknown */
    double size;                /* that the latencies hold for */
    double *power_cap_w;        /* M; the last may be infinite */
    alert_row *row;             /* by ascending p t of its cheapest column */
    const alert_row **accurate; /* the same rows, by descending best_accuracy */
    /* What the rows point into. */
    alert_output *output;
    double *latency_s, *power_w;
    double *run_s; /* NULL where no input leaves early */
    uint32_t *cap;
    alert_minima *minima;
};

/* The index of the highest cap that is no higher than the one in force; of the lowest where all are higher. */
static inline uint32_t alert_cap_in_force(const alert_profile *profile, double cap_w)
{
    uint32_t cap = 0;
    for (size_t j = 0; j < profile->caps; j++)
        if (profile->power_cap_w[j] <= cap_w)
            cap = (uint32_t)j;
    return cap;
}

static inline size_t alert_column_of(const alert_row *row, uint32_t cap)
{
    size_t column = 0;
    while (row->cap[column] != cap)
        column++;
    return column;
}

/* Of the `caps` lowest caps, the latency of the fastest. */
static inline double alert_fastest_s(const alert_row *row, size_t caps)
{
    size_t column = 0;
    while (row->cap[column] >= caps)
        column++;
    return row->latency_s[column];
}

/* A copy with one reference, to be adjusted by its owner; NULL: no memory. */
alert_profile *alert_profile_copy(const alert_profile *profile);
/* Makes `to`, a copy of a profile of the same sizes, a copy of `from`. */
void alert_profile_copy_into(alert_profile *to, const alert_profile *from);

#endif
