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

/* What is a constant where functions are inlined. `lanes` numbers of a row are added up, of which `width` count. */
typedef struct form {
    size_t width, bits, lanes;
    bool is_sparse;
} form;

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

/* Fills in the contributions under one basis. Adding zero makes a positive one of a negative one, so that the sum of a row may
 * begin with its first element. */
static inline void fill_table(const cursor *c, size_t basis, const float *powers, alert_table table,
                              form f)
{
    const alert_packed_weights *p = c->packed;
    for (size_t j = 0; j < f.width; j++) {
        float scale = scale_at(p, basis * f.width + j), row[ALERT_WIDTH_MAX] = {0};
        for (size_t k = 0; k < f.width; k++)
            row[k] = scale * element_at(p, c->layout, (basis * f.width + j) * f.width + k);
        for (size_t code = 0; code < (size_t)1 << f.bits; code++)
            for (size_t k = 0; k < f.lanes; k++)
                table[j][code][k] = powers[code] * row[k] + 0.0F;
    }
}

/* Adds a row up, and writes `count` numbers of it. */
static inline void write_row(float *out, size_t count, alert_table table, uint64_t codes, form f)
{
    float sum[ALERT_WIDTH_MAX];
    memcpy(sum, table[0][codes & ((1U << f.bits) - 1)], f.lanes * sizeof *sum);
    for (size_t j = 1; j < f.width; j++) {
        codes >>= f.bits;
        for (size_t k = 0; k < f.lanes; k++)
            sum[k] += table[j][codes & ((1U << f.bits) - 1)][k];
    }
    memcpy(out, sum, count * sizeof *sum);
}

/* Bits of the bitmap from one row on; all of them where there is none. */
static inline uint64_t there_at(const alert_packed_weights *p, const alert_layout *layout,
                                size_t row, form f)
{
    return f.is_sparse ? alert_bits_at(p, 8 * layout->bitmap + row) : UINT64_MAX;
}

/* Writes one row that has `count` numbers: any row, with all checks. */
static inline cursor write_checked(cursor c, alert_table table, size_t count, form f)
{
    size_t there = there_at(c.packed, c.layout, c.row, f) & 1, bits = f.width * f.bits;
    uint64_t codes = alert_bits_at(c.packed, 8 * c.layout->coefficients + c.there * bits);
    write_row(c.out, count, table, codes & -(uint64_t)there, f); /* code 0 is zero */
    return (cursor){c.packed, c.layout, c.row + 1, c.there + there, c.out + count, c.room - count};
}

/* Of `count` whole rows those that can be written with all lanes. */
static inline size_t with_room(const cursor *c, size_t count, form f)
{
    size_t rows = c->room < f.lanes ? 0 : (c->room - f.lanes) / f.width + 1;
    return rows < count ? rows : count;
}

/* Writes `count` whole rows, as many at a time as a word has codes for. The next row overwrites the lanes beyond the width,
 * for which there is room. Nobody could predict a branch on the bitmap. The copies tell the compiler that nothing written
 * changes them. */
static inline cursor write_whole(cursor c, alert_table table, size_t count, form f)
{
    const alert_packed_weights packed = *c.packed;
    const alert_layout layout = *c.layout;
    const size_t bits = f.width * f.bits, at_once = 57 / bits;
    for (; count >= at_once; count -= at_once, c.row += at_once) {
        uint64_t codes = alert_bits_at(&packed, 8 * layout.coefficients + c.there * bits);
        uint64_t there = there_at(&packed, &layout, c.row, f);
        for (size_t i = 0; i < at_once; i++, there >>= 1, c.out += f.width) {
            write_row(c.out, f.lanes, table, codes & -(there & 1), f);
            codes >>= there & 1 ? bits : 0;
            c.there += there & 1;
        }
        c.room -= at_once * f.width;
    }
    for (; count; count--)
        c = write_checked(c, table, f.width, f);
    return c;
}

/* Writes `count` rows of one filter, which share a basis and have so many columns together. */
static inline cursor write_rows(cursor c, alert_table table, size_t count, size_t columns, form f)
{
    size_t whole = columns / f.width < count ? columns / f.width : count;
    size_t roomy = with_room(&c, whole, f);
    c = write_whole(c, table, roomy, f);
    for (size_t i = roomy; i < whole; i++)
        c = write_checked(c, table, f.width, f);
    return whole < count ? write_checked(c, table, columns % f.width, f) : c;
}

/* Writes filters. Inlined for the forms below, which differ in constants. */
static inline void write_filters(cursor c, size_t first, size_t count, form f)
{
    const alert_packed_weights *p = c.packed;
    alert_table table;
    float powers[CODES_MAX];
    fill_powers(p->coefficient_bits, powers);
    size_t filled = SIZE_MAX; /* the basis that the table is of */
    for (size_t filter = first; filter < first + count; filter++)
        for (size_t group = 0; group < c.layout->row_groups; group++) {
            size_t basis = filter / p->filters_per_basis * c.layout->row_groups + group;
            size_t begin = group * p->rows_per_basis, left = c.layout->rows_per_filter - begin;
            if (basis != filled)
                fill_table(&c, filled = basis, powers, table, f);
            size_t rows = left < p->rows_per_basis ? left : p->rows_per_basis;
            c = write_rows(c, table, rows, p->columns - begin * f.width, f);
        }
}

static int check_filters(const alert_packed_weights *p, size_t first, size_t count,
                         alert_argument_error *error)
{
    if (first <= p->filters && count <= p->filters - first)
        return 0;
    if (error)
        *error = (alert_argument_error){
            "count", {-1, -1}, "no more filters than there are from the first on", (double)count};
    return -EINVAL;
}

int alert_unpack_weights(const alert_packed_weights *packed, size_t first, size_t count,
                         float *weights, alert_argument_error *error)
{
    alert_layout layout;
    int rc = alert_layout_of(packed, &layout, error);
    if (!rc)
        rc = check_scales(packed, &layout, error);
    if (!rc)
        rc = check_filters(packed, first, count, error);
    if (rc)
        return rc;
    size_t row = first * layout.rows_per_filter, there = alert_rows_there(packed, &layout, row);
    cursor c = {packed, &layout, row, there, weights, count * packed->columns};
    if (packed->width == 3 && packed->coefficient_bits == 4 && packed->is_sparse)
        write_filters(c, first, count,
                      (form){3, 4, 4, true}); /* the usual ones: three times as fast */
    else if (packed->width == 3 && packed->coefficient_bits == 4)
        write_filters(c, first, count, (form){3, 4, 4, false});
    else
        write_filters(
            c, first, count,
            (form){packed->width, packed->coefficient_bits, ALERT_WIDTH_MAX, packed->is_sparse});
    return 0;
}
