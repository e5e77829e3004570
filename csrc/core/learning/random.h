/*
 * random.h - internal: random numbers that follow from a seed, the same on every machine.
 *
 * SplitMix64 (Steele, Lea and Flood 2014): the state is a counter, and each number is its hash.
 */
#ifndef ALERT_RANDOM_H
#define ALERT_RANDOM_H

#include <stdint.h>

#include "core/estimate/normal.h"

static inline uint64_t alert_random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A standard normal number. The 53 bits used never give the share 0. They may give 1, whose quantile is finite, too. */
static inline double alert_random_normal(uint64_t *state)
{
    double share = ((double)(alert_random_next(state) >> 11) + 0.5) * 0x1p-53;
    return alert_normal_quantile(share);
}

#endif
