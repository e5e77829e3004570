/*
 * alert.h - public contract of the decision core: which DNN to run next, and under which power cap.
 *
 * The core takes numbers and returns numbers. It has no clock, no I/O and no globals. It allocates in the functions
 * whose names end in _new, in alert_scheduler_set_goal where a goal brings a new window, where something is
 * expected for the first time, and in the step after which the first model is off its profile (it goes on without it where
 * memory is short). Handles are opaque; values are plain structs owned by the caller.
 *
 * Units are SI: seconds, watts, joules. Times and powers that have to be finite and > 0 lie between 1e-12 and 1e9.
 * Those that have to be >= 0 are at most 1e9, energies at most 1e18. Nothing computed from them overflows.
 *
 * Errors. A function that can fail returns 0 or a negative errno value. -EINVAL: an argument is out of its range, which
 * the alert_argument_error describes when one is passed. -ENOMEM: no memory. A call that fails changes nothing.
 *
 * Threads. An alert_profile is immutable and may be shared between threads; its reference count is
 * atomic. An alert_scheduler is used by one thread at a time.
 *
 * Provenance of the equations, as used in the comments of this directory:
 *   [A] stated in the abstract of "ALERT: Accurate Learning for Energy and Timeliness" (USENIX ATC
 *       2020);
 *   [R] reconstructed from that paper's method and seen again in a re-implementation;
 *   [r] reconstructed, without a second source.
 */
#ifndef ALERT_H
#define ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ALERT_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ALERT_MUST_CHECK
#endif

/* What was wrong with an argument. */
typedef struct alert_argument_error {
    const char *name;     /* the argument, as in this header but without its unit: "latency" */
    ptrdiff_t index[2];   /* position inside an array argument; -1 where there is none */
    const char *expected; /* "a finite number of seconds > 0" */
    double value;         /* the number that came; NaN where it was none */
} alert_argument_error;

/* Numbers that are accepted. NaN is in no range. */
typedef struct alert_range {
    double lowest, highest;
    bool above; /* `lowest` itself is refused */
    const char *expected;
} alert_range;

/* -------------------------------------------------------------------------------------- profile */

/* The costs of each configuration on a quiet machine. The arrays are read during the call only. A cap may be a setting of
 * another knob than power, in its unit: the core only compares caps with one another. */
typedef struct alert_profile_data {
    size_t models;           /* N >= 1 */
    size_t caps;             /* M >= 1 */
    const double *latency_s; /* N x M, row-major; finite, > 0 */
    /* N x M, drawn while the model runs; finite, > 0. NULL where it is unknown: the least energy is the least time then,
     * energies of decisions are NaN, and a bound on energy is refused. */
    const double *power_w;
    const double *accuracy; /* N, 0..1; of the last exit where the model is anytime */
    const double
        *power_cap_w;    /* M, > 0, strictly ascending, finite; INFINITY as the last is no cap */
    double idle_power_w; /* drawn between inputs; finite, >= 0 */
    /* Anytime models. exit_count has N entries, 0 for a traditional model; NULL when all are
     * traditional. The exits of all anytime models follow one another in the two arrays below. */
    const size_t *exit_count;
    const double *exit_fraction; /* of the model's latency; strictly ascending, the last is 1 */
    const double *exit_accuracy; /* 0..1; the last equals the model's accuracy */
    /* Share of the inputs that leave at each exit, since their outputs are sure there; 0..1; those of a model sum to 1,
     * or are all 0 where no input leaves early. The accuracies hold with such stops. NULL: no input leaves early. */
    const double *exit_share;
    /* Inputs may differ in size: examples in a batch, tokens, pixels. A share of each model's latency is fixed, and the rest
     * grows in proportion to the size. NULL: how is unknown, and sizes are refused. */
    const double *fixed_share; /* N, 0..1 */
    double size; /* that the latencies hold for; 1e-9..1e9; read where fixed_share is given */
} alert_profile_data;

typedef struct alert_profile alert_profile;

/* Copies and validates `data`. The caller owns one reference. */
int alert_profile_new(alert_profile **out, const alert_profile_data *data,
                      alert_argument_error *error) ALERT_MUST_CHECK;
/* Takes another reference; returns its argument. */
alert_profile *alert_profile_ref(alert_profile *profile);
/* Drops a reference; NULL is fine. */
void alert_profile_unref(alert_profile *profile);

/* ----------------------------------------------------------------------------------------- goal */

typedef enum alert_objective {
    ALERT_MIN_ENERGY,   /* lowest energy among the configurations accurate enough */
    ALERT_MAX_ACCURACY, /* highest accuracy among the configurations cheap enough */
    ALERT_MIN_LATENCY,  /* lowest latency among the configurations accurate and cheap enough */
} alert_objective;

typedef enum alert_quantity { ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY } alert_quantity;

#define ALERT_WINDOW_MAX 1000000

/* Energies include the idle time up to the deadline. Without a deadline there is none. */
typedef struct alert_goal {
    alert_objective objective;
    /* From the most to the least important, each once. When nothing meets every bound, bounds are
     * given up from the end of this list. */
    alert_quantity priority[3];
    double deadline_s; /* T: finite, > 0; ALERT_MIN_LATENCY: or infinity for none */
    /* ALERT_MIN_ENERGY, ALERT_MIN_LATENCY: accuracy Q asked for, 0..1. ALERT_MAX_ACCURACY: energy E
     * allowed per input in joules, > 0; finite, or infinity for no bound. */
    double bound;
    double energy_j; /* ALERT_MIN_LATENCY: E, as above; not read for the other objectives */
    /* ALERT_MAX_ACCURACY: average power P allowed, finite, > 0; 0 for none. `bound` is then not
     * read: an input may take P times the time that its energy is counted for. That ends with its
     * deadline, or its output where that comes later, or where other inputs share the deadline. */
    double power_w;
    double probability; /* least Pr[deadline met], 0..1 exclusive of 1; 0 asks for none */
    double q_fail;      /* accuracy of an output that comes after its deadline, 0..1 */
    /* Inputs over which `bound` holds on average. 1: for each input; n: over the last n, at most
     * ALERT_WINDOW_MAX; 0: over the whole run. ALERT_MIN_LATENCY: 1. */
    size_t window;
    /* ALERT_MAX_ACCURACY: a budget of bound x n joules for the next n inputs, window 0 or 1; 0 for
     * none. E is then what is left of it, divided by the inputs left. After n inputs it is `bound`. */
    size_t budget_inputs;
} alert_goal;

/* 0, or -EINVAL for the first thing out of range. */
int alert_goal_check(const alert_goal *goal, alert_argument_error *error) ALERT_MUST_CHECK;

/* ------------------------------------------------------------------------------------ scheduler */

typedef enum alert_method {
    ALERT_PAPER,      /* the equations of the paper, to the letter */
    ALERT_CALIBRATED, /* regimes of the slowdown, and a price where a goal holds on average [ours] */
} alert_method;

/* "paper", "calibrated"; NULL for a number that is no method. */
const char *alert_method_name(alert_method method);

/*
 * The constants of the methods, a row each:
 *
 *     X(name, methods that read it, usual value, range, provenance, meaning)
 *
 * OF(NAME) stands for the method ALERT_NAME, EVERY for all of them; several are joined by |. SHARE is 0..1; POSITIVE is
 * > 0 and at most 1e6. The struct, the usual values, the checks and alert_constants_table() are made of these rows.
 * docs/method.md has the reasons for our values.
 */
/* clang-format off */
#define ALERT_CONSTANTS(X) \
    /* kalman.h: the slowdown */ \
    X(alpha, OF(PAPER), 0.3, SHARE, "[R]", "weight of the old process noise") \
    X(q0, OF(PAPER), 0.1, POSITIVE, "[R]", "least process noise") \
    X(k0, OF(PAPER), 0.5, SHARE, "[R]", "first gain") \
    X(mu0, OF(PAPER), 1.0, POSITIVE, "[R]", "first mean of the slowdown") \
    X(r, OF(PAPER), 0.001, POSITIVE, "[r]", "measurement noise") \
    X(s2_0, OF(PAPER), 0.1, POSITIVE, "[r]", "first variance of the slowdown") \
    /* regimes.h: the slowdown */ \
    X(level_gain, OF(CALIBRATED), 0.1, SHARE, "[ours]", "least gain of a level") \
    X(spread_gain, OF(CALIBRATED), 0.05, SHARE, "[ours]", "least gain of a spread") \
    X(spread_0, OF(CALIBRATED), 0.05, POSITIVE, "[ours]", "first spread") \
    X(lost_gain, OF(CALIBRATED), 0.05, SHARE, "[ours]", "least gain of the time lost") \
    X(other_lost, OF(CALIBRATED), 1.0, POSITIVE, "[ours]", "time lost to other work / run time, in a regime not met yet") \
    X(time_slice, OF(CALIBRATED), 0.004, POSITIVE, "[ours]", "time slice of other work, s") \
    X(other_spread, OF(CALIBRATED), 0.13, POSITIVE, "[ours]", "spread of a regime not met yet") \
    X(change_rate, OF(CALIBRATED), 0.01, SHARE, "[ours]", "probability of a change of regime before any was seen") \
    X(change_inputs, OF(CALIBRATED), 30.0, POSITIVE, "[ours]", "inputs that change_rate counts for") \
    X(outlier, OF(CALIBRATED), 1e-9, POSITIVE, "[ours]", "an input less likely than this is an outlier (density of ln slowdown)") \
    X(broken_gain, OF(CALIBRATED), 0.01, SHARE, "[ours]", "gain of the share of promises not kept") \
    /* price.h: the price of accuracy */ \
    X(price_gain, OF(CALIBRATED), 0.04, SHARE, "[ours]", "gain of the slow part of the price") \
    X(price_horizon, OF(CALIBRATED), 20.0, POSITIVE, "[ours]", "inputs within which the slow part pays a debt back") \
    X(price_reach, OF(CALIBRATED), 1.2, POSITIVE, "[ours]", "factor by which the slow part may leave the profile's slopes") \
    X(price_span, OF(CALIBRATED), 30.0, POSITIVE, "[ours]", "factor by which the slow part may leave its start") \
    X(price_step, OF(CALIBRATED), 3.0, POSITIVE, "[ours]", "debt, in steps of the profile, that moves the fast part by 1") \
    X(price_up, OF(CALIBRATED), 1.5, POSITIVE, "[ours]", "most that debts add to the logarithm of the price") \
    X(price_down, OF(CALIBRATED), 1.0, POSITIVE, "[ours]", "most that credit takes off it") \
    X(price_reserve, OF(CALIBRATED), 4.0, POSITIVE, "[ours]", "surplus aimed at, in deviations of one input") \
    X(price_ramp, OF(CALIBRATED), 20.0, POSITIVE, "[ours]", "inputs after which half of the surplus is aimed at") \
    X(price_ease, OF(CALIBRATED), 0.5, SHARE, "[ours]", "surplus aimed at, in what the cheaper choice at the bound leaves owing") \
    X(price_margin, OF(CALIBRATED), 0.0005, SHARE, "[ours]", "margin on the bound: accuracy, or a share of the energy") \
    X(late_worth, OF(CALIBRATED), 0.4, POSITIVE, "[ours]", "worth of an output in time / energy of the most accurate model") \
    /* offsets.h: models that are off their profile */ \
    X(offset_spread, OF(CALIBRATED), 0.2, POSITIVE, "[ours]", "first deviation of the logarithm of an offset") \
    X(offset_least, OF(CALIBRATED), 0.1, POSITIVE, "[ours]", "least deviation of the logarithm of an offset") \
    X(offset_new, OF(CALIBRATED), 0.8, SHARE, "[ours]", "probability that the first run of a model is slow for a reason that nobody knows of") \
    X(offset_far, OF(CALIBRATED), 3.3, POSITIVE, "[ours]", "factor beyond which an input tells nothing of an offset") \
    X(offset_served, OF(CALIBRATED), 1.22, POSITIVE, "[ours]", "factor within which a profile counts as right") \
    /* table.h, learnt.h: a profile that is learnt while serving */ \
    X(table_scale, EVERY, 5.0, POSITIVE, "[ours]", "deviation of the logarithm of a guessed scale") \
    X(table_size, EVERY, 0.4, POSITIVE, "[ours]", "deviation of the logarithm of a guessed size of a model") \
    X(table_exponent, EVERY, 0.5, POSITIVE, "[ours]", "deviation of the guessed exponent of the caps") \
    X(table_cap, EVERY, 0.05, POSITIVE, "[ours]", "deviation of a cap from the power law (ln)") \
    X(table_noise, EVERY, 0.05, POSITIVE, "[ours]", "deviation of one run on a quiet machine (ln)") \
    /* kalman.h: the idle power */ \
    X(idle_m, EVERY, 0.01, POSITIVE, "[r]", "first variance of the idle ratio") \
    X(idle_s, EVERY, 1e-4, POSITIVE, "[r]", "process noise of the idle ratio") \
    X(idle_v, EVERY, 1e-3, POSITIVE, "[r]", "measurement noise of the idle ratio")
/* clang-format on */

typedef struct alert_constants {
#define ALERT_CONSTANT_FIELD(name, ...) double name;
    ALERT_CONSTANTS(ALERT_CONSTANT_FIELD)
#undef ALERT_CONSTANT_FIELD
} alert_constants;

/* A row of the table. */
typedef struct alert_constant {
    const char *name;
    size_t offset;    /* in alert_constants */
    unsigned methods; /* that read it: bit 1 << method */
    double usual;     /* what alert_constants_default() has */
    const alert_range *range;
    const char *provenance; /* "[R]", as above */
    const char *meaning;
} alert_constant;

const alert_constant *alert_constants_table(size_t *count);
alert_constants alert_constants_default(void);

#define ALERT_CONTEXT_MAX 8

/* How accuracies are learnt from ratings; see alert_scheduler_feedback. [ours] */
typedef struct alert_feedback_options {
    size_t context;   /* numbers known of an input before it runs, at most ALERT_CONTEXT_MAX */
    double prior;     /* ratings that an accuracy of the profile counts for; 1..1e6 */
    double half_life; /* ratings of a model after which one counts half; >= 1, infinity: never */
    uint64_t seed;    /* of the laws that are drawn */
    uint64_t
        first_ticket; /* of input 0, by which tickets of other schedulers are told apart; at most 2^52 */
} alert_feedback_options;

typedef struct alert_options {
    alert_method method;
    alert_constants constants;
    double overhead_s;    /* taken off every deadline; finite, >= 0 */
    double switch_cost_s; /* that changing the cap takes; finite, >= 0 */
    size_t
        hold_inputs; /* inputs that a new cap is held for, see alert_scheduler_set_switching; >= 1 */
    size_t history_capacity;       /* inputs remembered for alert_scheduler_history; 0 for none */
    const double *machine_price_w; /* see alert_scheduler_set_machine_price; NULL for none */
    const alert_feedback_options *feedback; /* NULL: the profile's accuracies stand */
    bool learns; /* the profile is a guess: it is learnt while serving, see alert_scheduler_known */
} alert_options;

/* The configuration to run next, and what is expected of it. */
typedef struct alert_decision {
    size_t model;
    size_t cap;         /* index into power_cap_w */
    ptrdiff_t exit;     /* exit to stop at; -1 for a traditional model */
    double power_cap_w; /* INFINITY: no cap */
    double latency_s;   /* expected */
    double energy_j;    /* expected, idle time up to the deadline included; NaN without a power */
    double accuracy;    /* expected, lateness counted */
    double probability; /* that this configuration is done by the deadline */
    bool feasible;      /* false when a bound had to be given up, or is out of reach on average */
    bool estimated;     /* the profile is learnt, and this configuration has not run yet */
    bool has_ticket;    /* the scheduler learns from ratings */
    bool ask;           /* a rating of this input would help */
    uint64_t ticket;    /* to rate the input with, once it is finished; 0 without one */
} alert_decision;

/* The input just finished, run as the last decision said, but for what is said here. */
typedef struct alert_measurement {
    double latency_s; /* of the inference itself; finite, >= 0 */
    bool has_energy;  /* false: it could not be read, and the profile's power stands in */
    double energy_j;  /* drawn during latency_s; finite, >= 0 */
    bool has_idle_power;
    double idle_power_w; /* drawn between inputs; finite, >= 0 */
    bool has_deadline;
    double next_deadline_s; /* of the next input only; finite, > 0 */
    bool has_exit;
    size_t exit; /* where an anytime model stopped; at most the exit chosen, if that model ran */
    /* It stopped at `exit` as its output was sure: it counts as that of the last exit, up to the one chosen, that would have been
     * in time. Where another model ran, its last exit counts as chosen. */
    bool is_sure;
    bool has_cap;
    double
        power_cap_w; /* in force meanwhile, where that was not the cap chosen; > 0, may be INFINITY */
    bool has_model;
    size_t model; /* that ran, to `exit` or else to its last, where that was not the model chosen */
    const alert_goal *next_goal; /* of the next input only, see alert_scheduler_decide; or NULL */
    bool has_size;
    double next_size; /* of the next input only; 1e-9..1e9 */
} alert_measurement;

/* A finished input, as the scheduler remembers it. Unknown quantities are NaN. */
typedef struct alert_history_entry {
    uint64_t input; /* 0, 1, 2, ... since the scheduler was made */
    int64_t model;
    int64_t cap;
    int64_t exit; /* where it stopped; -1 for a traditional model */
    double power_cap_w;
    double deadline_s; /* before the overhead was taken off */
    double latency_s;
    double energy_j;
    double idle_power_w;
    double slowdown;      /* measured / profiled latency of this input */
    double slowdown_mean; /* belief under which this input was chosen */
    double slowdown_std;
    double expected_latency_s;
    double expected_energy_j;
    double expected_accuracy;
    double probability;
    double accuracy; /* credited: of the last output that was out by the deadline, else q_fail */
    uint8_t feasible;
    uint8_t met; /* an output was out by the deadline */
} alert_history_entry;

typedef struct alert_scheduler alert_scheduler;

/* Takes a reference to `profile` and makes the first decision. */
int alert_scheduler_new(alert_scheduler **out, alert_profile *profile, const alert_goal *goal,
                        const alert_options *options, alert_argument_error *error) ALERT_MUST_CHECK;
void alert_scheduler_free(alert_scheduler *s);

/* Learns from the input just finished and chooses for the next one. */
int alert_scheduler_step(alert_scheduler *s, const alert_measurement *measured, alert_decision *out,
                         alert_argument_error *error) ALERT_MUST_CHECK;

/* 0, or the error that alert_scheduler_step would return. */
int alert_scheduler_check(const alert_scheduler *s, const alert_measurement *measured,
                          alert_argument_error *error) ALERT_MUST_CHECK;

/* The pending decision: what to run next. */
void alert_scheduler_decision(const alert_scheduler *s, alert_decision *out);

/* Chooses again for the pending input, under `goal` and `deadline_s` (finite, > 0), with the size `size` (1e-9..1e9).
 * NULL: as before.
 *
 * A goal other than the standing one holds for this input only, with its bounds for this input alone, and its deadline
 * where none is given. Such an input is learnt from, but the standing goal's debts, window and price stay as they
 * are.
 *
 * The size, too, is that of this input only. With the fixed share f of a model and the profile's size x_0, its latency is
 * t (f + (1 - f) size / x_0) instead of t, and that is no slowdown. [ours] */
int alert_scheduler_decide(alert_scheduler *s, const double *deadline_s, const alert_goal *goal,
                           const double *size, alert_decision *out,
                           alert_argument_error *error) ALERT_MUST_CHECK;

/* What is expected of the next inputs, model by model: an array of as many numbers as the profile has models, or NULL
 * where the profile stands. [ours] */
typedef struct alert_expectations {
    const double *accuracy; /* 0..1, of the last exit; the model's other exits in proportion */
    const double *latency_factor; /* on the profile's latency; 1e-6..1e6 */
    const double *delay_s; /* before the model can start, with its power drawn; finite, >= 0 */
} alert_expectations;

/* Replaces what is expected, until the next call, and chooses again for the pending input. A finished input is judged
 * by what was expected of it. The arrays are read during the call only. */
int alert_scheduler_expect(alert_scheduler *s, const alert_expectations *expected,
                           alert_decision *out, alert_argument_error *error) ALERT_MUST_CHECK;
/* How many models the profile has. */
size_t alert_scheduler_models(const alert_scheduler *s);

/* Lets the next `inputs` (>= 1) inputs share `deadline_s`, and chooses again. Each is given the time left divided by
 * the inputs left. A finished input uses up its latency, its delay and the overhead. */
int alert_scheduler_share(alert_scheduler *s, double deadline_s, size_t inputs, alert_decision *out,
                          alert_argument_error *error) ALERT_MUST_CHECK;

/* Replaces the goal and chooses again. A window keeps its inputs as long as objective and window stay the same. */
int alert_scheduler_set_goal(alert_scheduler *s, const alert_goal *goal,
                             alert_argument_error *error) ALERT_MUST_CHECK;
void alert_scheduler_goal(const alert_scheduler *s, alert_goal *out);

/* Learns from a rating of a finished input, however late it comes: among the last 4096 inputs, each may be rated once.
 * `score` is 0..1. `user` names who rates, so that no user counts for more than 4 of 64 ratings of a model; 0: not
 * known. Sets `learnt` to false where the output was late or the user has said enough: the ticket is used up all the
 * same. The pending choice stays; the next one goes by what was learnt.
 *
 * The accuracy of each model is a linear law of the context, its prior the profile's accuracy. Choices go by laws drawn
 * at random from what is known (Thompson sampling); accuracies credited and reported go by its mean. Deadline, energy and
 * cap are bounded as before, whatever is drawn. csrc/core/learning has the equations. [ours] */
int alert_scheduler_feedback(alert_scheduler *s, uint64_t ticket, double score, uint64_t user,
                             bool *learnt, alert_argument_error *error) ALERT_MUST_CHECK;
/* Sets the context of the inputs from the next choice on: `count` numbers, -10..10, as many as the options say. At first
 * all are 0. */
int alert_scheduler_set_context(alert_scheduler *s, const double *context, size_t count,
                                alert_argument_error *error) ALERT_MUST_CHECK;
/* Copies the numbers of that context to `out`, which has room for ALERT_CONTEXT_MAX; returns how many there are. */
size_t alert_scheduler_context(const alert_scheduler *s, double *out);
/* Mean and standard deviation of what is known of the accuracy of each model, in a context (NULL: the one set): arrays of
 * as many numbers as the profile has models. Without feedback, the profile's accuracies and 0. */
int alert_scheduler_accuracies(const alert_scheduler *s, const double *context, size_t count,
                               double *mean, double *deviation,
                               alert_argument_error *error) ALERT_MUST_CHECK;

/* The inputs since the goal was set, in sums; without those that had a goal of their own. */
typedef struct alert_tally {
    uint64_t inputs;  /* also those that were not run */
    uint64_t in_time; /* an output was out by the deadline */
    uint64_t kept;    /* the goal's bounds held for them, or for the window that ended with them */
    double accuracy;  /* credited */
    double energy_j;  /* idle time included; by the profile where none was reported */
    double allowed_j; /* by the bound on energy; infinite where one had none */
    double latency_s; /* of those that were run */
} alert_tally;

void alert_scheduler_tally(const alert_scheduler *s, alert_tally *out);

/* What is left of the goal's budget: joules, which may be below 0, and inputs; both 0 without a budget. A goal starts
 * its budget unless the one before had the same. */
void alert_scheduler_budget(const alert_scheduler *s, double *left_j, size_t *inputs);

/* Sets the seconds taken off every deadline, from the next choice on. */
int alert_scheduler_set_overhead(alert_scheduler *s, double overhead_s,
                                 alert_argument_error *error) ALERT_MUST_CHECK;
double alert_scheduler_overhead(const alert_scheduler *s);

/* Sets what changing the cap costs (seconds, finite, >= 0), and for how many inputs (>= 1) a new cap is then held. Used
 * from the next choice on; with 0 and 1, caps change freely. A configuration under another cap than that of the last
 * input has so much less time, and is charged with its power during the cost divided by `hold_inputs`. A cap that is
 * held is left only for a higher one: when nothing under it meets the goal's bounds, and something under a higher one
 * does. */
int alert_scheduler_set_switching(alert_scheduler *s, double cost_s, size_t hold_inputs,
                                  alert_argument_error *error) ALERT_MUST_CHECK;
void alert_scheduler_switching(const alert_scheduler *s, double *cost_s, size_t *hold_inputs);

/* Many schedulers may share one machine. Its time then has a price in watts: what a second of the machine is worth to all of
 * them, in joules (finite, >= 0). Idle time is nobody's, and is not counted. A choice costs, with the power p of a
 * configuration and its mean time mu t,
 *
 *     (p - p_idle + price) mu t                                    [ours]
 *
 * instead of its energy with the idle time after it. Nothing costs less than 0. Bounds on energy, and what is reported,
 * count p mu t. NULL: the machine is not shared. Used from the next choice on. */
int alert_scheduler_set_machine_price(alert_scheduler *s, const double *price_w,
                                      alert_argument_error *error);
/* False where the machine is not shared; the price is 0 then. */
bool alert_scheduler_machine_price(const alert_scheduler *s, double *price_w);

/* Lets no configuration be chosen under a cap above power_limit_w: others share a budget in watts. The limit is no lower than
 * the lowest cap; infinite: none. Used from the next choice on. A cap that is held gives way to the limit. */
int alert_scheduler_set_power_limit(alert_scheduler *s, double power_limit_w,
                                    alert_argument_error *error) ALERT_MUST_CHECK;
double alert_scheduler_power_limit(const alert_scheduler *s);

/* Books an input that was not run, and chooses for the next one. It counts as q_fail and draws nothing; nothing is learnt
 * of the slowdown. In the history its model, cap and exit are -1, its latency is NaN. */
void alert_scheduler_missed(alert_scheduler *s, alert_decision *out);

/* Takes note that others have run an input under a cap: the highest of the profile that is no higher than power_cap_w, which
 * is >= 1e-12, or infinite for no cap. The cost of another cap, and the inputs that a cap is held for, count from there. Used from the next
 * choice on. */
int alert_scheduler_note_cap(alert_scheduler *s, double power_cap_w, alert_argument_error *error);

/* What is expected of one configuration for the next input. */
typedef struct alert_option {
    size_t model;
    size_t cap;
    ptrdiff_t exit; /* -1 for a traditional model */
    double power_cap_w;
    double latency_s; /* expected */
    double energy_j;  /* NaN where the profile has no power */
    double accuracy;
    double probability;
} alert_option;

/* How many configurations there are. */
size_t alert_scheduler_option_count(const alert_scheduler *s);
/* Lists what is expected of every configuration, by model, exit and cap, with `deadline_s` (finite, > 0) or that of the pending
 * input. The decision stays. `out` has room for all. */
int alert_scheduler_list_options(alert_scheduler *s, const double *deadline_s, alert_option *out,
                                 alert_argument_error *error) ALERT_MUST_CHECK;

/* The slowdown expected of the next input. */
void alert_scheduler_slowdown(const alert_scheduler *s, double *mean, double *std);

/* What is known by now of the N x M configurations of a profile that is learnt. Its costs start as the guess, and each input
 * corrects them: first each model runs once under the highest cap, then choices are made as from a measured profile.
 * `runs` counts the inputs that ran a configuration; with 0, its costs are estimated from those of others. [ours] */
typedef struct alert_known {
    double *latency_s; /* N x M */
    double *power_w;   /* N x M; NULL, or left as it is where the guess has no power */
    double *spread;    /* N x M: standard deviation of ln latency */
    uint64_t *runs;    /* N x M */
} alert_known;

/* False where the profile is not learnt; then nothing is written. */
bool alert_scheduler_known(const alert_scheduler *s, alert_known *out);
/* Writes one factor a model: by how much it is off its profile on the same machine, as choices are made by. 1 where the profile
 * is right, or learnt; latencies, slowdowns and energies are those with it. [ours] */
void alert_scheduler_offsets(const alert_scheduler *s, double *out);
/* N x M. */
size_t alert_scheduler_cells(const alert_scheduler *s);
/* The numbers that a learnt profile goes on from; 0 where it is not learnt. */
size_t alert_scheduler_learnt_count(const alert_scheduler *s);
void alert_scheduler_learnt(const alert_scheduler *s, double *out);
/* Goes on from such numbers, as a new scheduler with the same models, caps and constants; -EINVAL when they cannot be such. */
int alert_scheduler_learn_on(alert_scheduler *s, const double *numbers, size_t count,
                             alert_argument_error *error) ALERT_MUST_CHECK;

/* The number of inputs remembered now, at most history_capacity. */
size_t alert_scheduler_history_length(const alert_scheduler *s);
/* Copies the first `length` of them to `out`, oldest first; `length` is at most alert_scheduler_history_length(). */
void alert_scheduler_history(const alert_scheduler *s, size_t length, alert_history_entry *out);

/* All that a scheduler has learnt, as a block of bytes. It is valid for the same profile, goal and options on the same
 * kind of machine. */
size_t alert_scheduler_state_size(const alert_scheduler *s);
void alert_scheduler_save(const alert_scheduler *s, void *state);
/* Restores a state that alert_scheduler_save wrote; -EINVAL when it cannot have come from such a scheduler. */
int alert_scheduler_restore(alert_scheduler *s, const void *state, size_t size,
                            alert_argument_error *error) ALERT_MUST_CHECK;

/* --------------------------------------------------------------------------------------- replay */

/* A recorded run: the costs of every output of every model on every input, under every cap. The outputs are those of
 * the profile, model by model, and of an anytime model exit by exit. The arrays are read during the call only. */
typedef struct alert_output_trace {
    size_t inputs;
    size_t outputs;          /* as many as the profile's models have together */
    size_t caps;             /* as many as the profile has */
    const double *latency_s; /* inputs x outputs x caps, until this output is out; finite, >= 0 */
    const double *energy_j;  /* inputs x outputs x caps, drawn until then; finite, >= 0 */
    double idle_power_w;     /* drawn between inputs; finite, >= 0 */
    const double *accuracy; /* inputs x outputs, 0 to 1; NULL where each output has the profile's */
    /* Inputs that still share one deadline, this one included: W, ..., 2, 1 for the W words of a
     * sentence. Together they have W times the goal's deadline. NULL where every input has its own. */
    const size_t *sharing;
} alert_output_trace;

/* The outcome of one input. */
typedef struct alert_outcome {
    uint32_t model, cap;
    int32_t exit;       /* chosen; -1 for a traditional model */
    int32_t stopped;    /* the exit where it stopped; -1 for a traditional model */
    double deadline_s;  /* the overhead taken off */
    double latency_s;   /* until it stopped */
    double energy_j;    /* idle time up to the deadline included */
    double accuracy;    /* credited: of the last output that was out by the deadline, else q_fail */
    double probability; /* predicted, that the configuration chosen is done by the deadline */
    uint8_t feasible;   /* no bound was given up */
    uint8_t met;        /* an output was out by the deadline */
    uint8_t done;       /* the output chosen was, or would have been */
} alert_outcome;

/* Steps `s` through all inputs of `trace`, like a loop that runs each decision and calls alert_scheduler_step. An
 * anytime model stops at the exit chosen, or before an exit that would come after the deadline by the pace of this
 * input so far. Inputs that share a deadline follow each other without a pause: idle time follows the last.
 *
 * `system`, where it is not NULL, is another scheduler that chooses the cap in the place of `s`. Both learn from the
 * cost of the input, as if it were that of their own choice.
 *
 * `out` has room for trace->inputs. Where the function fails, the schedulers have learnt from the inputs before the one
 * that the error names. */
int alert_replay(alert_scheduler *s, alert_scheduler *system, const alert_output_trace *trace,
                 alert_outcome *out, alert_argument_error *error) ALERT_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif /* ALERT_H */
