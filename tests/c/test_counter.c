/* Counter.c: readings of counters that wrap, jump and stand still, at times of the test's own. */
#include <errno.h>
#include <string.h>

#include "expect.h"
#include "power/counter.h"

/* Of a package of 100 W at the most; units are joules. */
static alert_counter counter_of(uint64_t range, uint64_t start)
{
    alert_counter c = {
        .unit_j = 1.0, .range = range, .most_w = 100.0, .burst_j = 50.0, .tick_s = 0.01};
    alert_counter_start(&c, start, 0.0);
    return c;
}

/* Takes readings a second apart; returns what the last one returned. */
static int take(alert_counter *c, const uint64_t *reading, size_t readings)
{
    int rc = 0;
    for (size_t i = 0; i < readings; i++)
        rc = alert_counter_take(c, reading[i], (double)(i + 1));
    return rc;
}

#define TAKE(c, ...)                                                                               \
    take(c, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

static void it_counts_over_wraps(void)
{
    alert_counter c = counter_of(200, 150);
    EXPECT(TAKE(&c, 190, 60, 160, 20) == 0);
    EXPECT_NEAR(alert_counter_j(&c), 270.0, 0.0);
    EXPECT(!c.doubt);
}

static void a_step_ahead_and_back_is_not_counted(void)
{
    alert_counter c = counter_of(100000, 0);
    EXPECT(TAKE(&c, 6, 12, 718, 24, 30, 36, 742, 48, 54) == 0);
    EXPECT_NEAR(alert_counter_j(&c), 54.0, 0.0);
}

static void a_small_step_back_is_zero(void)
{
    alert_counter c = counter_of(100000, 500);
    EXPECT(TAKE(&c, 510, 509, 509, 512, 511, 513) == 0);
    EXPECT_NEAR(alert_counter_j(&c), 13.0, 0.0);
    EXPECT(!c.doubt);
}

static void a_step_back_is_no_turn_of_the_counter(void)
{
    const uint64_t back[] = {400, 200, 3};
    for (size_t i = 0; i < 3; i++) {
        alert_counter c = counter_of(262144, 500);
        EXPECT(TAKE(&c, 510, back[i], back[i] + 10, back[i] + 20) == 0);
        EXPECT_NEAR(alert_counter_j(&c), 30.0, 0.0);
    }
}

/* Then what lies between them is lost, and all later joules are counted. */
static void a_counter_that_starts_anew_goes_on(void)
{
    alert_counter c = counter_of(262144, 90000);
    EXPECT(TAKE(&c, 90010, 5, 15, 25, 35) == 0);
    EXPECT_NEAR(alert_counter_j(&c), 40.0, 0.0);
}

static void a_long_rest_allows_a_large_step(void)
{
    alert_counter c = counter_of(262144, 0);
    EXPECT(alert_counter_take(&c, 5000, 60.0) == 0);
    EXPECT(alert_counter_take(&c, 11000, 61.0) == 0);
    EXPECT_NEAR(alert_counter_j(&c), 5000.0, 0.0); /* 6000 J in a second are too many */
}

static void a_counter_between_two_lines_cannot_be_read(void)
{
    alert_counter in_turn = counter_of(262144, 0), in_pairs = in_turn;
    EXPECT(TAKE(&in_turn, 10, 9000, 30, 9020, 50, 9040, 70, 9060) == -EBADMSG);
    EXPECT(TAKE(&in_pairs, 10, 20, 9000, 9010, 50, 60, 9040, 9050) == -EBADMSG);
    EXPECT(alert_counter_j(&in_turn) <= 80.0 && alert_counter_j(&in_pairs) <= 80.0);
    EXPECT(TAKE(&in_turn, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180) ==
           0); /* again it can */
}

static void a_counter_that_never_moves_is_told(void)
{
    alert_counter c = counter_of(262144, 77);
    alert_power_error error;
    EXPECT(alert_counter_take(&c, 77, 0.4) == 0);
    EXPECT(alert_counter_take(&c, 77, 0.8) == 0);
    EXPECT(alert_counter_take(&c, 77, 0.9) == 0); /* 100 steps are a second */
    EXPECT(alert_counter_take(&c, 77, 1.1) == -ENODATA);
    EXPECT(alert_counter_fail(&c, -ENODATA, "counter", &error) == -ENODATA);
    EXPECT(strstr(error.why, "stands still, for 1.1 s"));
    EXPECT(alert_counter_take(&c, 97, 1.2) == 0);
    EXPECT_NEAR(alert_counter_j(&c), 20.0, 0.0);
}

static void two_readings_far_apart_do_not_tell(void)
{
    alert_counter c = counter_of(262144, 77);
    EXPECT(alert_counter_take(&c, 77, 100.0) == 0);
    EXPECT(alert_counter_take(&c, 77, 200.0) == 0);
}

static void a_slow_counter_is_given_its_time(void)
{
    alert_counter c = counter_of(262144, 0);
    EXPECT(alert_counter_take(&c, 0, 2.0) == 0);
    EXPECT(alert_counter_take(&c, 20, 2.1) == 0);
    for (int i = 1; i < 50; i++)
        EXPECT(alert_counter_take(&c, 20, 2.1 + 0.1 * i) == 0); /* 3 times its longest rest */
    EXPECT(alert_counter_take(&c, 20, 9.0) == -ENODATA);
}

static void it_is_told_once(void)
{
    alert_counter c = counter_of(262144, 0);
    alert_power_error notice = {0};
    alert_counter_tell(&c, "counter", &notice);
    EXPECT(notice.code == 0);
    EXPECT(TAKE(&c, 10, 9000) == 0);
    alert_counter_tell(&c, "counter", &notice);
    EXPECT(notice.code == ERANGE && strcmp(notice.where, "counter") == 0);
    notice.code = 0;
    alert_counter_tell(&c, "counter", &notice);
    EXPECT(notice.code == 0);
}

int main(void)
{
    it_counts_over_wraps();
    a_step_ahead_and_back_is_not_counted();
    a_small_step_back_is_zero();
    a_step_back_is_no_turn_of_the_counter();
    a_counter_that_starts_anew_goes_on();
    a_long_rest_allows_a_large_step();
    a_counter_between_two_lines_cannot_be_read();
    a_counter_that_never_moves_is_told();
    two_readings_far_apart_do_not_tell();
    a_slow_counter_is_given_its_time();
    it_is_told_once();
    return 0;
}
