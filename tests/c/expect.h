/* expect.h - checks for the C tests: each failure is printed, the program fails when there was one. */
#ifndef ALERT_TEST_EXPECT_H
#define ALERT_TEST_EXPECT_H

#include <math.h>
#include <stdio.h>

static int expect_failures;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            expect_failures++;                                                                     \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition);  \
        }                                                                                          \
    } while (0)

#define EXPECT_NEAR(got, want, tolerance)                                                          \
    do {                                                                                           \
        double got_ = (got), want_ = (want);                                                       \
        if (!(fabs(got_ - want_) <= (tolerance))) {                                                \
            expect_failures++;                                                                     \
            fprintf(stderr, "%s:%d: %s: %s is %.17g, expected %.17g\n", __FILE__, __LINE__,        \
                    __func__, #got, got_, want_);                                                  \
        }                                                                                          \
    } while (0)

#endif
