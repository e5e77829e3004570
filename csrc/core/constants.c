#include "core/constants.h"

#include "core/ranges.h"

/* What the words of a row stand for. */
#define OF(method) (1u << ALERT_##method)
#define EVERY      (~0u)

#define USUAL(name, methods, usual, range, provenance, meaning) .name = usual,
#define ROW(name, methods, usual, range, provenance, meaning)                                      \
    {#name, offsetof(alert_constants, name), methods, usual, &ALERT_##range, provenance, meaning},

const alert_constants ALERT_USUAL_CONSTANTS = {ALERT_CONSTANTS(USUAL)};

static const alert_constant TABLE[] = {ALERT_CONSTANTS(ROW)};

enum { ROWS = sizeof TABLE / sizeof TABLE[0] };

const alert_constant *alert_constants_table(size_t *count)
{
    *count = ROWS;
    return TABLE;
}

alert_constants alert_constants_default(void)
{
    return ALERT_USUAL_CONSTANTS;
}

int alert_constants_check(const alert_constants *constants, alert_argument_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < ROWS && !rc; i++) {
        const char *at = (const char *)constants + TABLE[i].offset;
        rc = alert_check(error, TABLE[i].name, *(const double *)at, TABLE[i].range);
    }
    return rc;
}
