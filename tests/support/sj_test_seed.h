// SPDX-License-Identifier: Apache-2.0
// The seed of a test that draws what it tests. Without any of the program's headers: sj_test.h has those of the simulator, which a test of the trainer does not see.
#ifndef SJ_TEST_SEED_H
#define SJ_TEST_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// SJ_TEST_SEED, or the default; printed so that a failure can be repeated.
static inline uint64_t sj_test_seed(uint64_t fallback) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : fallback;
    printf("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

#endif
