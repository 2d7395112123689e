// SPDX-License-Identifier: Apache-2.0
// The C++ array alone, on steps made by hand: what reads when, from both sides.
#include <cstring>
#include <vector>

#include "sj_array.hpp"
#include "sj_bf16.h"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
}

namespace {

using sj::ArrayIn;

constexpr int kRows = 2, kLanes = 2, kSlots = 2, kTile = 8;

std::unique_ptr<sj::Array> make(sj_machine machine, sj_dtype dtype, int banks) {
    sj_error err;
    const sj::ArrayShape shape = {kRows, kLanes, kSlots, kTile, banks, dtype, machine};
    std::unique_ptr<sj::Array> array = sj::make_model_array(shape, &err);
    assert_non_null(array.get());
    return array;
}

// Everything of a step in cycles 0..: masks and values of row 0 and 1, flags, vectors; the commit is left to the test.
struct Feeder {
    explicit Feeder(sj::Array *target) : array(target) {}
    sj::Array *array;
    int cycle = 0;

    void tick(const ArrayIn &in = {}) {
        array->clock(in);
        ++cycle;
    }
    void mask(uint64_t step, int row, uint64_t slot0, uint64_t slot1) {
        const uint64_t words[kSlots] = {slot0, slot1};
        ArrayIn in;
        in.mask_write = true;
        in.mask_row = row;
        in.mask_buffer = static_cast<int>(step % 4);
        in.mask = words;
        tick(in);
    }
    void flags(uint64_t step, uint64_t word) {
        ArrayIn in;
        in.flag_write = true;
        in.flag_buffer = static_cast<int>(step % 4);
        in.flag = &word;
        tick(in);
    }
    void values(uint64_t step, int row, const std::vector<uint16_t> &packed, uint8_t in_range = 1) {
        const std::vector<uint8_t> ranges(packed.size(), in_range);
        ArrayIn in;
        in.a_write = true;
        in.a_row = row;
        in.a_buffer = static_cast<int>(step % 2);
        in.a_count = static_cast<int>(packed.size());
        in.a_data = packed.data();
        in.a_in_range = ranges.data();
        tick(in);
    }
    void vector(uint64_t step, int k, uint16_t lane0, uint16_t lane1, uint8_t lane1_in_range = 1) {
        const uint16_t lanes[kLanes] = {lane0, lane1};
        const uint8_t ranges[kLanes] = {1, lane1_in_range};
        ArrayIn in;
        in.b_write = true;
        in.b_buffer = static_cast<int>(step % 2);
        in.b_k = k;
        in.b_count = kLanes;
        in.b_data = lanes;
        in.b_in_range = ranges;
        tick(in);
    }
    void commit(int rows, bool first, bool last, bool filled = false) {
        ArrayIn in;
        in.commit = true;
        in.step = {first, last, filled, rows};
        tick(in);
    }
    void drain(int rows, int beats) {
        ArrayIn in;
        in.drain_start = true;
        in.drain_rows = rows;
        in.drain_beats_per_row = beats;
        tick(in);
    }
    // The cycle in which `count` reaches `value`.
    int cycle_of(uint64_t sj::ArrayOut::*count, uint64_t value) {
        while (array->out().*count < value && cycle < 1000) {
            tick();
        }
        return cycle;
    }
};

// Row 0 has 3 + 1 present values of which k = 5 has no lane, row 1 has none.
void write_sparse_step(Feeder *f, uint64_t step) {
    f->mask(step, 0, 0b00100101, 0b00000001);
    f->mask(step, 1, 0, 0);
    f->flags(step, 0b00000101);
    f->values(step, 0, {1, 2, 3, 4});
    f->vector(step, 0, 10, 20);
    f->vector(step, 2, 30, 0);
}

void work_takes_a_cycle_an_issue_and_sums_are_ready_two_later(void **) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    write_sparse_step(&f, 0);
    f.commit(3, true, true);
    const int begin = f.cycle;  // Lend
    assert_int_equal(f.cycle_of(&sj::ArrayOut::steps_done, 1), begin + 3);
    assert_int_equal(array->out().visits_done, 0);
    assert_int_equal(f.cycle_of(&sj::ArrayOut::visits_done, 1), begin + 3 + sj::kPipeline);
    const sj::ArrayCounts c = array->counts();
    assert_int_equal(c.mac_active, 5);
    assert_int_equal(c.mac_gated, 1);
    assert_int_equal(c.mac_zero, 0);
    assert_int_equal(c.mac_idle, 0);
    assert_int_equal(c.mac_change, 2 + 1 + 1);
    assert_int_equal(c.a_pad_write, 4);
    assert_int_equal(c.a_pad_read, 3);
    assert_int_equal(c.b_pad_read, 3);
    assert_int_equal(c.b_pad_write, 2 * kRows);
    assert_int_equal(c.acc_write, 2);
    assert_int_equal(c.acc_read, 0);
    assert_int_equal(c.mask_scan, 3 + 1);
    assert_int_equal(c.busy_work, 3);
}

void an_empty_step_costs_a_cycle(void **) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    f.mask(0, 0, 0, 0);
    f.flags(0, 0xff);
    f.commit(1, true, true);
    const int begin = f.cycle;
    assert_int_equal(array->out().steps_done, 0);
    assert_int_equal(f.cycle_of(&sj::ArrayOut::steps_done, 1), begin + 1);
    assert_int_equal(array->counts().mask_scan, 1);  // row 1 takes no part
    assert_int_equal(array->counts().busy_work, 1);
}

void drains_deal_rows_in_order_and_untouched_rows_are_zero(void **) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    write_sparse_step(&f, 0);
    f.commit(3, true, true);
    f.cycle_of(&sj::ArrayOut::visits_done, 1);
    const int start = f.cycle;
    f.drain(3, 2);
    // m = 0: row 0 slot 0: 1*10 + 2*30, 1*20; m = 1: row 1: nothing; m = 2: row 0 slot 1: 4*10, 4*20
    const uint32_t expected[3][kLanes] = {{70, 20}, {0, 0}, {40, 80}};
    for (int c = start + 1; c <= start + 6; ++c) {
        const sj::ArrayOut &out = array->out();
        assert_int_equal(f.cycle, c);
        const bool row_ends = (c - start) % 2 == 0;
        assert_int_equal(out.drain_valid, row_ends);
        if (row_ends) {
            const int m = (c - start) / 2 - 1;
            assert_int_equal(out.drain_row_index, m);
            assert_memory_equal(out.drain_data, expected[m], sizeof expected[m]);
        }
        assert_int_equal(out.drains_done, c == start + 6 ? 1 : 0);
        f.tick();
    }
    assert_false(array->out().drain_valid);
    assert_int_equal(array->counts().acc_read, 2);  // the two valid slots
}

// With one bank, the second visit starts in the cycle in which the first one's drain is over, not before.
void a_visit_waits_for_its_bank(void **) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_INT8, 1);
    Feeder f(array.get());
    write_sparse_step(&f, 0);
    f.commit(3, true, true);
    f.cycle_of(&sj::ArrayOut::visits_done, 1);
    write_sparse_step(&f, 1);
    f.commit(3, true, true);
    for (int i = 0; i < 5; ++i) {
        f.tick();
    }
    assert_int_equal(array->out().steps_done, 1);
    f.drain(3, 1);
    const int drain_end = f.cycle + 2;
    assert_int_equal(f.cycle_of(&sj::ArrayOut::drains_done, 1), drain_end);
    assert_int_equal(f.cycle_of(&sj::ArrayOut::steps_done, 2), drain_end + 3);
    f.cycle_of(&sj::ArrayOut::visits_done, 2);
    f.drain(1, 1);
    const uint32_t expected[kLanes] = {70, 20};  // no sum of the first visit is left
    assert_memory_equal(array->out().drain_data, expected, sizeof expected);
}

void a_filled_visit_waits_for_its_last_row_and_goes_on_with_its_sums(void **) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    write_sparse_step(&f, 0);
    f.commit(3, true, true, true);
    const uint32_t sums[3][kLanes] = {{1000, 2000}, {3000, 4000}, {0xffffffffu, 5}};
    int fill_end = 0;
    for (int m = 0; m < 3; ++m) {
        f.tick();
        assert_int_equal(array->out().steps_done, 0);
        ArrayIn in;
        in.fill_write = true;
        in.fill_last = m == 2;
        in.fill_row_index = m;
        in.fill_data = sums[m];
        f.tick(in);
        fill_end = f.cycle;
    }
    assert_int_equal(f.cycle_of(&sj::ArrayOut::steps_done, 1), fill_end + 3);
    f.cycle_of(&sj::ArrayOut::visits_done, 1);
    const uint32_t expected[3][kLanes] = {{1070, 2020}, {3000, 4000}, {39, 85}};
    for (int m = 0; m < 3; ++m) {
        m == 0 ? f.drain(3, 1) : f.tick();
        assert_true(array->out().drain_valid);
        assert_memory_equal(array->out().drain_data, expected[m], sizeof expected[m]);
    }
    assert_int_equal(array->counts().acc_read, 2 + 3);   // two visited slots, three drained rows
    assert_int_equal(array->counts().acc_write, 2 + 3);
}

void dense_and_gate_issue_all_in_range_and_name_zeros_apart(void **) {
    for (const sj_machine machine : {SJ_MACHINE_DENSE, SJ_MACHINE_GATE}) {
        const auto array = make(machine, SJ_DTYPE_INT8, 2);
        Feeder f(array.get());
        f.mask(0, 0, 0b11, 0);
        f.flags(0, 0b11);
        f.values(0, 0, {0, 3});
        f.vector(0, 0, 5, 6);
        f.vector(0, 1, 0, 7, 0);  // lane 1 is beyond N
        f.commit(1, true, true);
        const int begin = f.cycle;
        assert_int_equal(f.cycle_of(&sj::ArrayOut::steps_done, 1), begin + 2);
        const sj::ArrayCounts c = array->counts();
        assert_int_equal(c.mac_active, 0);
        assert_int_equal(machine == SJ_MACHINE_DENSE ? c.mac_zero : c.mac_gated, 3);
        assert_int_equal(machine == SJ_MACHINE_DENSE ? c.mac_gated : c.mac_zero, 0);
        assert_int_equal(c.mac_idle, 1);
        assert_int_equal(c.mac_change, 0);
        assert_int_equal(c.mask_scan, 0);
    }
}

// A lane keeps its class over slots, steps, visits and idle cycles; of padding that is issued and of a lane beyond N it is not active.
void changes_are_counted_from_issue_to_issue(void **) {
    const auto array = make(SJ_MACHINE_DENSE, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    const auto one_issue = [&](uint64_t step, uint64_t slot, uint16_t a, uint8_t a_in_range, uint16_t lane0, uint16_t lane1, uint8_t lane1_in_range) {
        f.mask(step, 0, slot == 0, slot == 1);
        f.flags(step, 1);
        f.values(step, 0, {a}, a_in_range);
        f.vector(step, 0, lane0, lane1, lane1_in_range);
        f.commit(1, true, true);
        f.cycle_of(&sj::ArrayOut::visits_done, step + 1);
        f.drain(1, 1);
        f.tick();
        return array->counts().mac_change;
    };
    assert_int_equal(one_issue(0, 0, 1, 1, 5, 0, 1), 1);          // lane 0 becomes active, lane 1 is zero
    assert_int_equal(one_issue(1, 1, 2, 1, 6, 7, 1), 1 + 1);      // lane 0 stays, lane 1 becomes active
    assert_int_equal(one_issue(2, 0, 3, 1, 8, 0, 0), 2 + 1);      // lane 1 is beyond N
    assert_int_equal(one_issue(3, 0, 0, 0, 9, 9, 1), 3 + 1);      // padding
    assert_int_equal(one_issue(4, 1, 0, 1, 9, 9, 1), 4);          // zero
    assert_int_equal(one_issue(5, 0, 4, 1, 9, 9, 1), 4 + 2);
}

// Padding that issue_padding sends occupies lanes and changes no sum.
void issued_padding_is_idle(void **) {
    const auto array = make(SJ_MACHINE_DENSE, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    f.mask(0, 0, 0b1, 0);
    f.flags(0, 0b1);
    f.values(0, 0, {0}, 0);
    f.vector(0, 0, 5, 6);
    f.commit(1, true, true);
    f.cycle_of(&sj::ArrayOut::visits_done, 1);
    assert_int_equal(array->counts().mac_idle, kLanes);
    assert_int_equal(array->counts().mac_zero, 0);
    assert_int_equal(array->counts().acc_write, 1);
}

// A mask that was not written for a step is empty, though its buffer held one four steps ago.
void an_unwritten_mask_is_empty(void **) {
    const auto array = make(SJ_MACHINE_DENSE, SJ_DTYPE_INT8, 2);
    Feeder f(array.get());
    for (uint64_t step = 0; step < 5; ++step) {
        if (step == 0) {
            f.mask(0, 0, 0b111, 0);
            f.values(0, 0, {1, 1, 1});
        }
        f.flags(step, 0b111);
        f.commit(1, step == 0, step == 4);
        const int begin = f.cycle;
        assert_int_equal(f.cycle_of(&sj::ArrayOut::steps_done, step + 1), begin + (step == 0 ? 3 : 1));
    }
    assert_int_equal(array->counts().a_pad_read, 3);
}

uint32_t sum_of(std::initializer_list<std::pair<uint16_t, uint16_t>> pairs, bool *overflow) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_BF16, 2);
    Feeder f(array.get());
    std::vector<uint16_t> packed;
    uint64_t mask = 0;
    for (const auto &pair : pairs) {
        const int k = static_cast<int>(packed.size());
        mask |= uint64_t{1} << k;
        packed.push_back(pair.first);
        f.vector(0, k, pair.second, 0);
    }
    f.mask(0, 0, mask, 0);
    f.flags(0, mask);
    f.values(0, 0, packed);
    f.commit(1, true, true);
    f.cycle_of(&sj::ArrayOut::visits_done, 1);
    f.drain(1, 1);
    *overflow = array->out().overflow;
    return array->out().drain_data[0];
}

void bf16_sums_round_flush_and_overflow_as_documented(void **) {
    bool overflow = true;
    const uint16_t one = 0x3f80, minus_one = 0xbf80, tiny = 0x0080 /* 2^-126 */, half = 0x3f00, huge = 0x7f00 /* 2^127 */, two = 0x4000;
    assert_int_equal(sum_of({{one, one}, {one, minus_one}}, &overflow), 0);  // +0
    assert_int_equal(sum_of({{tiny, one}}, &overflow), 0x00800000);
    assert_int_equal(sum_of({{tiny, half}}, &overflow), 0);        // a denormal product
    assert_int_equal(sum_of({{tiny, minus_one}, {0x00c0, one}}, &overflow), 0);  // 1.5 - 1 times 2^-126: a denormal sum
    assert_int_equal(sum_of({{0x8080, half}}, &overflow), 0);      // not -0
    assert_int_equal(sum_of({{0x4b80, one}, {one, one}}, &overflow), 0x4b800000);  // 2^24 + 1: ties to even
    assert_false(overflow);
    assert_int_equal(sum_of({{huge, one}}, &overflow), 0x7f000000);
    assert_false(overflow);
    assert_int_equal(sum_of({{huge, one}, {huge, one}}, &overflow), 0x7f800000);
    assert_true(overflow);
    sum_of({{huge, two}}, &overflow);
    assert_true(overflow);
}

void int8_sums_wrap(void **) {
    const auto array = make(SJ_MACHINE_SKIP, SJ_DTYPE_INT8, 1);
    Feeder f(array.get());
    f.mask(0, 0, 1, 0);
    f.flags(0, 1);
    f.values(0, 0, {0x80});
    f.vector(0, 0, 0x80, 0x7f);
    f.commit(1, true, true, true);
    const uint32_t sums[kLanes] = {0x7fffffffu, 0x80000000u};
    ArrayIn in;
    in.fill_write = in.fill_last = true;
    in.fill_data = sums;
    f.tick(in);
    f.cycle_of(&sj::ArrayOut::visits_done, 1);
    f.drain(1, 1);
    assert_int_equal(array->out().drain_data[0], 0x7fffffffu + 16384u);
    assert_int_equal(array->out().drain_data[1], 0x80000000u - 16256u);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(work_takes_a_cycle_an_issue_and_sums_are_ready_two_later),
        cmocka_unit_test(an_empty_step_costs_a_cycle),
        cmocka_unit_test(drains_deal_rows_in_order_and_untouched_rows_are_zero),
        cmocka_unit_test(a_visit_waits_for_its_bank),
        cmocka_unit_test(a_filled_visit_waits_for_its_last_row_and_goes_on_with_its_sums),
        cmocka_unit_test(dense_and_gate_issue_all_in_range_and_name_zeros_apart),
        cmocka_unit_test(changes_are_counted_from_issue_to_issue),
        cmocka_unit_test(issued_padding_is_idle),
        cmocka_unit_test(an_unwritten_mask_is_empty),
        cmocka_unit_test(bf16_sums_round_flush_and_overflow_as_documented),
        cmocka_unit_test(int8_sums_wrap),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
