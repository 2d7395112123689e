// SPDX-License-Identifier: Apache-2.0
// Products through the whole system: results against a plain product, times and counters against the equations of docs/timing.md.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "fixture.hpp"
#include "oracle.hpp"
#include "sj_array.hpp"
#include "sj_lower.h"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
}

namespace {

sj_accel random_accel(test::Random *r) {
    sj_accel a = test::small_accel();
    a.dtype = r->chance(50) ? SJ_DTYPE_BF16 : SJ_DTYPE_INT8;
    a.rows = r->between(1, 5);
    a.lanes = r->between(1, 5);
    a.slots = r->between(1, 4);
    a.k_tile = r->pick({8, 16, 64, 72});
    a.acc_banks = r->between(1, 4);
    a.a_bytes = r->pick({1, 3, 8, 64});
    a.b_bytes = r->pick({1, 3, 8, 64});
    a.o_bytes = r->pick({2, 4, 16, 64});
    a.line_bytes = r->pick({4, 8, 32});
    a.a_banks = r->between(1, 4);
    a.vector_lanes = r->pick({1, 3, 16});
    return a;
}

void assert_outcomes_equal(const sj_outcome &got, const sj_outcome &want) {
    for (const sj_counter_info &info : sj_counter_table) {
        uint64_t x = 0, y = 0;
        std::memcpy(&x, reinterpret_cast<const char *>(&got.counts) + info.offset, sizeof x);
        std::memcpy(&y, reinterpret_cast<const char *>(&want.counts) + info.offset, sizeof y);
        if (x != y) {
            std::printf("%s: %llu, expected %llu\n", info.name, static_cast<unsigned long long>(x), static_cast<unsigned long long>(y));
        }
        assert_int_equal(x, y);
    }
    assert_int_equal(got.cycles, want.cycles);
    assert_memory_equal(&got, &want, sizeof got);  // all fields are uint64_t
}

void check(const sj_accel &accel, sj_variant variant, const sj_job &job) {
    sj_error err;
    sj_outcome got;
    std::vector<uint32_t> results(static_cast<size_t>(sj_job_instances(&job) * job.m * job.n), 0xdeadbeefu);
    const sj_status status = sj_systemc_run(&accel, variant, &job, &got, results.data(), &err);
    if (status != SJ_OK) {
        std::printf("%s\n", err.message);
    }
    assert_int_equal(status, SJ_OK);
    const std::vector<uint32_t> want = test::naive_product(job);
    assert_memory_equal(results.data(), want.data(), want.size() * sizeof want[0]);
    assert_outcomes_equal(got, test::expected_outcome(accel, variant, job));
}

void check(const sj_accel &accel, sj_machine machine, const test::Job &j) { check(accel, {machine, SJ_CODEC_NONE}, j.job); }

int64_t blocks_seen_max = 0;

sj_machine machine_of(int64_t i) { return static_cast<sj_machine>(i % 3); }

void random_gemms_equal_the_equations(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state));
    for (int64_t i = 0; i < 150; ++i) {
        sj_accel accel = random_accel(&r);
        accel.issue_padding = r.chance(30);
        test::Job j;
        test::make_gemm(&r, accel, r.between(1, 40), r.between(0, 150), r.between(1, 9), r.pick({0, 5, 30, 60, 100}), r.pick({0, 5, 50, 100}), &j);
        check(accel, machine_of(i), j);
    }
}

void random_blocks_with_fills_equal_the_equations(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 1);
    for (int64_t i = 0; i < 150; ++i) {
        const sj_accel accel = random_accel(&r);
        test::Job j;
        test::make_gemm(&r, accel, r.between(1, 40), r.between(1, 200), r.between(1, 12), r.pick({5, 30, 100}), r.pick({10, 50, 100}), &j);
        test::cut_blocks(&r, accel, &j);
        check(accel, machine_of(i), j);
    }
}

// As lowered and mapped, with all transfers, in buffers so small that there are many blocks.
void random_lowered_gemms_equal_the_equations(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 4);
    for (int64_t i = 0; i < 150; ++i) {
        sj_accel accel = random_accel(&r);
        accel.buffer_kib = r.pick({16, 32, 64});
        accel.clock_mhz = r.chance(50) ? 500.0 : 1733.0;
        const int64_t m = r.between(1, 60), k = r.between(0, 300), n = r.between(1, 20);
        std::vector<uint16_t> a16, b16;
        std::vector<int8_t> a8, b8;
        test::fill_values(&r, accel.dtype, m * k, r.pick({0, 20, 60, 100}), &a16, &a8);
        test::fill_values(&r, accel.dtype, k * n, r.pick({0, 20, 60, 100}), &b16, &b8);
        const bool is_bf16 = accel.dtype == SJ_DTYPE_BF16;
        sj_job *job = nullptr;
        sj_error err;
        const sj_status status = sj_lower_gemm(&accel, m, k, n, is_bf16 ? static_cast<const void *>(a16.data()) : a8.data(),
                                               is_bf16 ? static_cast<const void *>(b16.data()) : b8.data(), false, &job, &err);
        if (status != SJ_OK) {
            std::printf("%s\n", err.message);
        }
        assert_int_equal(status, SJ_OK);
        check(accel, {machine_of(i), r.chance(50) ? SJ_CODEC_BITMASK : SJ_CODEC_NONE}, *job);
        blocks_seen_max = std::max(blocks_seen_max, job->block_count);
        sj_job_free(job);
    }
    assert_true(blocks_seen_max > 4);
}

void convolutions_and_weight_gradients_equal_the_equations(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 2);
    for (int64_t i = 0; i < 80; ++i) {
        sj_accel accel = random_accel(&r);
        accel.issue_padding = r.chance(30);
        test::Job j;
        // Images of one pixel leave most taps, and so whole steps, to padding.
        test::make_conv(&r, accel, r.between(1, 5), r.pick({1, 2, 4}), r.pick({1, 3, 8, 17}), r.between(1, 9), r.chance(50), &j);
        if (r.chance(50)) {
            test::cut_blocks(&r, accel, &j);
        }
        check(accel, machine_of(i), j);
    }
}

// Groups and batches with all transfers, under every codec, with work on the output path.
void random_instances_equal_the_equations(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 5);
    for (int64_t i = 0; i < 150; ++i) {
        sj_accel accel = random_accel(&r);
        test::Job j;
        if (r.chance(50)) {
            test::make_gemm(&r, accel, r.between(1, 20), r.between(0, 100), r.between(1, 9), r.pick({0, 5, 50, 100}), r.pick({0, 50, 100}), &j);
        } else {
            test::make_conv(&r, accel, r.between(1, 3), r.pick({1, 2, 4}), r.pick({1, 3, 17}), r.between(1, 9), r.chance(50), &j);
        }
        j.job.out_ops = r.pick({0, 1, 3, 20});
        test::add_instances(&r, accel, r.between(1, 6), &j);
        if (j.job.k > 0 && r.chance(50)) {
            test::cut_blocks(&r, accel, &j);
        }
        if (j.job.k > 0) {
            test::add_transfers(&r, accel, &j);
        }
        check(accel, {machine_of(i), static_cast<sj_codec>(r.between(0, SJ_CODEC_COUNT - 1))}, j.job);
    }
}

// Lanes are kept as bits of words: around one word's end, and several words.
void wide_rows_equal_the_equations(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 6);
    for (int64_t i = 0; i < 45; ++i) {
        sj_accel accel = random_accel(&r);
        accel.lanes = r.pick({63, 64, 65, 130});
        test::Job j;
        test::make_gemm(&r, accel, r.between(1, 20), r.between(1, 60), r.between(1, 300), r.pick({30, 60, 100}), r.pick({5, 50, 100}), &j);
        test::cut_blocks(&r, accel, &j);
        check(accel, machine_of(i), j);
    }
}

// 3 x 2 x 3 on 2 rows of 2 lanes: two tiles, the second of one column. Active lanes (left, right) of each issue and the changes that it makes, by hand:
//   row 0, tile 0: m=0: k=0 (1,0) 1, k=1 (0,0) 1; m=2: k=0 (0,0) 0, k=1 (0,1) 1    tile 1: m=0: (1,-) 2, (0,-) 1; m=2: (0,-) 0, (1,-) 1
//   row 1, tile 0: m=1: k=0 (1,0) 1, k=1 (0,1) 2                                   tile 1: m=1: (1,-) 2, (1,-) 0
// Skip does not issue where A is zero: row 0 (1,0) 1, (0,1) 2, (1,-) 2, (1,-) 0; row 1 as before.
void changes_of_lanes_are_those_counted_by_hand(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 3, 2, 3, 100, 100, &j);
    j.int8_a = {1, 0, 2, 3, 0, 4};
    j.int8_b = {1, 0, 5, 0, 6, 7};  // [k][n]
    j.connect();
    for (const sj_machine machine : {SJ_MACHINE_DENSE, SJ_MACHINE_GATE, SJ_MACHINE_SKIP}) {
        sj_error err;
        sj_outcome out;
        assert_int_equal(sj_systemc_run(&accel, {machine, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
        assert_int_equal(out.counts.mac_change, machine == SJ_MACHINE_SKIP ? 5 + 5 : 7 + 5);
        check(accel, machine, j);
    }
}

uint64_t cycles_of(const sj_accel &accel, const sj_job &job) {
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &job, &out, nullptr, &err), SJ_OK);
    return out.cycles;
}

// The second block continues the k range of the same single tile: one visit, one drain. Of another instance it is a visit of its own, which begins at k = 0.
void a_tile_goes_on_within_an_instance_only(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job whole, two;
    test::make_gemm(&r, accel, 1, 16, 1, 100, 100, &whole);
    whole.blocks = {{0, 1, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0}, {0, 1, 0, 1, 8, 16, 0, 0, 0, 0, 0, 0}};
    whole.connect();
    check(accel, SJ_MACHINE_SKIP, whole);
    // masks 1, lines 1, values and vectors 8; the second block's the same, its load begun when the first one's ended; work 8, pipeline 2, drain 2
    assert_int_equal(cycles_of(accel, whole.job), 10 + 10 + 8 + 2 + 2);
    test::make_gemm(&r, accel, 1, 8, 1, 100, 100, &two);
    test::add_instances(&r, accel, 2, &two);
    std::fill(two.int8_a.begin(), two.int8_a.end(), int8_t{1});
    std::fill(two.int8_b.begin(), two.int8_b.end(), int8_t{1});
    check(accel, SJ_MACHINE_SKIP, two);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &two.job, &out, nullptr, &err), SJ_OK);
    assert_int_equal(out.cycles, 10 + 10 + 8 + 2 + 2);
    assert_int_equal(out.counts.bus_o, 2 * 2);      // two drains
    assert_int_equal(out.counts.acc_read, 0 + 2);   // none entered valid
}

// One row of two int32 lanes takes 2 beats of 4 bytes; 4 vector lanes: up to 4 operations a result fit, 5 do not.
void work_on_the_output_path_stretches_a_drain_from_both_sides(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 1, 1, 1, 100, 100, &j);
    for (int64_t operations = 0; operations <= 5; ++operations) {
        j.job.out_ops = operations;
        check(accel, SJ_MACHINE_SKIP, j);
        sj_error err;
        sj_outcome out;
        assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
        assert_int_equal(out.cycles, 1 + 1 + 1 + 1 + 2 + (operations == 5 ? 3 : 2));
        assert_int_equal(out.counts.bus_o, 2);
        assert_int_equal(out.busy_drain, operations == 5 ? 3 : 2);
        assert_int_equal(out.counts.vector_op, operations);  // one valid lane
    }
}

// Partial sums pass the vector unit neither on their way out nor back.
void partial_sums_are_not_worked_on(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 1, 16, 4, 100, 100, &j);
    j.job.out_ops = 7;  // 4 beats a row
    j.blocks = {{0, 1, 0, 4, 0, 8, 0, 0, 0, 0, 0, 0}, {0, 1, 0, 4, 8, 16, 0, 0, 0, 0, 0, 0}};
    j.connect();
    check(accel, SJ_MACHINE_SKIP, j);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
    assert_int_equal(out.counts.bus_o, 2 * (2 + 2 + 2));
    assert_int_equal(out.busy_drain, 2 * (2 + 2 + 4));
    assert_int_equal(out.counts.vector_op, 7 * 4);
}

// As a depthwise layer: each instance has one column.
void hundreds_of_small_instances_equal_the_equations(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 9, 9, 1, 40, 100, &j);
    test::add_instances(&r, accel, 300, &j);
    check(accel, SJ_MACHINE_SKIP, j);
}

void a_product_without_k_is_zeros_from_cycle_0(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 5, 0, 3, 50, 50, &j);
    check(accel, SJ_MACHINE_SKIP, j);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
    // 5 rows in two tiles of 2 lanes (n outer), int32 results: 2 beats a row
    assert_int_equal(out.cycles, 2 * 5 * 2);
}

// One A row, one k, hand-timed: masks 1 | lines 1 | values, vector 1 | work 1 | pipeline 2 | drain 2.
void the_smallest_product_takes_8_cycles_on_skip(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 1, 1, 1, 100, 100, &j);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
    assert_int_equal(out.cycles, 1 + 1 + 1 + 1 + 2 + 2);
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_DENSE, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_OK);
    assert_int_equal(out.cycles, 0 + 1 + 1 + 1 + 2 + 2);
}

void a_job_does_not_depend_on_those_before_it(void **state) {
    const uint64_t seed = *static_cast<uint64_t *>(*state) + 3;
    sj_outcome first[20], again[20];
    for (sj_outcome *outcomes : {first, again, again}) {
        test::Random r(seed);
        for (int64_t i = 0; i < 20; ++i) {
            const sj_accel accel = random_accel(&r);
            test::Job j;
            test::make_gemm(&r, accel, r.between(1, 30), r.between(1, 100), r.between(1, 9), 40, 60, &j);
            test::cut_blocks(&r, accel, &j);
            sj_error err;
            assert_int_equal(sj_systemc_run(&accel, {machine_of(i), SJ_CODEC_NONE}, &j.job, &outcomes[i], nullptr, &err), SJ_OK);
        }
    }
    assert_memory_equal(first, again, sizeof first);
}

void an_overflow_is_an_error_that_names_the_layer(void **) {
    sj_accel accel = test::small_accel();
    accel.dtype = SJ_DTYPE_BF16;
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 2, 4, 2, 100, 100, &j);
    j.bf16_a.assign(j.bf16_a.size(), 0x7f00);
    j.bf16_b.assign(j.bf16_b.size(), 0x7f00);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj_systemc_run(&accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_ERR_NUMERIC);
    assert_non_null(std::strstr(err.message, "layer test, forward"));
}

// An array that never ends a step.
class DeadArray : public sj::Array {
public:
    const sj::ArrayOut &out() const override { return out_; }
    void clock(const sj::ArrayIn &) override {}
    sj::ArrayCounts counts() const override { return {}; }

private:
    sj::ArrayOut out_;
};

std::unique_ptr<sj::Array> make_dead_array(const sj::ArrayShape &, sj_error *) { return std::make_unique<DeadArray>(); }

// Begins every drain a cycle late.
class LateDrainArray : public sj::Array {
public:
    explicit LateDrainArray(std::unique_ptr<sj::Array> inner) : inner_(std::move(inner)) {}
    const sj::ArrayOut &out() const override { return inner_->out(); }
    void clock(const sj::ArrayIn &in) override {
        sj::ArrayIn late = in;
        late.drain_start = start_;
        late.drain_rows = rows_;
        late.drain_beats_per_row = beats_;
        start_ = in.drain_start;
        rows_ = in.drain_rows;
        beats_ = in.drain_beats_per_row;
        inner_->clock(late);
    }
    sj::ArrayCounts counts() const override { return inner_->counts(); }

private:
    std::unique_ptr<sj::Array> inner_;
    bool start_ = false;
    int rows_ = 0, beats_ = 0;
};

std::unique_ptr<sj::Array> make_late_drain_array(const sj::ArrayShape &shape, sj_error *err) { return std::make_unique<LateDrainArray>(sj::make_model_array(shape, err)); }

void an_array_that_drains_late_is_an_error(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 5, 16, 2, 100, 100, &j);  // two tiles, whose partial sums come back
    j.blocks = {{0, 5, 0, 2, 0, 8, 0, 0, 0, 0, 0, 0}, {0, 5, 0, 2, 8, 16, 0, 0, 0, 0, 0, 0}};
    j.connect();
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj::run_system(make_late_drain_array, &accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_ERR_INTERNAL);
    assert_non_null(std::strstr(err.message, "layer test, forward: the array "));
    check(accel, SJ_MACHINE_SKIP, j);
}

void a_stuck_array_is_an_error_and_the_next_job_runs(void **) {
    const sj_accel accel = test::small_accel();
    test::Random r(1);
    test::Job j;
    test::make_gemm(&r, accel, 20, 30, 5, 100, 100, &j);
    sj_error err;
    sj_outcome out;
    assert_int_equal(sj::run_system(make_dead_array, &accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, &j.job, &out, nullptr, &err), SJ_ERR_INTERNAL);
    check(accel, SJ_MACHINE_SKIP, j);
}

}  // namespace

int main() {
    uint64_t seed = test::seed_of_run();
    const CMUnitTest tests[] = {
        cmocka_unit_test_prestate(the_smallest_product_takes_8_cycles_on_skip, &seed),
        cmocka_unit_test_prestate(a_product_without_k_is_zeros_from_cycle_0, &seed),
        cmocka_unit_test_prestate(random_gemms_equal_the_equations, &seed),
        cmocka_unit_test_prestate(random_blocks_with_fills_equal_the_equations, &seed),
        cmocka_unit_test_prestate(random_lowered_gemms_equal_the_equations, &seed),
        cmocka_unit_test_prestate(convolutions_and_weight_gradients_equal_the_equations, &seed),
        cmocka_unit_test_prestate(random_instances_equal_the_equations, &seed),
        cmocka_unit_test_prestate(wide_rows_equal_the_equations, &seed),
        cmocka_unit_test_prestate(changes_of_lanes_are_those_counted_by_hand, &seed),
        cmocka_unit_test_prestate(a_tile_goes_on_within_an_instance_only, &seed),
        cmocka_unit_test_prestate(work_on_the_output_path_stretches_a_drain_from_both_sides, &seed),
        cmocka_unit_test_prestate(partial_sums_are_not_worked_on, &seed),
        cmocka_unit_test_prestate(hundreds_of_small_instances_equal_the_equations, &seed),
        cmocka_unit_test_prestate(a_job_does_not_depend_on_those_before_it, &seed),
        cmocka_unit_test_prestate(an_overflow_is_an_error_that_names_the_layer, &seed),
        cmocka_unit_test_prestate(an_array_that_drains_late_is_an_error, &seed),
        cmocka_unit_test_prestate(a_stuck_array_is_an_error_and_the_next_job_runs, &seed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
