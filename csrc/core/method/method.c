#include "core/method/method.h"

extern const alert_method_functions ALERT_PAPER_FUNCTIONS, ALERT_CALIBRATED_FUNCTIONS;

/* By alert_method. */
static const alert_method_functions *const METHODS[] = {
    [ALERT_PAPER] = &ALERT_PAPER_FUNCTIONS,
    [ALERT_CALIBRATED] = &ALERT_CALIBRATED_FUNCTIONS,
};

const alert_method_functions *alert_method_of(alert_method method)
{
    size_t count = sizeof METHODS / sizeof METHODS[0];
    return (size_t)method < count ? METHODS[(size_t)method] : NULL;
}

const char *alert_method_name(alert_method method)
{
    const alert_method_functions *functions = alert_method_of(method);
    return functions ? functions->name : NULL;
}
