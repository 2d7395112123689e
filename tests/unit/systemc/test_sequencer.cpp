// SPDX-License-Identifier: Apache-2.0
// The order of visits and k-steps, and how little of it is remembered.
#include <cstdio>
#include <cstring>

#include "fixture.hpp"
#include "sj_sequencer.hpp"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
}

namespace {

// Tiles of small_accel: 4 rows, 2 columns; k-steps of 8.
sj_block block(int64_t m1, int64_t n1, int64_t k0, int64_t k1, int64_t instance = 0) { return {0, m1, 0, n1, k0, k1, 0, 0, 0, 0, 0, instance}; }

struct Walked {
    test::Job j;
    sj_accel accel = test::small_accel();
    std::vector<sj::Visit> visits;

    Walked(int64_t k, std::vector<sj_block> blocks) {
        j.job.is_product = true;
        j.job.k = k;
        std::snprintf(j.job.layer, sizeof j.job.layer, "walk");
        j.blocks = std::move(blocks);
        j.job.blocks = j.blocks.data();
        j.job.block_count = static_cast<int64_t>(j.blocks.size());
        sj::VisitWalk walk(&accel, &j.job);
        for (sj::Visit v; walk.next(&v);) {
            visits.push_back(v);
        }
    }
};

void tiles_go_n_outer_m_inner(void **) {
    const Walked w(8, {block(9, 3, 0, 8)});
    const int64_t m0[] = {0, 4, 8, 0, 4, 8}, n0[] = {0, 0, 0, 2, 2, 2};
    assert_int_equal(w.visits.size(), 6);
    for (size_t t = 0; t < 6; ++t) {
        assert_int_equal(w.visits[t].m0, m0[t]);
        assert_int_equal(w.visits[t].m1, m0[t] == 8 ? 9 : m0[t] + 4);
        assert_int_equal(w.visits[t].n0, n0[t]);
        assert_int_equal(w.visits[t].n1, n0[t] == 2 ? 3 : 2);
        assert_int_equal(w.visits[t].opens_block, t == 0);
        assert_int_equal(w.visits[t].closes_block, t == 5);
        assert_true(w.visits[t].is_final);
        assert_int_equal(w.visits[t].previous, -1);
    }
}

void single_tiles_are_joined_within_an_instance(void **) {
    const Walked joined(24, {block(4, 2, 0, 8), block(4, 2, 8, 16), block(4, 2, 16, 24)});
    assert_int_equal(joined.visits.size(), 1);
    assert_int_equal(joined.visits[0].last_block, 2);
    assert_true(joined.visits[0].is_final);
    const Walked two_instances(8, {block(4, 2, 0, 8, 0), block(4, 2, 0, 8, 1)});
    assert_int_equal(two_instances.visits.size(), 2);
    // one row more is a second tile: its sums leave as partials and come back
    const Walked two_tiles(16, {block(5, 2, 0, 8), block(5, 2, 8, 16)});
    assert_int_equal(two_tiles.visits.size(), 4);
    assert_false(two_tiles.visits[0].is_final);
    assert_int_equal(two_tiles.visits[2].previous, 0);
    assert_int_equal(two_tiles.visits[3].previous, 1);
}

void partial_sums_belong_to_their_instance(void **) {
    const Walked w(16, {block(5, 2, 0, 8, 0), block(5, 2, 0, 8, 1), block(5, 2, 8, 16, 1), block(5, 2, 8, 16, 0)});
    assert_int_equal(w.visits.size(), 8);
    assert_int_equal(w.visits[4].previous, 2);
    assert_int_equal(w.visits[5].previous, 3);
    assert_int_equal(w.visits[6].previous, 0);
    assert_int_equal(w.visits[7].previous, 1);
}

void steps_cut_k_within_a_block(void **) {
    const Walked w(20, {block(4, 2, 0, 12), block(4, 2, 12, 20)});
    sj::StepWalk steps(&w.accel, &w.j.job);
    const int64_t k0[] = {0, 8, 12}, k1[] = {8, 12, 20}, blocks[] = {0, 0, 1};
    for (size_t i = 0; i < 3; ++i, steps.pop()) {
        assert_non_null(steps.peek());
        assert_int_equal(steps.peek()->k0, k0[i]);
        assert_int_equal(steps.peek()->k1, k1[i]);
        assert_int_equal(steps.peek()->block, blocks[i]);
        assert_int_equal(steps.peek()->visit_first, i == 0);
        assert_int_equal(steps.peek()->visit_last, i == 2);
    }
    assert_null(steps.peek());
    const Walked none(0, {block(4, 2, 0, 0)});
    assert_int_equal(none.visits.size(), 1);
    assert_null(sj::StepWalk(&none.accel, &none.j.job).peek());
}

void a_gap_in_k_is_refused(void **) {
    sj_error err;
    const Walked whole(24, {block(5, 2, 0, 8), block(5, 2, 8, 24)}), gap(24, {block(5, 2, 0, 8), block(5, 2, 16, 24)}), foreign(16, {block(5, 2, 0, 8, 0), block(5, 2, 8, 16, 1)});
    assert_int_equal(sj::check_order(&whole.accel, &whole.j.job, &err), SJ_OK);
    assert_int_equal(sj::check_order(&gap.accel, &gap.j.job, &err), SJ_ERR_INTERNAL);
    assert_non_null(std::strstr(err.message, "block 1 starts at k 16"));
    assert_int_equal(sj::check_order(&foreign.accel, &foreign.j.job, &err), SJ_ERR_INTERNAL);
}

// 2^40 rows: what is remembered are the tiles whose sums are not complete, and no others.
void memory_does_not_grow_with_the_product(void **) {
    const sj_accel accel = test::small_accel();
    for (const int64_t k_end : {8, 16}) {
        Walked w(16, {});
        w.j.blocks = {block(INT64_C(1) << 40, 2, 0, k_end)};
        w.j.job.blocks = w.j.blocks.data();
        w.j.job.block_count = 1;
        sj::VisitWalk walk(&accel, &w.j.job);
        sj::Visit visit;
        for (size_t t = 0; t < 10000; ++t) {
            assert_true(walk.next(&visit));
        }
        assert_int_equal(visit.m0, 4 * 9999);
        assert_int_equal(walk.tiles_in_progress(), k_end == 16 ? 0 : 10000);
    }
    Walked w(16, {block(5, 2, 0, 8), block(5, 2, 8, 16)});
    sj::VisitWalk walk(&accel, &w.j.job);
    size_t in_progress[4];
    for (size_t &count : in_progress) {
        sj::Visit visit;
        walk.next(&visit);
        count = walk.tiles_in_progress();
    }
    assert_int_equal(in_progress[1], 2);
    assert_int_equal(in_progress[3], 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tiles_go_n_outer_m_inner),       cmocka_unit_test(single_tiles_are_joined_within_an_instance),
        cmocka_unit_test(partial_sums_belong_to_their_instance), cmocka_unit_test(steps_cut_k_within_a_block),
        cmocka_unit_test(a_gap_in_k_is_refused),          cmocka_unit_test(memory_does_not_grow_with_the_product),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
