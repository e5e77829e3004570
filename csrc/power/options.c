#include "power/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "power/power.h"

const alert_power_option_row *alert_options_find(const alert_power_option_row *row, size_t rows,
                                                 const char *name)
{
    for (size_t i = 0; i < rows; i++)
        if (strcmp(row[i].name, name) == 0)
            return &row[i];
    return NULL;
}

static int refuse(const alert_power_option_row *row, const char *got, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    (void)snprintf(why, sizeof why, "expected %s, got %s", row->expected, got);
    return alert_power_refuse(error, EINVAL, row->name, why);
}

static int check_number(const alert_power_option_row *row, double value, alert_power_error *error)
{
    char got[32];
    if (value >= row->low && value <= row->high) /* false for NaN */
        return 0;
    (void)snprintf(got, sizeof got, "%.12g", value);
    return refuse(row, got, error);
}

int alert_options_check(const alert_power_option_row *row, size_t rows, const void *options,
                        alert_power_error *error)
{
    for (size_t i = 0; i < rows; i++) {
        const void *field = (const char *)options + row[i].offset;
        int rc = row[i].type == ALERT_OPTION_NUMBER
                     ? check_number(&row[i], *(const double *)field, error)
                     : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int read_numbers(const alert_power_option_row *row, const alert_power_option *given,
                        alert_numbers *out, alert_power_error *error)
{
    char got[40];
    bool fits = given->count >= (size_t)row->low && given->count <= (size_t)row->high;
    *out = (alert_numbers){.value = given->number, .count = given->count};
    (void)snprintf(got, sizeof got, "%zu", given->count);
    return fits ? 0 : refuse(row, got, error);
}

static int read_given(const alert_power_option_row *row, const alert_power_option *given,
                      void *field, alert_power_error *error)
{
    if (row->type == ALERT_OPTION_TEXT) {
        *(const char **)field = given->text;
        return given->text ? 0 : refuse(row, "none", error);
    }
    if (row->type == ALERT_OPTION_RANGE || row->type == ALERT_OPTION_INDICES)
        return read_numbers(row, given, field, error);
    if (given->count != 1)
        return refuse(row, "none", error);
    double value = given->number[0];
    if (row->type == ALERT_OPTION_FLAG) {
        *(bool *)field = value != 0.0;
        return 0;
    }
    int rc = check_number(row, value, error);
    if (!rc && row->type == ALERT_OPTION_WHOLE)
        *(int *)field = (int)value;
    else if (!rc)
        *(double *)field = value;
    return rc;
}

static void use_usual(const alert_power_option_row *row, void *field)
{
    switch (row->type) {
    case ALERT_OPTION_FLAG:
        *(bool *)field = row->usual != 0.0;
        break;
    case ALERT_OPTION_NUMBER:
        *(double *)field = row->usual;
        break;
    case ALERT_OPTION_WHOLE:
        *(int *)field = (int)row->usual;
        break;
    case ALERT_OPTION_RANGE:
    case ALERT_OPTION_INDICES:
        *(alert_numbers *)field = (alert_numbers){0};
        break;
    case ALERT_OPTION_TEXT:
        *(const char **)field = NULL;
        break;
    }
}

int alert_options_read(const alert_power_option_row *row, size_t rows,
                       const alert_power_option *given, size_t count, void *out,
                       alert_power_error *error)
{
    for (size_t i = 0; i < rows; i++)
        use_usual(&row[i], (char *)out + row[i].offset);
    for (size_t i = 0; i < count; i++) {
        const alert_power_option_row *r = alert_options_find(row, rows, given[i].name);
        int rc = r ? read_given(r, &given[i], (char *)out + r->offset, error) : 0;
        if (rc)
            return rc;
    }
    return 0;
}
