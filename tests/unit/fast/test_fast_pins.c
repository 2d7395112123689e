// SPDX-License-Identifier: Apache-2.0
// Small jobs whose cycles are worked out by hand from docs/timing.md; the literal model must agree with them as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "naive.h"

// Core and DRAM at the same clock; a refresh takes cycles [50,80), [150,180), ...
static const sj_dram_type dram = {"pinned", 1000000, 4, 10, 6, 4096, 2, 100, 30};

static sj_accel tiny_accel(void) {
    return (sj_accel){.name = "tiny", .dtype = SJ_DTYPE_INT8, .clock_mhz = 1000, .rows = 1, .lanes = 1, .slots = 2, .k_tile = 8, .acc_banks = 1, .a_bytes = 64, .b_bytes = 64,
                      .o_bytes = 1, .line_bytes = 32, .a_banks = 1, .dram = &dram, .dram_channels = 1, .vector_lanes = 1};
}

typedef struct pin {
    sj_accel accel;
    sj_tap tap;
    sj_job job;
    sj_stream stream;
    sj_block blocks[2];
    sj_segment segments[2];
    int8_t a[64], b[64];
} pin;

// m x k times k x n, all values 1, in one block.
static void make(pin *p, int64_t m, int64_t k, int64_t n) {
    memset(p, 0, sizeof *p);
    memset(p->a, 1, sizeof p->a);
    memset(p->b, 1, sizeof p->b);
    p->accel = tiny_accel();
    p->job = (sj_job){.layer = "pin", .is_product = true, .m = m, .n = n, .k = k, .out_bytes = 4, .array_only = true, .block_count = 1, .blocks = p->blocks, .segments = p->segments,
                      .streams = &p->stream};
    p->job.a = (sj_operand){.kind = SJ_OPERAND_WINDOW, .values = {SJ_DTYPE_INT8, p->a}, .tap_count = 1, .taps = &p->tap, .channel_count = k, .images = m, .stored_images = m,
                            .grid_h = 1, .grid_w = 1, .stride = 1, .source_h = 1, .source_w = 1, .source_c = k};
    p->job.b = (sj_operand){.kind = SJ_OPERAND_WEIGHT, .values = {SJ_DTYPE_INT8, p->b}, .tap_count = 1, .taps = &p->tap, .channel_count = k, .u_stride = 1, .channel_stride = n,
                            .u_count = n};
    p->blocks[0] = (sj_block){.m1 = m, .n1 = n, .k1 = k};
}

static sj_outcome run(const pin *p, sj_machine machine) {
    sj_outcome out, literal;
    sj_error err;
    assert_int_equal(sj_fast_run(&p->accel, (sj_variant){machine, SJ_CODEC_NONE}, &p->job, &out, &err), SJ_OK);
    naive_run(&p->accel, (sj_variant){machine, SJ_CODEC_NONE}, &p->job, &literal);
    assert_int_equal(outcome_differences(&out, &literal), 0);
    return out;
}

static void one_mac(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 1, 1);
    // dense: line 1, value 1 -> Lend 2; work to 3; sum at 5; drain of 4 bytes on a 1-byte bus to 9. skip: the mask first, one cycle more.
    assert_int_equal(run(&p, SJ_MACHINE_DENSE).cycles, 9);
    assert_int_equal(run(&p, SJ_MACHINE_SKIP).cycles, 10);
    p.a[0] = 0;
    const sj_outcome zero = run(&p, SJ_MACHINE_SKIP);
    // No line and no value, but a load and a work of one cycle: 0 + 1 (mask) + 0, Lend 2, work to 3, drain from 5.
    assert_int_equal(zero.cycles, 9);
    assert_int_equal(zero.macs_skipped, 1);
    assert_int_equal(zero.counts.acc_write, 0);
    assert_int_equal(zero.counts.acc_read, 0);
}

static void no_k_drains_zeros_from_cycle_0(void **state) {
    (void)state;
    pin p;
    make(&p, 3, 0, 2);  // tiles (2 rows, 1 row) x 2 columns, 4 beats a row
    const sj_outcome out = run(&p, SJ_MACHINE_SKIP);
    assert_int_equal(out.cycles, 24);
    assert_int_equal(out.counts.bus_o, 24);
    assert_int_equal(out.counts.buffer_write, 6);
    assert_int_equal(out.counts.acc_read, 0);
}

// Two k-blocks of one tile keep the accumulators; two tiles do not and come back through the O bus.
static void partial_sums(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 16, 1);
    p.blocks[0].k1 = 8;
    p.blocks[1] = (sj_block){.m1 = 1, .n1 = 1, .k0 = 8, .k1 = 16};
    p.job.block_count = 2;
    assert_int_equal(run(&p, SJ_MACHINE_DENSE).counts.bus_o, 4);
    make(&p, 1, 16, 2);
    p.blocks[0].k1 = 8;
    p.blocks[1] = (sj_block){.m1 = 1, .n1 = 2, .k0 = 8, .k1 = 16};
    p.job.block_count = 2;
    assert_int_equal(run(&p, SJ_MACHINE_DENSE).counts.bus_o, 24);  // per column: partial out, in, result out
}

static void a_transfer_waits_for_the_end_of_a_refresh(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 1, 1);
    p.job.is_product = p.job.array_only = false;
    p.stream = (sj_stream){.kind = SJ_STREAM_RAW, .length = 64, .value_bytes = 1};
    p.job.stream_count = 1;
    p.job.segment_count = 2;
    p.segments[0] = p.segments[1] = (sj_segment){0, 0, 64, 0};
    p.blocks[0] = (sj_block){.load_first = 0, .load_count = 1, .store_first = 1, .store_count = 1, .vector_ops = 40};
    // load: 10 + 4 -> 14; vector unit to 54; store: 6 + 4 cycles of progress from 80 on -> 90
    const sj_outcome out = run(&p, SJ_MACHINE_SKIP);
    assert_int_equal(out.cycles, 90);
    assert_int_equal(out.counts.dram_refresh, 1);
    assert_int_equal(out.counts.dram_activate, 1);
    p.blocks[0].vector_ops = 26;  // store from 40 to 50: just before the window
    assert_int_equal(run(&p, SJ_MACHINE_SKIP).cycles, 50);
    assert_int_equal(run(&p, SJ_MACHINE_SKIP).counts.dram_refresh, 0);
    p.blocks[0].vector_ops = 27;  // its last cycle falls into the window
    assert_int_equal(run(&p, SJ_MACHINE_SKIP).cycles, 81);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_mac),
        cmocka_unit_test(no_k_drains_zeros_from_cycle_0),
        cmocka_unit_test(partial_sums),
        cmocka_unit_test(a_transfer_waits_for_the_end_of_a_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
