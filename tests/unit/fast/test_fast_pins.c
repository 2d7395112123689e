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
static const sj_dram_type dram = {"pinned", 1000000, 4, 10, 6, 4096, 2, 100, 30, 16};

static sj_accel tiny_accel(void) {
    return (sj_accel){.name = "tiny", .dtype = SJ_DTYPE_INT8, .clock_mhz = 1000, .rows = 1, .lanes = 1, .slots = 2, .k_tile = 8, .acc_banks = 1, .a_bytes = 64, .b_bytes = 64,
                      .o_bytes = 1, .line_bytes = 32, .a_banks = 1, .dram = &dram, .dram_channels = 1, .vector_lanes = 1};
}

typedef struct pin {
    sj_accel accel;
    sj_tap tap;
    sj_job job;
    sj_stream stream;
    sj_block blocks[4];
    sj_segment segments[2];
    int8_t a[512], b[64];
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

static sj_outcome run_coded(const pin *p, sj_machine machine, sj_codec codec) {
    sj_outcome out, literal;
    sj_error err;
    assert_int_equal(sj_fast_run(&p->accel, (sj_variant){machine, codec}, &p->job, &out, &err), SJ_OK);
    naive_run(&p->accel, (sj_variant){machine, codec}, &p->job, &literal);
    assert_int_equal(outcome_differences(&out, &literal), 0);
    return out;
}

static sj_outcome run(const pin *p, sj_machine machine) { return run_coded(p, machine, SJ_CODEC_NONE); }

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

// Two products of two k-steps each. A visit goes on with the block before only where the instance does.
static void instances_keep_to_themselves(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 16, 1);
    memset(p.a, 0, sizeof p.a);
    memset(p.a + 16, 1, 16);  // the second instance's A
    p.job.instances = 2;
    p.job.a.instance_shift = 16;
    p.job.block_count = 4;
    for (int b = 0; b < 4; b++) {
        p.blocks[b] = (sj_block){.m1 = 1, .n1 = 1, .k0 = b % 2 * 8, .k1 = b % 2 * 8 + 8, .instance = b / 2};
    }
    sj_outcome out = run(&p, SJ_MACHINE_SKIP);
    assert_int_equal(out.counts.bus_o, 8);  // a result of four beats each
    assert_int_equal(out.macs_total, 32);
    assert_int_equal(out.macs_active, 16);
    for (int b = 0; b < 4; b++) {
        p.blocks[b] = (sj_block){.m1 = 1, .n1 = 1, .k0 = b / 2 * 8, .k1 = b / 2 * 8 + 8, .instance = b % 2};
    }
    out = run(&p, SJ_MACHINE_SKIP);
    assert_int_equal(out.counts.bus_o, 24);  // partial out, in, result out: each
    assert_int_equal(out.macs_active, 16);
    p.job.a.instance_period = 1;  // both read the first one's zeros
    assert_int_equal(run(&p, SJ_MACHINE_SKIP).macs_active, 0);
    p.blocks[3].instance = 2;
    sj_error err;
    assert_int_equal(sj_fast_run(&p.accel, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &p.job, &out, &err), SJ_ERR_INTERNAL);
    p.blocks[3].instance = 0;
    assert_int_equal(sj_fast_run(&p.accel, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &p.job, &out, &err), SJ_ERR_INTERNAL);
}

// A result of 4 bytes on a bus of 1 takes 4 cycles; the vector unit does one operation a cycle.
static void the_vector_unit_stretches_results(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 1, 1);
    p.job.out_ops = 4;
    assert_int_equal(run(&p, SJ_MACHINE_DENSE).cycles, 9);
    p.job.out_ops = 5;
    const sj_outcome out = run(&p, SJ_MACHINE_DENSE);
    assert_int_equal(out.cycles, 10);
    assert_int_equal(out.busy_drain, 5);
    assert_int_equal(out.counts.bus_o, 4);
    assert_int_equal(out.counts.vector_op, 5);
    make(&p, 1, 16, 2);  // partial sums do not pass it
    p.job.out_ops = 9;
    p.blocks[0].k1 = 8;
    p.blocks[1] = (sj_block){.m1 = 1, .n1 = 2, .k0 = 8, .k1 = 16};
    p.job.block_count = 2;
    const sj_outcome split = run(&p, SJ_MACHINE_DENSE);
    assert_int_equal(split.counts.bus_o, 24);
    assert_int_equal(split.busy_drain, 16 + 2 * 9);
    assert_int_equal(split.counts.vector_op, 2 * 9);
}

// One group of 512 values of one byte behind its size table: bursts of the group alone.
static uint64_t group_bursts(pin *p, sj_codec codec) {
    p->job.is_product = p->job.array_only = false;
    p->stream = (sj_stream){.kind = SJ_STREAM_ACTIVATION, .length = 512, .value_bytes = 1, .table_base = 512, .coded = true, .values = {SJ_DTYPE_INT8, p->a}, .images = 1,
                            .stored_images = 1, .source_h = 1, .source_w = 1, .source_c = 512, .y_step = 1, .y_count = 1, .x_step = 1, .x_count = 1, .channel_count = 512, .k_tile = 512};
    p->job.stream_count = p->job.segment_count = 1;
    p->segments[0] = (sj_segment){0, 0, 512, 0};
    p->blocks[0] = (sj_block){.load_count = 1, .vector_ops = 1};
    const sj_outcome out = run_coded(p, SJ_MACHINE_SKIP, codec);
    assert_int_equal(out.counts.codec_decode, 8);
    return out.counts.dram_read - 1;
}

static void ones(pin *p, int from, int count) { memset(p->a + from, 1, (size_t)count); }

static void run_length_tokens(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 1, 1);
    memset(p.a, 0, sizeof p.a);
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 0);  // zeros alone: nothing but the table's byte
    assert_int_equal(group_bursts(&p, SJ_CODEC_BITMASK), 1);
    ones(&p, 100, 38);
    ones(&p, 138 + 31, 1);  // 100 zeros first (3 tokens), 31 zeros within (none): 3 + 39 tokens of 13 bits
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 2);
    memset(p.a, 0, sizeof p.a);
    ones(&p, 31, 38);
    ones(&p, 31 + 38 + 31, 1);  // 39 tokens = 507 bits
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 1);
    p.a[31 + 38 + 31] = 0;
    p.a[31 + 38 + 32] = 1;  // 32 zeros take a token of their own: 520 bits
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 2);
    memset(p.a, 0, sizeof p.a);
    ones(&p, 0, 275);  // 3575 bits: 7 bursts
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 7);
    ones(&p, 0, 276);  // 3588 bits: as many bursts as plain
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 8);
    ones(&p, 0, 512);  // 13 bits a value would be 13 bursts
    assert_int_equal(group_bursts(&p, SJ_CODEC_RLE), 8);
}

static uint64_t load_lines(pin *p, sj_machine machine, int64_t begin, int64_t end, int64_t transpose_width) {
    p->job.array_only = false;
    p->job.stream_count = 1;
    p->job.segment_count = 1;
    p->segments[0] = (sj_segment){0, begin, end, transpose_width};
    p->blocks[0].load_count = 1;
    const uint64_t drained = 2;  // rows of one lane
    return run(p, machine).counts.buffer_write - drained;
}

// Two pixels of 20 channels, chunks of 8 channels (8, 8, 4); lines of 6 bytes, one byte a value.
static void loads_of_a_fill_line_groups(void **state) {
    (void)state;
    pin p;
    make(&p, 2, 20, 1);
    p.accel.line_bytes = 6;
    p.stream = (sj_stream){.kind = SJ_STREAM_ACTIVATION, .length = 40, .value_bytes = 1, .table_base = 64, .values = p.job.a.values, .images = 2, .stored_images = 2, .source_h = 1,
                           .source_w = 1, .source_c = 20, .y_step = 1, .y_count = 1, .x_step = 1, .x_count = 1, .channel_count = 20, .k_tile = 8};
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 0, 16, 0), 4);      // two pixels of 8: two lines each, where 16 bytes would be 3
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 2, 14, 0), 2);      // 6 and 6
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 1, 14, 0), 3);      // 7 and 6
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 0, 40, 0), 10);     // 2 + 2 + 1 a pixel
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 0, 40, 8), 20);     // transposed: a group a channel
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 8, 9, 8), 1);
    assert_int_equal(load_lines(&p, SJ_MACHINE_SKIP, 0, 40, 0), 10 + 1);  // and 5 bytes of masks
    p.a[0] = p.a[1] = 0;                                                  // pixel 0 has 6 values left in its first chunk
    assert_int_equal(load_lines(&p, SJ_MACHINE_SKIP, 0, 40, 0), 9 + 1);
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 0, 40, 0), 10);
    assert_int_equal(load_lines(&p, SJ_MACHINE_SKIP, 0, 40, 8), 20 + 1);  // its channels still hold pixel 1
    p.a[20] = 0;
    assert_int_equal(load_lines(&p, SJ_MACHINE_SKIP, 0, 40, 8), 19 + 1);
    p.stream.kind = SJ_STREAM_RAW;
    assert_int_equal(load_lines(&p, SJ_MACHINE_DENSE, 0, 40, 0), 7);
}

static void samples_take_no_time(void **state) {
    (void)state;
    pin p;
    make(&p, 1, 1, 1);
    p.job.is_product = false;
    p.blocks[0] = (sj_block){.vector_ops = 7};
    p.job.rng_samples = 1000;
    const sj_outcome out = run(&p, SJ_MACHINE_SKIP);
    assert_int_equal(out.cycles, 7);
    assert_int_equal(out.counts.rng_sample, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_mac),
        cmocka_unit_test(no_k_drains_zeros_from_cycle_0),
        cmocka_unit_test(partial_sums),
        cmocka_unit_test(a_transfer_waits_for_the_end_of_a_refresh),
        cmocka_unit_test(instances_keep_to_themselves),
        cmocka_unit_test(the_vector_unit_stretches_results),
        cmocka_unit_test(run_length_tokens),
        cmocka_unit_test(loads_of_a_fill_line_groups),
        cmocka_unit_test(samples_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
