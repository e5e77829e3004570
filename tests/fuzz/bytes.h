/* bytes.h - structure out of a fuzzer's bytes: choices, sizes, numbers that matter. */
#ifndef FUZZ_BYTES_H
#define FUZZ_BYTES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct bytes {
    const uint8_t *next;
    size_t left;
} bytes;

/* 0 once they have run out. */
static inline uint8_t fuzz_byte(bytes *b)
{
    if (b->left == 0)
        return 0;
    b->left--;
    return *b->next++;
}

static inline size_t fuzz_below(bytes *b, size_t n)
{
    return fuzz_byte(b) % n;
}

/* Any double at all. */
static inline double fuzz_any(bytes *b)
{
    uint8_t raw[8];
    double x;
    for (int i = 0; i < 8; i++)
        raw[i] = fuzz_byte(b);
    memcpy(&x, raw, sizeof x);
    return x;
}

/* Mostly low..high by equal factors; sometimes an edge, sometimes anything. */
static inline double fuzz_number(bytes *b, double low, double high)
{
    static const double EDGE[] = {0.0,    1.0,      -1.0,  1e9,   1e18,  1e6, 1e-9,
                                  1e-300, 4.9e-324, 1e300, 2.0e9, 1e-12, 0.5, 0.999999999};
    uint8_t how = fuzz_byte(b);
    if (how < 224)
        return low * pow(high / low, how / 223.0);
    if (how < 252)
        return EDGE[how % (sizeof EDGE / sizeof *EDGE)];
    return how == 252 ? (double)NAN : how == 253 ? (double)INFINITY : fuzz_any(b);
}

static inline double fuzz_fraction(bytes *b)
{
    uint8_t how = fuzz_byte(b);
    return how < 251 ? how / 250.0 : fuzz_number(b, 1e-3, 1.0);
}

#endif
