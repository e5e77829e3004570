/*
 * policy.h - internal: one frequency policy: cores that share a clock, and its highest frequency.
 *
 * Kilohertz end here: the functions below speak GHz.
 */
#ifndef ALERT_CPUFREQ_POLICY_H
#define ALERT_CPUFREQ_POLICY_H

#include "power/parts.h"

/* Until a core has reached a new frequency: less than a millisecond where the hardware sets it, some milliseconds where
 * the kernel does. [ours] */
#define ALERT_CPUFREQ_SETTLE_S 0.01

typedef struct alert_cpufreq_policy {
    alert_part part; /* see parts.h; its one setting is scaling_max_freq */
    int number;      /* of "policy3" */
    char path[512];
    uint64_t least_khz, most_khz; /* of the hardware */
    bool may_exceed;              /* a cap may exceed the setting found */
    double asked_ghz;             /* by the last cap; it may lie outside the policy's own range */
    bool moves;                   /* a cap has changed the setting: the driver heeds it */
} alert_cpufreq_policy;

/* Opens the policy in `directory`. A failure where it has no frequencies, as while all its cores are offline. */
int alert_cpufreq_policy_open(alert_cpufreq_policy *p, const char *directory,
                              int number) ALERT_MUST_CHECK;

/* The functions of a part, see parts.h. The lock is on scaling_max_freq. */
int alert_cpufreq_policy_own(alert_part *part, const char *directory, alert_power_error *error);
/* Keeps to the policy's own range, and to the setting found unless a cap may exceed it. */
int alert_cpufreq_policy_set(alert_part *part, double cap_ghz, alert_power_error *notice,
                             alert_power_error *error);
/* The setting in force; the cap where that lies beyond the policy's own range, and the policy is at the end of it. */
int alert_cpufreq_policy_get(const alert_part *part, double *cap_ghz, alert_power_error *error);
/* Never called: a policy counts no energy, see `read_missing`. */
int alert_cpufreq_policy_energy(alert_part *part, double *energy_j, alert_power_error *notice,
                                alert_power_error *error);
int alert_cpufreq_policy_fail(const alert_part *part, const alert_setting *s, int rc,
                              alert_power_error *error);
size_t alert_cpufreq_policy_describe(const alert_part *part, alert_power_fact *out);
void alert_cpufreq_policy_close(alert_part *part);

/* Gives back the value of an entry in a process that has not opened the policy. Passes over an entry that names another
 * file than a cap changes. */
int alert_cpufreq_give_back(alert_journal_entry *entry);

#endif
