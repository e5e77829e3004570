#include "core/choose/screen.h"

#include <errno.h>
#include <stdlib.h>

/* Without this the compiler has it checked at every search. */
#if defined(__GNUC__) && !defined(__clang__)
#define ARRAYS_ARE_APART _Pragma("GCC ivdep")
#else
#define ARRAYS_ARE_APART
#endif

/* Rows that one instruction can take. */
enum { AT_ONCE = 2 };
/* Each a number a row. */
enum { PACE, ACCURACY, LEAST, BEFORE = LEAST + 3, ARRAYS = BEFORE + 3 };
/* Beyond any energy (J), and any 1 / latency (1/s); finite times any factor of a bound. */
#define BEYOND 1e200

int alert_screen_new(alert_screen *s, const alert_profile *profile)
{
    size_t rows = (profile->rows + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
    *s = (alert_screen){.rows = rows, .column = calloc(rows, sizeof *s->column)};
    if (!s->column)
        return -ENOMEM;
    if (profile->rows < ALERT_SCREENED)
        return 0;
    s->number = calloc(ARRAYS * rows, sizeof *s->number);
    s->excess_j = calloc(rows, sizeof *s->excess_j);
    s->left = calloc(rows, sizeof *s->left);
    return s->number && s->excess_j && s->left ? 0 : -ENOMEM;
}

void alert_screen_clear(alert_screen *s)
{
    free(s->column);
    free(s->number);
    free(s->excess_j);
    free(s->left);
}

static void set(const alert_screen *s, size_t array, size_t r, const alert_minima *minima)
{
    double *number = &s->number[array * s->rows + r];
    number[0] = minima->work_j;
    number[s->rows] = minima->power_w;
    number[2 * s->rows] = minima->active_j;
}

void alert_screen_keep(alert_screen *s, size_t r, size_t column)
{
    static const alert_minima NONE_BEFORE = {BEYOND, BEYOND, BEYOND};
    const alert_row *row = &s->profile->row[r];
    s->column[r] = (uint32_t)column;
    if (!s->number)
        return;
    s->number[PACE * s->rows + r] = row->outputs == 1 ? 1.0 / row->latency_s[column] : BEYOND;
    set(s, BEFORE, r, column > 0 ? &row->minima[column - 1] : &NONE_BEFORE);
}

void alert_screen_follow(alert_screen *s, const alert_profile *profile)
{
    s->profile = profile;
    for (size_t r = 0; s->number && r < profile->rows; r++) {
        s->number[ACCURACY * s->rows + r] = profile->row[r].best_accuracy;
        set(s, LEAST, r, &profile->row[r].overall);
        alert_screen_keep(s, r, s->column[r]);
    }
}

/* Of the minima in three arrays. */
static inline double lower_bound_of(const alert_lower_bound *lower, const double *number,
                                    size_t rows)
{
    alert_minima minima = {number[0], number[rows], number[2 * rows]};
    return alert_energy_lower_bound(lower, &minima);
}

void alert_screen_weigh(const alert_screen *s, const alert_lower_bound *l, const alert_ceiling *c,
                        double late_accuracy, double gain)
{
    alert_lower_bound lower = *l;
    alert_ceiling ceiling = *c;
    const double *restrict number = s->number;
    double *restrict excess_j = s->excess_j;
    ARRAYS_ARE_APART
    for (size_t r = 0, rows = s->rows; r < rows / AT_ONCE * AT_ONCE; r++, number++) {
        double above = number[ACCURACY * rows] - late_accuracy;
        double worth = gain * (above > 0.0 ? above : 0.0);
        double late = lower_bound_of(&lower, &number[LEAST * rows], rows) -
                      worth * alert_ceiling_at(&ceiling, number[PACE * rows]);
        double dear = lower_bound_of(&lower, &number[BEFORE * rows], rows) - worth * ceiling.most;
        excess_j[r] = late < dear ? late : dear;
    }
}

size_t alert_screen_rows_left(const alert_screen *s, double most)
{
    size_t count = 0, first = 0;
    for (size_t r = 0, rows = s->profile->rows; r < rows; r++) {
        bool is_left = !(s->excess_j[r] > most);
        s->left[count] = (uint32_t)r;
        count += is_left; /* a jump could not be foreseen */
    }
    for (size_t i = 1; i < count; i++)
        first = s->excess_j[s->left[i]] < s->excess_j[s->left[first]] ? i : first;
    uint32_t promising = s->left[first];
    s->left[first] = s->left[0];
    s->left[0] = promising;
    return count;
}
