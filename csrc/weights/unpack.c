/* unpack.c - weights from their packed form: for each row the sum of a few rows of a table. */
/* The build leaves this optimisation out, because it slows the search of the core down. Here it saves more than half
 * of the time. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-slp-vectorize")
#endif

#include <errno.h>
#include <math.h>
#include <string.h>

#include "weights/layout.h"

#define SCALE_MAX 0x1p100 /* sums of elements times scales stay finite */

enum { CODES_MAX = 1 << ALERT_COEFFICIENT_BITS_MAX };

/* What an element of a row contributes to the weights, by its place in the row and its code. */
typedef float alert_table[ALERT_WIDTH_MAX][CODES_MAX][ALERT_WIDTH_MAX];

/* Rows in order, and the part of the weights still to be written. */
typedef struct cursor {
    const alert_packed_weights *packed;
    const alert_layout *layout;
    size_t row, there; /* rows so far; those of them that are there */
    float *out;
    size_t room; /* weights */
} cursor;

static float scale_at(const alert_packed_weights *p, size_t i)
{
    uint32_t bits = (uint32_t)(alert_bits_at(p, 16 * i) & 0xFFFF) << 16;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

static float element_at(const alert_packed_weights *p, const alert_layout *layout, size_t i)
{
    int half = 1 << (p->basis_bits - 1);
    uint64_t bits = alert_bits_at(p, 8 * layout->bases + i * p->basis_bits);
    int code = (int)(bits & ((1U << p->basis_bits) - 1));
    return (float)((code ^ half) - half);
}

static int check_scales(const alert_packed_weights *p, const alert_layout *layout,
                        alert_argument_error *error)
{
    for (size_t i = 0; i < layout->bases_count * p->width; i++) {
        double scale = (double)scale_at(p, i);
        if (fabs(scale) <= SCALE_MAX) /* not so for NaN */
            continue;
        if (error)
            *error = (alert_argument_error){
                "scale", {(ptrdiff_t)i, -1}, "a number within +-2^100", scale};
        return -EINVAL;
    }
    return 0;
}

/* What each code stands for. */
static void fill_powers(unsigned bits, float *powers)
{
    unsigned half = 1U << (bits - 1);
    powers[0] = powers[half] = 0.0F;
    for (unsigned magnitude = 1; magnitude < half; magnitude++) {
        powers[magnitude] = ldexpf(1.0F, 1 - (int)magnitude);
        powers[half + magnitude] = -powers[magnitude];
    }
}

/* Fills in the contributions under one basis. */
static void fill_table(const alert_packed_weights *p, const alert_layout *layout, size_t basis,
                       const float *powers, alert_table table)
{
    for (size_t j = 0; j < p->width; j++) {
        float scale = scale_at(p, basis * p->width + j), row[ALERT_WIDTH_MAX] = {0};
        for (size_t k = 0; k < p->width; k++)
            row[k] = scale * element_at(p, layout, (basis * p->width + j) * p->width + k);
        for (size_t code = 0; code < (size_t)1 << p->coefficient_bits; code++)
            for (size_t k = 0; k < ALERT_WIDTH_MAX; k++)
                table[j][code][k] = powers[code] * row[k];
    }
}

/* 1 where the row is there, else 0. */
static inline size_t is_there(const alert_packed_weights *p, const alert_layout *layout, size_t row)
{
    return p->is_sparse ? alert_bits_at(p, 8 * layout->bitmap + row) & 1 : 1;
}

/* Writes `count` rows of one filter, which share a basis. `width`, `bits` and `lanes` are constants where this is inlined.
 * Where there is room, a row is written with `lanes` numbers; the next row overwrites those beyond its own. The copies
 * tell the compiler that nothing written changes them. */
static inline cursor write_rows(cursor c, alert_table table, size_t count, size_t columns,
                                size_t width, size_t bits, size_t lanes)
{
    const alert_packed_weights packed = *c.packed;
    const alert_layout layout = *c.layout;
    for (; count; count--, c.row++) {
        size_t here = columns < width ? columns : width, there = is_there(&packed, &layout, c.row);
        uint64_t codes = alert_bits_at(&packed, 8 * layout.coefficients + c.there * width * bits);
        float sum[ALERT_WIDTH_MAX] = {0};
        codes &= -(uint64_t)there; /* code 0 is zero; nobody could predict a branch */
        for (size_t j = 0; j < width; j++, codes >>= bits)
            for (size_t k = 0; k < lanes; k++)
                sum[k] += table[j][codes & ((1U << bits) - 1)][k];
        if (c.room >= lanes)
            memcpy(c.out, sum, lanes * sizeof *sum);
        else
            memcpy(c.out, sum, here * sizeof *sum);
        c.there += there;
        c.out += here;
        c.room -= here;
        columns -= here;
    }
    return c;
}

static cursor write_group(cursor c, alert_table table, size_t count, size_t columns)
{
    const alert_packed_weights *p = c.packed;
    if (p->width == 3 && p->coefficient_bits == 4)
        return write_rows(c, table, count, columns, 3, 4, 4); /* the usual ones: twice as fast */
    return write_rows(c, table, count, columns, p->width, p->coefficient_bits, ALERT_WIDTH_MAX);
}

int alert_unpack_weights(const alert_packed_weights *packed, float *weights,
                         alert_argument_error *error)
{
    alert_layout layout;
    int rc = alert_layout_of(packed, &layout, error);
    if (!rc)
        rc = check_scales(packed, &layout, error);
    if (rc)
        return rc;
    cursor c = {packed, &layout, 0, 0, weights, packed->filters * packed->columns};
    alert_table table;
    float powers[CODES_MAX];
    fill_powers(packed->coefficient_bits, powers);
    size_t filled = SIZE_MAX; /* the basis that the table is of */
    for (size_t filter = 0; filter < packed->filters; filter++)
        for (size_t group = 0; group < layout.row_groups; group++) {
            size_t basis = filter / packed->filters_per_basis * layout.row_groups + group;
            size_t first = group * packed->rows_per_basis, left = layout.rows_per_filter - first;
            if (basis != filled)
                fill_table(packed, &layout, filled = basis, powers, table);
            size_t count = left < packed->rows_per_basis ? left : packed->rows_per_basis;
            c = write_group(c, table, count, packed->columns - first * packed->width);
        }
    return 0;
}
