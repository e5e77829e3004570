/*
 * plant.c - the machine itself: time, meters, and what its files hold.
 *
 * Description and commands, one a line; numbers in the units of the files (microwatts, microjoules):
 *
 *     dir PATH                                 text PATH MODE WORDS
 *     value PATH MODE VALUE UNIT               energy PATH MODE START RANGE UNIT METER
 *     meter NAME WATTS LAG_SECONDS             governs METER LIMIT_PATH ENABLED_PATH|-
 *     advance SECONDS                          demand METER WATTS
 *     add METER JOULES                         clock real|frozen
 *     ceiling PATH VALUE|0                     (no higher value shows: the kernel cools the machine)
 *     fault read|write PATH ERRNO [TIMES]      trick ignore|short|cut|garbage|vanish|honest PATH
 *     acts METER QUOTA_FILE USAGE_FILE IDLE_WATTS SPAN_WATTS
 *     count                                    (sets all counts to 0)
 *
 * A meter that acts does so on real compute: the limit becomes the CPU quota of a cgroup, and the CPU time
 * its processes use becomes power above idle. Its clock has to be real.
 */
#include "plant.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --------------------------------------------------------------------------------------------- time */

static double limit_of(const plant *p, const plant_meter *m)
{
    double least_w = HUGE_VAL;
    for (int i = 0; i < m->limits; i++) {
        bool enabled = m->enabled[i] < 0 || p->file[m->enabled[i]].value != 0;
        if (enabled)
            least_w = fmin(least_w, (double)p->file[m->limit[i]].value * 1e-6);
    }
    return least_w;
}

#define PERIOD_US 10000

/* cgroup v1 keeps nanoseconds alone in a file, v2 "usage_usec N" in its first line. */
static double cpu_seconds(const char *path)
{
    unsigned long long n = 0;
    FILE *file = fopen(path, "r");
    bool v2 = file && fscanf(file, "usage_usec %llu", &n) == 1;
    if (file && !v2) {
        rewind(file);
        (void)!fscanf(file, "%llu", &n);
    }
    if (file)
        (void)fclose(file);
    return (double)n * (v2 ? 1e-6 : 1e-9);
}

/* v1 takes the quota alone, the period being set before; v2 both. */
static void set_quota(const plant *p, const plant_meter *m)
{
    double share = (limit_of(p, m) - m->idle_w) / m->span_w;
    FILE *file = fopen(m->quota, "w");
    if (!file)
        return;
    int quota_us = (int)(fmin(fmax(share, 0.1), 1.0) * PERIOD_US);
    (void)fprintf(file, strstr(m->quota, "cpu.max") ? "%d %d\n" : "%d\n", quota_us, PERIOD_US);
    (void)fclose(file);
}

static void run_compute(plant_meter *m, double seconds)
{
    double used_s = cpu_seconds(m->usage);
    m->energy_j += m->idle_w * seconds + m->span_w * (used_s - m->used_s);
    m->used_s = used_s;
}

/* Power approaches its target exponentially; the energy is the exact integral. */
static void run(plant *p, double seconds)
{
    for (int i = 0; i < p->meters; i++) {
        plant_meter *m = &p->meter[i];
        if (m->usage[0]) {
            run_compute(m, seconds);
            continue;
        }
        double target_w = fmin(m->demand_w, limit_of(p, m));
        double rest = m->lag_s > 0.0 ? exp(-seconds / m->lag_s) : 0.0;
        m->energy_j += target_w * seconds + (m->power_w - target_w) * m->lag_s * (1.0 - rest);
        m->power_w = target_w + (m->power_w - target_w) * rest;
    }
    p->clock_s += seconds;
}

static double monotonic_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Lets real time pass up to now. */
static void catch_up(plant *p)
{
    if (!p->real_time)
        return;
    double now_s = monotonic_s();
    run(p, now_s - p->real_s);
    p->real_s = now_s;
}

/* -------------------------------------------------------------------------------------------- files */

int plant_find(const plant *p, const char *path)
{
    for (int i = 0; i < p->files; i++)
        if (strcmp(p->file[i].path, path) == 0)
            return i;
    return -1;
}

/* Whether the file's fault hits this access. */
static bool strikes(plant_file *f)
{
    if (f->faults > 0)
        return f->faults-- > 0;
    return f->faults < 0;
}

int plant_read(plant *p, int number, char *out, size_t size)
{
    plant_file *f = &p->file[number];
    uint64_t value = f->ceiling && f->ceiling < f->value ? f->ceiling : f->value;
    f->reads++;
    if (f->trick == PLANT_VANISH)
        return -ENODEV;
    if (f->read_error && strikes(f))
        return -f->read_error;
    if (f->trick == PLANT_SHORT)
        return 0;
    if (f->trick == PLANT_GARBAGE)
        return snprintf(out, size, "?!\n");
    if (f->kind == PLANT_TEXT)
        return snprintf(out, size, "%s\n", f->text);
    if (f->kind == PLANT_ENERGY) {
        catch_up(p);
        value = f->start + (uint64_t)(p->meter[f->meter].energy_j * 1e6 + 1e-6);
        value -= value % f->unit;
        value %= f->range + f->unit;
    }
    int length = snprintf(out, size, "%llu\n", (unsigned long long)value);
    return f->trick == PLANT_CUT ? length / 2 : length;
}

/* As the kernel: the text ends at a NUL or newline, anything but a number is EINVAL. */
int plant_write(plant *p, int number, const char *text, size_t size)
{
    plant_file *f = &p->file[number];
    char copy[32] = "", *end;
    f->writes++;
    if (f->trick == PLANT_VANISH)
        return -ENODEV;
    if (f->write_error && strikes(f))
        return -f->write_error;
    memcpy(copy, text, size < sizeof copy - 1 ? size : sizeof copy - 1);
    unsigned long long value = strtoull(copy, &end, 10);
    if (f->kind != PLANT_VALUE || !isdigit((unsigned char)copy[0]) ||
        (*end != '\0' && *end != '\n'))
        return -EINVAL;
    if (f->trick == PLANT_IGNORE)
        return (int)size;
    catch_up(p); /* until now the old limit held */
    f->value = value - value % f->unit;
    for (int i = 0; i < p->meters; i++)
        if (p->meter[i].quota[0])
            set_quota(p, &p->meter[i]);
    return (int)size;
}

/* ----------------------------------------------------------------------------------------- commands */

static plant_file *add_file(plant *p, plant_kind kind, const char *path, unsigned mode)
{
    if (p->files == PLANT_FILES || plant_find(p, path) >= 0)
        return NULL;
    plant_file *f = &p->file[p->files++];
    *f = (plant_file){.kind = kind, .mode = mode, .unit = 1};
    (void)snprintf(f->path, sizeof f->path, "%s", path);
    return f;
}

static plant_meter *find_meter(plant *p, const char *name)
{
    for (int i = 0; i < p->meters; i++)
        if (strcmp(p->meter[i].name, name) == 0)
            return &p->meter[i];
    return NULL;
}

static int describe(plant *p, const char *line)
{
    char path[PLANT_PATH], other[PLANT_PATH], name[32];
    unsigned mode;
    unsigned long long a, b, unit;
    double watts, lag_s;
    plant_file *f = NULL;
    if (sscanf(line, "dir %255s", path) == 1)
        return add_file(p, PLANT_DIRECTORY, path, 0755) ? 0 : -EINVAL;
    if (sscanf(line, "text %255s %o %63s", path, &mode, other) == 3) {
        if ((f = add_file(p, PLANT_TEXT, path, mode)))
            (void)snprintf(f->text, sizeof f->text, "%.63s", other);
        return f ? 0 : -EINVAL;
    }
    if (sscanf(line, "value %255s %o %llu %llu", path, &mode, &a, &unit) == 4 && unit > 0) {
        if ((f = add_file(p, PLANT_VALUE, path, mode))) {
            f->value = a;
            f->unit = unit;
        }
        return f ? 0 : -EINVAL;
    }
    if (sscanf(line, "energy %255s %o %llu %llu %llu %31s", path, &mode, &a, &b, &unit, name) ==
        6) {
        plant_meter *m = find_meter(p, name);
        if (m && unit > 0 && (f = add_file(p, PLANT_ENERGY, path, mode))) {
            f->start = a;
            f->range = b;
            f->unit = unit;
            f->meter = (int)(m - p->meter);
        }
        return f ? 0 : -EINVAL;
    }
    if (sscanf(line, "meter %31s %lf %lf", name, &watts, &lag_s) == 3 && p->meters < PLANT_METERS) {
        plant_meter *m = &p->meter[p->meters++];
        *m = (plant_meter){.demand_w = watts, .power_w = watts, .lag_s = lag_s};
        (void)snprintf(m->name, sizeof m->name, "%s", name);
        return 0;
    }
    if (sscanf(line, "governs %31s %255s %255s", name, path, other) == 3) {
        plant_meter *m = find_meter(p, name);
        int limit = plant_find(p, path);
        if (!m || limit < 0 || m->limits == 4)
            return -EINVAL;
        m->limit[m->limits] = limit;
        m->enabled[m->limits++] = plant_find(p, other);
        m->power_w = fmin(m->demand_w, limit_of(p, m)); /* it has been running for ever */
        return 0;
    }
    return -EINVAL;
}

static int trick_of(const char *name)
{
    static const char *const NAME[] = {"honest", "ignore", "short", "cut", "garbage", "vanish"};
    for (int i = 0; i < 6; i++)
        if (strcmp(NAME[i], name) == 0)
            return i;
    return -1;
}

int plant_command(plant *p, const char *line)
{
    char path[PLANT_PATH], other[PLANT_PATH], name[32];
    double number, span_w;
    int code, file, trick, times = -1;
    catch_up(p);
    if (sscanf(line, "advance %lf", &number) == 1 && number >= 0.0) {
        run(p, number);
        return 0;
    }
    if (sscanf(line, "demand %31s %lf", name, &number) == 2 && find_meter(p, name)) {
        find_meter(p, name)->demand_w = number;
        return 0;
    }
    if (sscanf(line, "add %31s %lf", name, &number) == 2 && find_meter(p, name)) {
        find_meter(p, name)->energy_j += number;
        return 0;
    }
    if (sscanf(line, "ceiling %255s %lf", path, &number) == 2 &&
        (file = plant_find(p, path)) >= 0) {
        p->file[file].ceiling = (uint64_t)number;
        return 0;
    }
    if (sscanf(line, "clock %31s", name) == 1) {
        p->real_time = strcmp(name, "real") == 0;
        p->real_s = monotonic_s();
        return 0;
    }
    if (sscanf(line, "fault %31s %255s %d %d", name, path, &code, &times) >= 3 &&
        (file = plant_find(p, path)) >= 0) {
        *(strcmp(name, "read") == 0 ? &p->file[file].read_error : &p->file[file].write_error) =
            code;
        p->file[file].faults = times;
        return 0;
    }
    if (sscanf(line, "trick %31s %255s", name, path) == 2 && (file = plant_find(p, path)) >= 0 &&
        (trick = trick_of(name)) >= 0) {
        p->file[file].trick = (plant_trick)trick;
        return 0;
    }
    if (sscanf(line, "acts %31s %255s %255s %lf %lf", name, path, other, &number, &span_w) == 5 &&
        find_meter(p, name)) {
        plant_meter *m = find_meter(p, name);
        memcpy(m->quota, path, sizeof m->quota);
        memcpy(m->usage, other, sizeof m->usage);
        m->idle_w = number;
        m->span_w = span_w;
        m->used_s = cpu_seconds(other);
        set_quota(p, m);
        return 0;
    }
    if (strncmp(line, "count", 5) == 0) {
        for (int i = 0; i < p->files; i++)
            p->file[i].opens = p->file[i].reads = p->file[i].writes = 0;
        return 0;
    }
    return describe(p, line);
}
