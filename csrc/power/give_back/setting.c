#include "power/give_back/setting.h"

#include <errno.h>
#include <unistd.h>

/* How often a value that does not take is given back, a millisecond apart. */
#define TRIES 5

const alert_journal_entry *alert_setting_entry(const alert_setting *s)
{
    return s->noting ? s->noting : &s->own;
}

static alert_journal_entry *notes(alert_setting *s)
{
    return s->noting ? s->noting : &s->own;
}

uint64_t alert_setting_held(const alert_setting *s)
{
    return atomic_load(&alert_setting_entry(s)->held);
}

int alert_setting_get(const alert_setting *s, uint64_t *value)
{
    return s->access->read(s, value);
}

int alert_setting_find(alert_setting *s)
{
    uint64_t now;
    int rc = alert_setting_get(s, &now);
    if (rc)
        return rc;
    notes(s)->found = now;
    atomic_store(&notes(s)->held, now);
    return 0;
}

void alert_setting_note_in(alert_setting *s, alert_journal_entry *entry)
{
    *entry = *alert_setting_entry(s);
    s->noting = entry;
}

int alert_setting_put(alert_setting *s, uint64_t value)
{
    alert_journal_entry *e = notes(s);
    uint32_t unread = atomic_load(&e->writing);
    uint64_t now;
    atomic_store(&e->writing, 1);
    int rc = s->access->write(s, value);
    if (rc == 0) {
        rc = alert_setting_get(s, &now);
        unread = rc != 0;
        if (rc == 0)
            atomic_store(&e->held, now);
    }
    atomic_store(&e->writing, unread);
    return rc;
}

int alert_setting_uncover(alert_setting *s, uint64_t highest)
{
    uint64_t shown = alert_setting_entry(s)->found;
    if (shown >= highest)
        return 0;
    int rc = alert_setting_put(s, highest);
    if (rc == 0 && alert_setting_held(s) == shown)
        notes(s)->found = highest;
    return rc;
}

static bool is_changed(const alert_setting *s)
{
    const alert_journal_entry *e = alert_setting_entry(s);
    return atomic_load(&e->writing) != 0 || atomic_load(&e->held) != e->found;
}

/* A write of the value found that succeeded, and that a lower limit of somebody else's hides, has given it back. */
static bool is_back(const alert_setting *s)
{
    uint64_t held = alert_setting_held(s), found = alert_setting_entry(s)->found;
    return held == found || (s->access->shows_lowest && held < found);
}

/* The value found was written where `now` was lower than ours. Where that has changed it, it was no limit beside ours
 * but somebody's later change. */
static int leave_lower(alert_setting *s, uint64_t now)
{
    if (alert_setting_held(s) == now)
        return 1;
    return alert_setting_put(s, now);
}

static int give_back_once(alert_setting *s)
{
    const alert_journal_entry *e = alert_setting_entry(s);
    uint64_t now;
    int rc = alert_setting_get(s, &now);
    if (rc)
        return rc;
    uint64_t held = atomic_load(&e->held);
    bool ours = atomic_load(&e->writing) != 0 || now == held;
    bool hidden = !ours && s->access->shows_lowest && now < held;
    if ((!ours && !hidden) || now == e->found)
        return 0;
    rc = alert_setting_put(s, e->found);
    if (rc)
        return rc;
    return hidden ? leave_lower(s, now) : is_back(s) ? 1 : -ENODATA;
}

int alert_setting_give_back(alert_setting *s)
{
    if (!is_changed(s))
        return 0;
    int rc = give_back_once(s);
    for (int i = 1; i < TRIES && rc < 0 && rc != -ENODEV; i++) {
        (void)usleep(1000); /* EBUSY and the like may pass */
        rc = give_back_once(s);
    }
    return rc;
}
