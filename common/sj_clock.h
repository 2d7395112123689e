// SPDX-License-Identifier: Apache-2.0
// Time that only goes forward, for durations and waits.
#ifndef SJ_CLOCK_H
#define SJ_CLOCK_H

#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

// Seconds since some moment that stays the same while the machine runs.
static inline double sj_monotonic_seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#ifdef __cplusplus
}
#endif
#endif
