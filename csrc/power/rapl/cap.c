/* cap.c - putting a cap on a zone, seeing whether it took, giving back what was found. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "power/power.h"
#include "power/rapl/zone.h"

#define MICRO 1e-6
/* Limits are kept in units of 1/8 W on most packages; a read-back within one unit took. */
#define ROUNDING_UW 125000
/* Windows are kept in a floating format of few bits; a read-back within this factor took. */
#define WINDOW_FACTOR 4

void alert_rapl_zone_try(alert_rapl_zone *z)
{
    if (!z->can_cap)
        return;
    int rc = alert_setting_put(&z->long_term, z->long_term.found);
    if (rc) {
        (void)alert_rapl_cap_fail(z, &z->long_term, rc, &z->cap_missing);
        z->can_cap = false;
    }
}

void alert_rapl_zone_add_twin(alert_rapl_zone *z, const char *directory)
{
    alert_rapl_zone twin;
    if (alert_rapl_zone_open(&twin, z->api, directory) == 0 && strcmp(twin.name, z->name) == 0 &&
        z->twin_limit.fd < 0) {
        z->twin_limit = twin.long_term;
        z->twin_enabled = twin.enabled;
        twin.long_term.fd = twin.enabled.fd = -1;
    }
    alert_rapl_zone_close(&twin);
}

/* The lower of `limit_uw` and the twin's limit. */
static uint64_t with_twin(const alert_rapl_zone *z, uint64_t limit_uw)
{
    uint64_t enabled = 1, twin_uw;
    if (z->twin_limit.fd < 0 || alert_setting_get(&z->twin_limit, &twin_uw) != 0)
        return limit_uw;
    if (z->twin_enabled.fd >= 0 && alert_setting_get(&z->twin_enabled, &enabled) == 0 && !enabled)
        return limit_uw;
    return twin_uw < limit_uw ? twin_uw : limit_uw;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Readies the zone for caps that act at once. Failures here show in settle_s. */
static void prepare(alert_rapl_zone *z, double window_s)
{
    z->prepared = true;
    if (window_s <= 0.0 || z->long_window.fd < 0)
        return;
    uint64_t window_us = (uint64_t)llround(window_s / MICRO);
    if (z->long_window.held <= window_us)
        return;
    int rc = z->long_window.writable ? alert_setting_put(&z->long_window, window_us) : -EACCES;
    z->short_follows = rc != 0 || z->long_window.held > WINDOW_FACTOR * window_us;
}

/* Only now: until it held the cap, the limit of a disabled zone could be anything. */
static void enable(alert_rapl_zone *z)
{
    if (z->enabled.fd >= 0 && z->enabled.held == 0 && z->enabled.writable)
        (void)alert_setting_put(&z->enabled, 1); /* check_taken sees whether it did */
}

/* What was written is not always in force. A limit that has never moved and may not even be lowered is locked;
 * one that has, or that was asked to rise, stands at its end. */
static int check_taken(const alert_rapl_zone *z, uint64_t asked_uw, uint64_t before_uw,
                       alert_power_error *notice, alert_power_error *error)
{
    uint64_t held_uw = z->long_term.held, in_force_uw = with_twin(z, held_uw);
    bool disabled = z->enabled.fd >= 0 && z->enabled.held == 0;
    bool off = distance(held_uw, asked_uw) > ROUNDING_UW, locked;
    locked = off && !z->moves && asked_uw < before_uw;
    if (!disabled && distance(in_force_uw, asked_uw) <= ROUNDING_UW)
        return 0;
    const char *cause = disabled ? "the zone is disabled (enabled = 0) and cannot be enabled"
                        : locked ? "the limit keeps its value, the firmware may have locked it"
                        : off    ? "the hardware rounded or clamped it"
                                 : "the limit under intel-rapl-mmio is lower";
    alert_power_error *report = disabled || locked ? error : notice;
    (void)alert_rapl_fail(z, z->long_term.file, -ENODATA, locked ? ALERT_RAPL_REMEDY_LOCK : "",
                          report);
    (void)snprintf(report->why, sizeof report->why, "a cap of %g W did not take, %g W %s: %s",
                   (double)asked_uw * MICRO, (double)in_force_uw * MICRO,
                   disabled ? "is written there" : "is in force", cause);
    return disabled || locked ? -ENODATA : 0;
}

/* short_term never lies below long_term, and is back where it was found as soon as the cap allows it. */
static int put_short_term(alert_rapl_zone *z, uint64_t cap_uw, alert_power_error *error)
{
    alert_setting *s = &z->short_term;
    if (s->fd < 0 || !s->writable)
        return 0;
    uint64_t target = z->short_follows || s->found < cap_uw ? cap_uw : s->found;
    if (distance(s->held, target) <= (target == s->found ? 0 : ROUNDING_UW))
        return 0;
    int rc = alert_setting_put(s, target);
    return rc ? alert_rapl_cap_fail(z, s, rc, error) : 0;
}

int alert_rapl_zone_cap(alert_rapl_zone *z, double cap_w, double window_s,
                        alert_power_error *notice, alert_power_error *error)
{
    if (!z->prepared)
        prepare(z, window_s);
    uint64_t cap_uw = (uint64_t)llround(cap_w / MICRO), before_uw = z->long_term.held;
    bool raising = cap_uw > before_uw;
    int rc = raising ? put_short_term(z, cap_uw, error) : 0;
    if (rc)
        return rc;
    rc = alert_setting_put(&z->long_term, cap_uw);
    if (rc)
        return alert_rapl_cap_fail(z, &z->long_term, rc, error);
    enable(z);
    z->moves = z->moves || z->long_term.held != before_uw;
    rc = check_taken(z, cap_uw, before_uw, notice, error);
    if (rc)
        return rc;
    return raising ? 0 : put_short_term(z, cap_uw, error);
}

int alert_rapl_zone_limit(const alert_rapl_zone *z, double *limit_w, alert_power_error *error)
{
    uint64_t limit_uw;
    if (z->long_term.fd < 0)
        return alert_power_hand_on(error, &z->cap_missing);
    int rc = alert_setting_get(&z->long_term, &limit_uw);
    if (rc)
        return alert_rapl_cap_fail(z, &z->long_term, rc, error);
    *limit_w = (double)with_twin(z, limit_uw) * MICRO;
    return 0;
}

double alert_rapl_zone_in_force_w(const alert_rapl_zone *z)
{
    return (double)with_twin(z, z->long_term.held) * MICRO;
}

double alert_rapl_zone_settle_s(const alert_rapl_zone *z)
{
    const alert_setting *window =
        z->short_follows && z->short_term.fd >= 0 ? &z->short_window : &z->long_window;
    return window->fd >= 0 ? (double)window->held * MICRO : 0.0;
}
