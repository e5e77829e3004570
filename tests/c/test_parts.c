/* Parts.c over a toy: two or more cells in memory, each with a limit that can be capped and a counter. And the reading
 * of options. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alert_power.h"
#include "expect.h"
#include "power/options.h"
#include "power/parts.h"

/* ---------------------------------------------------------------------------------------------- toy */

#define CELLS 3

/* What the hardware of a cell holds. */
typedef struct hardware {
    uint64_t limit_mw, unit_mw;
    double counter_j;
    int read_fails, write_fails; /* errno values */
    int closed;
} hardware;

static hardware machine[CELLS];

typedef struct cell {
    alert_part part;
    hardware *is;
} cell;

static int read_limit(const alert_setting *s, uint64_t *value)
{
    const hardware *h = s->context;
    *value = h->limit_mw;
    return -h->read_fails;
}

static int write_limit(const alert_setting *s, uint64_t value)
{
    hardware *h = s->context;
    if (h->write_fails)
        return -h->write_fails;
    h->limit_mw = value / h->unit_mw * h->unit_mw;
    return 0;
}

static const alert_setting_access LIMIT = {.read = read_limit, .write = write_limit};

static int own(alert_part *part, const char *directory, alert_power_error *error)
{
    (void)directory;
    (void)error;
    return part->cap_missing.code ? 0 : alert_setting_find(&part->setting[0]);
}

static int set(alert_part *part, double share_w, alert_power_error *notice,
               alert_power_error *error)
{
    uint64_t asked_mw = (uint64_t)(share_w * 1e3 + 0.5);
    int rc = alert_setting_put(&part->setting[0], asked_mw);
    if (rc)
        return alert_power_fail(error, -rc, part->setting[0].own.path, "refused", "");
    if (alert_setting_held(&part->setting[0]) != asked_mw)
        (void)alert_power_fail(notice, ENODATA, part->setting[0].own.path, "rounded", "");
    return 0;
}

static int get(const alert_part *part, double *share_w, alert_power_error *error)
{
    uint64_t now_mw = 0;
    int rc = alert_setting_get(&part->setting[0], &now_mw);
    *share_w = (double)now_mw * 1e-3;
    return rc ? alert_power_fail(error, -rc, "cell", "unreadable", "") : 0;
}

static int energy(alert_part *part, double *energy_j, alert_power_error *notice,
                  alert_power_error *error)
{
    (void)notice;
    (void)error;
    *energy_j = ((cell *)part)->is->counter_j;
    return 0;
}

static int fail(const alert_part *part, const alert_setting *s, int rc, alert_power_error *error)
{
    (void)part;
    return alert_power_fail(error, -rc, s->own.path, strerror(-rc), "");
}

static size_t describe(const alert_part *part, alert_power_fact *out)
{
    return (size_t)(alert_fact_text(out, "name", part->setting[0].own.path) - out);
}

static void close_cell(alert_part *part)
{
    ((cell *)part)->is->closed++;
}

static void free_cells(alert_parts *d, bool owner)
{
    (void)owner;
    free(d);
}

static const alert_power_kind KIND = {
    .name = "toy", .unit = "W", .parts = "cells", .gives_back = true};
static const alert_part_ops OPS = {.kind = &KIND,
                                   .size = sizeof(cell),
                                   .own = own,
                                   .set = set,
                                   .get = get,
                                   .energy = energy,
                                   .fail = fail,
                                   .describe = describe,
                                   .close = close_cell,
                                   .free = free_cells};

/* Cells at 60 and 30 W, and one that only counts. */
static alert_parts *cells(bool observe)
{
    static const uint64_t LIMIT_MW[CELLS] = {60000, 30000, 0};
    const alert_give_back_options options = {.observe = observe};
    alert_parts *d = calloc(1, sizeof *d);
    alert_parts_begin(d, &OPS, &options);
    EXPECT(alert_parts_reserve(d, CELLS) == 0);
    d->parts = CELLS;
    d->cap_min = 10.0;
    d->cap_max = 90.0;
    for (size_t i = 0; i < CELLS; i++) {
        cell *c = (cell *)alert_part_at(d, i);
        machine[i] =
            (hardware){.limit_mw = LIMIT_MW[i], .unit_mw = 1, .counter_j = 1.0 + (double)i};
        c->is = &machine[i];
        c->part = (alert_part){.caps = i < 2, .counts = true, .lock_fd = -1, .settings = 1};
        c->part.settle_s = 0.1 * (double)i;
        c->part.setting[0] = (alert_setting){
            .access = &LIMIT, .context = &machine[i], .writable = true, .own = {.fd = 0}};
        (void)snprintf(c->part.setting[0].own.path, 8, "cell %zu", i);
    }
    return d;
}

/* ------------------------------------------------------------------------------------------- parts */

static void test_a_cap_is_split_by_base_and_weight_and_summed(void)
{
    alert_power *p = NULL;
    double value = 0.0;
    alert_parts *d = cells(false);
    alert_part_at(d, 0)->base = 20.0;
    alert_part_at(d, 0)->weight = 0.75;
    alert_part_at(d, 1)->base = 10.0;
    alert_part_at(d, 1)->weight = 0.25;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == 0);
    EXPECT(machine[0].limit_mw == 50000 && machine[1].limit_mw == 20000);
    EXPECT(machine[2].limit_mw == 0);
    EXPECT(alert_power_cap(p, &value, NULL) == 0);
    EXPECT_NEAR(value, 70.0, 1e-9);
    EXPECT(alert_power_energy(p, &value, NULL) == 0 && value == 6.0);
    EXPECT(alert_power_close(p, NULL) == 0);
    EXPECT(machine[0].limit_mw == 60000 && machine[1].limit_mw == 30000);
    EXPECT(machine[0].closed == 1 && machine[2].closed == 1);
}

static void test_what_every_kind_of_part_says_of_itself(void)
{
    alert_power *p = NULL;
    alert_power_traits about;
    alert_power_fact fact[ALERT_POWER_FACTS];
    alert_parts *d = cells(false);
    alert_part_at(d, 2)->cap_missing.code = ENOENT;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    alert_power_about(p, &about);
    EXPECT(strcmp(about.kind, "toy") == 0 && strcmp(about.parts, "cells") == 0);
    EXPECT(about.can_cap && about.can_read && about.settle_s == 0.2);
    EXPECT(about.cap_min == 10.0 && about.cap_max == 90.0);
    EXPECT(alert_power_part(p, 2, fact) == 6 && alert_power_part(p, 3, fact) == 0);
    EXPECT(strcmp(fact[0].name, "name") == 0 && strcmp(fact[0].is.text, "cell 2") == 0);
    EXPECT(strcmp(fact[1].name, "can_cap") == 0 && fact[1].is.number[0] == 0.0);
    EXPECT(strcmp(fact[3].name, "cap_missing") == 0 && fact[3].is.missing.code == ENOENT);
    EXPECT(fact[4].type == ALERT_FACT_MISSING && fact[4].is.missing.code == 0);
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_one_part_that_cannot_be_capped_is_enough(void)
{
    alert_power *p = NULL;
    alert_power_error error = {0};
    alert_parts *d = cells(false);
    (void)alert_power_fail(&alert_part_at(d, 1)->cap_missing, EACCES, "cell 1", "locked", "");
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    EXPECT(alert_power_set_cap(p, 70.0, &error) == -EACCES);
    EXPECT(strcmp(error.where, "cell 1") == 0 && machine[0].limit_mw == 60000);
    EXPECT(alert_power_close(p, NULL) == 0);
    d = cells(false);
    for (size_t i = 0; i < CELLS; i++)
        alert_part_at(d, i)->cap_missing.code = alert_part_at(d, i)->read_missing.code = EPERM;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, &error), &error) == -EPERM);
    EXPECT(machine[0].closed == 1);
}

static void test_an_observer_learns_and_changes_nothing(void)
{
    alert_power *p = NULL;
    alert_power_traits about;
    alert_parts *d = cells(true);
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    alert_power_about(p, &about);
    EXPECT(!about.can_cap && about.cap_max == 90.0);
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == -EPERM);
    EXPECT(alert_power_close(p, NULL) == 0 && machine[0].limit_mw == 60000);
}

static void test_a_cap_taken_otherwise_is_a_notice_and_one_refused_a_failure(void)
{
    alert_power *p = NULL;
    alert_power_error error = {0};
    alert_parts *d = cells(false);
    alert_part_at(d, 0)->weight = alert_part_at(d, 1)->weight = 0.5;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    machine[1].unit_mw = 4000;
    EXPECT(alert_power_set_cap(p, 70.0, &error) == 0);
    EXPECT(alert_power_notice(p, &error) && strcmp(error.where, "cell 1") == 0);
    EXPECT(machine[0].limit_mw == 35000 && machine[1].limit_mw == 32000);
    machine[0].write_fails = EIO;
    EXPECT(alert_power_set_cap(p, 60.0, &error) == -EIO && strcmp(error.where, "cell 0") == 0);
    EXPECT(alert_power_close(p, &error) == -EIO && strcmp(error.where, "cell 0") == 0);
    EXPECT(strstr(error.why, "60000, as found there, could not be given back") != NULL);
    EXPECT(error.remedy[0] == '\0'); /* nobody has noted it */
}

static void test_giving_back_leaves_what_is_not_ours(void)
{
    alert_power *p = NULL;
    alert_parts *d = cells(false);
    alert_part_at(d, 0)->weight = alert_part_at(d, 1)->weight = 0.5;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == 0);
    machine[0].limit_mw = 77000; /* somebody else's */
    machine[1].read_fails = EIO;
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == 0); /* no new cap: nothing is written */
    machine[1].read_fails = 0;
    EXPECT(alert_power_close(p, NULL) == 0);
    EXPECT(machine[0].limit_mw == 77000 && machine[1].limit_mw == 30000);
}

static void test_a_release_gives_back_until_the_next_cap(void)
{
    alert_power *p = NULL;
    alert_power_traits about;
    alert_parts *d = cells(false);
    alert_part_at(d, 0)->weight = alert_part_at(d, 1)->weight = 0.5;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    EXPECT(alert_power_release(p, NULL) == 0 && machine[0].limit_mw == 60000);
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == 0);
    alert_power_about(p, &about);
    EXPECT(about.asked == 70.0 && machine[0].limit_mw == 35000);
    EXPECT(alert_power_release(p, NULL) == 0);
    alert_power_about(p, &about);
    EXPECT(isnan(about.asked) && machine[0].limit_mw == 60000 && machine[1].limit_mw == 30000);
    machine[0].limit_mw = 55000; /* somebody else's */
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == 0 && machine[0].limit_mw == 35000);
    machine[0].write_fails = EIO;
    EXPECT(alert_power_release(p, NULL) == -EIO && machine[1].limit_mw == 30000);
    alert_power_about(p, &about);
    EXPECT(about.asked == 70.0);
    machine[0].write_fails = 0;
    EXPECT(alert_power_close(p, NULL) == 0);
    EXPECT(machine[0].limit_mw == 55000 && machine[1].limit_mw == 30000);
}

static void test_a_write_that_cannot_be_read_back_is_ours(void)
{
    alert_power *p = NULL;
    alert_parts *d = cells(false);
    alert_part_at(d, 0)->weight = 1.0;
    EXPECT(alert_parts_end(&p, d, alert_parts_learn(d, NULL), NULL) == 0);
    machine[0].read_fails = EIO;
    EXPECT(alert_power_set_cap(p, 70.0, NULL) == -EIO);
    EXPECT(machine[0].limit_mw == 70000);
    machine[0].read_fails = 0;
    EXPECT(alert_power_close(p, NULL) == 0 && machine[0].limit_mw == 60000);
}

/* ------------------------------------------------------------------------------------------ options */

typedef struct wishes {
    bool quick;
    double seconds;
    int number;
    alert_numbers range, indices;
    const char *path;
} wishes;

static const alert_power_option_row ROW[] = {
    {"quick", ALERT_OPTION_FLAG, "0 or 1", 1.0, 0.0, 1.0, offsetof(wishes, quick)},
    {"seconds", ALERT_OPTION_NUMBER, "1 to 5", 2.0, 1.0, 5.0, offsetof(wishes, seconds)},
    {"number", ALERT_OPTION_WHOLE, "a number >= 0", -1.0, 0.0, 9.0, offsetof(wishes, number)},
    {"range", ALERT_OPTION_RANGE, "two numbers", 0.0, 2.0, 2.0, offsetof(wishes, range)},
    {"indices", ALERT_OPTION_INDICES, "1 to 3 indices", 0.0, 1.0, 3.0, offsetof(wishes, indices)},
    {"path", ALERT_OPTION_TEXT, "a path", 0.0, 0.0, 0.0, offsetof(wishes, path)},
};
#define ROWS (sizeof ROW / sizeof *ROW)

static void test_options_are_read_into_their_fields(void)
{
    wishes w;
    const double no = 0.0, three = 3.0, pair[] = {4.0, 5.0};
    const alert_power_option given[] = {
        {"quick", .number = &no, .count = 1},     {"seconds", .number = &three, .count = 1},
        {"number", .number = &three, .count = 1}, {"range", .number = pair, .count = 2},
        {"indices", .number = pair, .count = 1},  {"path", .text = "/tmp"},
        {"another's", .number = &no, .count = 1},
    };
    EXPECT(alert_options_read(ROW, ROWS, NULL, 0, &w, NULL) == 0);
    EXPECT(w.quick && w.seconds == 2.0 && w.number == -1 && w.path == NULL);
    EXPECT(w.range.count == 0 && w.indices.count == 0);
    EXPECT(alert_options_read(ROW, ROWS, given, 7, &w, NULL) == 0);
    EXPECT(!w.quick && w.seconds == 3.0 && w.number == 3 && strcmp(w.path, "/tmp") == 0);
    EXPECT(w.range.count == 2 && w.range.value[1] == 5.0 && w.indices.count == 1);
    EXPECT(alert_options_check(ROW, ROWS, &w, NULL) == 0);
    w.seconds = 6.0;
    EXPECT(alert_options_check(ROW, ROWS, &w, NULL) == -EINVAL);
}

static void test_an_option_out_of_range_is_named(void)
{
    wishes w;
    const double bad[] = {0.5, 5.5, (double)NAN};
    const char *const name[] = {"seconds", "range", "indices", "path", "number", "quick"};
    alert_power_error error = {0};
    for (size_t i = 0; i < 3; i++) {
        const alert_power_option given = {"seconds", .number = &bad[i], .count = 1};
        EXPECT(alert_options_read(ROW, ROWS, &given, 1, &w, &error) == -EINVAL);
        EXPECT(error.is_argument && strcmp(error.where, "seconds") == 0);
    }
    EXPECT(strcmp(error.why, "expected 1 to 5, got nan") == 0);
    for (size_t i = 0; i < 6; i++) { /* without a value */
        const alert_power_option given = {.name = name[i]};
        EXPECT(alert_options_read(ROW, ROWS, &given, 1, &w, &error) == -EINVAL);
        EXPECT(strcmp(error.where, name[i]) == 0);
    }
}

static void test_a_kind_takes_its_own_options_only(void)
{
    alert_power *p = NULL;
    alert_power_error error = {0};
    const double one = 1.0;
    const struct {
        const char *kind, *option, *why;
    } bad[] = {
        {"emulated", "window", "only taken by kind 'rapl'"},
        {"emulated", "observe", "only taken by kind 'rapl' or 'nvml'"},
        {"nvml", "exponent", "only taken by kind 'emulated'"},
        {"rapl", "odd", "no kind takes such an option"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const alert_power_option given = {bad[i].option, .number = &one, .count = 1};
        EXPECT(alert_power_open(&p, bad[i].kind, &given, 1, &error) == -EINVAL);
        EXPECT(strcmp(error.where, bad[i].option) == 0);
        EXPECT(strncmp(error.why, bad[i].why, strlen(bad[i].why)) == 0); /* more kinds may follow */
    }
    EXPECT(alert_power_open(&p, "steam", NULL, 0, &error) == -EINVAL);
    EXPECT(strncmp(error.why, "expected one of 'rapl', 'nvml', ", 32) == 0);
    EXPECT(strstr(error.why, ", got 'steam'") != NULL);
    EXPECT(alert_power_open(&p, "emulated", NULL, 0, &error) == 0);
    EXPECT(alert_power_close(p, NULL) == 0);
}

int main(void)
{
    test_a_cap_is_split_by_base_and_weight_and_summed();
    test_what_every_kind_of_part_says_of_itself();
    test_one_part_that_cannot_be_capped_is_enough();
    test_an_observer_learns_and_changes_nothing();
    test_a_cap_taken_otherwise_is_a_notice_and_one_refused_a_failure();
    test_giving_back_leaves_what_is_not_ours();
    test_a_release_gives_back_until_the_next_cap();
    test_a_write_that_cannot_be_read_back_is_ours();
    test_options_are_read_into_their_fields();
    test_an_option_out_of_range_is_named();
    test_a_kind_takes_its_own_options_only();
    return expect_failures != 0;
}
