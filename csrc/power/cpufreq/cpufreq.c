/* cpufreq.c - the cores of a machine as one device, by the highest frequency of every policy. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/cpufreq/policy.h"
#include "power/options.h"

#define DEFAULT_ROOT "/sys/devices/system/cpu/cpufreq"
#define KHZ          1e6 /* kilohertz in a GHz */
#define NO_POLICY                                                                                  \
    "virtual machines and most containers have no frequencies to set; on the machine itself see "  \
    "`cpupower frequency-info`"

typedef struct cpufreq_options {
    const char *root;            /* of the policies */
    double settle_s;             /* from a change of the cap until it acts */
    alert_numbers cap_range_ghz; /* none: that of the hardware */
} cpufreq_options;

static alert_cpufreq_policy *policy_at(const alert_parts *d, size_t index)
{
    return (alert_cpufreq_policy *)alert_part_at(d, index);
}

/* -------------------------------------------------------------------------------------------- finding */

/* The N of "policyN"; negative for other names. */
static int number_of(const char *name)
{
    int number, end = 0;
    return sscanf(name, "policy%d%n", &number, &end) == 1 && name[end] == '\0' ? number : -1;
}

/* A policy whose cores are all offline is left out: the kernel lets nobody read or set it. */
static int add_policy(alert_parts *d, const char *directory, int number, alert_power_error *error)
{
    if (alert_parts_reserve(d, d->parts + 1) != 0)
        return alert_power_fail(error, ENOMEM, directory, "out of memory", "");
    int rc = alert_cpufreq_policy_open(policy_at(d, d->parts), directory, number);
    d->parts += rc == 0;
    bool offline = rc == -EBUSY || rc == -EIO || rc == -ENOENT;
    return rc == 0 || offline ? 0 : alert_power_fail(error, -rc, directory, strerror(-rc), "");
}

static int by_number(const void *a, const void *b)
{
    return ((const alert_cpufreq_policy *)a)->number - ((const alert_cpufreq_policy *)b)->number;
}

static int find_policies(alert_parts *d, const char *root, alert_power_error *error)
{
    char path[sizeof policy_at(d, 0)->path];
    int rc = 0;
    DIR *directory = opendir(root);
    if (!directory)
        return alert_power_fail(error, errno, root, strerror(errno), NO_POLICY);
    for (struct dirent *e = readdir(directory); e && rc == 0; e = readdir(directory)) {
        if (number_of(e->d_name) < 0)
            continue;
        int size = snprintf(path, sizeof path, "%s/%s", root, e->d_name);
        rc = size < (int)sizeof path
                 ? add_policy(d, path, number_of(e->d_name), error)
                 : alert_power_fail(error, ENAMETOOLONG, root, strerror(ENAMETOOLONG), "");
    }
    (void)closedir(directory);
    if (rc)
        return rc;
    if (d->parts == 0)
        return alert_power_fail(error, ENOENT, root, "no frequency policy in it", NO_POLICY);
    qsort(d->part, d->parts, sizeof(alert_cpufreq_policy), by_number);
    return 0;
}

/* -------------------------------------------------------------------------------------------- opening */

static int check_cap_range(const alert_parts *d, alert_numbers range, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    double most_ghz = 0.0, least_ghz = (double)INFINITY;
    for (size_t i = 0; i < d->parts; i++) {
        least_ghz = fmin(least_ghz, (double)policy_at(d, i)->least_khz / KHZ);
        most_ghz = fmax(most_ghz, (double)policy_at(d, i)->most_khz / KHZ);
    }
    const double *ghz = range.value;
    if (range.count == 0 || (ghz[0] >= least_ghz && ghz[1] > ghz[0] && ghz[1] <= most_ghz))
        return 0; /* not for NaN */
    (void)snprintf(why, sizeof why,
                   "expected two numbers of GHz, %g <= low < high <= %g, got %g and %g", least_ghz,
                   most_ghz, ghz[0], ghz[1]);
    return alert_power_refuse(error, EINVAL, "cap_range", why);
}

/* From the lowest frequency of any policy to the highest, whatever was found: that may be a limit of the kernel's, which
 * passes. Only a range given lets a cap exceed a setting found. */
static void learn_range(alert_parts *d, const cpufreq_options *o)
{
    bool given = o->cap_range_ghz.count > 0;
    double low_ghz = (double)INFINITY, high_ghz = 0.0;
    for (size_t i = 0; i < d->parts; i++) {
        alert_cpufreq_policy *p = policy_at(d, i);
        p->may_exceed = given;
        p->part.settle_s = o->settle_s;
        low_ghz = fmin(low_ghz, (double)p->least_khz / KHZ);
        high_ghz = fmax(high_ghz, (double)p->most_khz / KHZ);
    }
    for (size_t i = 0; i < d->parts; i++)
        policy_at(d, i)->asked_ghz = high_ghz;
    d->cap_min = given ? o->cap_range_ghz.value[0] : low_ghz;
    d->cap_max = given ? o->cap_range_ghz.value[1] : high_ghz;
}

static void free_device(alert_parts *d, bool owner)
{
    (void)owner;
    free(d);
}

#define FIELD(name) offsetof(cpufreq_options, name)
static const alert_power_option_row OPTION[] = {
    {"root", ALERT_OPTION_TEXT, "a path", (double)NAN, 0.0, 0.0, FIELD(root)},
    {"settle", ALERT_OPTION_NUMBER, "a number of seconds from 0 to 1000", ALERT_CPUFREQ_SETTLE_S,
     0.0, 1000.0, FIELD(settle_s)},
    {"cap_range", ALERT_OPTION_RANGE, "two numbers of GHz", (double)NAN, 2.0, 2.0,
     FIELD(cap_range_ghz)},
};

static const alert_power_kind KIND = {.name = "cpufreq",
                                      .unit = "GHz",
                                      .parts = "policies",
                                      .gives_back = true,
                                      .option = OPTION,
                                      .options = sizeof OPTION / sizeof *OPTION};

static const alert_part_ops POLICIES = {
    .kind = &KIND,
    .size = sizeof(alert_cpufreq_policy),
    .alike = true,
    .own = alert_cpufreq_policy_own,
    .set = alert_cpufreq_policy_set,
    .get = alert_cpufreq_policy_get,
    .energy = alert_cpufreq_policy_energy,
    .fail = alert_cpufreq_policy_fail,
    .describe = alert_cpufreq_policy_describe,
    .close = alert_cpufreq_policy_close,
    .free = free_device,
};

static int open_cpufreq(alert_power **out, const void *options,
                        const alert_give_back_options *give_back, alert_power_error *error)
{
    const cpufreq_options *o = options;
    alert_parts *d = calloc(1, sizeof *d);
    if (!d)
        return alert_power_fail(error, ENOMEM, "cpufreq", "out of memory", "");
    alert_parts_begin(d, &POLICIES, give_back);
    d->switch_cost_s = (double)NAN; /* measured */
    int rc = find_policies(d, o->root ? o->root : DEFAULT_ROOT, error);
    if (!rc)
        rc = check_cap_range(d, o->cap_range_ghz, error);
    if (!rc)
        rc = alert_parts_learn(d, error);
    if (!rc)
        learn_range(d, o);
    return alert_parts_end(out, d, rc, error);
}

const alert_backend ALERT_CPUFREQ = {
    .kind = &KIND,
    .size = sizeof(cpufreq_options),
    .open = open_cpufreq,
    .give_back = alert_cpufreq_give_back,
};
