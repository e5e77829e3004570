/*
 * weights.c - packed weights made out of the fuzzer's bytes: eight numbers, and all the rest as the bytes.
 *
 * Either they are refused, or weights come out that are finite, and none is written beyond the last.
 */
#include <math.h>
#include <stdlib.h>

#include "alert_weights.h"
#include "bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    size_t count = p.filters * p.columns;
    float *weights = malloc(count * sizeof *weights + 1);
    uint8_t *copy =
        malloc(b.left + 1); /* its end is the end of the memory, which the sanitizer guards */
    if (!weights || !copy)
        abort();
    memcpy(copy + 1, b.next, b.left);
    p.bytes = copy + 1;
    p.size = b.left;
    if (alert_unpack_weights(&p, weights, NULL) == 0)
        for (size_t i = 0; i < count; i++)
            if (isnan(weights[i]))
                abort();
    free(copy);
    free(weights);
    return 0;
}
