/* open.c - opening a device of any kind, by names and values. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/backends.h"
#include "power/options.h"
#include "power/power.h"

#define FIELD(name) offsetof(alert_give_back_options, name)
#define ROWS        (sizeof ALERT_GIVE_BACK / sizeof *ALERT_GIVE_BACK)

const alert_power_option_row ALERT_GIVE_BACK[] = {
    {"observe", ALERT_OPTION_FLAG, "0 or 1", 0.0, 0.0, 1.0, FIELD(observe)},
    {"guard", ALERT_OPTION_FLAG, "0 or 1", 1.0, 0.0, 1.0, FIELD(guard)},
    {"directory", ALERT_OPTION_TEXT, "a path", (double)NAN, 0.0, 0.0, FIELD(directory)},
    {"watchdog", ALERT_OPTION_TEXT, "a path", (double)NAN, 0.0, 0.0, FIELD(watchdog)},
};

static bool takes(const alert_power_kind *kind, const char *option)
{
    return alert_options_find(kind->option, kind->options, option) ||
           (kind->gives_back && alert_options_find(ALERT_GIVE_BACK, ROWS, option));
}

/* Appends to a text of ALERT_POWER_TEXT bytes, which is cut short where it does not fit. */
static void append(char *text, const char *before, const char *name)
{
    size_t length = strlen(text);
    (void)snprintf(text + length, ALERT_POWER_TEXT - length, "%s'%s'", before, name);
}

static int refuse_kind(const char *kind, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT] = "expected one of ";
    const alert_power_kind *k;
    for (size_t i = 0; (k = alert_power_kind_at(i)); i++)
        append(why, i ? ", " : "", k->name);
    append(why, ", got ", kind);
    return alert_power_refuse(error, EINVAL, "kind", why);
}

static int refuse_option(const char *name, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT] = "only taken by kind ";
    const alert_power_kind *k;
    size_t kinds = 0;
    for (size_t i = 0; (k = alert_power_kind_at(i)); i++)
        if (takes(k, name))
            append(why, kinds++ ? " or " : "", k->name);
    return alert_power_refuse(error, EINVAL, name, kinds ? why : "no kind takes such an option");
}

static int check_names(const alert_power_kind *kind, const alert_power_option *given, size_t count,
                       alert_power_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!takes(kind, given[i].name))
            return refuse_option(given[i].name, error);
    return 0;
}

int alert_power_open(alert_power **out, const char *kind, const alert_power_option *given,
                     size_t count, alert_power_error *error)
{
    const alert_backend *b = alert_backend_find(kind);
    if (!b)
        return refuse_kind(kind, error);
    alert_give_back_options give_back;
    void *options = calloc(1, b->size);
    int rc = options ? check_names(b->kind, given, count, error)
                     : alert_power_fail(error, ENOMEM, kind, "out of memory", "");
    if (!rc)
        rc = alert_options_read(ALERT_GIVE_BACK, ROWS, given, count, &give_back, error);
    if (!rc)
        rc = alert_options_read(b->kind->option, b->kind->options, given, count, options, error);
    if (!rc && b->kind->gives_back && give_back.guard && !give_back.observe && give_back.directory)
        (void)!alert_power_restore(give_back.directory, NULL, NULL, NULL);
    if (!rc)
        rc = b->open(out, options, &give_back, error);
    free(options);
    return rc;
}
