/* cap.c - owning a zone, putting a cap on it, and seeing whether the cap took. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "power/give_back/lock.h"
#include "power/power.h"
#include "power/rapl/zone.h"

#define MICRO 1e-6
/* Most packages keep limits in units of 1/8 W: a cap read back within one unit took. */
#define ROUNDING_UW 125000
/* No package is limited so high: registers hold up to 4095 W for "no limit". Nor so many times higher than the
 * processor states, which boards do exceed. [ours] */
#define UNLIMITED_W      1000.0
#define UNLIMITED_FACTOR 4.0
#define REMEDY_RANGE     "say which caps to use: power_caps= or cap_range="
/* Windows are kept in a floating format of few bits: a window read back within this factor took. */
#define WINDOW_FACTOR 4

static alert_setting *setting_of(alert_rapl_zone *z, int which)
{
    return &z->part.setting[which];
}

static uint64_t held_uw(const alert_rapl_zone *z)
{
    return alert_setting_held(&z->part.setting[ALERT_RAPL_LONG_TERM]);
}

/* --------------------------------------------------------------------------------------------- owning */

int alert_rapl_zone_own(alert_part *part, const char *directory, alert_power_error *error)
{
    (void)directory; /* the lock is on the limit's file */
    alert_setting *limit = &part->setting[ALERT_RAPL_LONG_TERM];
    if (part->cap_missing.code)
        return 0;
    int rc = alert_lock_take(limit->own.fd, limit->own.path, error);
    if (rc)
        return rc;
    part->lock_fd = limit->own.fd;
    for (size_t i = 0; i < ALERT_RAPL_SETTINGS; i++) {
        alert_setting *s = &part->setting[i];
        rc = alert_rapl_setting_is_there(s) ? alert_setting_find(s) : 0;
        if (rc)
            return alert_rapl_setting_fail(part, s, rc, error);
    }
    /* Nothing but a write tells whether limits can be written. */
    rc = alert_setting_put(limit, limit->own.found);
    if (rc)
        (void)alert_rapl_setting_fail(part, limit, rc, &part->cap_missing);
    return 0;
}

static void take_over(alert_setting *to, alert_setting *from)
{
    *to = *from;
    alert_rapl_setting_none(from);
}

void alert_rapl_zone_add_twin(alert_rapl_zone *z, const char *directory)
{
    alert_rapl_zone twin;
    if (alert_rapl_zone_open(&twin, z->api, directory) == 0 && strcmp(twin.name, z->name) == 0 &&
        !z->twin_path[0]) {
        take_over(&z->twin_limit, setting_of(&twin, ALERT_RAPL_LONG_TERM));
        take_over(&z->twin_short, setting_of(&twin, ALERT_RAPL_SHORT_TERM));
        take_over(&z->twin_enabled, setting_of(&twin, ALERT_RAPL_IS_ENABLED));
        memcpy(z->twin_path, twin.path, sizeof z->twin_path);
    }
    alert_rapl_zone_close(&twin.part);
}

/* -------------------------------------------------------------------------------------------- capping */

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The lower of `limit_uw` and another limit, where that is there and can be read. */
static uint64_t with(const alert_setting *other, uint64_t limit_uw)
{
    uint64_t other_uw;
    bool read = alert_rapl_setting_is_there(other) && alert_setting_get(other, &other_uw) == 0;
    return read ? lower(other_uw, limit_uw) : limit_uw;
}

static bool twin_is_enabled(const alert_rapl_zone *z)
{
    uint64_t enabled = 1;
    bool read = alert_rapl_setting_is_there(&z->twin_enabled) &&
                alert_setting_get(&z->twin_enabled, &enabled) == 0;
    return !read || enabled;
}

static uint64_t with_twin(const alert_rapl_zone *z, uint64_t limit_uw)
{
    return twin_is_enabled(z) ? with(&z->twin_short, with(&z->twin_limit, limit_uw)) : limit_uw;
}

/* What the package may draw under these limits of its zone: the lowest of all constraints. */
static uint64_t lowest_uw(const alert_rapl_zone *z, uint64_t long_uw, uint64_t short_uw)
{
    uint64_t limit_uw = lower(long_uw, short_uw);
    return with_twin(z, z->peak_uw ? lower(z->peak_uw, limit_uw) : limit_uw);
}

/* The same after the last write. */
static uint64_t in_force_uw(const alert_rapl_zone *z)
{
    const alert_setting *short_term = &z->part.setting[ALERT_RAPL_SHORT_TERM];
    bool there = alert_rapl_setting_is_there(short_term);
    return lowest_uw(z, held_uw(z), there ? alert_setting_held(short_term) : UINT64_MAX);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* How long a new cap takes to act: the averaging window that holds the cap. */
static double settle_s(const alert_rapl_zone *z)
{
    bool follows =
        z->short_follows && alert_rapl_setting_is_there(&z->part.setting[ALERT_RAPL_SHORT_TERM]);
    const alert_setting *window =
        follows ? &z->short_window : &z->part.setting[ALERT_RAPL_LONG_WINDOW];
    return alert_rapl_setting_is_there(window) ? (double)alert_setting_held(window) * MICRO : 0.0;
}

/* Readies the zone for caps that act at once. A failure shows in the time to settle. */
static void prepare(alert_rapl_zone *z)
{
    alert_setting *window = setting_of(z, ALERT_RAPL_LONG_WINDOW);
    uint64_t window_us = (uint64_t)llround(z->window_s / MICRO);
    z->part.prepared = true;
    if (z->window_s > 0.0 && alert_rapl_setting_is_there(window) &&
        alert_setting_held(window) > window_us) {
        int rc = window->writable ? alert_setting_put(window, window_us) : -EACCES;
        z->short_follows = rc != 0 || alert_setting_held(window) > WINDOW_FACTOR * window_us;
    }
    z->part.settle_s = settle_s(z);
}

/* Only once the limit holds the cap: the limit of a disabled zone may be anything. */
static void enable(alert_rapl_zone *z)
{
    alert_setting *s = setting_of(z, ALERT_RAPL_IS_ENABLED);
    if (alert_rapl_setting_is_there(s) && alert_setting_held(s) == 0 && s->writable)
        (void)alert_setting_put(s, 1); /* check_taken sees whether it did */
}

/* A cap that was written is not always in force. A limit that has never moved and may not even be lowered is locked.
 * One that has moved, or that was asked to rise, stands at the end of its range. */
static int check_taken(const alert_rapl_zone *z, uint64_t asked_uw, uint64_t before_uw,
                       alert_power_error *notice, alert_power_error *error)
{
    const alert_setting *enabled = &z->part.setting[ALERT_RAPL_IS_ENABLED];
    uint64_t force_uw = in_force_uw(z);
    bool twin_lower = with_twin(z, held_uw(z)) == force_uw;
    bool disabled = alert_rapl_setting_is_there(enabled) && alert_setting_held(enabled) == 0;
    bool off = distance(held_uw(z), asked_uw) > ROUNDING_UW;
    bool locked = off && !z->moves && asked_uw < before_uw;
    if (!disabled && distance(force_uw, asked_uw) <= ROUNDING_UW)
        return 0;
    const char *cause = disabled     ? "the zone is disabled (enabled = 0) and cannot be enabled"
                        : locked     ? "the limit keeps its value, the firmware may have locked it"
                        : off        ? "the hardware rounded or clamped it"
                        : twin_lower ? "the limit under intel-rapl-mmio is lower"
                                     : "another constraint of this zone is lower";
    alert_power_error *report = disabled || locked ? error : notice;
    (void)alert_rapl_setting_fail(&z->part, &z->part.setting[ALERT_RAPL_LONG_TERM], -ENODATA,
                                  report);
    if (!locked)
        report->remedy[0] = '\0';
    (void)snprintf(report->why, sizeof report->why, "a cap of %g W did not take, %g W %s: %s",
                   (double)asked_uw * MICRO, (double)force_uw * MICRO,
                   disabled ? "is written there" : "is in force", cause);
    return disabled || locked ? -ENODATA : 0;
}

/* short_term never lies below long_term, and is back where it was found as soon as the cap allows. It is raised for
 * caps above the limits found only, which cap_range alone allows. */
static int put_short_term(alert_rapl_zone *z, uint64_t cap_uw, alert_power_error *error)
{
    alert_setting *s = setting_of(z, ALERT_RAPL_SHORT_TERM);
    if (!alert_rapl_setting_is_there(s) || !s->writable)
        return 0;
    uint64_t found_uw = alert_setting_entry(s)->found;
    uint64_t target_uw = z->short_follows || found_uw < cap_uw ? cap_uw : found_uw;
    uint64_t slack_uw = target_uw == found_uw ? 0 : ROUNDING_UW;
    if (distance(alert_setting_held(s), target_uw) <= slack_uw)
        return 0;
    int rc = alert_setting_put(s, target_uw);
    return rc ? alert_rapl_setting_fail(&z->part, s, rc, error) : 0;
}

int alert_rapl_zone_set(alert_part *part, double cap_w, alert_power_error *notice,
                        alert_power_error *error)
{
    alert_rapl_zone *z = (alert_rapl_zone *)part;
    if (!part->prepared)
        prepare(z);
    alert_setting *limit = setting_of(z, ALERT_RAPL_LONG_TERM);
    uint64_t cap_uw = (uint64_t)llround(cap_w / MICRO), before_uw = held_uw(z);
    const alert_setting *short_term = setting_of(z, ALERT_RAPL_SHORT_TERM);
    bool first = alert_rapl_setting_is_there(short_term) && alert_setting_held(short_term) < cap_uw;
    int rc = first ? put_short_term(z, cap_uw, error) : 0;
    if (rc)
        return rc;
    rc = alert_setting_put(limit, cap_uw);
    if (rc)
        return alert_rapl_setting_fail(part, limit, rc, error);
    enable(z);
    z->moves = z->moves || held_uw(z) != before_uw;
    rc = check_taken(z, cap_uw, before_uw, notice, error);
    if (rc)
        return rc;
    return first ? 0 : put_short_term(z, cap_uw, error);
}

int alert_rapl_zone_get(const alert_part *part, double *limit_w, alert_power_error *error)
{
    const alert_rapl_zone *z = (const alert_rapl_zone *)part;
    const alert_setting *limit = &part->setting[ALERT_RAPL_LONG_TERM];
    const alert_setting *short_term = &part->setting[ALERT_RAPL_SHORT_TERM];
    uint64_t limit_uw;
    if (!alert_rapl_setting_is_there(limit))
        return alert_power_hand_on(error, &part->cap_missing);
    int rc = alert_setting_get(limit, &limit_uw);
    if (rc)
        return alert_rapl_setting_fail(part, limit, rc, error);
    *limit_w = (double)lowest_uw(z, limit_uw, with(short_term, UINT64_MAX)) * MICRO;
    return 0;
}

double alert_rapl_zone_in_force_w(const alert_rapl_zone *z)
{
    return (double)in_force_uw(z) * MICRO;
}

void alert_rapl_zone_doubt_range(alert_rapl_zone *z)
{
    char why[ALERT_POWER_TEXT], hint[64] = "";
    bool hinted = z->max_power_w > 0.0;
    bool plausible =
        z->found_w < UNLIMITED_W && (!hinted || z->found_w <= UNLIMITED_FACTOR * z->max_power_w);
    if (plausible)
        return;
    if (hinted)
        (void)snprintf(hint, sizeof hint, "; the processor states %g W", z->max_power_w);
    (void)snprintf(why, sizeof why,
                   "a limit of %g W limits nothing: the range of caps is unknown%s", z->found_w,
                   hint);
    (void)alert_power_fail(&z->part.range_missing, ERANGE,
                           z->part.setting[ALERT_RAPL_LONG_TERM].own.path, why, REMEDY_RANGE);
}
