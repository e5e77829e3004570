#include "power/nvml/gpu.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "power/give_back/descriptor.h"
#include "power/give_back/lock.h"
#include "power/power.h"

#define MILLI 1e-3
/* A GPU draws less than so many times its highest limit, and none draws so much. [ours] */
#define MOST_FACTOR 5.0
#define MOST_W      5000.0
#define BURST_S     2.0
/* A limit read back within this much of the one asked for took. */
#define ROUNDING_MW 1000

#define FIXED                                                                                      \
    "the power limit of this GPU is fixed, as it is in most laptops, on Jetson boards and in "     \
    "virtual GPUs"
#define NO_COUNTER                                                                                 \
    "energy is counted from the Volta generation on, but not on Jetson boards and in virtual GPUs"
#define NO_READING                                                                                 \
    "this driver lets only some users read energy: run as root, in a container with "              \
    "`--cap-add=SYS_ADMIN`"
#define ONE_LIMIT "this GPU has one limit only: the driver states no range for it"

/* -------------------------------------------------------------------------------------------- limit */

static int read_limit(const alert_setting *s, uint64_t *value)
{
    alert_nvml_target *t = s->context;
    unsigned limit_mw = 0;
    t->code = t->api->limit(t->handle, &limit_mw);
    *value = limit_mw;
    return t->code ? -alert_nvml_errno(t->code) : 0;
}

static int write_limit(const alert_setting *s, uint64_t value)
{
    alert_nvml_target *t = s->context;
    t->code = t->api->set_limit(t->handle, (unsigned)value);
    return t->code ? -alert_nvml_errno(t->code) : 0;
}

static const alert_setting_access LIMIT = {.read = read_limit, .write = write_limit};

int alert_nvml_give_back(alert_journal_entry *entry)
{
    alert_nvml api;
    int rc = alert_nvml_load(&api, NULL);
    if (rc) /* without its driver a GPU keeps no limit; without the library it might */
        return rc == -ENOENT ? -ELIBACC : rc;
    alert_nvml_target target = {.api = &api};
    alert_setting limit = {.access = &LIMIT, .context = &target, .writable = true, .noting = entry};
    int code = api.by_uuid(entry->path, &target.handle);
    rc = code ? -alert_nvml_errno(code) : alert_setting_give_back(&limit);
    alert_nvml_unload(&api);
    return rc;
}

/* -------------------------------------------------------------------------------------------- failures */

/* Of a code of the library, which is not 0; `remedy` NULL: the usual one. */
static int fail(const alert_nvml_gpu *g, int code, const char *remedy, alert_power_error *error)
{
    return alert_nvml_fail(g->target.api, code, g->label, remedy, error);
}

int alert_nvml_gpu_fail(const alert_part *part, const alert_setting *s, int rc,
                        alert_power_error *error)
{
    (void)s;
    const alert_nvml_gpu *g = (const alert_nvml_gpu *)part;
    if (g->target.code)
        return fail(g, g->target.code, NULL, error);
    return alert_power_fail(error, -rc, g->label, strerror(-rc), "");
}

static const char *remedy_of_limit(int code)
{
    return code == ALERT_NVML_NOT_SUPPORTED ? FIXED : NULL;
}

static const char *remedy_of_energy(int code)
{
    return code == ALERT_NVML_NOT_SUPPORTED   ? NO_COUNTER
           : code == ALERT_NVML_NO_PERMISSION ? NO_READING
                                              : NULL;
}

/* -------------------------------------------------------------------------------------------- opening */

/* A cap would hold for all instances of a divided GPU, and its counter shows their common energy. */
static bool is_divided(const alert_nvml_gpu *g)
{
    const alert_nvml_target *t = &g->target;
    unsigned current = 0, pending = 0;
    return t->api->mig_mode && t->api->mig_mode(t->handle, &current, &pending) == 0 && current == 1;
}

static int read_counter(const alert_nvml_gpu *g, uint64_t *mj)
{
    const alert_nvml_target *t = &g->target;
    unsigned long long now_mj = 0;
    int code = t->api->energy ? t->api->energy(t->handle, &now_mj) : ALERT_NVML_NOT_SUPPORTED;
    *mj = now_mj;
    return code;
}

static int start_counter(alert_nvml_gpu *g)
{
    alert_counter *c = &g->counter;
    uint64_t now_mj;
    int code = read_counter(g, &now_mj);
    c->range = UINT64_MAX; /* it starts anew when the driver is loaded anew */
    c->unit_j = MILLI;
    c->tick_s = ALERT_NVML_TICK_S;
    c->most_w = g->most_mw ? fmin(MOST_FACTOR * g->most_mw * MILLI, MOST_W) : MOST_W;
    c->burst_j = BURST_S * c->most_w;
    alert_counter_start(c, now_mj, alert_counter_now_s());
    return code;
}

static void learn_abilities(alert_nvml_gpu *g)
{
    const alert_nvml_target *t = &g->target;
    alert_part *p = &g->part;
    if (is_divided(g)) {
        (void)alert_power_fail(&p->cap_missing, EOPNOTSUPP, g->label,
                               "it is divided into instances (MIG), which share one power limit "
                               "and one energy counter",
                               "`nvidia-smi -mig 0`, or leave this GPU out: gpus=[...]");
        p->read_missing = p->cap_missing;
        return;
    }
    int code = alert_setting_find(&p->setting[0]) ? t->code : 0;
    if (!code)
        code = t->api->limit_range(t->handle, &g->least_mw, &g->most_mw);
    if (code)
        (void)fail(g, code, remedy_of_limit(code), &p->cap_missing);
    else if (g->most_mw == 0 || g->least_mw > g->most_mw)
        (void)alert_power_fail(&p->cap_missing, EOPNOTSUPP, g->label, ONE_LIMIT, "");
    code = start_counter(g);
    if (code)
        (void)fail(g, code, remedy_of_energy(code), &p->read_missing);
}

int alert_nvml_gpu_open(alert_nvml_gpu *g, const alert_nvml *api, unsigned index,
                        alert_power_error *error)
{
    *g = (alert_nvml_gpu){.target.api = api, .index = index};
    g->part = (alert_part){.caps = true, .counts = true, .lock_fd = -1, .settings = 1};
    alert_setting *limit = &g->part.setting[0];
    *limit = (alert_setting){.access = &LIMIT, .context = &g->target, .own.fd = -1};
    (void)snprintf(g->label, sizeof g->label, "GPU %u", index);
    int code = api->by_index(index, &g->target.handle);
    if (!code)
        code = api->name(g->target.handle, g->name, sizeof g->name);
    if (!code)
        code = api->uuid(g->target.handle, g->uuid, sizeof g->uuid);
    if (code)
        return fail(g, code, NULL, error);
    (void)snprintf(g->label, sizeof g->label, "GPU %u (%s)", index, g->name);
    (void)snprintf(limit->own.kind, sizeof limit->own.kind, "nvml");
    (void)snprintf(limit->own.path, sizeof limit->own.path, "%s", g->uuid);
    learn_abilities(g);
    return 0;
}

void alert_nvml_gpu_close(alert_part *part)
{
    if (part->lock_fd >= 0)
        (void)close(part->lock_fd);
    part->lock_fd = -1;
}

/* -------------------------------------------------------------------------------------------- owning */

/* The name of the GPU's lock file: its UUID, with %XX for each character that UUIDs do not have. */
static void name_lock(const alert_nvml_gpu *g, char *file, size_t size)
{
    size_t length = 0;
    for (const char *c = g->uuid; *c && length + 4 < size; c++) {
        bool usual = isalnum((unsigned char)*c) || *c == '-';
        length += (size_t)snprintf(file + length, size - length, usual ? "%c" : "%%%02X",
                                   (unsigned char)*c);
    }
    (void)snprintf(file + length, size - length, ".lock");
}

/* A descriptor of the GPU's lock file, or -errno. The file stays when the GPU is closed: removing it would let two
 * processes lock two files. */
static int open_lock(const alert_nvml_gpu *g, const char *directory)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return -errno;
    int dirfd = alert_journal_directory(directory);
    if (dirfd < 0)
        return dirfd;
    char file[3 * sizeof g->uuid + sizeof ".lock"];
    name_lock(g, file, sizeof file);
    int fd =
        alert_descriptor_lift(openat(dirfd, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    int rc = fd < 0 ? -errno : fd;
    (void)close(dirfd);
    return rc;
}

/* Takes the lock; a failure goes into `cap_missing`. */
static int take_lock(alert_nvml_gpu *g, const char *directory)
{
    alert_part *p = &g->part;
    int fd = open_lock(g, directory);
    if (fd < 0)
        return alert_power_fail(
            &p->cap_missing, -fd, directory, alert_journal_why(fd),
            "a GPU's owner locks a file in this directory, which nobody else may write to");
    int rc = alert_lock_take(fd, g->label, &p->cap_missing);
    if (rc)
        (void)close(fd);
    else
        p->lock_fd = fd;
    return rc;
}

int alert_nvml_gpu_own(alert_part *part, const char *directory, alert_power_error *error)
{
    alert_nvml_gpu *g = (alert_nvml_gpu *)part;
    alert_setting *limit = &part->setting[0];
    if (part->cap_missing.code)
        return 0;
    int rc = take_lock(g, directory);
    if (rc)
        return rc == -EBUSY ? alert_power_hand_on(error, &part->cap_missing) : 0;
    limit->own.fd = part->lock_fd; /* for the watchdog to unlock */
    rc = alert_setting_find(limit);
    if (!rc) /* nothing but a write tells whether the limit may be changed */
        rc = alert_setting_put(limit, limit->own.found);
    if (rc) {
        (void)fail(g, g->target.code, remedy_of_limit(g->target.code), &part->cap_missing);
        alert_lock_release(part->lock_fd);
        alert_nvml_gpu_close(part);
        limit->own.fd = -1;
    }
    limit->writable = rc == 0;
    return 0;
}

/* -------------------------------------------------------------------------------------------- capping */

static unsigned distance(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

/* A cap that was written is not always in force. */
static int check_taken(alert_nvml_gpu *g, unsigned asked_mw, unsigned before_mw,
                       alert_power_error *notice, alert_power_error *error)
{
    const alert_nvml_target *t = &g->target;
    char why[ALERT_POWER_TEXT];
    unsigned held_mw = (unsigned)alert_setting_held(&g->part.setting[0]);
    unsigned in_force_mw = held_mw, enforced_mw = 0;
    bool off = distance(held_mw, asked_mw) > ROUNDING_MW;
    bool ignored = off && held_mw == before_mw;
    /* Calls cost milliseconds: a lower limit is looked for only above the caps that were in force. */
    if (asked_mw > g->proved_mw && t->api->enforced_limit(t->handle, &enforced_mw) == 0)
        in_force_mw = enforced_mw < in_force_mw ? enforced_mw : in_force_mw;
    if (distance(in_force_mw, asked_mw) <= ROUNDING_MW) {
        g->proved_mw = asked_mw > g->proved_mw ? asked_mw : g->proved_mw;
        return 0;
    }
    (void)snprintf(why, sizeof why, "a cap of %g W did not take, %g W is in force: %s",
                   asked_mw * MILLI, in_force_mw * MILLI,
                   ignored ? "the limit keeps its value"
                   : off   ? "the driver rounded or clamped it"
                           : "another limit of this GPU is lower");
    int rc = alert_power_fail(ignored ? error : notice, ENODATA, g->label, why, "");
    return ignored ? rc : 0;
}

int alert_nvml_gpu_set(alert_part *part, double cap_w, alert_power_error *notice,
                       alert_power_error *error)
{
    alert_nvml_gpu *g = (alert_nvml_gpu *)part;
    alert_setting *limit = &part->setting[0];
    unsigned cap_mw = (unsigned)lround(cap_w / MILLI);
    unsigned before_mw = (unsigned)alert_setting_held(limit);
    int rc = alert_setting_put(limit, cap_mw);
    if (rc)
        return alert_nvml_gpu_fail(part, limit, rc, error);
    return check_taken(g, cap_mw, before_mw, notice, error);
}

int alert_nvml_gpu_get(const alert_part *part, double *limit_w, alert_power_error *error)
{
    const alert_nvml_gpu *g = (const alert_nvml_gpu *)part;
    const alert_nvml_target *t = &g->target;
    unsigned limit_mw = 0;
    int code = t->api->enforced_limit(t->handle, &limit_mw);
    if (code == ALERT_NVML_NOT_SUPPORTED)
        code = t->api->limit(t->handle, &limit_mw);
    *limit_w = limit_mw * MILLI;
    return code ? fail(g, code, NULL, error) : 0;
}

/* ---------------------------------------------------------------------------------------------- reading */

int alert_nvml_gpu_energy(alert_part *part, double *energy_j, alert_power_error *notice,
                          alert_power_error *error)
{
    alert_nvml_gpu *g = (alert_nvml_gpu *)part;
    alert_counter *c = &g->counter;
    uint64_t now_mj;
    int code = read_counter(g, &now_mj);
    if (code)
        return fail(g, code, remedy_of_energy(code), error);
    int rc = alert_counter_take(c, now_mj, alert_counter_now_s());
    alert_counter_tell(c, g->label, notice);
    *energy_j = alert_counter_j(c);
    return rc ? alert_counter_fail(c, rc, g->label, error) : 0;
}

size_t alert_nvml_gpu_describe(const alert_part *part, alert_power_fact *out)
{
    const alert_nvml_gpu *g = (const alert_nvml_gpu *)part;
    bool limits = g->most_mw > 0;
    double found_w = (double)part->setting[0].own.found * MILLI;
    alert_power_fact *f = alert_fact_number(out, "index", ALERT_FACT_WHOLE, g->index);
    f = alert_fact_text(f, "name", g->name);
    f = alert_fact_text(f, "uuid", g->uuid);
    f = alert_fact_number(f, "limit", ALERT_FACT_NUMBER, limits ? found_w : (double)NAN);
    f = alert_fact_number(f, "cap_range", ALERT_FACT_RANGE,
                          limits ? g->least_mw * MILLI : (double)NAN);
    f[-1].is.number[1] = limits ? g->most_mw * MILLI : (double)NAN;
    return (size_t)(f - out);
}
