// SPDX-License-Identifier: Apache-2.0
// The array's clock rests while nothing can happen: no outcome and no result may tell, and waiting for DRAM may cost no edges. Built twice: around the C++ array, and
// around the Verilated ones, whose registers must be where an array that was clocked all along has them.
#include <cstdio>
#include <cstring>

#include "fixture.hpp"
#include "sj_system.hpp"
#ifdef SJ_TEST_VERILATED
#include "sj_rtl.hpp"
#endif

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
}

namespace {

constexpr uint64_t kNeverRests = uint64_t{1} << 13;  // edges: more than any wait here has; and so many follow the last drain

uint64_t edges_given = 0;

std::unique_ptr<sj::Array> make_inner(const sj::ArrayShape &shape, sj_error *err) {
#ifdef SJ_TEST_VERILATED
    return sj::make_verilated_array(shape, err);
#else
    return sj::make_model_array(shape, err);
#endif
}

class CountingArray : public sj::Array {
public:
    explicit CountingArray(std::unique_ptr<sj::Array> inner) : inner_(std::move(inner)) {}
    const sj::ArrayOut &out() const override { return inner_->out(); }
    void clock(const sj::ArrayIn &in) override {
        ++edges_given;
        inner_->clock(in);
    }
    sj::ArrayCounts counts() const override { return inner_->counts(); }

private:
    std::unique_ptr<sj::Array> inner_;
};

std::unique_ptr<sj::Array> make_counting_array(const sj::ArrayShape &shape, sj_error *err) {
    std::unique_ptr<sj::Array> inner = make_inner(shape, err);
    return inner ? std::make_unique<CountingArray>(std::move(inner)) : nullptr;
}

struct Ran {
    sj_outcome outcome;
    std::vector<uint32_t> results;
    uint64_t edges;
};

Ran run(uint64_t settle_edges, const sj_accel &accel, sj_variant variant, const sj_job &job) {
    Ran ran = {};
    sj_error err;
    ran.results.assign(static_cast<size_t>(sj_job_instances(&job) * job.m * job.n), 0);
    edges_given = 0;
    const sj_status status = sj::run_system_settling(make_counting_array, settle_edges, &accel, variant, &job, &ran.outcome, ran.results.data(), &err);
    if (status != SJ_OK) {
        std::printf("%s\n", err.message);
    }
    assert_int_equal(status, SJ_OK);
    ran.edges = edges_given;
    return ran;
}

std::vector<sj_accel> machines(test::Random *r) {
    std::vector<sj_accel> all;
#ifdef SJ_TEST_VERILATED
    for (const sj::ArrayShape &shape : sj::verilated_shapes()) {
        if (shape.rows * shape.lanes > 64) {
            continue;
        }
        sj_accel a = test::small_accel();
        a.dtype = shape.dtype;
        a.rows = shape.rows;
        a.lanes = shape.lanes;
        a.slots = shape.slots;
        a.k_tile = shape.k_tile;
        a.acc_banks = shape.acc_banks;
        all.push_back(a);
    }
#else
    for (int i = 0; i < 20; ++i) {
        sj_accel a = test::small_accel();
        a.dtype = r->chance(50) ? SJ_DTYPE_BF16 : SJ_DTYPE_INT8;
        a.rows = r->between(1, 5);
        a.lanes = r->between(1, 5);
        a.slots = r->between(1, 4);
        a.k_tile = r->pick({8, 16, 72});
        a.acc_banks = r->between(1, 3);
        all.push_back(a);
    }
#endif
    for (sj_accel &a : all) {
        a.a_bytes = r->pick({1, 8, 64});
        a.b_bytes = r->pick({1, 8, 64});
        a.o_bytes = r->pick({2, 16, 64});
        a.vector_lanes = r->pick({1, 16});
    }
    return all;
}

// Blocks with fills, transfers they wait for, stretched drains.
void make_job(test::Random *r, const sj_accel &accel, test::Job *j) {
    test::make_gemm(r, accel, r->between(1, 40), r->between(1, 150), r->between(1, 12), r->pick({0, 5, 50, 100}), r->pick({20, 100}), j);
    j->job.out_ops = r->pick({0, 5, 40});
    test::add_instances(r, accel, r->between(1, 3), j);
    test::cut_blocks(r, accel, j);
    if (r->chance(80)) {
        test::add_transfers(r, accel, j);
    }
}

void a_clock_that_rests_changes_no_outcome(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state));
    uint64_t with_rests = 0, without = 0;
    for (int round = 0; round < 4; ++round) {
        for (const sj_accel &accel : machines(&r)) {
            for (int machine = SJ_MACHINE_DENSE; machine <= SJ_MACHINE_SKIP; ++machine) {
                test::Job j;
                make_job(&r, accel, &j);
                const sj_variant variant = {static_cast<sj_machine>(machine), SJ_CODEC_BITMASK};
                const Ran rests = run(sj::kSettleEdges, accel, variant, j.job), never = run(kNeverRests, accel, variant, j.job);
                assert_memory_equal(&rests.outcome, &never.outcome, sizeof rests.outcome);
                assert_memory_equal(rests.results.data(), never.results.data(), rests.results.size() * sizeof rests.results[0]);
                with_rests += rests.edges - sj::kSettleEdges;
                without += never.edges - kNeverRests;
                assert_true(with_rests <= without);
                assert_true(rests.edges <= rests.outcome.cycles + sj::kSettleEdges);
            }
        }
    }
    std::printf("edges: %llu, without rests %llu\n", static_cast<unsigned long long>(with_rests), static_cast<unsigned long long>(without));
    assert_true(with_rests < without);
}

// A load of 64 KB is waited for and costs not one edge.
void waiting_for_dram_costs_no_edges(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 1);
    for (const sj_accel &accel : machines(&r)) {
        test::Job j;
        test::make_gemm(&r, accel, 1, 8, 1, 100, 100, &j);
        const uint64_t edges_of_product = run(sj::kSettleEdges, accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, j.job).edges;
        sj_stream raw = {};
        raw.kind = SJ_STREAM_RAW;
        raw.value_bytes = 1;
        raw.length = 65536;
        j.streams = {raw, raw, raw};
        j.segments = {{2, 0, 65536, 0}};
        j.blocks[0].load_count = 1;
        j.job.array_only = false;
        j.connect();
        const Ran ran = run(sj::kSettleEdges, accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, j.job);
        assert_true(ran.outcome.cycles > 1000);
        assert_int_equal(ran.edges, edges_of_product);
    }
}

// Two banks, three visits: the third waits for the store that frees the buffer, with its rows' work committed and no bank to do it in.
void rows_that_wait_for_a_bank_cost_no_edges(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state) + 2);
    for (const sj_accel &accel : machines(&r)) {
        test::Job j;
        const int64_t tile = accel.rows * accel.slots;
        test::make_gemm(&r, accel, 5 * tile, 8, 1, 100, 100, &j);
        sj_stream raw = {};
        raw.kind = SJ_STREAM_RAW;
        raw.value_bytes = 1;
        raw.length = 5 * 65536;
        j.streams = {raw, raw, raw};
        j.blocks.clear();
        for (int b = 0; b < 5; ++b) {
            j.segments.push_back({2, b * 65536, (b + 1) * 65536, 0});
            j.blocks.push_back({b * tile, (b + 1) * tile, 0, 1, 0, 8, 0, 0, b, 1, 0, 0});
        }
        j.job.array_only = false;
        j.connect();
        const Ran rests = run(sj::kSettleEdges, accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, j.job), never = run(kNeverRests, accel, {SJ_MACHINE_SKIP, SJ_CODEC_NONE}, j.job);
        assert_memory_equal(&rests.outcome, &never.outcome, sizeof rests.outcome);
        assert_true(rests.edges + 2000 < never.edges - kNeverRests);  // a store takes 1280 cycles
    }
}

}  // namespace

int main() {
    uint64_t seed = test::seed_of_run();
    const CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_clock_that_rests_changes_no_outcome, &seed),
        cmocka_unit_test_prestate(waiting_for_dram_costs_no_edges, &seed),
        cmocka_unit_test_prestate(rows_that_wait_for_a_bank_cost_no_edges, &seed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
