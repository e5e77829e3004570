/* constants.h - internal: the usual constants, and what a constant may be. The rows are in alert.h. */
#ifndef ALERT_CONSTANTS_H
#define ALERT_CONSTANTS_H

#include "alert.h"

/* What alert_constants_default() gives, for all schedulers to share. */
extern const alert_constants ALERT_USUAL_CONSTANTS;

int alert_constants_check(const alert_constants *constants, alert_argument_error *error);

#endif
