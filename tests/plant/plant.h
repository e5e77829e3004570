/* plant.h - a machine with power caps that exists for tests only: files, meters, faults. */
#ifndef ALERT_TEST_PLANT_H
#define ALERT_TEST_PLANT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PLANT_PATH   256
#define PLANT_FILES  160
#define PLANT_METERS 16

typedef enum plant_kind { PLANT_DIRECTORY, PLANT_TEXT, PLANT_VALUE, PLANT_ENERGY } plant_kind;

typedef enum plant_trick {
    PLANT_HONEST,
    PLANT_IGNORE,  /* writes succeed and change nothing */
    PLANT_SHORT,   /* reads return nothing */
    PLANT_CUT,     /* reads return the first half */
    PLANT_GARBAGE, /* reads return no number */
    PLANT_VANISH,  /* the file is gone, for those too who have it open */
} plant_trick;

typedef struct plant_file {
    plant_kind kind;
    char path[PLANT_PATH];
    mode_t mode;
    gid_t group;
    char text[64];         /* PLANT_TEXT */
    uint64_t value;        /* PLANT_VALUE */
    uint64_t ceiling;      /* no higher value shows, whatever was written; 0 for none */
    uint64_t unit;         /* values are rounded down to multiples of it; energy steps in it */
    uint64_t start, range; /* PLANT_ENERGY, microjoules */
    int meter;
    int read_error, write_error; /* errno values; 0 for none */
    int faults;                  /* accesses they hit; then they have passed; -1 for ever */
    plant_trick trick;
    unsigned opens, reads, writes;
} plant_file;

/* What draws power: wants demand_w, gets at most the lowest limit that governs it, with a lag. */
typedef struct plant_meter {
    char name[32];
    double demand_w, lag_s;
    double power_w; /* now */
    double energy_j;
    int limit[4], enabled[4]; /* file numbers; -1 for none */
    int limits;
    char quota[PLANT_PATH], usage[PLANT_PATH]; /* files of a cgroup it acts on; empty for none */
    double idle_w, span_w;                     /* draws idle, and on top of it with one busy CPU */
    double used_s;                             /* CPU time when last looked at */
} plant_meter;

typedef struct plant {
    plant_file file[PLANT_FILES];
    int files;
    plant_meter meter[PLANT_METERS];
    int meters;
    double clock_s;
    bool real_time; /* the clock runs by itself */
    double real_s;  /* when it was last looked at */
} plant;

/* One line of a machine's description, or one command; 0 or -errno. Described in plant.c. */
int plant_command(plant *p, const char *line);
int plant_find(const plant *p, const char *path);
/* The file's contents now, in `out`; its length, or -errno. */
int plant_read(plant *p, int file, char *out, size_t size);
int plant_write(plant *p, int file, const char *text, size_t size);

#endif
