// SPDX-License-Identifier: Apache-2.0
// Every set of kernels that this processor runs against the portable one, and the portable one against single bits.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels.h"
#include "sj_random.h"

#define ROUNDS 300
#define WORDS 80

static sj_random start(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 90;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return sj_random_seed(seed);
}

static int64_t upto(sj_random *r, int64_t most) { return (int64_t)sj_random_below(r, (uint64_t)most + 1); }

// Words of few, of half and of all bits.
static void fill(sj_random *r, uint64_t *words, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const uint64_t kind = sj_random_below(r, 5);
        const uint64_t some = sj_random_u64(r);
        words[i] = kind == 0 ? 0 : kind == 1 ? UINT64_MAX : kind == 2 ? some & sj_random_u64(r) & sj_random_u64(r) : some;
    }
}

typedef void (*check_set)(sj_random *r, const sj_fast_kernels *k);

static void each_set(check_set check) {
    sj_random rng = start();
    for (int i = 0; sj_fast_kernels_at(i) != NULL; i++) {
        print_message("%s\n", sj_fast_kernels_at(i)->name);
        for (int round = 0; round < ROUNDS; round++) {
            check(&rng, sj_fast_kernels_at(i));
        }
    }
}

static void check_packing(sj_random *r, const sj_fast_kernels *k) {
    uint16_t v[300] = {0};
    uint64_t bf16[5], int8[5];
    const int64_t n = upto(r, 300);
    for (int64_t i = 0; i < n; i++) {
        const uint64_t kind = sj_random_below(r, 4);
        v[i] = (uint16_t)(kind == 0 ? 0 : kind == 1 ? sj_random_u64(r) & 0x807f : sj_random_u64(r));  // zeros, denormals and -0, anything
    }
    memset(bf16, 0xee, sizeof bf16);
    memset(int8, 0xee, sizeof int8);
    k->pack_bf16(v, n, bf16);
    k->pack_int8((const int8_t *)v, n, int8);
    for (int64_t i = 0; i < (n + 63) / 64 * 64; i++) {
        assert_int_equal(bf16[i / 64] >> (i % 64) & 1, i < n && (v[i] & 0x7f80) != 0);
        assert_int_equal(int8[i / 64] >> (i % 64) & 1, i < n && ((const int8_t *)v)[i] != 0);
    }
}

static void check_transpose(sj_random *r, const sj_fast_kernels *k) {
    uint64_t from[64] = {0}, to[64];
    fill(r, from, 64);
    k->transpose(from, to);
    for (int i = 0; i < 64; i++) {
        for (int j = 0; j < 64; j++) {
            assert_int_equal(to[i] >> j & 1, from[j] >> i & 1);
        }
    }
}

static void check_counts(sj_random *r, const sj_fast_kernels *k) {
    uint64_t words[WORDS] = {0}, any = 0, count = 0;
    uint32_t got[64 * WORDS], want[64 * WORDS];
    uint8_t ones[WORDS];
    const int64_t n = upto(r, WORDS);
    const uint32_t weight = (uint32_t)sj_random_below(r, 1000);
    fill(r, words, n);
    k->word_counts(words, n, ones);
    for (int64_t i = 0; i < 64 * n; i++) {
        got[i] = want[i] = (uint32_t)sj_random_u64(r);
        want[i] += words[i / 64] >> (i % 64) & 1 ? weight : 0;
    }
    k->add_weighted(words, n, weight, got);
    assert_memory_equal(got, want, (size_t)(64 * n) * sizeof *got);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(ones[i], __builtin_popcountll(words[i]));
        count += ones[i];
        any |= words[i];
    }
    assert_true(k->popcount(words, n) == count && k->any(words, n) == any);
}

static void check_deal(sj_random *r, const sj_fast_kernels *k) {
    static uint64_t a[4 * 40 * 24];
    uint64_t b[4] = {0}, visited = 0;
    const int64_t physical = upto(r, 1) == 0 ? 8 * (1 + upto(r, 2)) : 1 + upto(r, 23), slots = 1 + upto(r, 39), words = upto(r, 1) == 0 ? 1 : 1 + upto(r, 3);
    const int64_t rows = upto(r, 1) == 0 ? physical * slots : 1 + upto(r, physical * slots - 1);
    uint32_t got[24], want[24] = {0};
    fill(r, a, words * rows);
    fill(r, b, words);
    for (int64_t row = 0; row < rows; row++) {
        int bits = 0;
        for (int64_t w = 0; w < words; w++) {
            bits += __builtin_popcountll(a[w * rows + row] & b[w]);
        }
        want[row % physical] += (uint32_t)bits;
        visited += bits > 0;
    }
    memset(got, 0xee, sizeof got);
    assert_true(k->deal(a, rows, b, words, physical, got) == visited);
    assert_memory_equal(got, want, (size_t)physical * sizeof *got);
}

static void check_settle(sj_random *r, const sj_fast_kernels *k) {
    uint32_t got[40], want[40], most = 0;
    uint64_t sum = 7, largest = 9, all = 7;
    const int64_t n = upto(r, 39);
    for (int64_t i = 0; i < 40; i++) {
        got[i] = want[i] = upto(r, 2) == 0 ? 0 : (uint32_t)sj_random_u64(r);
        if (i < n) {
            want[i] += want[i] == 0;
            all += want[i];
            most = want[i] > most ? want[i] : most;
        }
    }
    k->settle(got, n, &sum, &largest);
    assert_memory_equal(got, want, sizeof got);
    assert_true(sum == all && largest == 9 + (uint64_t)most);
}

// Against the portable set's deal and settle; half of the steps are of the shape that has loops of its own.
static void check_issue(sj_random *r, const sj_fast_kernels *k) {
    static uint64_t a[3 * 160], b[20 * 5];
    uint64_t any[3] = {0};
    const bool common = upto(r, 1) == 0;
    const int64_t words = common ? 1 : 1 + upto(r, 2), physical = common ? 16 : 1 + upto(r, 19), rows = common ? 128 : 1 + upto(r, physical * 8 - 1), tiles = upto(r, 20), pitch = 5;
    uint32_t got[20 * 24], want[20 * 24], vectors[20], expected[20] = {0};
    fill(r, a, words * rows);
    fill(r, b, 100);
    for (int64_t i = 0; i < words * rows; i++) {
        any[i / rows] |= a[i];
    }
    sj_fast_issues i = {a, rows, words, physical, any, 1, 2, 3}, plain = i;
    memset(got, 0, sizeof got);
    memset(want, 0, sizeof want);
    k->issue(&i, b, pitch, tiles, got, 24, vectors);
    for (int64_t t = 0; t < tiles; t++) {
        plain.visited += sj_fast_portable_kernels.deal(a, rows, b + t * pitch, words, physical, want + 24 * t);
        sj_fast_portable_kernels.settle(want + 24 * t, rows < physical ? rows : physical, &plain.work, &plain.longest);
        for (int64_t w = 0; w < words; w++) {
            expected[t] += (uint32_t)__builtin_popcountll(any[w] & b[t * pitch + w]);
        }
    }
    assert_memory_equal(got, want, sizeof got);
    assert_memory_equal(vectors, expected, (size_t)tiles * sizeof *vectors);
    assert_true(i.visited == plain.visited && i.work == plain.work && i.longest == plain.longest);
}

static void check_advance(sj_random *r, const sj_fast_kernels *k) {
    uint64_t got[40], want[40], largest = 0;
    uint32_t work[40];
    const int64_t n = upto(r, 39);
    const uint64_t base = sj_random_u64(r) >> 2, ready = base + sj_random_below(r, 100);
    for (int64_t i = 0; i < 40; i++) {
        got[i] = want[i] = base + sj_random_below(r, 100);
        work[i] = (uint32_t)sj_random_u64(r);
        if (i < n) {
            want[i] = (want[i] > ready ? want[i] : ready) + work[i];
            largest = want[i] > largest ? want[i] : largest;
        }
    }
    assert_true(k->advance(got, ready, work, n) == largest);
    assert_memory_equal(got, want, sizeof got);
}

// Issue by issue, lane by lane.
static uint64_t changes_by_hand(const sj_fast_classes *c, uint64_t *last, int64_t pitch) {
    uint64_t count = 0;
    for (int64_t m = 0; m < c->rows; m++) {
        for (int64_t at = 0; at < 64 * c->words * c->lane_count; at++) {
            const int64_t k = at / c->lane_count, lane = at % c->lane_count, w = k / 64;
            const uint64_t bit = UINT64_C(1) << (k % 64), own = UINT64_C(1) << (lane % 64);
            if ((c->present[w * c->rows + m] & c->any[w] & bit) == 0) {
                continue;
            }
            uint64_t *word = &last[lane / 64 * pitch + m % c->physical];
            const bool active = (c->nonzero[w * c->rows + m] & c->lanes[w * c->lane_count + lane] & bit) != 0, before = (*word & own) != 0;
            count += active != before;
            *word ^= active != before ? own : 0;
        }
    }
    return count;
}

static void check_changes(sj_random *r, const sj_fast_kernels *k) {
    static uint64_t present[4 * 48], nonzero[4 * 48], lanes[4 * 256];
    uint64_t any[4], got[17 * 4], want[17 * 4];
    const int64_t words = 1 + upto(r, 3), physical = 1 + upto(r, 15), rows = upto(r, 3 * physical), lane_count = sj_random_below(r, 20) == 0 ? 1 + upto(r, 255) : 1 + upto(r, 33);
    const int64_t pitch = physical + upto(r, 1);
    fill(r, present, words * rows);
    fill(r, lanes, words * lane_count);
    fill(r, any, words);
    fill(r, got, 17 * 4);
    memcpy(want, got, sizeof got);
    for (int64_t i = 0; i < words * rows; i++) {
        nonzero[i] = present[i] & sj_random_u64(r);
    }
    const sj_fast_classes c = {present, sj_random_below(r, 2) == 0 ? present : nonzero, rows, words, physical, any, lanes, lane_count};
    assert_true(k->changes(&c, got, pitch) == changes_by_hand(&c, want, pitch));
    assert_memory_equal(got, want, sizeof got);  // also what lies beyond the lanes, and rows without an A row
}

static void check_test(sj_random *r, const sj_fast_kernels *k) {
    uint64_t words[256], to[4];
    const int64_t n = 1 + upto(r, 255);
    const uint64_t bits = sj_random_below(r, 8) == 0 ? 0 : UINT64_C(1) << upto(r, 63);
    fill(r, words, n);
    memset(to, 0xee, sizeof to);
    k->test(words, n, bits, to);
    for (int64_t i = 0; i < (n + 63) / 64 * 64; i++) {
        assert_int_equal(to[i / 64] >> (i % 64) & 1, i < n && (words[i] & bits) != 0);
    }
}

static void check_row_changes(sj_random *r, const sj_fast_kernels *k) {
    static uint64_t present[4 * 48], nonzero[4 * 48], scratch[4 * 48];
    uint64_t any[4], lanes[4], issued[16], first[16], last[16], want[16] = {0}, count = 0;
    const int64_t words = 1 + upto(r, 3), physical = 1 + upto(r, 15), rows = upto(r, 3 * physical);
    fill(r, present, words * rows);
    fill(r, lanes, words);
    fill(r, any, words);
    for (int64_t i = 0; i < words * rows; i++) {
        nonzero[i] = present[i] & sj_random_u64(r);
    }
    const sj_fast_classes c = {present, nonzero, rows, words, physical, any, lanes, 1};
    sj_fast_rows out = {issued, first, last};
    const uint64_t got = k->row_changes(&c, &out, scratch);
    for (int64_t row = 0; row < (physical < rows ? physical : rows); row++) {
        want[row] = first[row] & 1;  // so that the first issue is no change
        assert_true((issued[row] == 0 || issued[row] == UINT64_MAX) && (first[row] & ~issued[row]) == 0 && (first[row] == 0 || first[row] == UINT64_MAX));
    }
    count = changes_by_hand(&c, want, physical);
    assert_true(got == count);
    for (int64_t row = 0; row < (physical < rows ? physical : rows); row++) {
        bool has = false;
        for (int64_t m = row; m < rows; m += physical) {
            for (int64_t w = 0; w < words; w++) {
                has = has || (present[w * rows + m] & any[w]) != 0;
            }
        }
        assert_true((issued[row] != 0) == has && last[row] == (want[row] != 0 ? UINT64_MAX : 0));
    }
}

static void packing(void **state) { (void)state; each_set(check_packing); }
static void transposition(void **state) { (void)state; each_set(check_transpose); }
static void counting(void **state) { (void)state; each_set(check_counts); }
static void dealing(void **state) { (void)state; each_set(check_deal); }
static void settling(void **state) { (void)state; each_set(check_settle); }
static void issuing(void **state) { (void)state; each_set(check_issue); }
static void advancing(void **state) { (void)state; each_set(check_advance); }
static void changing(void **state) { (void)state; each_set(check_changes); }
static void testing(void **state) { (void)state; each_set(check_test); }
static void changing_rows(void **state) { (void)state; each_set(check_row_changes); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(packing), cmocka_unit_test(transposition), cmocka_unit_test(counting), cmocka_unit_test(dealing), cmocka_unit_test(settling), cmocka_unit_test(issuing), cmocka_unit_test(advancing), cmocka_unit_test(changing), cmocka_unit_test(changing_rows), cmocka_unit_test(testing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
