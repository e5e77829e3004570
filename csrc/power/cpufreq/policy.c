#include "power/cpufreq/policy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"
#include "power/give_back/lock.h"
#include "power/give_back/number_file.h"
#include "power/power.h"

#define KHZ           1e6 /* kilohertz in a GHz */
#define FILE_OF_LIMIT "scaling_max_freq"
/* A setting read back within this much of the one asked for took. */
#define ROUNDING_KHZ 1000

#define REMEDY_CAP "writing frequencies needs root, or the rule that `alert info` prints"
#define NO_ENERGY  "frequencies come without a counter of energy"

static alert_setting *limit_of(alert_part *part)
{
    return &part->setting[0];
}

/* ------------------------------------------------------------------------------------------- failures */

int alert_cpufreq_policy_fail(const alert_part *part, const alert_setting *s, int rc,
                              alert_power_error *error)
{
    (void)part;
    return alert_power_fail(error, -rc, s->own.path, strerror(-rc),
                            alert_power_remedy(rc, REMEDY_CAP));
}

/* -------------------------------------------------------------------------------------------- opening */

/* The first line of a file of the policy; empty where there is none. */
static void read_text(const alert_cpufreq_policy *p, const char *file, char *out, size_t size)
{
    char path[sizeof p->path + 40];
    (void)snprintf(path, sizeof path, "%s/%s", p->path, file);
    int fd = alert_descriptor_lift(open(path, O_RDONLY | O_CLOEXEC));
    ssize_t length = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        (void)close(fd);
    out[length > 0 ? length : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static int read_khz(const alert_cpufreq_policy *p, const char *file, uint64_t *khz)
{
    char path[sizeof p->path + 40];
    (void)snprintf(path, sizeof path, "%s/%s", p->path, file);
    int fd = alert_descriptor_lift(open(path, O_RDONLY | O_CLOEXEC));
    int rc = fd < 0 ? -errno : alert_read_number(fd, khz);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* For writing where that is permitted; else `cap_missing` says what stands in the way. */
static int open_limit(alert_cpufreq_policy *p)
{
    alert_setting *s = limit_of(&p->part);
    s->access = &ALERT_LOWEST_NUMBER_FILE;
    (void)snprintf(s->own.kind, sizeof s->own.kind, "cpufreq");
    (void)snprintf(s->own.path, sizeof s->own.path, "%s/" FILE_OF_LIMIT, p->path);
    s->own.fd = alert_descriptor_lift(open(s->own.path, O_RDWR | O_CLOEXEC));
    s->writable = s->own.fd >= 0;
    if (s->own.fd < 0 && alert_power_is_permission(errno)) {
        (void)alert_cpufreq_policy_fail(&p->part, s, -errno, &p->part.cap_missing);
        s->own.fd = alert_descriptor_lift(open(s->own.path, O_RDONLY | O_CLOEXEC));
    }
    return s->own.fd < 0 ? -errno : alert_setting_find(s);
}

int alert_cpufreq_policy_open(alert_cpufreq_policy *p, const char *directory, int number)
{
    *p = (alert_cpufreq_policy){.number = number, .asked_ghz = (double)INFINITY};
    p->part = (alert_part){.caps = true, .counts = true, .lock_fd = -1, .settings = 1};
    p->part.setting[0].own.fd = -1;
    p->part.weight = 1.0;
    (void)snprintf(p->path, sizeof p->path, "%s", directory);
    (void)alert_power_fail(&p->part.read_missing, ENOENT, p->path, NO_ENERGY, "");
    int rc = read_khz(p, "cpuinfo_min_freq", &p->least_khz);
    if (!rc)
        rc = read_khz(p, "cpuinfo_max_freq", &p->most_khz);
    if (!rc)
        rc = open_limit(p);
    if (rc)
        alert_cpufreq_policy_close(&p->part);
    return rc;
}

void alert_cpufreq_policy_close(alert_part *part)
{
    alert_setting *s = limit_of(part);
    if (s->own.fd >= 0)
        (void)close(s->own.fd);
    s->own.fd = -1;
}

/* --------------------------------------------------------------------------------------------- owning */

/* Writes nothing: the setting found may be a limit of the kernel's, which a write would make ours. */
int alert_cpufreq_policy_own(alert_part *part, const char *directory, alert_power_error *error)
{
    (void)directory; /* the lock is on the setting's file */
    alert_setting *s = limit_of(part);
    if (part->cap_missing.code)
        return 0;
    int rc = alert_lock_take(s->own.fd, s->own.path, error);
    if (rc)
        return rc;
    part->lock_fd = s->own.fd;
    rc = alert_setting_find(s);
    return rc ? alert_cpufreq_policy_fail(part, s, rc, error) : 0;
}

/* -------------------------------------------------------------------------------------------- capping */

/* The nearest setting to a cap in the policy's own range. */
static uint64_t nearest_khz(const alert_cpufreq_policy *p, double cap_ghz)
{
    double khz = fmin(fmax(cap_ghz * KHZ, (double)p->least_khz), (double)p->most_khz);
    return (uint64_t)llround(khz);
}

/* The setting that is written for a cap. */
static uint64_t target_khz(const alert_cpufreq_policy *p, double cap_ghz)
{
    uint64_t khz = nearest_khz(p, cap_ghz),
             found_khz = alert_setting_entry(&p->part.setting[0])->found;
    return p->may_exceed || khz < found_khz ? khz : found_khz;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* A cap that was written is not always in force. A setting that has never moved and may not even be lowered is one that
 * the driver does not heed. */
static int check_taken(const alert_cpufreq_policy *p, uint64_t asked_khz, uint64_t before_khz,
                       alert_power_error *notice, alert_power_error *error)
{
    const alert_setting *s = &p->part.setting[0];
    uint64_t held_khz = alert_setting_held(s);
    bool fixed = !p->moves && asked_khz < before_khz;
    char why[ALERT_POWER_TEXT];
    if (distance(held_khz, asked_khz) <= ROUNDING_KHZ)
        return 0;
    (void)snprintf(why, sizeof why, "a cap of %g GHz did not take, %g GHz is in force: %s",
                   (double)asked_khz / KHZ, (double)held_khz / KHZ,
                   fixed ? "the driver ignores it"
                   : held_khz < asked_khz
                       ? "the driver has no such frequency, or the kernel cools the machine"
                       : "the driver has no such frequency");
    int rc = alert_power_fail(fixed ? error : notice, ENODATA, s->own.path, why, "");
    return fixed ? rc : 0;
}

int alert_cpufreq_policy_set(alert_part *part, double cap_ghz, alert_power_error *notice,
                             alert_power_error *error)
{
    alert_cpufreq_policy *p = (alert_cpufreq_policy *)part;
    alert_setting *s = limit_of(part);
    uint64_t before_khz = alert_setting_held(s), cap_khz;
    int rc = p->moves ? 0 : alert_setting_uncover(s, p->most_khz);
    cap_khz = target_khz(p, cap_ghz);
    if (!rc)
        rc = alert_setting_put(s, cap_khz);
    if (rc)
        return alert_cpufreq_policy_fail(part, s, rc, error);
    p->asked_ghz = cap_ghz;
    p->moves = p->moves || alert_setting_held(s) != before_khz;
    return check_taken(p, cap_khz, before_khz, notice, error);
}

int alert_cpufreq_policy_get(const alert_part *part, double *cap_ghz, alert_power_error *error)
{
    const alert_cpufreq_policy *p = (const alert_cpufreq_policy *)part;
    const alert_setting *s = &part->setting[0];
    uint64_t khz;
    int rc = alert_setting_get(s, &khz);
    if (rc)
        return alert_cpufreq_policy_fail(part, s, rc, error);
    *cap_ghz = khz == nearest_khz(p, p->asked_ghz) ? p->asked_ghz : (double)khz / KHZ;
    return 0;
}

/* ---------------------------------------------------------------------------------------------- reading */

int alert_cpufreq_policy_energy(alert_part *part, double *energy_j, alert_power_error *notice,
                                alert_power_error *error)
{
    (void)energy_j, (void)notice;
    return alert_power_hand_on(error, &part->read_missing);
}

size_t alert_cpufreq_policy_describe(const alert_part *part, alert_power_fact *out)
{
    const alert_cpufreq_policy *p = (const alert_cpufreq_policy *)part;
    const struct {
        const char *name, *file;
    } TEXT[] = {{"cpus", "related_cpus"},
                {"driver", "scaling_driver"},
                {"governor", "scaling_governor"},
                {"frequencies", "scaling_available_frequencies"}};
    char text[sizeof out->is.text];
    uint64_t khz;
    bool read = alert_setting_get(&part->setting[0], &khz) == 0;
    (void)snprintf(text, sizeof text, "policy%d", p->number);
    alert_power_fact *f = alert_fact_text(out, "name", text);
    f = alert_fact_text(f, "path", p->path);
    for (size_t i = 0; i < sizeof TEXT / sizeof *TEXT; i++) {
        read_text(p, TEXT[i].file, text, sizeof text);
        f = alert_fact_text(f, TEXT[i].name, text);
    }
    f = alert_fact_number(f, "limit", ALERT_FACT_NUMBER, read ? (double)khz / KHZ : (double)NAN);
    f = alert_fact_number(f, "cap_range", ALERT_FACT_RANGE, (double)p->least_khz / KHZ);
    f[-1].is.number[1] = (double)p->most_khz / KHZ;
    return (size_t)(f - out);
}

/* ---------------------------------------------------------------------------------------- giving back */

/* A journal can name no other files than those a cap changes. */
static bool is_setting(const char *path)
{
    const char *name = strrchr(path, '/'), *digit = name;
    if (!name || strcmp(name, "/" FILE_OF_LIMIT) != 0)
        return false;
    while (digit > path && isdigit((unsigned char)digit[-1]))
        digit--;
    size_t length = strlen("/policy");
    return digit < name && (size_t)(digit - path) >= length &&
           strncmp(digit - length, "/policy", length) == 0;
}

int alert_cpufreq_give_back(alert_journal_entry *entry)
{
    bool ours = entry->fd >= 0 || is_setting(entry->path);
    return ours ? alert_number_file_give_back(entry, &ALERT_LOWEST_NUMBER_FILE) : 0;
}
