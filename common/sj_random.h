// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Seed 0 gives first e220a8397b1dcdaf, then 6e789e6aa1b965f4.
#ifndef SJ_RANDOM_H
#define SJ_RANDOM_H

#include <stdint.h>

typedef struct sj_random {
    uint64_t state;
} sj_random;

static inline sj_random sj_random_seed(uint64_t seed) { return (sj_random){seed}; }

static inline uint64_t sj_random_u64(sj_random *r) {
    uint64_t z = (r->state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// An independent stream: the same (seed, stream) gives the same numbers whatever else was drawn.
static inline sj_random sj_random_stream(uint64_t seed, uint64_t stream) {
    sj_random r = {seed ^ (stream * 0xd1342543de82ef95ull)};
    r.state = sj_random_u64(&r);
    return r;
}

// Uniform in [0, 1), 53 bits.
static inline double sj_random_unit(sj_random *r) { return (double)(sj_random_u64(r) >> 11) * 0x1.0p-53; }

// Uniform in [0, bound), bound > 0; multiply-shift, bias below 2^-32 for bounds below 2^32.
static inline uint64_t sj_random_below(sj_random *r, uint64_t bound) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)sj_random_u64(r) * bound) >> 64);
}

#endif
