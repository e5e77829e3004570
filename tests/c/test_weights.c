/* test_weights.c - unpacking weights from bytes that say anything, in blocks of memory that end with them. */
#include <stdlib.h>
#include <string.h>

#include "alert_weights.h"
#include "expect.h"

static uint32_t seed = 1;

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % n;
}

/* Half of the shapes have the usual form, which is written in another way. */
static alert_packed_weights any_shape(void)
{
    bool is_usual = below(2);
    return (alert_packed_weights){
        .filters = below(5),
        .columns = below(30),
        .width = is_usual ? 3 : below(10),
        .filters_per_basis = below(4),
        .rows_per_basis = below(6),
        .coefficient_bits = is_usual ? 4 : below(8),
        .basis_bits = below(10),
        .is_sparse = below(2),
    };
}

/* Most bytes do not fit a shape, so sizes are tried until one does. Returns whether one did. */
static bool unpack_some_size(alert_packed_weights *p, float *weights)
{
    for (p->size = 0; p->size < 600; p->size++) {
        uint8_t *bytes = malloc(p->size + 1); /* the sanitizer sees a byte read beyond its end */
        if (!bytes)
            return false;
        for (size_t i = 0; i < p->size; i++)
            bytes[i + 1] = (uint8_t)(i % 2 && i < 200 ? 0x3C : below(256)); /* finite scales */
        p->bytes = bytes + 1;
        int rc = alert_unpack_weights(p, 0, p->filters, weights, NULL);
        free(bytes);
        if (rc == 0)
            return true;
    }
    return false;
}

static void test_any_shape_and_any_bytes(void)
{
    int unpacked = 0;
    for (int i = 0; i < 1000; i++) {
        alert_packed_weights p = any_shape();
        size_t count = p.filters * p.columns;
        float *weights = malloc(count * sizeof *weights + 1);
        if (!weights)
            return;
        unpacked += unpack_some_size(&p, weights);
        free(weights);
    }
    EXPECT(unpacked > 100);
}

/* Numbers whose products would wrap round. */
static void test_shapes_of_huge_counts(void)
{
    const size_t counts[] = {1, SIZE_MAX / 8192, SIZE_MAX / 4096, SIZE_MAX / 2 + 1, SIZE_MAX};
    const uint8_t bytes[64] = {0};
    float weight;
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++)
            for (size_t k = 0; k < 5; k++) {
                alert_packed_weights p = {counts[i], counts[j], 3,     counts[k], counts[4 - k],
                                          4,         8,         false, bytes,     64};
                EXPECT(alert_unpack_weights(&p, 0, counts[i], &weight, NULL) != 0);
            }
}

/* Weights by hand: one basis row of scale 0.5 holds (2, -4), coefficients are 1, -1/2, 0. */
static void test_weights_by_hand(void)
{
    const uint8_t bytes[] = {0x00, 0x3F, 0x00, 0x3F, /* 0.5, 0.5 */
                             2,    0xFC, 0,    0,    /* the second row of the basis is zero */
                             0x01, 0x0A, 0x00};      /* codes 1 and 0, 10 and 0, 0 and 0 */
    const alert_packed_weights p = {1, 6, 2, 1, 3, 4, 8, false, bytes, sizeof bytes};
    const float wanted[] = {1.0F, -2.0F, -0.5F, 1.0F, 0.0F, 0.0F};
    float weights[6];
    alert_argument_error error;
    EXPECT(alert_unpack_weights(&p, 0, 1, weights, &error) == 0);
    EXPECT(memcmp(weights, wanted, sizeof wanted) == 0);
}

/* Three filters of three columns, of which the bitmap leaves some out: 2, 1, 0 rows are there. */
static void test_some_filters(void)
{
    const uint8_t bytes[] = {0x00, 0x3F, 0x00, 0x3F, /* 0.5, 0.5 */
                             2,    4,    6,    8,    /* the basis */
                             0x07,                   /* rows 0, 1 and 2 */
                             0x11, 0x21, 0x03};      /* codes of each */
    const alert_packed_weights p = {3, 3, 2, 3, 2, 4, 8, true, bytes, sizeof bytes};
    float all[9], some[6];
    alert_argument_error error;
    EXPECT(alert_unpack_weights(&p, 0, 3, all, NULL) == 0);
    for (size_t first = 0; first <= 3; first++)
        for (size_t count = 0; count < 3; count++) {
            int rc = alert_unpack_weights(&p, first, count, some, &error);
            EXPECT((rc == 0) == (first + count <= 3));
            EXPECT(rc != 0 || memcmp(some, all + 3 * first, 3 * count * sizeof *some) == 0);
        }
    EXPECT(strcmp(error.name, "count") == 0);
    EXPECT(alert_unpack_weights(&p, SIZE_MAX, 1, some, NULL) != 0);
    EXPECT(alert_unpack_weights(&p, 1, SIZE_MAX, some, NULL) != 0);
}

int main(void)
{
    test_any_shape_and_any_bytes();
    test_shapes_of_huge_counts();
    test_weights_by_hand();
    test_some_filters();
    return expect_failures != 0;
}
