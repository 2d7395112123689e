// SPDX-License-Identifier: Apache-2.0
// Gathered masks against sj_operand_offset, and stream bits against sj_stream_offset, bit by bit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_job.h"
#include "room.h"
#include "shared.h"

static uint64_t seed_of_run(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 31;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static bool expected_bit(const sj_operand *o, sj_presence presence, int64_t u, int64_t k, int64_t k1) {
    if (k >= k1 || presence == SJ_PRESENCE_ALL) {
        return k < k1;
    }
    const int64_t offset = sj_operand_offset(o, u, k);
    return offset != SJ_PADDING && (presence == SJ_PRESENCE_IN_RANGE || sj_values_nonzero(&o->values, offset));
}

static void check_fetch(const sj_operand *o, sj_presence presence, int64_t k_tile, sj_random *rng) {
    const int64_t u_count = sj_operand_u_count(o), k_count = sj_operand_k_count(o), step_words = (k_tile + 63) / 64;
    const int64_t u0 = (int64_t)sj_random_below(rng, (uint64_t)u_count), rows = 1 + (int64_t)sj_random_below(rng, (uint64_t)(u_count - u0));
    const int64_t k0 = (int64_t)sj_random_below(rng, (uint64_t)(k_count / k_tile + 1)) * k_tile;
    const int64_t k1 = k0 + (int64_t)sj_random_below(rng, (uint64_t)(k_count - k0 + 1)), steps = (k1 - k0 + k_tile - 1) / k_tile;
    uint64_t *words = malloc((size_t)(steps * step_words * rows + 1) * sizeof *words);
    sj_piece *pieces = malloc((size_t)rows * sizeof *pieces);
    sj_bits bits;
    sj_error err;
    assert_int_equal(sj_fast_bits_make(o, presence, &bits, &err), SJ_OK);
    sj_fast_fetch(&bits, k_tile, u0, rows, k0, k1, pieces, words);
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t step = 0; step < steps; step++) {
            for (int64_t j = 0; j < step_words * 64; j++) {
                const bool got = (words[(step * step_words + j / 64) * rows + row] >> (j % 64) & 1) != 0;
                const bool want = j < k_tile && expected_bit(o, presence, u0 + row, k0 + step * k_tile + j, k1);
                assert_int_equal(got, want);
            }
        }
    }
    sj_fast_bits_free(&bits);
    free(words);
    free(pieces);
}

// store: NULL, or one that the stream's masks may come out of.
static void check_stream(const sj_stream *s, sj_fast_shared *store, int *borrowings) {
    uint64_t *bits = NULL;
    bool borrowed = true;
    sj_error err;
    assert_int_equal(sj_fast_stream_bits(s, store, &bits, &borrowed, &err), SJ_OK);
    int64_t count = 0;
    for (int64_t v = 0; v < s->length; v++) {
        const bool want = sj_values_nonzero(sj_stream_values(s), sj_stream_offset(s, v));
        assert_int_equal(bits[v / 64] >> (v % 64) & 1, want);
        count += want ? 1 : 0;
    }
    assert_int_equal(sj_fast_count_range(bits, 0, s->length), count);
    assert_true(store != NULL || !borrowed);
    sj_fast_give_back(borrowed ? NULL : bits);
    *borrowings += borrowed;
}

static void masks_equal_offsets(void **state) {
    (void)state;
    const uint64_t seed = seed_of_run();
    int borrowings = 0;
    for (uint64_t number = 0; number < 600; number++) {
        sj_random rng = sj_random_stream(seed, number);
        random_case c;
        random_case_make(&c, &rng);
        for (int presence = SJ_PRESENCE_NONZERO; presence <= SJ_PRESENCE_ALL; presence++) {
            check_fetch(&c.job.a, (sj_presence)presence, c.accel.k_tile, &rng);
            check_fetch(&c.job.b, (sj_presence)presence, c.accel.k_tile, &rng);
        }
        sj_fast_shared store = {.lasting = number % 2 == 1, .bytes_max = UINT64_MAX};
        for (int i = 0; i < 3; i++) {
            if (c.streams[i].kind != SJ_STREAM_RAW) {
                check_stream(&c.streams[i], NULL, &borrowings);
                check_stream(&c.streams[i], &store, &borrowings);
            }
        }
        sj_fast_shared_clear(&store);
        random_case_free(&c);
    }
    assert_true(borrowings > 0);
}

static void raw_streams_have_no_bits(void **state) {
    (void)state;
    const sj_stream s = {.kind = SJ_STREAM_RAW, .length = 9, .value_bytes = 4};
    uint64_t *bits = NULL;
    bool borrowed = true;
    sj_error err;
    assert_int_equal(sj_fast_stream_bits(&s, NULL, &bits, &borrowed, &err), SJ_ERR_INTERNAL);
    assert_null(bits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_equal_offsets),
        cmocka_unit_test(raw_streams_have_no_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
