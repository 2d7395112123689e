// SPDX-License-Identifier: Apache-2.0
// Jobs run with what others left behind against the same jobs run alone: machines that vary over the same tensors, operands that change under the same addresses, and stores too small for anything to stay.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "random_job.h"
#include "shared.h"

#define CASES 400
#define RUNS 8

static uint64_t seed_of_run(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20261;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static int64_t between(sj_random *r, int64_t low, int64_t high) { return low + (int64_t)sj_random_below(r, (uint64_t)(high - low + 1)); }

static int64_t a_divisor(sj_random *r, int64_t of) {
    int64_t d = between(r, 1, of);
    while (of % d != 0) {
        d--;
    }
    return d;
}

// Another machine for which the job's blocks lie on whole tiles and steps as well.
static void vary_machine(sj_random *r, const sj_accel *base, sj_accel *out) {
    *out = *base;
    const int64_t tile_rows = base->rows * base->slots;
    int64_t *const free_to_vary[] = {&out->a_bytes, &out->b_bytes, &out->o_bytes, &out->line_bytes, &out->a_banks, &out->acc_banks, &out->vector_lanes};
    if (sj_random_below(r, 2) == 0) {
        out->rows = a_divisor(r, tile_rows);
        out->slots = tile_rows / out->rows;
    }
    out->lanes = sj_random_below(r, 2) == 0 ? a_divisor(r, base->lanes) : base->lanes;
    for (size_t i = 0; i < sizeof free_to_vary / sizeof *free_to_vary; i++) {
        *free_to_vary[i] = sj_random_below(r, 3) == 0 ? between(r, 1, 8) : *free_to_vary[i];
    }
    out->issue_padding = sj_random_below(r, 4) == 0;
}

// The same places of the operand now show other values: nothing that was kept may be taken for it.
static void vary_operand(sj_random *r, random_case *c) {
    const int64_t tap = between(r, 0, c->job.a.tap_count - 1);
    if (c->job.a.kind != SJ_OPERAND_WEIGHT) {
        c->a_taps[tap].dy += between(r, -1, 1);
        c->a_taps[tap].dx += between(r, -1, 1);
    }
    if (c->job.a.channels != NULL && c->job.a.channel_count > 1) {
        const int64_t i = between(r, 0, c->job.a.channel_count - 1), j = between(r, 0, c->job.a.channel_count - 1);
        const int32_t swapped = c->a_channels[i];
        c->a_channels[i] = c->a_channels[j];
        c->a_channels[j] = swapped;
    }
}

static void check(const sj_accel *accel, sj_variant v, const sj_job *job, sj_fast_shared *shared, int number, int run) {
    sj_outcome want, got;
    sj_error err;
    memset(&got, 0, sizeof got);
    const sj_status alone = sj_fast_run(accel, v, job, &want, &err);
    assert_int_equal(sj_fast_run_shared(accel, v, job, shared, &got, &err), alone);
    if (alone == SJ_OK && outcome_differences(&got, &want) > 0) {
        fail_msg("case %d, run %d: %s/%s, rows %lld lanes %lld slots %lld", number, run, sj_machine_name(v.machine), sj_codec_name(v.codec), (long long)accel->rows, (long long)accel->lanes, (long long)accel->slots);
    }
}

static void shared_equals_alone(void **state) {
    (void)state;
    static const uint64_t rooms[] = {0, 2000, 20000, UINT64_MAX};
    const uint64_t seed = seed_of_run();
    int64_t kept = 0, evicted = 0;
    for (int number = 0; number < CASES; number++) {
        sj_random rng = sj_random_stream(seed, (uint64_t)number);
        random_case c;
        random_case_make(&c, &rng);
        sj_fast_shared *shared;
        sj_error err;
        assert_int_equal(sj_fast_shared_create(rooms[number % 4], &shared, &err), SJ_OK);
        int64_t most = 0;
        for (int run = 0; run < RUNS; run++) {
            sj_accel accel;
            vary_machine(&rng, &c.accel, &accel);
            const sj_variant v = {(sj_machine)sj_random_below(&rng, 3), (sj_codec)sj_random_below(&rng, SJ_CODEC_COUNT)};
            if (c.job.is_product && sj_random_below(&rng, 4) == 0) {
                vary_operand(&rng, &c);
            }
            check(&accel, v, &c.job, shared, number, run);
            check(&c.accel, v, &c.job, shared, number, run);
            evicted += shared->count < most;
            most = shared->count > most ? shared->count : most;
        }
        kept += shared->count;
        sj_fast_shared_clear(shared);
        assert_true(shared->count == 0 && shared->bytes == 0);
        sj_fast_shared_free(shared);
        random_case_free(&c);
    }
    assert_true(kept > CASES && evicted > CASES / 10);
}

// A second run of the same job finds all it asks for: nothing is added.
static void the_second_run_adds_nothing(void **state) {
    (void)state;
    const uint64_t seed = seed_of_run();
    int64_t shared_products = 0;
    for (int number = 0; number < CASES; number++) {
        sj_random rng = sj_random_stream(seed, (uint64_t)number + 500000);
        random_case c;
        random_case_make(&c, &rng);
        sj_fast_shared *shared;
        sj_error err;
        sj_outcome out;
        const sj_variant v = {(sj_machine)sj_random_below(&rng, 3), (sj_codec)sj_random_below(&rng, SJ_CODEC_COUNT)};
        assert_int_equal(sj_fast_shared_create(UINT64_MAX, &shared, &err), SJ_OK);
        assert_int_equal(sj_fast_run_shared(&c.accel, v, &c.job, shared, &out, &err), SJ_OK);
        const int64_t count = shared->count;
        const uint64_t bytes = shared->bytes;
        assert_int_equal(sj_fast_run_shared(&c.accel, v, &c.job, shared, &out, &err), SJ_OK);
        assert_true(shared->count == count && shared->bytes == bytes);
        shared_products += c.job.is_product && count > 0;
        sj_fast_shared_free(shared);
        random_case_free(&c);
    }
    assert_true(shared_products > CASES / 2);
}

static sj_fast_key key_of(const int32_t *list, int64_t count, int64_t behind) {
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_BITS);
    sj_fast_key_list(&key, list, count);
    sj_fast_key_put(&key, behind);
    return key;
}

static void release_nothing(void *thing) { *(int *)thing += 1; }

static void keys_are_told_apart(void **state) {
    (void)state;
    static const int32_t list[] = {1, 2, 3}, other[] = {1, 2, 4};
    int released = 0;
    sj_error err;
    sj_fast_shared *s;
    assert_int_equal(sj_fast_shared_create(100, &s, &err), SJ_OK);
    sj_fast_key key = key_of(list, 3, 7);
    assert_int_equal(sj_fast_shared_keep(s, &key, &released, 60, release_nothing, &err), SJ_OK);
    sj_fast_key keys[] = {key_of(list, 3, 7), key_of(other, 3, 7), key_of(list, 2, 7), key_of(list, 3, 8), key_of(NULL, 3, 7)};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_true((sj_fast_shared_find(s, &keys[i]) != NULL) == (i == 0));
    }
    sj_fast_shared_next(s);
    assert_int_equal(released, 0);  // 60 of 100
    assert_int_equal(sj_fast_shared_keep(s, &keys[1], &released, 60, release_nothing, &err), SJ_OK);
    sj_fast_shared_next(s);         // the older one goes
    assert_int_equal(released, 1);
    assert_null(sj_fast_shared_find(s, &keys[0]));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        sj_fast_key_free(&keys[i]);
    }
    sj_fast_shared_free(s);
    assert_int_equal(released, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shared_equals_alone), cmocka_unit_test(the_second_run_adds_nothing), cmocka_unit_test(keys_are_told_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
