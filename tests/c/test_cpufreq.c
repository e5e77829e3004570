/* Frequencies as a C program caps them, in files of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alert_power.h"
#include "expect.h"

static char root[] = "/tmp/alert-cpufreq-XXXXXX";

static void write_file(int policy, const char *file, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/policy%d/%s", root, policy, file);
    FILE *f = fopen(path, "w");
    EXPECT(f && fputs(text, f) >= 0);
    if (f)
        (void)fclose(f);
}

static long limit_khz(int policy)
{
    char path[128];
    long khz = -1;
    (void)snprintf(path, sizeof path, "%s/policy%d/scaling_max_freq", root, policy);
    FILE *f = fopen(path, "r");
    EXPECT(f && fscanf(f, "%ld", &khz) == 1);
    if (f)
        (void)fclose(f);
    return khz;
}

static void make_policy(int policy, const char *most)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/policy%d", root, policy);
    EXPECT(mkdir(path, 0700) == 0);
    write_file(policy, "cpuinfo_min_freq", "800000\n");
    write_file(policy, "cpuinfo_max_freq", most);
    write_file(policy, "scaling_max_freq", most);
}

static alert_power *open_policies(void)
{
    alert_power *p = NULL;
    alert_power_error error = {0};
    const alert_power_option option = {"root", .text = root};
    EXPECT(alert_power_open(&p, "cpufreq", &option, 1, &error) == 0);
    return p;
}

static void test_every_policy_takes_the_cap_and_the_mean_is_in_force(void)
{
    double value = 0.0;
    alert_power_traits about;
    alert_power *p = open_policies();
    alert_power_about(p, &about);
    EXPECT(strcmp(about.unit, "GHz") == 0 && strcmp(about.parts, "policies") == 0);
    EXPECT(about.can_cap && !about.can_read && about.cap_min == 0.8 && about.cap_max == 4.0);
    EXPECT(alert_power_cap(p, &value, NULL) == 0 && value == 4.0);
    EXPECT(alert_power_set_cap(p, 3.0, NULL) == 0);
    EXPECT(limit_khz(0) == 3000000 && limit_khz(1) == 2000000); /* its own range ends there */
    EXPECT(alert_power_cap(p, &value, NULL) == 0 && value == 3.0);
    EXPECT(alert_power_set_cap(p, 1.0, NULL) == 0);
    EXPECT(limit_khz(0) == 1000000 && limit_khz(1) == 1000000);
    write_file(0, "scaling_max_freq", "2000000\n"); /* somebody else */
    EXPECT(alert_power_cap(p, &value, NULL) == 0 && value == 1.5);
    write_file(0, "scaling_max_freq", "1000000\n");
    EXPECT(alert_power_close(p, NULL) == 0);
    EXPECT(limit_khz(0) == 4000000 && limit_khz(1) == 2000000);
}

static void test_what_is_known_about_a_policy(void)
{
    alert_power_fact fact[ALERT_POWER_FACTS];
    alert_power_error error = {0};
    double joules;
    alert_power *p = open_policies();
    EXPECT(alert_power_part(p, 1, fact) > 8 && strcmp(fact[0].is.text, "policy1") == 0);
    EXPECT(alert_power_part(p, 2, fact) == 0);
    EXPECT(alert_power_energy(p, &joules, &error) == -ENOENT && error.why[0] != '\0');
    EXPECT(alert_power_close(p, NULL) == 0);
}

static void test_a_range_lies_within_that_of_the_hardware(void)
{
    alert_power *p = NULL;
    alert_power_error error = {0};
    const double range[] = {1.0, 9.0};
    const alert_power_option options[] = {{"root", .text = root},
                                          {"cap_range", .number = range, .count = 2}};
    EXPECT(alert_power_open(&p, "cpufreq", options, 2, &error) == -EINVAL);
    EXPECT(error.is_argument && strcmp(error.where, "cap_range") == 0);
}

int main(void)
{
    if (!mkdtemp(root))
        return 2;
    make_policy(0, "4000000\n");
    make_policy(1, "2000000\n");
    test_every_policy_takes_the_cap_and_the_mean_is_in_force();
    test_what_is_known_about_a_policy();
    test_a_range_lies_within_that_of_the_hardware();
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    return system(command) != 0 || expect_failures != 0;
}
