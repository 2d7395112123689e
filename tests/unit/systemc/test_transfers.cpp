// SPDX-License-Identifier: Apache-2.0
// Transfers through the whole system against numbers worked out by hand (docs/timing.md sections 6, 7, 9).
// ddr4-3200-4x16 at 500 MHz: a burst is 4 ticks, a miss 44, a turn 21; 16 ticks are 5 cycles. Pages of 8192 bytes in 8 banks. Refresh at 1950 + 3900 j for 175 cycles.
#include <cstdio>
#include <cstring>

#include "fixture.hpp"
#include "oracle_transfers.hpp"
#include "sj_array.hpp"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
}

namespace {

constexpr int64_t kPage = 8192, kRow = 8 * kPage;  // the next row of the same bank

sj_stream raw(int64_t length, int64_t value_bytes, int64_t base) {
    sj_stream s = {};
    s.kind = SJ_STREAM_RAW;
    s.length = length;
    s.value_bytes = value_bytes;
    s.base = base;
    return s;
}

// A line of values as one pixel with `length` channels.
sj_stream coded(int64_t length, int64_t base, int64_t table_base, const std::vector<uint16_t> &values) {
    sj_stream s = raw(length, 2, base);
    s.kind = SJ_STREAM_ACTIVATION;
    s.table_base = table_base;
    s.coded = true;
    s.values = {SJ_DTYPE_BF16, values.data()};
    s.images = s.stored_images = s.source_h = s.source_w = s.y_step = s.y_count = s.x_step = s.x_count = 1;
    s.source_c = s.channel_count = length;
    s.k_tile = 8;
    return s;
}

void set_elementwise(test::Job *j) {
    j->job.is_product = false;
    j->job.phase = SJ_PHASE_ELEMENTWISE;
    std::snprintf(j->job.layer, sizeof j->job.layer, "pass");
    j->connect();
}

sj_block block(int load_first, int loads, int store_first, int stores, int64_t vector_ops) { return {0, 0, 0, 0, 0, 0, load_first, loads, store_first, stores, vector_ops, 0}; }

sj_outcome run(const sj_accel &accel, const test::Job &j, sj_codec codec = SJ_CODEC_NONE) {
    sj_error err;
    sj_outcome out;
    const sj_status status = sj_systemc_run(&accel, {SJ_MACHINE_SKIP, codec}, &j.job, &out, nullptr, &err);
    if (status != SJ_OK) {
        std::printf("%s\n", err.message);
    }
    assert_int_equal(status, SJ_OK);
    return out;
}

void a_load_an_operation_and_a_store(void **) {
    test::Job j;
    j.streams = {raw(64, 1, 0), raw(64, 1, kRow)};
    j.segments = {{0, 0, 64, false}, {1, 0, 64, false}};
    j.blocks = {block(0, 1, 1, 1, 10)};
    set_elementwise(&j);
    const sj_outcome out = run(test::small_accel(), j);
    // 4 + 44 ticks: 15 cycles; ceil(10/4) = 3; 4 + 44 + 21 = 69 ticks: 21.6
    assert_int_equal(out.cycles, 15 + 3 + 22);
    assert_int_equal(out.busy_dram, 15 + 22);
    assert_int_equal(out.busy_work, 3);
    assert_int_equal(out.counts.dram_activate, 2);
    assert_int_equal(out.counts.dram_read, 1);
    assert_int_equal(out.counts.dram_write, 1);
    assert_int_equal(out.counts.dram_refresh, 0);
    assert_int_equal(out.counts.vector_op, 10);
    assert_int_equal(out.counts.buffer_read, 8 + 8);  // lines of 8 bytes
    assert_int_equal(out.counts.buffer_write, 8 + 8);
    assert_int_equal(out.counts.clock, out.cycles);
}

// Loads run two blocks ahead and stand before the store of the block that frees them.
void the_queue_is_in_order(void **) {
    test::Job j;
    j.streams = {raw(64 * 3, 1, 0), raw(64 * 3, 1, kPage)};
    j.segments = {{0, 0, 64, false}, {1, 0, 64, false}, {0, 64, 128, false}, {1, 64, 128, false}, {0, 128, 192, false}, {1, 128, 192, false}};
    j.blocks = {block(0, 1, 1, 1, 40), block(2, 1, 3, 1, 40), block(4, 1, 5, 1, 40)};
    set_elementwise(&j);
    // ld0 [0,15) ld1 4 ticks [15,17); v0 [15,25); ld2 waits for v0 [25,27); st0 4+44+21 ticks = 22 [27,49);
    // v1 [25,35); st1 waits for st0 [49,51); v2 waits for st0: [49,59); st2 [59,61)
    assert_int_equal(run(test::small_accel(), j).cycles, 61);
}

// 1428 bursts in 12 pages are 6240 ticks: 1950 cycles, just before the first refresh; one burst more meets it.
void a_refresh_window_makes_no_progress(void **) {
    for (int64_t bursts = 1428; bursts <= 1429; ++bursts) {
        test::Job j;
        j.streams = {raw(64 * bursts, 1, 0)};
        j.segments = {{0, 0, 64 * bursts, false}};
        j.blocks = {block(0, 1, 1, 0, 0)};
        set_elementwise(&j);
        const sj_outcome out = run(test::small_accel(), j);
        assert_int_equal(out.busy_dram, bursts == 1428 ? 1950 : 1952);
        assert_int_equal(out.cycles, bursts == 1428 ? 1950 : 1952 + 175);
        assert_int_equal(out.counts.dram_activate, 12);
        assert_int_equal(out.counts.dram_refresh, bursts == 1428 ? 0 : 1);
    }
}

void coded_groups_move_whole_with_their_sizes(void **) {
    std::vector<uint16_t> values(1100, 0);
    for (size_t v = 0; v < 512; ++v) {
        values[v] = 0x3f80;  // group 0: full, so plain: 16 bursts. group 1: zeros, its mask alone: 1 burst
    }
    for (size_t v = 1024; v < 1044; ++v) {
        values[v] = 0x3f80;  // group 2: 76 values, 20 nonzero: 10 + 40 bytes
    }
    test::Job j;
    j.streams = {coded(1100, 0, kPage, values)};
    j.segments = {{0, 100, 1100, false}, {0, 0, 600, false}, {0, 600, 1100, false}};
    j.blocks = {block(0, 1, 1, 1, 0), block(0, 0, 2, 1, 0)};
    set_elementwise(&j);
    const sj_outcome out = run(test::small_accel(), j, SJ_CODEC_BITMASK);
    assert_int_equal(out.counts.dram_read, 1 + 16 + 1 + 1);
    assert_int_equal(out.counts.dram_write, 1 + 16 + 1 + 1 + 1);  // group 0, then groups 1 and 2
    assert_int_equal(out.counts.dram_activate, 2);
    assert_int_equal(out.counts.codec_decode, 16 + 16 + 3);
    assert_int_equal(out.counts.codec_encode, 16 + 16 + 3);
    // 19 * 4 + 2 * 44 = 164 ticks: 52 cycles; 17 * 4 + 21 = 89: 28; groups 1, 2: 3 * 4 ticks are 4 cycles, but 19 lines pass the encoder
    assert_int_equal(out.cycles, 52 + 28 + 19);

    const sj_outcome plain = run(test::small_accel(), j, SJ_CODEC_NONE);
    assert_int_equal(plain.counts.dram_read, 35 - 3);  // bytes 200..2199: bursts 3..34
    assert_int_equal(plain.counts.dram_write, 18 + 17);
    assert_int_equal(plain.counts.codec_decode, 0);
}

// Tokens of 21 bits: a run of up to 31 zeros and a value. One group of 512 bf16 values and its size.
int64_t run_length_bursts(const std::vector<uint16_t> &values) {
    test::Job j;
    j.streams = {coded(static_cast<int64_t>(values.size()), 0, kPage, values)};
    j.segments = {{0, 0, static_cast<int64_t>(values.size()), 0}};
    j.blocks = {block(0, 1, 1, 0, 0)};
    set_elementwise(&j);
    const sj_outcome out = run(test::small_accel(), j, SJ_CODEC_RLE);
    sj_outcome want = {};
    test::expected_queue(test::small_accel(), {SJ_MACHINE_SKIP, SJ_CODEC_RLE}, j.job, &want);
    assert_int_equal(out.counts.dram_read, want.counts.dram_read);
    assert_int_equal(out.counts.codec_decode, (values.size() + 31) / 32);
    return static_cast<int64_t>(out.counts.dram_read) - 1;  // of the size table
}

void run_lengths_end_at_31_zeros(void **) {
    constexpr size_t kFits = 24;  // tokens in a burst: 504 of 512 bits
    for (size_t zeros = 31; zeros <= 32; ++zeros) {
        std::vector<uint16_t> values(512, 0);
        for (size_t v = 0; v < kFits - 1; ++v) {
            values[v] = 0x3f80;
        }
        values[kFits - 1 + zeros] = 0x3f80;
        assert_int_equal(run_length_bursts(values), zeros == 31 ? 1 : 2);
    }
}

void zeros_behind_the_last_nonzero_have_no_token(void **) {
    std::vector<uint16_t> values(512, 0);
    assert_int_equal(run_length_bursts(values), 0);  // all zeros: the size alone
    for (size_t v = 0; v < 24; ++v) {
        values[v] = 0x3f80;
    }
    assert_int_equal(run_length_bursts(values), 1);
    values[24] = 0x0001;  // a denormal is a zero
    assert_int_equal(run_length_bursts(values), 1);
    values[24] = 0x3f80;
    assert_int_equal(run_length_bursts(values), 2);
}

// 16 bursts are plain: 8192 bits, 390 tokens. 366 tokens are 7686 bits and still 16, 365 are 15.
void run_lengths_that_are_not_smaller_stay_plain(void **) {
    for (const size_t nonzeros : {size_t{365}, size_t{366}, size_t{390}, size_t{391}, size_t{512}}) {
        std::vector<uint16_t> values(512, 0);
        for (size_t v = 0; v < nonzeros; ++v) {
            values[v] = 0xbf80;
        }
        assert_int_equal(run_length_bursts(values), nonzeros == 365 ? 15 : 16);
    }
}

// A load of A fills lines group by group: by pixel as it comes, by channel through the transposer.
void loads_of_a_fill_lines_of_their_own_for_every_group(void **) {
    sj_accel accel = test::small_accel();  // lines of 8 bytes, k_tile 8
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 1, 1, 1, 100, 100, &j);
    // two instances of 10 pixels with 3 channels; in the first, channel 0 is zero
    std::vector<uint16_t> values;
    for (int v = 0; v < 60; ++v) {
        values.push_back(v < 30 && v % 3 == 0 ? 0 : 0x3f80);
    }
    sj_stream a = coded(3, 0, kPage, values);
    a.images = a.stored_images = 10;
    a.length = 60;
    a.instance_length = a.instance_shift = 30;
    j.job.array_only = false;
    j.streams = {a, raw(1, 1, kRow), raw(1, 4, 2 * kRow)};
    j.segments = {{0, 0, 60, 0}};
    j.blocks[0].load_count = 1;
    const auto lines = [&](sj_machine machine, int64_t begin, int64_t end, int64_t transpose_width) {
        j.segments[0] = {0, begin, end, transpose_width};
        j.connect();
        sj_error err;
        sj_outcome out;
        assert_int_equal(sj_systemc_run(&accel, {machine, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
        sj_outcome want = {};
        test::expected_queue(accel, {machine, SJ_CODEC_NONE}, j.job, &want);
        assert_int_equal(out.counts.buffer_write, want.counts.buffer_write + 1);  // the drained row
        return static_cast<int64_t>(out.counts.buffer_write) - 1 - (machine == SJ_MACHINE_SKIP ? ((end - begin + 7) / 8 + 7) / 8 : 0);
    };
    assert_int_equal(lines(SJ_MACHINE_DENSE, 0, 60, 0), 20);  // 6 bytes a pixel
    assert_int_equal(lines(SJ_MACHINE_SKIP, 0, 60, 0), 20);
    assert_int_equal(lines(SJ_MACHINE_SKIP, 0, 1, 0), 0);     // a zero
    assert_int_equal(lines(SJ_MACHINE_SKIP, 1, 2, 0), 1);
    // 8 pixels of a channel take 2 lines, the other 2 pixels one
    assert_int_equal(lines(SJ_MACHINE_DENSE, 0, 30, 3), 3 * 3);
    assert_int_equal(lines(SJ_MACHINE_SKIP, 0, 30, 3), 2 * 3);
    assert_int_equal(lines(SJ_MACHINE_SKIP, 0, 60, 3), 2 * 3 + 3 * 3);
    assert_int_equal(lines(SJ_MACHINE_DENSE, 0, 12, 3), 3);   // 4 pixels: 8 bytes
    assert_int_equal(lines(SJ_MACHINE_DENSE, 0, 13, 3), 4);   // channel 0 has a fifth
    assert_int_equal(lines(SJ_MACHINE_DENSE, 22, 26, 3), 4);  // pixels 7 and 8 are of two groups
}

void samples_are_counted_and_take_no_time(void **) {
    for (int64_t samples = 0; samples <= 1000; samples += 1000) {
        test::Job j;
        j.blocks = {block(0, 0, 0, 0, 10)};
        j.job.rng_samples = samples;
        set_elementwise(&j);
        const sj_outcome out = run(test::small_accel(), j);
        assert_int_equal(out.counts.rng_sample, samples);
        assert_int_equal(out.cycles, 3);
    }
}

// A burst that two stores share is written by the later one; a store that completes none is no transfer.
void shared_bursts_are_stored_once(void **) {
    test::Job j;
    j.streams = {raw(50, 2, 0)};
    j.segments = {{0, 0, 20, false}, {0, 20, 40, false}, {0, 40, 50, false}};
    j.blocks = {block(0, 0, 0, 1, 0), block(0, 0, 1, 1, 0), block(0, 0, 2, 1, 0)};
    set_elementwise(&j);
    const sj_outcome out = run(test::small_accel(), j);
    assert_int_equal(out.counts.dram_write, 2);
    assert_int_equal(out.cycles, 15 + 2);  // 48 ticks, 4 ticks, each rounded up; no turn
    assert_int_equal(out.counts.buffer_read, 5 + 5 + 3);
}

void the_transposer_passes_a_tile_while_the_next_one_enters(void **) {
    test::Job j;
    j.streams = {raw(192, 1, 0)};
    j.segments = {{0, 0, 129, 8}};
    j.blocks = {block(0, 1, 1, 0, 0)};
    set_elementwise(&j);
    const sj_outcome out = run(test::small_accel(), j);
    assert_int_equal(out.counts.transpose, 3);  // tiles of 8 x 8
    assert_int_equal(out.cycles, 4 * 8);        // more than 3 * 4 + 44 ticks
}

void a_clock_that_never_leaves_the_refresh_is_refused(void **) {
    sj_accel accel = test::small_accel();
    accel.clock_mhz = 0.1;
    test::Job j;
    set_elementwise(&j);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_ERR_RANGE);
    assert_non_null(std::strstr(err.message, "clock_mhz"));
}

// Streams of kept channels over sub-grids of stored images, against a walk value by value.
void coded_sub_grids_equal_a_walk_value_by_value(void **) {
    test::Random r(test::seed_of_run());
    for (int i = 0; i < 40; ++i) {
        std::vector<uint16_t> values;
        std::vector<int8_t> none;
        const int64_t channels = r.between(1, 40), height = r.between(1, 9), width = r.between(1, 9), stored = r.between(1, 3);
        test::fill_values(&r, SJ_DTYPE_BF16, stored * height * width * 2 * channels, 30, &values, &none);
        sj_stream s = coded(0, 0, kPage, values);
        s.images = stored + r.between(0, 3);
        s.stored_images = stored;
        s.source_h = height;
        s.source_w = width;
        s.source_c = 2 * channels;
        s.y_step = s.x_step = r.between(1, 2);
        s.y_count = (height + s.y_step - 1) / s.y_step;
        s.x_count = (width + s.x_step - 1) / s.x_step;
        s.channel_count = channels;
        s.k_tile = r.pick({8, 16, 64});
        s.length = s.images * s.y_count * s.x_count * channels;
        std::vector<int32_t> kept;
        for (int64_t c = 0; c < channels; ++c) {
            kept.push_back(static_cast<int32_t>(2 * c + r.between(0, 1)));
        }
        s.channels = r.chance(70) ? kept.data() : nullptr;
        test::Job j;
        j.streams = {s};
        const int64_t begin = r.between(0, s.length - 1);
        j.segments = {{0, begin, r.between(begin + 1, s.length), false}, {0, 0, begin, false}};
        j.blocks = {block(0, 1, 1, 1, 0)};
        set_elementwise(&j);
        sj_outcome want = {};
        const sj_codec codec = r.chance(50) ? SJ_CODEC_BITMASK : SJ_CODEC_RLE;
        test::expected_queue(test::small_accel(), {SJ_MACHINE_SKIP, codec}, j.job, &want);
        const sj_outcome got = run(test::small_accel(), j, codec);
        assert_int_equal(got.counts.dram_read, want.counts.dram_read);
        assert_int_equal(got.counts.dram_write, want.counts.dram_write);
        assert_int_equal(got.counts.dram_activate, want.counts.dram_activate);
        assert_int_equal(got.busy_dram, want.busy_dram);
    }
}

// Product with transfers: the array waits for the load, the store for the drain.
void a_product_waits_for_its_load_and_stores_after_its_drain(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 1, 1, 1, 100, 100, &j);
    const std::vector<uint16_t> value = {0x3f80};
    j.job.array_only = false;
    j.streams = {coded(1, 0, 64, value), raw(1, 1, 128), raw(1, 4, 192)};
    j.segments = {{0, 0, 1, false}, {1, 0, 1, false}, {2, 0, 1, false}};
    j.blocks[0].load_count = 2;
    j.blocks[0].store_first = 2;
    j.blocks[0].store_count = 1;
    j.connect();
    const sj_outcome out = run(accel, j);
    // loads 2 * 4 + 44 ticks: 17 cycles; product 8; store 4 + 21 ticks: 8
    assert_int_equal(out.cycles, 17 + 8 + 8);
    // A: one value in 2 bytes and its mask, B: one value and its flag; the drained row
    assert_int_equal(out.counts.buffer_write, (1 + 1) + (1 + 1) + 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_load_an_operation_and_a_store),
        cmocka_unit_test(the_queue_is_in_order),
        cmocka_unit_test(a_refresh_window_makes_no_progress),
        cmocka_unit_test(coded_groups_move_whole_with_their_sizes),
        cmocka_unit_test(coded_sub_grids_equal_a_walk_value_by_value),
        cmocka_unit_test(run_lengths_end_at_31_zeros),
        cmocka_unit_test(zeros_behind_the_last_nonzero_have_no_token),
        cmocka_unit_test(run_lengths_that_are_not_smaller_stay_plain),
        cmocka_unit_test(loads_of_a_fill_lines_of_their_own_for_every_group),
        cmocka_unit_test(samples_are_counted_and_take_no_time),
        cmocka_unit_test(shared_bursts_are_stored_once),
        cmocka_unit_test(the_transposer_passes_a_tile_while_the_next_one_enters),
        cmocka_unit_test(a_clock_that_never_leaves_the_refresh_is_refused),
        cmocka_unit_test(a_product_waits_for_its_load_and_stores_after_its_drain),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
