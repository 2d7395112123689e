// SPDX-License-Identifier: Apache-2.0
// Jobs large enough for several threads, strips of k and windows of blocks, which the random jobs are too small to reach.
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "naive.h"
#include "sj_bf16.h"
#include "sj_fast_internal.h"
#include "sj_random.h"

typedef struct large {
    sj_dram_type dram;
    sj_accel accel;
    sj_job job;
    sj_tap a_taps[9], b_taps[9];
    sj_bf16 *a, *b;
    sj_block blocks[16];
} large;

static sj_bf16 *random_values(int64_t count, double density, uint64_t seed) {
    sj_random rng = sj_random_seed(seed);
    sj_bf16 *v = malloc((size_t)count * sizeof *v);
    for (int64_t i = 0; i < count; i++) {
        v[i] = sj_random_unit(&rng) < density ? 0x3f80 : 0;
    }
    return v;
}

static sj_operand window(sj_operand_kind kind, const sj_bf16 *values, const sj_tap *taps, int64_t tap_count, int64_t channels, int64_t images, int64_t stored) {
    return (sj_operand){.kind = kind, .values = {SJ_DTYPE_BF16, values}, .tap_count = tap_count, .taps = taps, .channel_count = channels, .images = images,
                        .stored_images = stored, .grid_h = 16, .grid_w = 16, .stride = 1, .source_h = 16, .source_w = 16, .source_c = channels};
}

static void make(large *l, int64_t rows, int64_t lanes, int64_t slots, int64_t k_tile) {
    memset(l, 0, sizeof *l);
    l->dram = (sj_dram_type){"large", 1600000, 4, 44, 21, 8192, 8, 7800, 350, 4096};
    l->accel = (sj_accel){.name = "large", .dtype = SJ_DTYPE_BF16, .clock_mhz = 500, .rows = rows, .lanes = lanes, .slots = slots, .k_tile = k_tile, .acc_banks = 2, .a_bytes = 64,
                          .b_bytes = 32, .o_bytes = 64, .line_bytes = 32, .a_banks = 4, .dram = &l->dram, .dram_channels = 1, .vector_lanes = 16};
    for (int t = 0; t < 9; t++) {
        l->a_taps[t] = l->b_taps[t] = (sj_tap){t / 3 - 1, t % 3 - 1, t * 24};
    }
    l->job = (sj_job){.layer = "large", .is_product = true, .array_only = true, .out_bytes = 4, .blocks = l->blocks};
}

static void split(large *l, int64_t m_step, int64_t k_step) {
    for (int64_t m = 0; m < l->job.m; m += m_step) {
        for (int64_t k = 0; k < l->job.k; k += k_step) {
            sj_block *b = &l->blocks[l->job.block_count++];
            *b = (sj_block){.m0 = m, .m1 = m + m_step < l->job.m ? m + m_step : l->job.m, .n1 = l->job.n, .k0 = k, .k1 = k + k_step < l->job.k ? k + k_step : l->job.k};
        }
    }
}

static void check(const large *l) {
    sj_fast_serial_steps = 0;
    for (int machine = SJ_MACHINE_DENSE; machine <= SJ_MACHINE_SKIP; machine++) {
        const sj_variant v = {(sj_machine)machine, SJ_CODEC_NONE};
        sj_outcome want, got;
        sj_error err;
        naive_run(&l->accel, v, &l->job, &want);
        for (int threads = 1; threads <= 3; threads += 2) {
            omp_set_num_threads(threads);
            assert_int_equal(sj_fast_run(&l->accel, v, &l->job, &got, &err), SJ_OK);
            assert_int_equal(outcome_differences(&got, &want), 0);
        }
    }
}

static void many_rows(void **state) {
    (void)state;
    large l;
    make(&l, 16, 16, 8, 64);
    l.a = random_values(3 * 256 * 24, 0.4, 1);
    l.b = random_values(9 * 24 * 20, 0.1, 2);
    l.job.m = 20 * 256;
    l.job.k = 9 * 24;
    l.job.n = 20;
    l.job.a = window(SJ_OPERAND_WINDOW, l.a, l.a_taps, 9, 24, 20, 3);
    l.job.b = (sj_operand){.kind = SJ_OPERAND_WEIGHT, .values = {SJ_DTYPE_BF16, l.b}, .tap_count = 9, .taps = l.b_taps, .channel_count = 24, .u_stride = 9 * 24,
                           .channel_stride = 1, .u_count = 20};
    split(&l, 128 * 20, l.job.k);
    check(&l);
    free(l.a);
    free(l.b);
}

static void long_k(int64_t rows, int64_t lanes, int64_t slots, int64_t k_tile) {
    large l;
    make(&l, rows, lanes, slots, k_tile);
    l.a = random_values(5 * 256 * 44, 0.3, 3);
    l.b = random_values(7 * 256 * 15, 0.5, 4);
    l.job.m = 3 * 44;
    l.job.k = 32 * 256;
    l.job.n = 9 * 15;
    l.job.flags_per_lane = true;
    l.job.a = window(SJ_OPERAND_WINDOW_T, l.a, l.a_taps, 3, 44, 32, 5);
    l.job.b = window(SJ_OPERAND_WINDOW_T, l.b, l.b_taps, 9, 15, 32, 7);
    split(&l, 128, 3200);
    check(&l);
    free(l.a);
    free(l.b);
}

static void long_k_many_rows(void **state) { long_k(128, 16, 1, 8); }
static void long_k_many_lanes(void **state) { long_k(16, 70, 8, 64); }  // two words of lanes, the second with a few

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_rows), cmocka_unit_test(long_k_many_rows), cmocka_unit_test(long_k_many_lanes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
