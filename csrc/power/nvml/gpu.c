#include "power/nvml/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "power/give_back/lock.h"
#include "power/power.h"

#define MILLI 1e-3
/* A limit read back within this much of the one asked for took. */
#define ROUNDING_MW 1000

#define NOT_GIVEN_BACK "the limit found could not be given back"

static const char FIXED[] = "the power limit of this GPU is fixed, as it is in most laptops";
static const char NO_COUNTER[] = "energy is counted from the Volta generation on";

/* -------------------------------------------------------------------------------------------- opening */

/* A cap would hold for all instances of a divided GPU, and its counter shows their common energy. */
static bool is_divided(const alert_nvml_gpu *g)
{
    unsigned current = 0, pending = 0;
    return g->api->mig_mode && g->api->mig_mode(g->handle, &current, &pending) == 0 && current == 1;
}

static int read_counter(const alert_nvml_gpu *g, unsigned long long *mj)
{
    return g->api->energy ? g->api->energy(g->handle, mj) : ALERT_NVML_NOT_SUPPORTED;
}

static void learn_abilities(alert_nvml_gpu *g)
{
    const alert_nvml *api = g->api;
    if (is_divided(g)) {
        (void)alert_power_fail(&g->cap_missing, EOPNOTSUPP, g->label,
                               "it is divided into instances (MIG), which share one power limit "
                               "and one energy counter",
                               "`nvidia-smi -mig 0`, or leave this GPU out: gpus=[...]");
        g->read_missing = g->cap_missing;
        return;
    }
    int code = api->limit(g->handle, &g->found_mw);
    if (!code)
        code = api->limit_range(g->handle, &g->least_mw, &g->most_mw);
    if (code)
        (void)alert_nvml_fail(api, code, g->label, code == ALERT_NVML_NOT_SUPPORTED ? FIXED : NULL,
                              &g->cap_missing);
    g->can_cap = code == 0;
    g->held_mw = g->found_mw;
    code = read_counter(g, &g->counter_mj);
    if (code)
        (void)alert_nvml_fail(api, code, g->label,
                              code == ALERT_NVML_NOT_SUPPORTED ? NO_COUNTER : NULL,
                              &g->read_missing);
    g->can_read = code == 0;
}

int alert_nvml_gpu_open(alert_nvml_gpu *g, const alert_nvml *api, unsigned index,
                        alert_power_error *error)
{
    *g = (alert_nvml_gpu){.api = api, .index = index, .lock_fd = -1};
    (void)snprintf(g->label, sizeof g->label, "GPU %u", index);
    int code = api->by_index(index, &g->handle);
    if (!code)
        code = api->name(g->handle, g->name, sizeof g->name);
    if (!code)
        code = api->uuid(g->handle, g->uuid, sizeof g->uuid);
    if (code)
        return alert_nvml_fail(api, code, g->label, NULL, error);
    (void)snprintf(g->label, sizeof g->label, "GPU %u (%s)", index, g->name);
    learn_abilities(g);
    return 0;
}

void alert_nvml_gpu_close(alert_nvml_gpu *g, bool owner)
{
    if (g->lock_fd < 0)
        return;
    if (owner)
        alert_disown(g->lock_fd);
    (void)close(g->lock_fd);
    g->lock_fd = -1;
}

/* ------------------------------------------------------------------------------------------- owning */

/* The lock file stays when the GPU is closed: removing it would let two processes lock two files. */
static int open_lock(alert_nvml_gpu *g, const char *directory)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return -errno;
    int dirfd = alert_journal_directory(directory);
    if (dirfd < 0)
        return dirfd;
    char file[sizeof g->uuid + sizeof ".lock"];
    (void)snprintf(file, sizeof file, "%s.lock", g->uuid);
    g->lock_fd = openat(dirfd, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = g->lock_fd < 0 ? -errno : 0;
    (void)close(dirfd);
    return rc;
}

/* Nothing else tells whether the limit may be changed. */
static int try_limit(alert_nvml_gpu *g)
{
    int code = g->api->limit(g->handle, &g->found_mw);
    g->held_mw = g->found_mw;
    if (!code)
        code = g->api->set_limit(g->handle, g->found_mw);
    return code ? alert_nvml_fail(g->api, code, g->label,
                                  code == ALERT_NVML_NOT_SUPPORTED ? FIXED : NULL, &g->cap_missing)
                : 0;
}

int alert_nvml_gpu_own(alert_nvml_gpu *g, const char *directory, alert_power_error *error)
{
    if (!g->can_cap)
        return 0;
    int rc = open_lock(g, directory);
    if (rc)
        (void)alert_power_fail(
            &g->cap_missing, -rc, directory, strerror(-rc),
            "a GPU's owner locks a file in this directory, which nobody else may "
            "write to");
    else
        rc = alert_own(g->lock_fd, g->label, &g->cap_missing);
    if (!rc)
        rc = try_limit(g);
    if (rc)
        alert_nvml_gpu_close(g, true);
    g->can_cap = rc == 0;
    return rc == -EBUSY ? alert_power_hand_on(error, &g->cap_missing) : 0;
}

void alert_nvml_gpu_guard(alert_nvml_gpu *g, alert_journal_entry *entry)
{
    entry->kind = ALERT_ENTRY_GPU;
    (void)snprintf(entry->path, sizeof entry->path, "%s", g->uuid);
    entry->fd = g->lock_fd;
    entry->found = g->found_mw;
    atomic_store(&entry->held, g->held_mw);
    g->entry = entry;
}

/* ------------------------------------------------------------------------------------------- capping */

/* Writes and reads back; a code of the library. Whatever happens between the two notes, the watchdog knows
 * that the limit there is ours. */
static int put(alert_nvml_gpu *g, unsigned limit_mw)
{
    if (g->entry)
        atomic_store(&g->entry->writing, 1);
    int code = g->api->set_limit(g->handle, limit_mw);
    if (code == 0) {
        code = g->api->limit(g->handle, &g->held_mw);
        g->unread = code != 0;
    }
    if (g->entry) {
        atomic_store(&g->entry->held, g->held_mw);
        atomic_store(&g->entry->writing, g->unread);
    }
    return code;
}

static unsigned distance(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

/* What was written is not always in force. */
static int check_taken(const alert_nvml_gpu *g, unsigned asked_mw, unsigned before_mw,
                       alert_power_error *notice, alert_power_error *error)
{
    char why[ALERT_POWER_TEXT];
    unsigned in_force_mw = g->held_mw, enforced_mw = 0;
    bool off = distance(g->held_mw, asked_mw) > ROUNDING_MW;
    bool ignored = off && g->held_mw == before_mw;
    /* Calls cost milliseconds: another limit is looked for with the first cap only. */
    if (!g->capped && g->api->enforced_limit(g->handle, &enforced_mw) == 0)
        in_force_mw = enforced_mw < in_force_mw ? enforced_mw : in_force_mw;
    if (distance(in_force_mw, asked_mw) <= ROUNDING_MW)
        return 0;
    (void)snprintf(why, sizeof why, "a cap of %g W did not take, %g W is in force: %s",
                   asked_mw * MILLI, in_force_mw * MILLI,
                   ignored ? "the limit keeps its value"
                   : off   ? "the driver rounded or clamped it"
                           : "another limit of this GPU is lower");
    int rc = alert_power_fail(ignored ? error : notice, ENODATA, g->label, why, "");
    return ignored ? rc : 0;
}

int alert_nvml_gpu_cap(alert_nvml_gpu *g, double cap_w, alert_power_error *notice,
                       alert_power_error *error)
{
    unsigned cap_mw = (unsigned)lround(cap_w / MILLI), before_mw = g->held_mw;
    int code = put(g, cap_mw);
    if (code)
        return alert_nvml_fail(g->api, code, g->label, NULL, error);
    int rc = check_taken(g, cap_mw, before_mw, notice, error);
    g->capped = true;
    return rc;
}

int alert_nvml_gpu_limit(const alert_nvml_gpu *g, double *limit_w, alert_power_error *error)
{
    unsigned limit_mw = 0;
    int code = g->api->enforced_limit(g->handle, &limit_mw);
    if (code == ALERT_NVML_NOT_SUPPORTED)
        code = g->api->limit(g->handle, &limit_mw);
    *limit_w = limit_mw * MILLI;
    return code ? alert_nvml_fail(g->api, code, g->label, NULL, error) : 0;
}

int alert_nvml_gpu_give_back(alert_nvml_gpu *g, alert_power_error *error)
{
    unsigned now_mw = 0;
    if (g->lock_fd < 0 || (g->held_mw == g->found_mw && !g->unread))
        return 0;
    int code = g->api->limit(g->handle, &now_mw);
    if (!code && (now_mw == g->held_mw || g->unread))
        code = put(g, g->found_mw);
    if (code == 0 || alert_nvml_errno(code) == ENODEV) /* what is gone needs nothing back */
        return 0;
    return alert_nvml_fail(
        g->api, code, g->label,
        g->entry ? NOT_GIVEN_BACK "; `alert restore` and the next start try again" : NOT_GIVEN_BACK,
        error);
}

/* -------------------------------------------------------------------------------------------- energy */

int alert_nvml_gpu_energy(alert_nvml_gpu *g, double *energy_j, alert_power_error *error)
{
    unsigned long long now_mj = 0;
    int code = read_counter(g, &now_mj);
    if (code)
        return alert_nvml_fail(g->api, code, g->label, NULL, error);
    if (now_mj > g->counter_mj) /* it starts anew when the driver is loaded anew */
        g->drawn_mj += now_mj - g->counter_mj;
    g->counter_mj = now_mj;
    *energy_j = (double)g->drawn_mj * MILLI;
    return 0;
}
