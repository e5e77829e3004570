/* layout.h - internal: where the parts of packed weights begin, and reading bits of them. */
#ifndef ALERT_LAYOUT_H
#define ALERT_LAYOUT_H

#include "alert_weights.h"

/* Offsets into the bytes, and what is counted. */
typedef struct alert_layout {
    size_t rows_per_filter, rows, row_groups, bases_count;
    size_t bases, bitmap, coefficients; /* the scales begin at 0 */
} alert_layout;

/* Checks everything but the scales. -EINVAL with the error; 0 leaves the layout. */
int alert_layout_of(const alert_packed_weights *packed, alert_layout *layout,
                    alert_argument_error *error);

/* Rows before row number `end` that are there. */
size_t alert_rows_there(const alert_packed_weights *packed, const alert_layout *layout, size_t end);

/* At least 57 bits from bit number `bit` on; zeros where the bytes have ended. */
static inline uint64_t alert_bits_at(const alert_packed_weights *packed, size_t bit)
{
    size_t at = bit / 8, there = at < packed->size ? packed->size - at : 0;
    const uint8_t *bytes = packed->bytes + (there ? at : 0);
    uint64_t word = 0;
    if (there >= 8)
        for (unsigned i = 0; i < 8; i++) /* one instruction, in optimised code */
            word |= (uint64_t)bytes[i] << 8 * i;
    else
        for (unsigned i = 0; i < there; i++)
            word |= (uint64_t)bytes[i] << 8 * i;
    return word >> bit % 8;
}

#endif
