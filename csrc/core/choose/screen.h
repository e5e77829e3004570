/*
 * screen.h - internal: the rows that cannot beat the best so far are screened out, several at once. [ours]
 *
 * Of each row one column is kept: the first that a search could afford. The columns before it cost no less than `before`,
 * by the lower bound of their energy; all cost no less than `least`, and from the kept column on they are in time no more
 * often than the ceiling at its latency says (mixture.h). Being in time is worth `worth`, the price of the row's best
 * accuracy. So a row is passed over where its
 *
 *     excess = min(least - worth x ceiling, before - worth x most)
 *
 * is above the value of the best so far. The numbers lie side by side, row by row: the compiler takes two or more rows
 * with one instruction.
 */
#ifndef ALERT_SCREEN_H
#define ALERT_SCREEN_H

#include "core/estimate/belief.h"

/* Fewer rows are looked at one by one. */
enum { ALERT_SCREENED = 8 };

typedef struct alert_screen {
    const alert_profile *profile; /* that the numbers are of; NULL: of none yet */
    size_t rows;                  /* that there is room for */
    uint32_t *column;             /* kept; one a row */
    double *number;   /* of each row: arrays, one after the other; NULL where rows are few */
    double *excess_j; /* one a row */
    uint32_t *left;   /* the rows that are not passed over */
} alert_screen;

int alert_screen_new(alert_screen *screen, const alert_profile *profile) ALERT_MUST_CHECK;
void alert_screen_clear(alert_screen *screen);
/* Takes the numbers of a profile. */
void alert_screen_follow(alert_screen *screen, const alert_profile *profile);
/* Keeps another column of row r. */
void alert_screen_keep(alert_screen *screen, size_t r, size_t column);
/* Sets the excess of every row. gain: joules that a unit of accuracy above late_accuracy is worth. */
void alert_screen_weigh(const alert_screen *screen, const alert_lower_bound *lower,
                        const alert_ceiling *ceiling, double late_accuracy, double gain);
/* Lists the rows whose excess is not above `most`, the most promising one first; returns how many there are. */
size_t alert_screen_rows_left(const alert_screen *screen, double most);

#endif
