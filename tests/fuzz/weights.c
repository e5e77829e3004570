/*
 * weights.c - packed weights made out of the fuzzer's bytes: eight numbers, and all the rest as the bytes.
 *
 * Either they are refused, or weights come out that are finite, and none is written beyond the last. The filters of the second
 * half, unpacked alone, are the same.
 */
#include <math.h>
#include <stdlib.h>

#include "alert_weights.h"
#include "bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_half(const alert_packed_weights *p, const float *all)
{
    size_t first = p->filters / 2, count = (p->filters - first) * p->columns;
    float *half = malloc(count * sizeof *half);
    if (!half || alert_unpack_weights(p, first, p->filters - first, half, NULL) != 0 ||
        memcmp(half, all + first * p->columns, count * sizeof *half) != 0)
        abort();
    free(half);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes b = {data, size};
    alert_packed_weights p = {
        .filters = fuzz_byte(&b),
        .columns = fuzz_byte(&b),
        .width = fuzz_below(&b, 10),
        .filters_per_basis = fuzz_byte(&b),
        .rows_per_basis = fuzz_byte(&b),
        .coefficient_bits = (unsigned)fuzz_below(&b, 8),
        .basis_bits = (unsigned)fuzz_below(&b, 10),
        .is_sparse = fuzz_below(&b, 2),
    };
    if (fuzz_below(&b, 2)) { /* the usual form is written in another way */
        p.width = 3;
        p.coefficient_bits = 4;
    }
    size_t count = p.filters * p.columns;
    float *weights = malloc(count * sizeof *weights + 1);
    uint8_t *copy =
        malloc(b.left + 1); /* its end is the end of the memory, which the sanitizer guards */
    if (!weights || !copy)
        abort();
    memcpy(copy + 1, b.next, b.left);
    p.bytes = copy + 1;
    p.size = b.left;
    if (alert_unpack_weights(&p, 0, p.filters, weights, NULL) == 0) {
        for (size_t i = 0; i < count; i++)
            if (isnan(weights[i]))
                abort();
        check_half(&p, weights);
    }
    free(copy);
    free(weights);
    return 0;
}
