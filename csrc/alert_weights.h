/*
 * alert_weights.h - public contract of packed weights: a small basis times sparse powers of two.
 *
 * The weights of a filter are cut into rows of `width` numbers. A row is c B: `width` coefficients c, each zero or plus or
 * minus a power of two, times a basis B of `width` x `width` small integers that many rows share. The form is that of
 * SmartExchange (ISCA 2020) and SmartDeal (arXiv 2101.01163); the layout of the bytes is ours.
 *
 * Unpacking has no globals, allocates nothing, and reads no byte outside of those given, whatever they hold, also where
 * another thread changes them meanwhile. Errors are those of alert.h.
 */
#ifndef ALERT_WEIGHTS_H
#define ALERT_WEIGHTS_H

#include "alert.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ALERT_WIDTH_MAX            8
#define ALERT_COEFFICIENT_BITS_MAX 6

/* Packed weights. Parts of `bytes`, each padded with zero bits to whole bytes; bits count from the lowest of a byte:
 *
 *   scales        16 bits, the upper half of a float within +-2^100, for each row of each basis
 *   bases         basis_bits for each element: an integer in two's complement, times the scale of its row
 *   bitmap        a bit for each row of weights, where is_sparse: whether it is there; rows that are not are zero
 *   coefficients  coefficient_bits for each element of the rows that are there: above the sign, below 0 for zero, or
 *                 m for 2^(1 - m)
 *
 * Filters come in groups of filters_per_basis, and rows of a filter in groups of rows_per_basis. The last group of each may
 * be smaller. A group of filters has a basis for each group of rows. Where width does not divide the columns, the last
 * row of a filter is cut. */
typedef struct alert_packed_weights {
    size_t filters;            /* >= 1 */
    size_t columns;            /* weights of a filter, >= 1 */
    size_t width;              /* 1..8 */
    size_t filters_per_basis;  /* >= 1 */
    size_t rows_per_basis;     /* >= 1 */
    unsigned coefficient_bits; /* 2..6 */
    unsigned basis_bits;       /* 2..8 */
    bool is_sparse;
    const uint8_t *bytes;
    size_t size; /* of the bytes */
} alert_packed_weights;

/* Writes the weights of `count` filters from number `first` on, count x columns numbers. -EINVAL where an argument is out of
 * range, there are fewer filters, a scale is beyond +-2^100, or `size` is not that of the parts; nothing is written then.
 * `error` may be NULL. */
ALERT_MUST_CHECK int alert_unpack_weights(const alert_packed_weights *packed, size_t first,
                                          size_t count, float *weights,
                                          alert_argument_error *error);

#ifdef __cplusplus
}
#endif

#endif
