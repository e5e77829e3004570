/* describe.c - what is known about a zone. */
#include <math.h>

#include "power/rapl/zone.h"

#define MICRO 1e-6

static double in_units(const alert_setting *s)
{
    uint64_t value;
    bool read = alert_rapl_setting_is_there(s) && alert_setting_get(s, &value) == 0;
    return read ? (double)value * MICRO : (double)NAN;
}

static double is_enabled(const alert_setting *s)
{
    uint64_t value;
    bool read = alert_rapl_setting_is_there(s) && alert_setting_get(s, &value) == 0;
    return read ? (double)value : (double)NAN;
}

size_t alert_rapl_zone_describe(const alert_part *part, alert_power_fact *out)
{
    const alert_rapl_zone *z = (const alert_rapl_zone *)part;
    const struct {
        const char *name;
        const alert_setting *setting;
    } in_force[] = {
        {"limit", &part->setting[ALERT_RAPL_LONG_TERM]},
        {"window", &part->setting[ALERT_RAPL_LONG_WINDOW]},
        {"short_term", &part->setting[ALERT_RAPL_SHORT_TERM]},
        {"twin_limit", &z->twin_limit},
    };
    double hint_w = z->max_power_w > 0.0 ? z->max_power_w : (double)NAN;
    alert_power_fact *f = alert_fact_text(out, "name", z->name);
    f = alert_fact_text(f, "path", z->path);
    f = alert_fact_number(f, "mirrors", ALERT_FACT_FLAG, z->mirrors);
    f = alert_fact_number(f, "enabled", ALERT_FACT_FLAG,
                          is_enabled(&part->setting[ALERT_RAPL_IS_ENABLED]));
    for (size_t i = 0; i < sizeof in_force / sizeof *in_force; i++)
        f = alert_fact_number(f, in_force[i].name, ALERT_FACT_NUMBER,
                              in_units(in_force[i].setting));
    f = alert_fact_number(f, "max_power", ALERT_FACT_NUMBER, hint_w);
    return (size_t)(f - out);
}
