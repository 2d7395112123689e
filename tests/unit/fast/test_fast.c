// SPDX-License-Identifier: Apache-2.0
// The fast model against docs/timing.md written down literally (naive.c), on random machines and jobs; and the identities of the counters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "kernels.h"
#include "naive.h"
#include "random_job.h"

#define CASES 4000

static uint64_t seed_of_run(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20260;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static void describe(const random_case *c, int number, sj_variant v) {
    print_message("case %d (%s, codec %s): m=%lld n=%lld k=%lld R=%lld C=%lld G=%lld KT=%lld blocks=%lld a kind=%d taps=%lld channels=%lld\n", number,
                  v.machine == SJ_MACHINE_SKIP ? "skip" : v.machine == SJ_MACHINE_GATE ? "gate" : "dense", sj_codec_name(v.codec), (long long)c->job.m,
                  (long long)c->job.n, (long long)c->job.k, (long long)c->accel.rows, (long long)c->accel.lanes, (long long)c->accel.slots, (long long)c->accel.k_tile,
                  (long long)c->job.block_count, (int)c->job.a.kind, (long long)c->job.a.tap_count, (long long)c->job.a.channel_count);
}

static void check_identities(const random_case *c, sj_variant v, const sj_outcome *o) {
    if (!c->job.is_product) {
        return;
    }
    assert_true(o->macs_active + o->macs_zero + o->macs_gated + o->macs_skipped == o->macs_total);
    assert_true(o->macs_total + o->macs_padding == (uint64_t)(sj_job_instances(&c->job) * c->job.m * c->job.n * c->job.k));
    assert_true(o->counts.mac_active + o->counts.mac_zero + o->counts.mac_gated + o->counts.mac_idle == (uint64_t)c->accel.lanes * o->counts.a_pad_read);
    assert_true(v.machine == SJ_MACHINE_SKIP || o->macs_skipped == 0);
}

// How often the random cases reach each corner: a generator that stops reaching one would let its rule go untested.
typedef struct coverage {
    int products, elementwise, filled, stores, codec_groups, transposed, padding, empty_k, refreshes, skipped;
    int instances, repeated, rle, stretched, samples, a_loads;
} coverage;

static void note(coverage *seen, const random_case *c, sj_variant v, const sj_outcome *o) {
    const uint64_t filled_rows = o->counts.acc_write;
    seen->products += c->job.is_product;
    seen->elementwise += !c->job.is_product;
    seen->filled += c->job.is_product && c->job.k > 0 && filled_rows > 0 && c->job.block_count > 1 && c->job.blocks[0].k1 < c->job.k;
    seen->stores += o->counts.dram_write > 0;
    seen->codec_groups += o->counts.codec_encode > 0;
    seen->transposed += o->counts.transpose > 0;
    seen->padding += o->macs_padding > 0;
    seen->empty_k += c->job.is_product && c->job.k == 0;
    seen->refreshes += o->counts.dram_refresh > 0;
    seen->skipped += o->macs_skipped > 0;
    seen->instances += c->job.is_product && c->job.instances > 1 && o->macs_total > 0;
    seen->repeated += c->job.is_product && c->job.a.instance_period > 0 && c->job.a.instance_period < c->job.instances;
    seen->rle += v.codec == SJ_CODEC_RLE && o->counts.codec_decode > 0;
    seen->stretched += c->job.is_product && o->busy_drain > o->counts.bus_o;
    seen->samples += o->counts.rng_sample > 0;
    seen->a_loads += c->job.is_product && o->counts.dram_read > 0;
}

static void fast_equals_the_text(void **state) {
    (void)state;
    const uint64_t seed = seed_of_run();
    coverage seen = {0};
    int sets = 0;
    while (sj_fast_kernels_at(sets) != NULL) {
        sets++;
    }
    for (int number = 0; number < CASES; number++) {
        sj_random rng = sj_random_stream(seed, (uint64_t)number);
        random_case c;
        random_case_make(&c, &rng);
        const sj_variant v = {(sj_machine)sj_random_below(&rng, 3), (sj_codec)sj_random_below(&rng, SJ_CODEC_COUNT)};
        sj_outcome got, want;
        sj_error err;
        const sj_fast_kernels *kernels = sj_fast_kernels_at(number % sets);
        sj_fast_use_kernels(kernels);
        if (sj_fast_run(&c.accel, v, &c.job, &got, &err) != SJ_OK) {
            describe(&c, number, v);
            fail_msg("%s", err.message);
        }
        naive_run(&c.accel, v, &c.job, &want);
        if (outcome_differences(&got, &want) > 0) {
            describe(&c, number, v);
            fail_msg("case %d differs with the %s kernels", number, kernels->name);
        }
        check_identities(&c, v, &got);
        note(&seen, &c, v, &got);
        random_case_free(&c);
    }
    sj_fast_use_kernels(NULL);
    assert_true(seen.products > CASES / 2 && seen.elementwise > CASES / 50 && seen.filled > CASES / 50 && seen.stores > CASES / 20);
    assert_true(seen.codec_groups > CASES / 50 && seen.transposed > CASES / 50 && seen.padding > CASES / 20 && seen.empty_k > CASES / 200);
    assert_true(seen.refreshes > CASES / 20 && seen.skipped > CASES / 20);
    assert_true(seen.instances > CASES / 10 && seen.repeated > CASES / 50 && seen.rle > CASES / 20 && seen.stretched > CASES / 10 && seen.samples > CASES / 50 && seen.a_loads > CASES / 5);
}

// dense and gate differ in nothing but the name of the lanes that hold a zero; the codec touches DRAM and its buffers alone.
static void variants_differ_where_they_may(void **state) {
    (void)state;
    const uint64_t seed = seed_of_run();
    for (int number = 0; number < 100; number++) {
        sj_random rng = sj_random_stream(seed, (uint64_t)number + 1000000);
        random_case c;
        random_case_make(&c, &rng);
        sj_outcome dense, gate, coded;
        sj_error err;
        assert_int_equal(sj_fast_run(&c.accel, (sj_variant){SJ_MACHINE_DENSE, SJ_CODEC_NONE}, &c.job, &dense, &err), SJ_OK);
        assert_int_equal(sj_fast_run(&c.accel, (sj_variant){SJ_MACHINE_GATE, SJ_CODEC_NONE}, &c.job, &gate, &err), SJ_OK);
        assert_int_equal(sj_fast_run(&c.accel, (sj_variant){SJ_MACHINE_GATE, SJ_CODEC_BITMASK}, &c.job, &coded, &err), SJ_OK);
        assert_true(dense.counts.mac_zero == gate.counts.mac_gated && gate.counts.mac_zero == 0 && dense.counts.mac_gated == 0);
        dense.counts.mac_gated = dense.counts.mac_zero;
        dense.macs_gated = dense.macs_zero;
        dense.counts.mac_zero = dense.macs_zero = 0;
        assert_memory_equal(&dense, &gate, sizeof dense);
        assert_true(coded.counts.bus_a == gate.counts.bus_a && coded.counts.buffer_read == gate.counts.buffer_read && coded.busy_work == gate.busy_work);
        random_case_free(&c);
    }
}

static void blocks_off_the_grid_are_refused(void **state) {
    (void)state;
    sj_random rng = sj_random_seed(1);
    random_case c;
    do {
        random_case_make(&c, &rng);
        if (c.job.is_product && c.job.block_count == 1 && c.job.k > 0) {
            break;
        }
        random_case_free(&c);
    } while (true);
    sj_outcome out;
    sj_error err;
    c.blocks[0].m1--;
    assert_int_equal(sj_fast_run(&c.accel, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &c.job, &out, &err), SJ_ERR_INTERNAL);
    random_case_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_equals_the_text),
        cmocka_unit_test(variants_differ_where_they_may),
        cmocka_unit_test(blocks_off_the_grid_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
