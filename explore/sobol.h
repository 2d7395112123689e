// SPDX-License-Identifier: Apache-2.0
// The Sobol sequence, with the direction numbers of Joe and Kuo (SIAM J. Sci. Comput. 30(5), 2635-2654, 2008; their set new-joe-kuo-6.21201, of which these are the first dimensions).
#ifndef SOBOL_H
#define SOBOL_H

#include <stdint.h>

#include "sj_error.h"

enum { SJ_SOBOL_DIMENSIONS = 32, SJ_SOBOL_DEGREE_MAX = 7 };

// A dimension behind the first: a primitive polynomial over GF(2), x^degree + (the bits of inner, x^(degree - 1) down to x) + 1, and the first odd m_i < 2^i of the recurrence.
typedef struct sj_sobol_numbers {
    int degree;
    unsigned inner;
    unsigned first[SJ_SOBOL_DEGREE_MAX];
} sj_sobol_numbers;
extern const sj_sobol_numbers sj_sobol_table[SJ_SOBOL_DIMENSIONS - 1];

typedef struct sj_sobol {
    int dimensions;
    uint64_t index;                                // of the next point
    uint64_t point[SJ_SOBOL_DIMENSIONS];           // fractions, in units of 2^-64
    uint64_t direction[SJ_SOBOL_DIMENSIONS][64];   // [j] bit j of the index, from the lowest
} sj_sobol;

// shift: a digital shift, fractions that every point is XORed with, by dimension; NULL: none. SJ_ERR_RANGE: more dimensions than there are numbers for.
sj_status sj_sobol_start(sj_sobol *s, int dimensions, const uint64_t *shift, sj_error *err);
// Fractions of the next point, in the order of the Gray code (Antonov and Saleev 1979): every block of 2^k points that begins at a multiple of 2^k is the same set as in the
// natural order.
void sj_sobol_next(sj_sobol *s, uint64_t fractions[]);

#endif
