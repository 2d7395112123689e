// SPDX-License-Identifier: Apache-2.0
// sj_mac_bf16 against C float arithmetic: more than a million products and sums, random and at the edges of the formats.
#include <verilated.h>

#include "Vmac_bf16.h"
#include "bench.hpp"
#include "sj_bf16.h"

namespace {

constexpr int kLanes = 16;

const uint16_t kCorners[] = {0x0000, 0x8000, 0x0001, 0x807f, 0x0080, 0x8080, 0x00ff, 0x3f80, 0xbf80, 0x3fff, 0x3f81, 0x7f7f, 0xff7f, 0x7f00, 0x1f80, 0x2000,
                             0x207f, 0x5f80, 0x6000, 0x607f, 0x7f80, 0xff80, 0x7fc0, 0x7f81};
const uint32_t kSumCorners[] = {0x00000000, 0x80000000, 0x00000001, 0x007fffff, 0x00800000, 0x80800000, 0x00ffffff, 0x3f800000, 0x3f7fffff, 0x3f800001, 0xbf800000,
                                0xbf7fffff, 0x7f7fffff, 0xff7fffff, 0x7f000000, 0x33800000, 0x33800001, 0x337fffff, 0x4b7fffff, 0x4b800000, 0x4b800001, 0x7f800000,
                                0xff800000, 0x7fc00000};

template <class T, std::size_t N>
T pick(const T (&list)[N], sj_random *random) {
    return list[sj_random_below(random, N)];
}

// Exponents near one another, anything, or a corner.
uint16_t random_value(sj_random *random) {
    const uint64_t bits = sj_random_u64(random);
    switch (bits >> 62) {
        case 0: return pick(kCorners, random);
        case 1: return static_cast<uint16_t>(bits);
        default: return static_cast<uint16_t>((bits & 0x807f) | ((120 + ((bits >> 16) & 15)) << 7));
    }
}

uint32_t random_sum(sj_random *random) {
    const uint64_t bits = sj_random_u64(random);
    switch (bits >> 62) {
        case 0: return pick(kSumCorners, random);
        case 1: return static_cast<uint32_t>(bits);
        case 2: return static_cast<uint32_t>((bits & 0x80000000u) | ((110 + ((bits >> 32) & 31)) << 23) | (bits & (0x7fffffu << ((bits >> 40) % 24)) & 0x7fffffu));
        default: return static_cast<uint32_t>((bits & 0x807fffffu) | ((110 + ((bits >> 32) & 31)) << 23));
    }
}

uint32_t flushed(uint32_t bits) { return (bits & 0x7f800000u) == 0 ? 0u : bits; }
bool is_nan(uint32_t bits) { return (bits & 0x7fffffffu) > 0x7f800000u; }

uint32_t product_of(uint16_t a, uint16_t b) {
    const float left = sj_bits_f32(flushed(static_cast<uint32_t>(a) << 16)), right = sj_bits_f32(flushed(static_cast<uint32_t>(b) << 16));
    return flushed(sj_f32_bits(left * right));
}

uint32_t sum_of(uint32_t addend, uint32_t product) { return flushed(sj_f32_bits(sj_bits_f32(flushed(addend)) + sj_bits_f32(product))); }

uint64_t folded(uint32_t bits) { return is_nan(bits) ? 0x7fc00000u : bits; }

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    VerilatedContext context;
    Vmac_bf16 mac(&context);
    uint32_t product[kLanes] = {};
    bool multiplied = false;
    for (uint64_t cycle = 0; cycle < 80000; cycle++) {
        // The sums of this cycle use the products of the cycle before.
        mac.add_i = multiplied;
        uint32_t addend[kLanes];
        bool infinite = false;
        for (int l = 0; l < kLanes; l++) {
            addend[l] = random_sum(&random);
            if (sj_random_below(&random, 16) == 0) addend[l] = product[l] ^ 0x80000000u ^ static_cast<uint32_t>(sj_random_below(&random, 4));
            mac.addend_i[l] = addend[l];
        }
        uint16_t b[kLanes];
        const uint16_t a = random_value(&random);
        const auto enable = static_cast<uint16_t>(sj_random_below(&random, 4) == 0 ? sj_random_u64(&random) : 0xffff);
        for (int l = 0; l < kLanes; l++) {
            b[l] = random_value(&random);
            const unsigned shift = 16u * (static_cast<unsigned>(l) % 2);
            mac.b_i[l / 2] = (mac.b_i[l / 2] & ~(0xffffu << shift)) | (static_cast<uint32_t>(b[l]) << shift);
        }
        mac.a_i = a;
        mac.enable_i = enable;
        mac.multiply_i = sj_random_below(&random, 8) != 0;
        mac.eval();
        for (int l = 0; l < kLanes; l++) {
            const uint32_t wanted = multiplied ? sum_of(addend[l], product[l]) : addend[l];
            infinite |= multiplied && (wanted & 0x7f800000u) == 0x7f800000u;
            checker.expect("sum", cycle, multiplied ? folded(mac.sum_o[l]) : mac.sum_o[l], multiplied ? folded(wanted) : wanted);
        }
        checker.expect("infinite", cycle, mac.infinite_o, infinite);
        multiplied = mac.multiply_i != 0;
        for (int l = 0; l < kLanes && multiplied; l++) product[l] = ((enable >> l) & 1) != 0 ? product_of(a, b[l]) : 0;
        bench::edge(mac);
    }
    return checker.result();
}
