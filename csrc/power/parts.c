#include "power/parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "power/give_back/lock.h"

/* Weight of one change of the cap in the average of what a change costs. [ours] */
#define COST_WEIGHT 0.25

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

alert_part *alert_part_at(const alert_parts *d, size_t index)
{
    return (alert_part *)((char *)d->part + index * d->ops->size);
}

/* -------------------------------------------------------------------------------------------- missing */

static const alert_power_error *missing(const alert_part *p, bool caps)
{
    bool concerned = caps ? p->caps : p->counts;
    const alert_power_error *lack = caps ? &p->cap_missing : &p->read_missing;
    return concerned && lack->code ? lack : NULL;
}

/* The first thing missing for caps, or for energy; NULL where nothing is. */
static const alert_power_error *first_missing(const alert_parts *d, bool caps)
{
    const alert_power_error *lack = NULL;
    for (size_t i = 0; i < d->parts && !lack; i++)
        lack = missing(alert_part_at(d, i), caps);
    return lack;
}

/* -------------------------------------------------------------------------------------------- giving back */

static bool is_changeable(const alert_part *p, const alert_setting *s)
{
    return p->caps && s->writable && alert_setting_entry(s)->fd >= 0;
}

static size_t count_changeable(const alert_parts *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->parts; i++) {
        const alert_part *p = alert_part_at(d, i);
        for (size_t k = 0; k < p->settings; k++)
            count += is_changeable(p, &p->setting[k]);
    }
    return count;
}

/* Before the first write. Without a guard the cap is set all the same, and `notice` says so. */
static void start_guard(alert_parts *d, alert_power_error *notice)
{
    const char *program = d->watchdog[0] ? d->watchdog : NULL;
    if (alert_watchdog_prepare(&d->guard, program, d->directory, count_changeable(d), notice) != 0)
        return;
    alert_journal_entry *next = d->guard.journal->entry;
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        for (size_t k = 0; k < p->settings; k++)
            if (is_changeable(p, &p->setting[k]))
                alert_setting_note_in(&p->setting[k], next++);
    }
    alert_watchdog_start(&d->guard, notice);
}

static int give_back_failed(const alert_parts *d, const alert_part *p, const alert_setting *s,
                            int rc, alert_power_error *error)
{
    alert_power_error cause;
    char why[ALERT_POWER_TEXT];
    (void)d->ops->fail(p, s, rc, &cause);
    (void)snprintf(why, sizeof why, "%llu, as found there, could not be given back: %.200s",
                   (unsigned long long)alert_setting_entry(s)->found, cause.why);
    return alert_power_fail(error, -rc, cause.where, why,
                            s->noting ? "`alert restore` and the next start try again" : "");
}

/* A part that is gone needs nothing back. */
static int give_back(alert_parts *d, alert_power_error *error)
{
    int first = 0;
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        for (size_t k = 0; k < p->settings; k++) {
            alert_setting *s = &p->setting[k];
            int rc = is_changeable(p, s) ? alert_setting_give_back(s) : 0;
            if (rc < 0 && rc != -ENODEV && !first)
                first = give_back_failed(d, p, s, rc, error);
        }
    }
    return first;
}

/* After a release: what somebody has changed meanwhile is now what is found. Where limits of others may hide ours, that
 * cannot be told from a change, and what was found first counts. */
static void find_again(alert_parts *d)
{
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        for (size_t k = 0; k < p->settings; k++) {
            alert_setting *s = &p->setting[k];
            bool is_back = alert_setting_held(s) == alert_setting_entry(s)->found;
            if (is_changeable(p, s) && is_back && !s->access->shows_lowest)
                (void)!alert_setting_find(s); /* else what was found before counts */
        }
    }
}

/* -------------------------------------------------------------------------------------------- functions */

static bool is_range_known(const alert_parts *d)
{
    bool known = true;
    for (size_t i = 0; i < d->parts; i++)
        known = known && alert_part_at(d, i)->range_missing.code == 0;
    return known;
}

static void traits(const void *device, alert_power_traits *out)
{
    const alert_parts *d = device;
    *out = (alert_power_traits){.kind = d->ops->kind->name,
                                .parts = d->ops->kind->parts,
                                .unit = d->ops->kind->unit,
                                .can_cap = d->can_cap && !d->observe,
                                .can_read = d->can_read,
                                .switch_cost_s = d->switch_cost_s,
                                .tick_s = d->tick_s};
    for (size_t i = 0; i < d->parts; i++)
        out->settle_s = fmax(out->settle_s, alert_part_at(d, i)->settle_s);
    if (d->can_cap) {
        out->cap_min = d->cap_min;
        out->cap_max = is_range_known(d) ? d->cap_max : (double)INFINITY;
    }
}

static int set_shares(alert_parts *d, double cap, alert_power_error *notice,
                      alert_power_error *error)
{
    double shared = cap;
    for (size_t i = 0; i < d->parts; i++)
        shared -= alert_part_at(d, i)->base;
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        double share = p->base + p->weight * shared;
        int rc = p->caps ? d->ops->set(p, share, notice, error) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int set_cap(void *device, double cap, alert_power_error *notice, alert_power_error *error)
{
    alert_parts *d = device;
    if (!d->can_cap)
        return alert_power_hand_on(error, first_missing(d, true));
    if (d->observe)
        return alert_power_fail(error, EPERM, "power cap", "the device was opened to observe only",
                                "");
    if (d->guarded && !d->touched)
        start_guard(d, notice);
    else if (d->guard.journal)
        alert_watchdog_renew(&d->guard, notice);
    d->touched = true;
    if (d->released)
        find_again(d);
    d->released = false;
    double begun_s = now_s();
    int rc = set_shares(d, fmin(cap, d->cap_max), notice, error);
    if (!rc && d->measures_cost)
        d->switch_cost_s += COST_WEIGHT * (now_s() - begun_s - d->switch_cost_s);
    return rc;
}

static int release(void *device, alert_power_error *error)
{
    alert_parts *d = device;
    for (size_t i = 0; i < d->parts; i++)
        alert_part_at(d, i)->prepared = false;
    d->released = true;
    return d->touched ? give_back(d, error) : 0;
}

static int get_cap(void *device, double *cap, alert_power_error *error)
{
    const alert_parts *d = device;
    double sum = 0.0, share, shares = 0.0;
    for (size_t i = 0; i < d->parts; i++) {
        const alert_part *p = alert_part_at(d, i);
        if (!p->caps)
            continue;
        int rc = d->ops->get(p, &share, error);
        if (rc)
            return rc;
        sum += share;
        shares += 1.0;
    }
    *cap = d->ops->alike ? sum / shares : sum;
    return 0;
}

static int energy(void *device, double *energy_j, alert_power_error *notice,
                  alert_power_error *error)
{
    const alert_parts *d = device;
    double sum_j = 0.0, part_j;
    if (!d->can_read)
        return alert_power_hand_on(error, first_missing(d, false));
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        if (!p->counts)
            continue;
        int rc = d->ops->energy(p, &part_j, notice, error);
        if (rc)
            return rc;
        sum_j += part_j;
    }
    *energy_j = sum_j;
    return 0;
}

static int close_parts(void *device, bool owner, alert_power_error *error)
{
    alert_parts *d = device;
    int rc = owner ? give_back(d, error) : 0;
    alert_watchdog_end(&d->guard, owner, rc == 0);
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        if (owner && p->lock_fd >= 0)
            alert_lock_release(p->lock_fd);
        d->ops->close(p);
    }
    free(d->part);
    d->ops->free(d, owner);
    return rc;
}

/* -------------------------------------------------------------------------------------------- facts */

alert_power_fact *alert_fact_text(alert_power_fact *f, const char *name, const char *text)
{
    f->name = name;
    f->type = ALERT_FACT_TEXT;
    (void)snprintf(f->is.text, sizeof f->is.text, "%s", text);
    return f + 1;
}

alert_power_fact *alert_fact_number(alert_power_fact *f, const char *name,
                                    alert_power_fact_type type, double number)
{
    f->name = name;
    f->type = type;
    f->is.number[0] = number;
    return f + 1;
}

static alert_power_fact *missing_fact(alert_power_fact *f, const char *name,
                                      const alert_power_error *lack)
{
    f->name = name;
    f->type = ALERT_FACT_MISSING;
    f->is.missing = *lack;
    return f + 1;
}

static size_t describe(const void *device, size_t index, alert_power_fact out[ALERT_POWER_FACTS])
{
    const alert_parts *d = device;
    if (index >= d->parts)
        return 0;
    const alert_part *p = alert_part_at(d, index);
    alert_power_fact *f = out + d->ops->describe(p, out);
    f = alert_fact_number(f, "can_cap", ALERT_FACT_FLAG, p->cap_missing.code == 0);
    f = alert_fact_number(f, "can_read", ALERT_FACT_FLAG, p->read_missing.code == 0);
    f = missing_fact(f, "cap_missing", &p->cap_missing);
    f = missing_fact(f, "read_missing", &p->read_missing);
    f = missing_fact(f, "range_missing", &p->range_missing);
    return (size_t)(f - out);
}

/* -------------------------------------------------------------------------------------------- opening */

void alert_parts_begin(alert_parts *d, const alert_part_ops *ops, const alert_give_back_options *o)
{
    d->ops = ops;
    d->observe = o->observe;
    d->guarded = o->guard && o->directory;
    (void)snprintf(d->directory, sizeof d->directory, "%s", o->directory ? o->directory : "");
    (void)snprintf(d->watchdog, sizeof d->watchdog, "%s", o->watchdog ? o->watchdog : "");
}

int alert_parts_reserve(alert_parts *d, size_t parts)
{
    size_t size = d->ops->size;
    char *grown = realloc(d->part, parts * size);
    if (!grown)
        return -ENOMEM;
    memset(grown + d->parts * size, 0, (parts - d->parts) * size);
    d->part = grown;
    return 0;
}

int alert_parts_learn(alert_parts *d, alert_power_error *error)
{
    double begun_s = now_s();
    for (size_t i = 0; i < d->parts; i++) {
        alert_part *p = alert_part_at(d, i);
        int rc = p->caps && !d->observe ? d->ops->own(p, d->directory, error) : 0;
        if (rc)
            return rc;
    }
    const alert_power_error *no_caps = first_missing(d, true), *no_energy = first_missing(d, false);
    d->can_cap = !no_caps;
    d->can_read = !no_energy;
    d->measures_cost = isnan(d->switch_cost_s);
    if (d->measures_cost) /* `own` has tried a write */
        d->switch_cost_s = d->can_cap && !d->observe ? now_s() - begun_s : 0.0;
    if (d->can_cap || d->can_read || d->observe)
        return 0;
    /* Where there is nothing to cap by nature, the right to read is missing. */
    alert_power_error lack = no_caps->code == ENOENT ? *no_energy : *no_caps;
    char why[ALERT_POWER_TEXT];
    (void)snprintf(why, sizeof why, "neither caps nor energy: %.280s", lack.why);
    return alert_power_fail(error, lack.code, lack.where, why, lack.remedy);
}

static const alert_power_ops PARTS = {
    .traits = traits,
    .set_cap = set_cap,
    .release = release,
    .cap = get_cap,
    .energy = energy,
    .part = describe,
    .close = close_parts,
};

int alert_parts_end(alert_power **out, alert_parts *d, int rc, alert_power_error *error)
{
    const char *kind = d->ops->kind->name;
    if (rc) {
        (void)close_parts(d, true, NULL); /* the parts locked so far are free again */
        return rc;
    }
    const alert_power_error notice = d->notice;
    rc = alert_power_new(out, &PARTS, d);
    if (rc)
        return alert_power_fail(error, -rc, kind, "out of memory", "");
    alert_power_tell(*out, &notice);
    return 0;
}
