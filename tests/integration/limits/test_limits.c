// SPDX-License-Identifier: Apache-2.0
// Limits by name on the shipped edge16: each product at every fidelity, machine and codec, results against the reference product.
#include "exactness.h"

typedef sj_status (*cycle_level)(const sj_accel *, sj_variant, const sj_job *, sj_outcome *, void *, sj_error *);

static bool sanitized(void) {
    const char *text = getenv("SJ_SANITIZED");
    return text != NULL && strcmp(text, "1") == 0;
}

typedef struct product {
    int64_t m, k, n;
    double density_a, density_b;
} product;

static sj_accel edge16(void) {
    sj_error err = {0};
    sj_accel accel;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return accel;
}

static sj_bf16 *matrix(sj_random *r, int64_t count, double density) {
    sj_bf16 *values = calloc((size_t)count + 1, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = sj_test_small(r, density);
    }
    return values;
}

static sj_outcome run(const sj_accel *accel, sj_variant v, const sj_job *job, cycle_level fidelity, const uint32_t *expected) {
    sj_error err = {0};
    sj_outcome out = {0};
    uint32_t *results = fidelity != NULL ? malloc((size_t)exact_result_count(job) * sizeof *results + 1) : NULL;
    const sj_status status = fidelity != NULL ? fidelity(accel, v, job, &out, results, &err) : sj_fast_run(accel, v, job, &out, &err);
    if (status != SJ_OK) {
        fail_msg("%s", err.message);
    }
    if (results != NULL && memcmp(results, expected, (size_t)exact_result_count(job) * sizeof *results) != 0) {
        fail_msg("results differ from the reference product");
    }
    free(results);
    return out;
}

static sj_job *lowered(const sj_accel *accel, const product *p, const sj_bf16 *a, const sj_bf16 *b) {
    sj_error err = {0};
    sj_job *job = NULL;
    if (sj_lower_gemm(accel, p->m, p->k, p->n, a, b, false, &job, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return job;
}

// All machines and codecs at fast and systemc, and at rtl where asked. Returns the outcome of skip/none.
static sj_outcome agree_on(const sj_accel *accel, const product *p, bool with_rtl) {
    sj_random r = sj_random_seed(sj_test_seed(7));
    sj_bf16 *a = matrix(&r, p->m * p->k, p->density_a);
    sj_bf16 *b = matrix(&r, p->k * p->n, p->density_b);
    sj_job *job = lowered(accel, p, a, b);
    uint32_t *expected = malloc((size_t)(p->m * p->n) * sizeof *expected + 1);
    sj_error err = {0};
    assert_int_equal(sj_reference_product(job, expected, &err), SJ_OK);
    sj_outcome skip = {0};
    for (int i = 0; i < 3 * SJ_CODEC_COUNT; i++) {
        const sj_variant v = {(sj_machine)(i % 3), (sj_codec)(i / 3)};
        const sj_outcome fast = run(accel, v, job, NULL, NULL);
        const cycle_level levels[] = {sj_systemc_run, with_rtl ? sj_rtl_run : NULL};
        for (int level = 0; level < 2 && levels[level] != NULL; level++) {
            const sj_outcome other = run(accel, v, job, levels[level], expected);
            const char *difference = exact_difference(&fast, &other);
            if (difference != NULL) {
                fail_msg("%s/%s: fast against %s: %s", sj_machine_name(v.machine), sj_codec_name(v.codec), level == 0 ? "systemc" : "rtl", difference);
            }
        }
        assert_true(fast.macs_total == (uint64_t)p->m * (uint64_t)p->k * (uint64_t)p->n);
        assert_true(fast.macs_active + fast.macs_zero + fast.macs_gated + fast.macs_skipped == fast.macs_total);
        skip = v.machine == SJ_MACHINE_SKIP && v.codec == SJ_CODEC_NONE ? fast : skip;
    }
    free(expected);
    sj_job_free(job);
    free(a);
    free(b);
    return skip;
}

static void one_row(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    (void)agree_on(&accel, &(product){1, 300, 40, 0.5, 0.9}, true);
}

static void one_column(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const sj_outcome o = agree_on(&accel, &(product){200, 130, 1, 1.0, 1.0}, true);
    assert_true(o.counts.mac_idle == 15 * o.counts.a_pad_read);  // one lane of sixteen has a column
}

static void one_k(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    (void)agree_on(&accel, &(product){150, 1, 40, 1.0, 1.0}, true);
}

static void one_by_one_by_one(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const sj_outcome o = agree_on(&accel, &(product){1, 1, 1, 1.0, 1.0}, true);
    assert_true(o.macs_active == 1);
}

static void no_k_at_all(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const sj_outcome o = agree_on(&accel, &(product){130, 0, 20, 1.0, 1.0}, true);
    assert_true(o.macs_total == 0 && o.counts.dram_write > 0 && o.counts.dram_read == 0);  // zeros are still written
}

static void all_zero_a(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const sj_outcome o = agree_on(&accel, &(product){200, 200, 40, 0.0, 1.0}, true);
    assert_true(o.counts.a_pad_read == 0 && o.counts.mac_idle == 0 && o.macs_skipped == o.macs_total && o.cycles > 0);
}

static void all_zero_b(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const sj_outcome o = agree_on(&accel, &(product){200, 200, 40, 1.0, 0.0}, true);
    assert_true(o.counts.a_pad_read == 0 && o.counts.a_pad_write > 0);  // A travels: only the flags know that B is empty
}

static void density_one(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const sj_outcome o = agree_on(&accel, &(product){200, 200, 40, 1.0, 1.0}, true);
    assert_true(o.macs_active == o.macs_total && o.macs_skipped == 0);
}

static void one_byte_a_cycle(void **state) {
    (void)state;
    sj_accel accel = edge16();
    accel.a_bytes = accel.b_bytes = accel.o_bytes = accel.line_bytes = accel.a_banks = accel.vector_lanes = 1;
    const sj_outcome o = agree_on(&accel, &(product){140, 130, 20, 0.6, 1.0}, true);
    assert_true(o.cycles > 140u * 20u * 2u);  // the O bus alone takes a cycle a byte
}

// A is 60 times and B 12 times its half of the buffer.
static void larger_than_the_buffer(void **state) {
    (void)state;
    sj_accel accel = edge16();
    accel.buffer_kib = 64;
    const sj_outcome o = agree_on(&accel, &(product){1000, 500, 100, 0.4, 1.0}, false);
    assert_true(o.counts.dram_read * 64 >= (1000u * 500u + 500u * 100u) * 2u);
}

// 2^33 MACs: passes every 32-bit count. Sparse, so that the cycle-level machine has only millions of cycles to step.
static void two_to_the_33(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const product p = {2048, 2048, 2048, 0.02, 1.0};
    sj_random r = sj_random_seed(sj_test_seed(8));
    sj_bf16 *a = matrix(&r, p.m * p.k, p.density_a);
    sj_bf16 *b = matrix(&r, p.k * p.n, p.density_b);
    sj_job *job = lowered(&accel, &p, a, b);
    const sj_variant skip = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK};
    const sj_variant dense = {SJ_MACHINE_DENSE, SJ_CODEC_NONE};
    const sj_outcome fast = run(&accel, skip, job, NULL, NULL);
    assert_true(fast.macs_total == UINT64_C(1) << 33);
    assert_true(run(&accel, dense, job, NULL, NULL).cycles >= (UINT64_C(1) << 33) / 256);
    if (!sanitized()) {
        sj_error err = {0};
        sj_outcome other = {0};
        assert_int_equal(sj_systemc_run(&accel, skip, job, &other, NULL, &err), SJ_OK);
        const char *difference = exact_difference(&fast, &other);
        if (difference != NULL) {
            fail_msg("fast against systemc: %s", difference);
        }
    }
    sj_job_free(job);
    free(a);
    free(b);
}

// docs/timing.md section 11.
static void the_documented_example(void **state) {
    (void)state;
    const sj_accel accel = edge16();
    const uint64_t ideal = 147456, first_step = 128 + 256, last_drain = 2 + 128, masks = 32, tables = 60;
    sj_random r = sj_random_seed(sj_test_seed(9));
    sj_bf16 *a = matrix(&r, 1024 * 576, 1.0);
    sj_bf16 *b = matrix(&r, 576 * 64, 1.0);
    for (int array_only = 0; array_only < 2; array_only++) {
        sj_error err = {0};
        sj_job *job = NULL;
        assert_int_equal(sj_lower_gemm(&accel, 1024, 576, 64, a, b, array_only == 1, &job, &err), SJ_OK);
        const uint64_t transfers = array_only == 1 ? 0 : 2607 + 175 + 702;
        for (int i = 0; i < 6; i++) {
            const sj_variant v = {(sj_machine)(i % 3), (sj_codec)(i / 3)};
            const uint64_t extra = (v.machine == SJ_MACHINE_SKIP ? masks : 0) + (v.codec == SJ_CODEC_BITMASK && array_only == 0 ? tables : 0);
            const uint64_t cycles = run(&accel, v, job, NULL, NULL).cycles;
            assert_true(cycles == transfers + first_step + ideal + last_drain + extra);
            assert_true((double)cycles <= (array_only == 1 ? 1.01 : 1.05) * (double)ideal);
        }
        sj_job_free(job);
    }
    free(a);
    free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row),     cmocka_unit_test(one_column),  cmocka_unit_test(one_k),       cmocka_unit_test(one_by_one_by_one),
        cmocka_unit_test(no_k_at_all), cmocka_unit_test(all_zero_a),  cmocka_unit_test(all_zero_b),  cmocka_unit_test(density_one),
        cmocka_unit_test(one_byte_a_cycle), cmocka_unit_test(larger_than_the_buffer), cmocka_unit_test(two_to_the_33),
        cmocka_unit_test(the_documented_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
