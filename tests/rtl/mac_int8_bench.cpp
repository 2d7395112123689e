// SPDX-License-Identifier: Apache-2.0
// sj_mac_int8 against int32 arithmetic that wraps: every pair of bytes, then random lanes, enables and addends.
#include <verilated.h>

#include "Vmac_int8.h"
#include "bench.hpp"

namespace {

constexpr int kLanes = 13;

uint32_t product(uint32_t a, uint32_t b) { return static_cast<uint32_t>(static_cast<int8_t>(a) * static_cast<int8_t>(b)); }

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    VerilatedContext context;
    Vmac_int8 mac(&context);
    uint32_t products[kLanes] = {};
    bool multiplied = false;
    for (uint32_t cycle = 0; cycle < 30000; cycle++) {
        const auto a = static_cast<uint8_t>(cycle / 20);  // twenty cycles of 13 lanes: every byte b for each of the 256 a
        const bool every = cycle < 256 * 20;
        const auto enable = static_cast<uint32_t>(every ? 0x1fff : sj_random_u64(&random) & 0x1fff);
        uint32_t addend[kLanes];
        uint32_t b[kLanes];
        mac.add_i = multiplied;
        for (int l = 0; l < kLanes; l++) {
            addend[l] = static_cast<uint32_t>(sj_random_u64(&random));
            mac.addend_i[l] = addend[l];
            b[l] = every ? (cycle % 20 * kLanes + static_cast<uint32_t>(l)) & 0xff : static_cast<uint32_t>(sj_random_u64(&random) & 0xff);
            const uint32_t other = static_cast<uint32_t>(sj_random_u64(&random) & 0xff) << 8;  // the high byte does not count
            const unsigned shift = 16u * (static_cast<unsigned>(l) % 2);
            mac.b_i[l / 2] = (mac.b_i[l / 2] & ~(0xffffu << shift)) | ((other | b[l]) << shift);
        }
        mac.a_i = every ? a : static_cast<uint8_t>(sj_random_u64(&random));
        mac.enable_i = static_cast<uint16_t>(enable);
        mac.multiply_i = every || sj_random_below(&random, 8) != 0;
        mac.eval();
        for (int l = 0; l < kLanes; l++) checker.expect("sum", cycle, mac.sum_o[l], addend[l] + (multiplied ? products[l] : 0));
        multiplied = mac.multiply_i != 0;
        for (int l = 0; l < kLanes && multiplied; l++) products[l] = ((enable >> l) & 1) != 0 ? product(mac.a_i, b[l]) : 0;
        bench::edge(mac);
    }
    return checker.result();
}
