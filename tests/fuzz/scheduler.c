/*
 * scheduler.c - a profile, a goal and a stream of calls made out of the fuzzer's bytes.
 *
 * After every call: a refused one has left the saved state as it was; the decision is one of the table's and
 * finite; the estimate lies inside its bounds; and what is saved can be restored.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert.h"
#include "bytes.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { MODELS = 5, CAPS = 4, EXITS = 4, METHODS = 8, CALLS = 400 };

typedef struct table {
    alert_profile_data view;
    double latency[MODELS * CAPS], power[MODELS * CAPS], accuracy[MODELS], cap[CAPS];
    size_t exits[MODELS];
    double fraction[MODELS * EXITS], reached[MODELS * EXITS], left[MODELS * EXITS], fixed[MODELS];
    size_t outputs;
} table;

static void make_exits(table *t, bytes *b, size_t i, size_t *total)
{
    size_t exits = fuzz_below(b, EXITS + 1);
    double fraction = 0.0;
    for (size_t k = 0; k < exits; k++) {
        fraction = k + 1 == exits ? 1.0 : fraction + fuzz_fraction(b) * (1.0 - fraction);
        t->fraction[*total + k] = fraction;
        t->reached[*total + k] = k + 1 == exits ? t->accuracy[i] : fuzz_fraction(b);
    }
    t->exits[i] = exits;
    t->outputs += exits > 0 ? exits : 1;
    *total += exits;
}

/* Mostly shares that sum to 1, up to rounding. */
static void make_shares(table *t, bytes *b)
{
    double *left = t->left;
    for (size_t i = 0; i < t->view.models; left += t->exits[i++]) {
        double sum = 0.0;
        for (size_t k = 0; k < t->exits[i]; k++)
            sum += left[k] = fuzz_fraction(b);
        for (size_t k = 0; k < t->exits[i] && sum > 0.0; k++)
            left[k] /= sum;
    }
    t->view.exit_share = t->left;
}

static void make_table(table *t, bytes *b)
{
    size_t models = 1 + fuzz_below(b, MODELS), caps = 1 + fuzz_below(b, CAPS), exits = 0;
    *t = (table){.outputs = 0};
    for (size_t i = 0; i < models * caps; i++) {
        t->latency[i] = fuzz_number(b, 1e-3, 1.0);
        t->power[i] = fuzz_number(b, 1.0, 300.0);
    }
    for (size_t i = 0; i < models; i++) {
        t->accuracy[i] = fuzz_fraction(b);
        make_exits(t, b, i, &exits);
    }
    for (size_t j = 0; j < caps; j++)
        t->cap[j] = (j > 0 ? t->cap[j - 1] : 0.0) + fuzz_number(b, 1.0, 100.0);
    t->view = (alert_profile_data){
        .models = models,
        .caps = caps,
        .latency_s = t->latency,
        .power_w = t->power,
        .accuracy = t->accuracy,
        .power_cap_w = t->cap,
        .idle_power_w = fuzz_number(b, 0.1, 100.0),
        .exit_count = t->exits,
        .exit_fraction = t->fraction,
        .exit_accuracy = t->reached,
    };
    uint8_t known = fuzz_byte(b);
    if (known & 2)
        t->cap[caps - 1] = (double)INFINITY;
    if (known & 4)
        t->view.power_w = NULL;
    if (known & 8)
        make_shares(t, b);
    if (known & 1)
        return;
    for (size_t i = 0; i < models; i++)
        t->fixed[i] = fuzz_fraction(b);
    t->view.fixed_share = t->fixed;
    t->view.size = fuzz_number(b, 0.1, 1e3);
}

static alert_goal make_goal(bytes *b)
{
    static const size_t WINDOW[] = {0, 1, 2, 3, 7, 40, 1000, ALERT_WINDOW_MAX + 1};
    static const alert_quantity ORDER[][3] = {{ALERT_LATENCY, ALERT_ACCURACY, ALERT_ENERGY},
                                              {ALERT_LATENCY, ALERT_ENERGY, ALERT_ACCURACY},
                                              {ALERT_ACCURACY, ALERT_LATENCY, ALERT_ENERGY},
                                              {ALERT_ACCURACY, ALERT_ENERGY, ALERT_LATENCY},
                                              {ALERT_ENERGY, ALERT_LATENCY, ALERT_ACCURACY},
                                              {ALERT_ENERGY, ALERT_ACCURACY, ALERT_LATENCY},
                                              {ALERT_ENERGY, ALERT_ENERGY, ALERT_LATENCY},
                                              {ALERT_ENERGY, 3, ALERT_LATENCY}};
    uint8_t kind = fuzz_byte(b);
    bool fastest = kind % 3 == ALERT_MIN_LATENCY;
    double energy_j = kind & 64 ? (double)INFINITY : fuzz_number(b, 1e-2, 100.0);
    alert_goal goal = {
        .objective = (alert_objective)(kind % 3),
        .deadline_s = fastest && kind & 128 ? (double)INFINITY : fuzz_number(b, 1e-3, 2.0),
        .bound = kind % 3 == ALERT_MAX_ACCURACY ? energy_j : fuzz_fraction(b),
        .energy_j = energy_j,
        .probability = fuzz_byte(b) & 1 ? fuzz_fraction(b) : 0.0,
        .q_fail = fuzz_byte(b) & 1 ? fuzz_fraction(b) : 0.0,
        .window = WINDOW[fuzz_below(b, sizeof WINDOW / sizeof *WINDOW)],
    };
    if (fastest && kind & 32)
        goal.window = 1;
    if (kind % 3 == ALERT_MAX_ACCURACY && kind & 16)
        goal.power_w = fuzz_number(b, 1e-2, 100.0);
    else if (kind % 3 == ALERT_MAX_ACCURACY && kind & 8)
        goal.budget_inputs = fuzz_below(b, 9);
    memcpy(goal.priority, ORDER[fuzz_below(b, 8)], sizeof goal.priority);
    return goal;
}

static alert_options make_options(bytes *b)
{
    static const size_t CAPACITY[] = {0, 1, 3, 8, 64};
    size_t method = fuzz_below(b, METHODS);
    alert_options o = {
        .method = (alert_method)method,
        .constants = alert_constants_default(),
        .overhead_s = fuzz_byte(b) & 1 ? fuzz_number(b, 1e-5, 1.0) : 0.0,
        .switch_cost_s = fuzz_byte(b) & 1 ? fuzz_number(b, 1e-5, 1.0) : 0.0,
        .hold_inputs = 1 + fuzz_below(b, 6),
        .history_capacity = CAPACITY[fuzz_below(b, 5)],
    };
    uint8_t more = fuzz_byte(b);
    static alert_feedback_options feedback;
    feedback = (alert_feedback_options){
        .context = 2, .prior = 20.0, .half_life = more & 2 ? 30.0 : HUGE_VAL, .first_ticket = 7};
    o.feedback = more % 16 >= 12 ? &feedback : NULL;
    o.learns = more >= 192;
    if (more & 1) {
        size_t which = fuzz_below(b, sizeof o.constants / sizeof(double));
        double value = fuzz_number(b, 1e-4, 1.0);
        memcpy((char *)&o.constants + which * sizeof value, &value, sizeof value);
    }
    return o;
}

/* ------------------------------------------------------------------------------------------ the subject */

typedef struct subject {
    const table *t;
    alert_profile *profile;
    alert_options options;
    alert_scheduler *s;
    double machine_price;
} subject;

static char *saved(const subject *x)
{
    char *state = malloc(alert_scheduler_state_size(x->s));
    REQUIRE(state);
    alert_scheduler_save(x->s, state);
    return state;
}

static void check_decision(const subject *x, const alert_decision *d)
{
    const alert_profile_data *t = &x->t->view;
    REQUIRE(d->model < t->models && d->cap < t->caps);
    REQUIRE(d->power_cap_w == t->power_cap_w[d->cap]);
    size_t exits = t->exit_count[d->model];
    REQUIRE(exits == 0 ? d->exit == -1 : d->exit >= 0 && (size_t)d->exit < exits);
    REQUIRE(isfinite(d->latency_s) && d->latency_s >= 0.0);
    REQUIRE(t->power_w ? isfinite(d->energy_j) && d->energy_j >= 0.0 : isnan(d->energy_j));
    REQUIRE(d->accuracy >= -1e-9 && d->accuracy <= 1.0 + 1e-9);
    REQUIRE(d->probability >= 0.0 && d->probability <= 1.0);
}

static void check_history(const subject *x)
{
    size_t length = alert_scheduler_history_length(x->s);
    alert_history_entry *entry = calloc(length + 1, sizeof *entry);
    REQUIRE(entry && length <= x->options.history_capacity);
    alert_scheduler_history(x->s, length, entry);
    for (size_t i = 1; i < length; i++)
        REQUIRE(entry[i].input == entry[i - 1].input + 1);
    for (size_t i = 0; i < length; i++)
        REQUIRE((entry[i].model < 0 || (entry[i].slowdown >= 0.0 && isfinite(entry[i].slowdown))) &&
                entry[i].accuracy >= 0.0 && entry[i].accuracy <= 1.0);
    free(entry);
}

static void check_subject(const subject *x, bool history_is_ours)
{
    alert_decision d;
    alert_goal goal;
    alert_argument_error error;
    double mean, std;
    alert_scheduler *twin;
    alert_scheduler_decision(x->s, &d);
    check_decision(x, &d);
    alert_scheduler_slowdown(x->s, &mean, &std);
    REQUIRE(mean >= 0.0 && mean <= 1e6 && std > 0.0 && isfinite(std));
    if (history_is_ours)
        check_history(x);
    double left_j;
    size_t inputs;
    alert_scheduler_goal(x->s, &goal);
    alert_scheduler_budget(x->s, &left_j, &inputs);
    REQUIRE(isfinite(left_j) && inputs <= goal.budget_inputs);
    REQUIRE(alert_goal_check(&goal, &error) == 0);
    REQUIRE(alert_scheduler_new(&twin, x->profile, &goal, &x->options, &error) == 0);
    char *state = saved(x);
    size_t size = alert_scheduler_state_size(x->s);
    REQUIRE(alert_scheduler_restore(twin, state, size, &error) == 0);
    char *again = malloc(size);
    REQUIRE(again && alert_scheduler_state_size(twin) == size);
    alert_scheduler_save(twin, again);
    REQUIRE(memcmp(state, again, size) == 0);
    alert_scheduler_free(twin);
    free(again);
    free(state);
}

/* ------------------------------------------------------------------------------------------------ calls */

static int step(subject *x, bytes *b, alert_argument_error *error)
{
    uint8_t has = fuzz_byte(b);
    alert_decision d;
    alert_measurement m = {
        .latency_s = fuzz_number(b, 1e-3, 4.0),
        .has_energy = has & 1,
        .energy_j = has & 1 ? fuzz_number(b, 1e-2, 100.0) : 0.0,
        .has_idle_power = has & 2,
        .idle_power_w = has & 2 ? fuzz_number(b, 0.1, 50.0) : 0.0,
        .has_deadline = has & 4,
        .next_deadline_s = has & 4 ? fuzz_number(b, 1e-3, 2.0) : 0.0,
        .has_exit = has & 8,
        .exit = has & 8 ? fuzz_byte(b) : 0,
        .has_model = has & 16,
        .model = has & 16 ? fuzz_below(b, MODELS + 1) : 0,
        .has_cap = has & 32,
        .power_cap_w = has & 32 ? fuzz_number(b, 1.0, 100.0) : 0.0,
    };
    m.is_sure = m.exit >= 128;
    m.exit %= EXITS + 1;
    alert_goal goal;
    if (has & 64) {
        goal = make_goal(b);
        m.next_goal = &goal;
    }
    m.has_size = has & 128;
    if (m.has_size)
        m.next_size = fuzz_number(b, 1e-2, 1e3);
    int would = alert_scheduler_check(x->s, &m, error);
    int rc = alert_scheduler_step(x->s, &m, &d, error);
    REQUIRE(rc == would);
    return rc;
}

static int replay(subject *x, bytes *b, alert_argument_error *error)
{
    enum { INPUTS = 3 };
    double latency[INPUTS * MODELS * (EXITS + 1) * CAPS],
        energy[INPUTS * MODELS * (EXITS + 1) * CAPS];
    size_t cells = INPUTS * x->t->outputs * x->t->view.caps, sharing[INPUTS] = {3, 2, 1};
    alert_outcome out[INPUTS];
    double pace = fuzz_number(b, 0.1, 10.0);
    for (size_t i = 0; i < cells; i++) {
        latency[i] = pace * (double)(i % 7 + 1) * 0.01;
        energy[i] = latency[i] * 20.0;
    }
    alert_output_trace r = {.inputs = INPUTS,
                            .outputs = x->t->outputs,
                            .caps = x->t->view.caps,
                            .latency_s = latency,
                            .energy_j = energy,
                            .idle_power_w = fuzz_number(b, 0.1, 50.0),
                            .sharing = fuzz_byte(b) & 1 ? sharing : NULL};
    (void)!alert_replay(x->s, NULL, &r, out, error);
    return 0; /* the inputs before a bad one have been learnt */
}

/* Changes some bytes of the saved state and tries to restore that. */
static int restore(subject *x, bytes *b, alert_argument_error *error, bool *accepted)
{
    size_t size = alert_scheduler_state_size(x->s);
    char *state = saved(x);
    for (size_t n = 1 + fuzz_below(b, 3); n > 0; n--) {
        size_t at = (fuzz_byte(b) + 256u * fuzz_byte(b)) % size / 8 * 8;
        double x8 = fuzz_number(b, 1e-3, 1e3);
        uint64_t small = fuzz_byte(b);
        if (at + 8 <= size)
            memcpy(state + at, fuzz_byte(b) & 1 ? (void *)&x8 : (void *)&small, 8);
    }
    int rc = alert_scheduler_restore(x->s, state, size, error);
    *accepted = rc == 0;
    free(state);
    return rc;
}

static int expect(subject *x, bytes *b, alert_argument_error *error)
{
    double accuracy[MODELS], factor[MODELS], delay[MODELS];
    uint8_t has = fuzz_byte(b);
    alert_decision d;
    for (size_t i = 0; i < MODELS; i++) {
        accuracy[i] = has & 1 ? fuzz_fraction(b) : 0.0;
        factor[i] = has & 2 ? fuzz_number(b, 0.1, 10.0) : 0.0;
        delay[i] = has & 4 ? fuzz_number(b, 1e-3, 2.0) : 0.0;
    }
    alert_expectations e = {.accuracy = has & 1 ? accuracy : NULL,
                            .latency_factor = has & 2 ? factor : NULL,
                            .delay_s = has & 4 ? delay : NULL};
    return alert_scheduler_expect(x->s, &e, &d, error);
}

/* Rates an input, or says what is known of the next ones. */
static int rate(subject *x, bytes *b, alert_argument_error *error)
{
    double context[3] = {fuzz_number(b, 1e-2, 10.0), fuzz_fraction(b)}, mean[MODELS], off[MODELS];
    uint8_t what = fuzz_byte(b);
    size_t count = what & 4 ? 2 : fuzz_below(b, 4);
    bool learnt;
    if (what & 1)
        return alert_scheduler_set_context(x->s, context, count, error);
    int rc = alert_scheduler_accuracies(x->s, what & 2 ? context : NULL, count, mean, off, error);
    for (size_t i = 0; rc == 0 && i < x->t->view.models; i++)
        REQUIRE(mean[i] >= 0.0 && mean[i] <= 1.0 && off[i] >= 0.0 && isfinite(off[i]));
    double score = fuzz_fraction(b) * (what & 8 ? 1.0 : 2.0);
    return alert_scheduler_feedback(x->s, 7 + fuzz_byte(b), score, fuzz_below(b, 3), &learnt,
                                    error);
}

/* On a machine that others use. */
static int share_machine(subject *x, bytes *b, alert_argument_error *error)
{
    static alert_option options[MODELS * CAPS * EXITS];
    double number;
    alert_decision d;
    switch (fuzz_below(b, 5)) {
    case 4:
        number = fuzz_number(b, 0.1, 1e3);
        return alert_scheduler_set_power_limit(x->s, fuzz_byte(b) & 1 ? number : HUGE_VAL, error);
    case 0:
        alert_scheduler_missed(x->s, &d);
        return 0;
    case 1:
        return alert_scheduler_note_cap(x->s, fuzz_number(b, 1.0, 100.0), error);
    case 2:
        number = fuzz_number(b, 1e-3, 2.0);
        REQUIRE(alert_scheduler_option_count(x->s) <= MODELS * CAPS * EXITS);
        return alert_scheduler_list_options(x->s, fuzz_byte(b) & 1 ? &number : NULL, options,
                                            error);
    default:
        number = fuzz_number(b, 0.1, 1e4);
        int rc = alert_scheduler_set_machine_price(x->s, fuzz_byte(b) & 1 ? &number : NULL, error);
        bool is_shared = alert_scheduler_machine_price(x->s, &x->machine_price);
        x->options.machine_price_w = is_shared ? &x->machine_price : NULL;
        return rc;
    }
}

static int call(subject *x, bytes *b, bool *tampered)
{
    alert_argument_error error;
    alert_decision d;
    alert_goal goal;
    double number;
    bool accepted = false;
    int rc;
    switch (fuzz_below(b, 16)) {
    case 0:
        goal = make_goal(b);
        return alert_scheduler_set_goal(x->s, &goal, &error);
    case 1:
        number = fuzz_number(b, 1e-3, 10.0);
        return alert_scheduler_share(x->s, number, fuzz_below(b, 9), &d, &error);
    case 2: {
        number = fuzz_number(b, 1e-3, 2.0);
        uint8_t given = fuzz_byte(b);
        if (given & 2)
            goal = make_goal(b);
        double size = given & 4 ? fuzz_number(b, 1e-2, 1e3) : 0.0;
        return alert_scheduler_decide(x->s, given & 1 ? &number : NULL, given & 2 ? &goal : NULL,
                                      given & 4 ? &size : NULL, &d, &error);
    }
    case 3:
        number = fuzz_number(b, 1e-5, 1.0);
        rc = alert_scheduler_set_overhead(x->s, number, &error);
        x->options.overhead_s = alert_scheduler_overhead(x->s);
        return rc;
    case 4:
        number = fuzz_number(b, 1e-5, 1.0);
        rc = alert_scheduler_set_switching(x->s, number, fuzz_below(b, 5), &error);
        alert_scheduler_switching(x->s, &x->options.switch_cost_s, &x->options.hold_inputs);
        return rc;
    case 5:
        return replay(x, b, &error);
    case 6:
        rc = restore(x, b, &error, &accepted);
        *tampered = *tampered || accepted;
        return rc;
    case 7:
        return expect(x, b, &error);
    case 8:
        return share_machine(x, b, &error);
    case 9:
        return rate(x, b, &error);
    default:
        return step(x, b, &error);
    }
}

static void run(subject *x, bytes *b)
{
    bool tampered = false; /* with the history, which is only shown */
    check_subject(x, true);
    for (size_t i = 0; i < CALLS && b->left > 0; i++) {
        size_t size = alert_scheduler_state_size(x->s);
        char *before = saved(x);
        if (call(x, b, &tampered) != 0) {
            char *after = saved(x);
            REQUIRE(alert_scheduler_state_size(x->s) == size && memcmp(before, after, size) == 0);
            free(after);
        }
        free(before);
        check_subject(x, !tampered);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes b = {data, size};
    table t;
    alert_argument_error error;
    make_table(&t, &b);
    subject x = {.t = &t};
    if (alert_profile_new(&x.profile, &t.view, &error) != 0)
        return 0;
    x.options = make_options(&b);
    alert_goal goal = make_goal(&b);
    if (alert_scheduler_new(&x.s, x.profile, &goal, &x.options, &error) == 0) {
        run(&x, &b);
        alert_scheduler_free(x.s);
    }
    alert_profile_unref(x.profile);
    return 0;
}
