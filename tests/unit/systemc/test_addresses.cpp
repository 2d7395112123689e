// SPDX-License-Identifier: Apache-2.0
// Addresses made a run at a time against one look-up for each value, for operands of every kind.
#include <cstdio>
#include <set>

#include "fixture.hpp"
#include "sj_addresses.hpp"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
}

namespace {

struct Operand {
    sj_operand o = {};
    std::vector<sj_tap> taps;
    std::vector<int32_t> channels, columns;
};

std::vector<int32_t> some_of(test::Random *r, int64_t count) {
    std::vector<int32_t> list;
    for (int64_t c = 0; c < count; ++c) {
        list.push_back(static_cast<int32_t>(3 * c + r->between(0, 2)));
    }
    return list;
}

void make_operand(test::Random *r, sj_operand_kind kind, Operand *out) {
    sj_operand &o = out->o;
    o.kind = kind;
    o.tap_count = r->between(1, 9);
    o.channel_count = r->pick({1, 2, 7, 8, 19});
    for (int64_t t = 0; t < o.tap_count; ++t) {
        out->taps.push_back({r->between(-2, 2), r->between(-2, 2), 1000 * t});
    }
    o.taps = out->taps.data();
    out->channels = some_of(r, o.channel_count);
    o.channels = r->chance(50) ? out->channels.data() : nullptr;
    o.source_c = 3 * o.channel_count;
    o.images = r->between(1, 3);
    o.stored_images = r->between(1, o.images);
    o.grid_h = r->between(1, 4);
    o.grid_w = r->between(1, 4);
    o.stride = r->between(1, 2);
    o.source_h = o.grid_h * o.stride;
    o.source_w = o.grid_w * o.stride;
    o.u_count = r->between(1, 12);
    o.u_stride = r->pick({1, 100});
    o.channel_stride = r->pick({1, 12});
    out->columns = some_of(r, o.u_count);
    o.u_list = r->chance(50) ? out->columns.data() : nullptr;
}

void addresses_equal_single_look_ups(void **state) {
    test::Random r(*static_cast<uint64_t *>(*state));
    for (int i = 0; i < 600; ++i) {
        Operand operand;
        make_operand(&r, static_cast<sj_operand_kind>(i % 3), &operand);
        const sj_operand &o = operand.o;
        const bool is_a = o.kind != SJ_OPERAND_WEIGHT && r.chance(60);
        const int64_t us = sj_operand_u_count(&o), ks = sj_operand_k_count(&o), k_tile = 8;
        const int64_t u0 = r.between(0, us - 1), u1 = r.between(u0 + 1, us), k0 = r.between(0, ks - 1), k1 = r.between(k0 + 1, ks);
        sj::Addresses addresses;
        if (is_a) {
            addresses.generate_a(o, k_tile, u0, u1, k0, k1);
        } else {
            addresses.generate(o, u0, u1, k0, k1);
        }
        std::set<std::pair<int64_t, int64_t>> touched;
        for (int64_t u = u0; u < u1; ++u) {
            for (int64_t k = k0; k < k1; ++k) {
                assert_int_equal(addresses.of(u)[k - k0], sj_operand_offset(&o, u, k));
                if (is_a && addresses.of(u)[k - k0] != SJ_PADDING) {
                    const sj_place place = sj_operand_place(&o, u, k, k_tile);
                    touched.insert({place.unit, place.chunk});
                }
            }
        }
        assert_int_equal(addresses.groups().size(), touched.size());
        size_t g = 0;
        for (const auto &group : touched) {
            assert_int_equal(addresses.groups()[g].unit, group.first);
            assert_int_equal(addresses.groups()[g++].chunk, group.second);
        }
    }
}

}  // namespace

int main() {
    uint64_t seed = test::seed_of_run();
    const CMUnitTest tests[] = {cmocka_unit_test_prestate(addresses_equal_single_look_ups, &seed)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
