#include "weights/layout.h"

#include <errno.h>

/* No product of counts below overflows. */
#define WEIGHTS_MAX (SIZE_MAX / 4096)

static int refuse(alert_argument_error *error, const char *name, const char *expected, size_t value)
{
    if (error)
        *error = (alert_argument_error){name, {-1, -1}, expected, (double)value};
    return -EINVAL;
}

static int check_counts(const alert_packed_weights *p, alert_argument_error *error)
{
    if (p->filters < 1 || p->filters > WEIGHTS_MAX)
        return refuse(error, "filters", "a number from 1 to 2^52", p->filters);
    if (p->columns < 1 || p->columns > WEIGHTS_MAX / p->filters)
        return refuse(error, "columns", "a number from 1 to 2^52 / filters", p->columns);
    if (p->width < 1 || p->width > ALERT_WIDTH_MAX)
        return refuse(error, "width", "a number from 1 to 8", p->width);
    if (p->filters_per_basis < 1)
        return refuse(error, "filters_per_basis", "a number from 1 on", 0);
    if (p->rows_per_basis < 1)
        return refuse(error, "rows_per_basis", "a number from 1 on", 0);
    if (p->coefficient_bits < 2 || p->coefficient_bits > ALERT_COEFFICIENT_BITS_MAX)
        return refuse(error, "coefficient_bits", "a number from 2 to 6", p->coefficient_bits);
    if (p->basis_bits < 2 || p->basis_bits > 8)
        return refuse(error, "basis_bits", "a number from 2 to 8", p->basis_bits);
    return 0;
}

static size_t groups(size_t n, size_t of)
{
    return n / of + (n % of != 0);
}

static size_t bits_set(uint64_t word)
{
    size_t n = 0;
    for (; word; word &= word - 1)
        n++;
    return n;
}

size_t alert_rows_there(const alert_packed_weights *p, const alert_layout *layout, size_t end)
{
    size_t n = 0;
    for (size_t row = 0; p->is_sparse && row < end; row += 32) {
        size_t left = end - row;
        uint64_t word = alert_bits_at(p, 8 * layout->bitmap + row) & UINT32_MAX;
        n += bits_set(left < 32 ? word & ((UINT64_C(1) << left) - 1) : word);
    }
    return p->is_sparse ? n : end;
}

int alert_layout_of(const alert_packed_weights *p, alert_layout *layout,
                    alert_argument_error *error)
{
    int rc = check_counts(p, error);
    if (rc)
        return rc;
    size_t per_filter = groups(p->columns, p->width);
    size_t row_groups = groups(per_filter, p->rows_per_basis);
    size_t bases = row_groups * groups(p->filters, p->filters_per_basis);
    *layout = (alert_layout){per_filter, p->filters * per_filter, row_groups, bases, 0, 0, 0};
    layout->bases = 2 * p->width * bases;
    layout->bitmap = layout->bases + groups(bases * p->width * p->width * p->basis_bits, 8);
    layout->coefficients = layout->bitmap + (p->is_sparse ? groups(layout->rows, 8) : 0);
    if (p->size < layout->coefficients)
        return refuse(error, "size", "all bases, scales and bits of the bitmap", p->size);
    size_t there = alert_rows_there(p, layout, layout->rows);
    if (p->size - layout->coefficients != groups(there * p->width * p->coefficient_bits, 8))
        return refuse(error, "size", "the bytes that the shape and the bitmap ask for", p->size);
    return 0;
}
