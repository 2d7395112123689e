// SPDX-License-Identifier: Apache-2.0
// The table of direction numbers, by what must hold of it and by what another implementation makes of it; the sequence by its first points and its evenness.
#include "sobol.h"
#include "sj_test.h"

static sj_error err;

static unsigned polynomial(const sj_sobol_numbers *n) { return (1u << n->degree) | (n->inner << 1) | 1u; }

// x^power modulo the polynomial, over GF(2), by multiplying with x that many times.
static unsigned power_of_x(unsigned modulus, int degree, unsigned power) {
    unsigned value = 1;
    for (unsigned i = 0; i < power; i++) {
        value <<= 1;
        value = (value >> degree) != 0 ? value ^ modulus : value;
    }
    return value;
}

// Primitive: x has the full order 2^degree - 1, no less.
static void test_polynomials(void **state) {
    for (int d = 0; d < SJ_SOBOL_DIMENSIONS - 1; d++) {
        const sj_sobol_numbers *n = &sj_sobol_table[d];
        const unsigned order = (1u << n->degree) - 1;
        assert_in_range(n->degree, 1, SJ_SOBOL_DEGREE_MAX);
        assert_true(n->inner < 1u << (n->degree - 1));
        assert_int_equal(power_of_x(polynomial(n), n->degree, order), 1);
        for (unsigned power = 1; power < order; power++) {
            assert_int_not_equal(power_of_x(polynomial(n), n->degree, power), 1);
        }
        for (int other = 0; other < d; other++) {
            assert_int_not_equal(polynomial(n), polynomial(&sj_sobol_table[other]));
        }
    }
}

static void test_first_numbers(void **state) {
    for (int d = 0; d < SJ_SOBOL_DIMENSIONS - 1; d++) {
        for (int i = 0; i < SJ_SOBOL_DEGREE_MAX; i++) {
            const unsigned m = sj_sobol_table[d].first[i];
            if (i < sj_sobol_table[d].degree) {
                assert_int_equal(m % 2, 1);
                assert_true(m < 2u << i);
            } else {
                assert_int_equal(m, 0);
            }
        }
    }
}

// The thirtieth m of every dimension: the end of the recurrence, in which each of its first numbers and each bit of its polynomial has a part. As the Sobol engine of libtorch
// 1.13 has them.
static void test_thirtieth_numbers(void **state) {
    static const uint64_t thirtieth[SJ_SOBOL_DIMENSIONS] = {
        1,         858993459, 385885991, 805503005,  268619575,  784934857, 502268945, 903271033,  67436641,  868921959, 997196295,
        655061653, 744030901, 462422065, 724742933,  308059905,  187583765, 525530409, 1002344493, 1056964611, 632619011, 48168961,
        1063555075, 913821699, 759153923, 414278913, 950820099,  78705921,  26022771,  310149809,  733013587, 906207283};
    sj_sobol s;
    assert_int_equal(sj_sobol_start(&s, SJ_SOBOL_DIMENSIONS, NULL, &err), SJ_OK);
    for (int d = 0; d < SJ_SOBOL_DIMENSIONS; d++) {
        assert_true(s.direction[d][29] == thirtieth[d] << 34);
    }
}

// Sobol's Property A: of the first 2^32 points, one lies in each of the 2^32 boxes that halving every axis makes. It holds where the leading digits of the first 32 direction
// numbers of the 32 dimensions are a regular matrix over GF(2).
static void test_property_a(void **state) {
    sj_sobol s;
    uint64_t rows[SJ_SOBOL_DIMENSIONS];
    assert_int_equal(sj_sobol_start(&s, SJ_SOBOL_DIMENSIONS, NULL, &err), SJ_OK);
    for (int d = 0; d < SJ_SOBOL_DIMENSIONS; d++) {
        rows[d] = 0;
        for (int i = 0; i < SJ_SOBOL_DIMENSIONS; i++) {
            rows[d] |= (s.direction[d][i] >> 63) << i;
        }
    }
    for (int column = 0; column < SJ_SOBOL_DIMENSIONS; column++) {
        int pivot = column;
        while (pivot < SJ_SOBOL_DIMENSIONS && ((rows[pivot] >> column) & 1u) == 0) {
            pivot++;
        }
        assert_true(pivot < SJ_SOBOL_DIMENSIONS);
        const uint64_t row = rows[pivot];
        rows[pivot] = rows[column];
        rows[column] = row;
        for (int below = column + 1; below < SJ_SOBOL_DIMENSIONS; below++) {
            rows[below] ^= ((rows[below] >> column) & 1u) != 0 ? row : 0;
        }
    }
}

static void test_first_points(void **state) {
    static const double expected[10][3] = {{0.0, 0.0, 0.0},       {0.5, 0.5, 0.5},       {0.75, 0.25, 0.25},    {0.25, 0.75, 0.75},    {0.375, 0.375, 0.625},
                                           {0.875, 0.875, 0.125}, {0.625, 0.125, 0.875}, {0.125, 0.625, 0.375}, {0.1875, 0.3125, 0.9375}, {0.6875, 0.8125, 0.4375}};
    sj_sobol s;
    uint64_t point[3];
    assert_int_equal(sj_sobol_start(&s, 3, NULL, &err), SJ_OK);
    for (int i = 0; i < 10; i++) {
        sj_sobol_next(&s, point);
        for (int d = 0; d < 3; d++) {
            assert_true((double)point[d] * 0x1p-64 == expected[i][d]);
        }
    }
}

// Any block of 2^k points that begins at a multiple of 2^k has one in each 2^k-th of every axis, shifted or not.
static void test_projections(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(1));
    for (int round = 0; round < 2; round++) {
        uint64_t shift[SJ_SOBOL_DIMENSIONS], point[SJ_SOBOL_DIMENSIONS];
        for (int d = 0; d < SJ_SOBOL_DIMENSIONS; d++) {
            shift[d] = sj_random_u64(&r);
        }
        sj_sobol s;
        assert_int_equal(sj_sobol_start(&s, SJ_SOBOL_DIMENSIONS, round == 0 ? NULL : shift, &err), SJ_OK);
        for (int k = 0; k <= 12; k++) {
            static bool hit[SJ_SOBOL_DIMENSIONS][1 << 12];
            memset(hit, 0, sizeof hit);
            for (int i = 0; i < 1 << k; i++) {
                sj_sobol_next(&s, point);
                for (int d = 0; d < SJ_SOBOL_DIMENSIONS; d++) {
                    const uint64_t bin = k == 0 ? 0 : point[d] >> (64 - k);
                    assert_false(hit[d][bin]);
                    hit[d][bin] = true;
                }
            }
            while (s.index % (2ull << k) != 0) {  // on to where the next block may begin
                sj_sobol_next(&s, point);
            }
        }
    }
}

// The first two dimensions are a (0, 2)-sequence: 2^k points have one in each box of 2^-k, however its sides share the k halvings.
static void test_boxes(void **state) {
    enum { K = 10 };
    for (int x = 0; x <= K; x++) {
        bool hit[1 << K] = {false};
        sj_sobol s;
        uint64_t point[2];
        assert_int_equal(sj_sobol_start(&s, 2, NULL, &err), SJ_OK);
        for (int i = 0; i < 1 << K; i++) {
            sj_sobol_next(&s, point);
            const uint64_t column = x == 0 ? 0 : point[0] >> (64 - x), row = x == K ? 0 : point[1] >> (64 - (K - x)), box = (column << (K - x)) | row;
            assert_false(hit[box]);
            hit[box] = true;
        }
    }
}

static void test_refusals(void **state) {
    sj_sobol s;
    assert_int_equal(sj_sobol_start(&s, SJ_SOBOL_DIMENSIONS, NULL, &err), SJ_OK);
    assert_int_equal(sj_sobol_start(&s, SJ_SOBOL_DIMENSIONS + 1, NULL, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "over 33 axes; there are direction numbers for 1 to 32"));
    assert_int_equal(sj_sobol_start(&s, 0, NULL, &err), SJ_ERR_RANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_polynomials), cmocka_unit_test(test_first_numbers), cmocka_unit_test(test_thirtieth_numbers), cmocka_unit_test(test_property_a),
        cmocka_unit_test(test_first_points), cmocka_unit_test(test_projections),  cmocka_unit_test(test_boxes),             cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
