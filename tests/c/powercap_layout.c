/* Compiled twice: against libpowercap's own header (-DREAL), and against the private declarations. Both must
 * print the same, and with REAL the library's functions must fit the table's types. */
#include <stddef.h>
#include <stdio.h>

#ifdef REAL
#include <powercap/powercap.h>
#endif

#include "power/rapl/powercap_dl.h"

#define PLACE(type, field)                                                                         \
    printf(#type "." #field " %zu %zu\n", offsetof(type, field), sizeof(((type *)0)->field))
#define VALUE(name) printf(#name " %d\n", (int)name)

#ifdef REAL
static const alert_powercap REAL_TABLE = {
    .zone_file_get_name = powercap_zone_file_get_name,
    .constraint_file_get_name = powercap_constraint_file_get_name,
    .zone_get_max_energy_range_uj = powercap_zone_get_max_energy_range_uj,
    .zone_get_energy_uj = powercap_zone_get_energy_uj,
    .zone_set_enabled = powercap_zone_set_enabled,
    .zone_get_enabled = powercap_zone_get_enabled,
    .zone_get_name = powercap_zone_get_name,
    .constraint_set_power_limit_uw = powercap_constraint_set_power_limit_uw,
    .constraint_get_power_limit_uw = powercap_constraint_get_power_limit_uw,
    .constraint_set_time_window_us = powercap_constraint_set_time_window_us,
    .constraint_get_time_window_us = powercap_constraint_get_time_window_us,
    .constraint_get_min_power_uw = powercap_constraint_get_min_power_uw,
    .constraint_get_max_power_uw = powercap_constraint_get_max_power_uw,
    .constraint_get_name = powercap_constraint_get_name,
};
#endif

int main(void)
{
#ifdef REAL
    if (!REAL_TABLE.zone_get_name)
        return 1;
#endif
    printf("%zu %zu\n", sizeof(powercap_zone), sizeof(powercap_constraint));
    PLACE(powercap_zone, max_energy_range_uj);
    PLACE(powercap_zone, energy_uj);
    PLACE(powercap_zone, max_power_range_uw);
    PLACE(powercap_zone, power_uw);
    PLACE(powercap_zone, enabled);
    PLACE(powercap_zone, name);
    PLACE(powercap_constraint, power_limit_uw);
    PLACE(powercap_constraint, time_window_us);
    PLACE(powercap_constraint, max_power_uw);
    PLACE(powercap_constraint, min_power_uw);
    PLACE(powercap_constraint, max_time_window_us);
    PLACE(powercap_constraint, min_time_window_us);
    PLACE(powercap_constraint, name);
    VALUE(POWERCAP_ZONE_FILE_MAX_ENERGY_RANGE_UJ);
    VALUE(POWERCAP_ZONE_FILE_ENERGY_UJ);
    VALUE(POWERCAP_ZONE_FILE_MAX_POWER_RANGE_UW);
    VALUE(POWERCAP_ZONE_FILE_POWER_UW);
    VALUE(POWERCAP_ZONE_FILE_ENABLED);
    VALUE(POWERCAP_ZONE_FILE_NAME);
    VALUE(POWERCAP_CONSTRAINT_FILE_POWER_LIMIT_UW);
    VALUE(POWERCAP_CONSTRAINT_FILE_TIME_WINDOW_US);
    VALUE(POWERCAP_CONSTRAINT_FILE_MAX_POWER_UW);
    VALUE(POWERCAP_CONSTRAINT_FILE_MIN_POWER_UW);
    VALUE(POWERCAP_CONSTRAINT_FILE_MAX_TIME_WINDOW_US);
    VALUE(POWERCAP_CONSTRAINT_FILE_MIN_TIME_WINDOW_US);
    VALUE(POWERCAP_CONSTRAINT_FILE_NAME);
    return 0;
}
