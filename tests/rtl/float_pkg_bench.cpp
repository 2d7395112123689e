// SPDX-License-Identifier: Apache-2.0
// sj_float_pkg against C float arithmetic: every pair of a set that holds all kinds of values, and random pairs of all bits. NaN and infinity propagate, denormals count and
// come out as +0, sums are rounded to nearest even.
#include <verilated.h>

#include <vector>

#include "Vfloat_pkg_wrap.h"
#include "bench.hpp"
#include "sj_bf16.h"

namespace {

uint32_t flushed(uint32_t bits) { return (bits & 0x7f800000u) == 0 ? 0u : bits; }
uint64_t folded(uint32_t bits) { return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits; }
float value(uint32_t bits) { return sj_bits_f32(flushed(bits)); }

void check_product(Vfloat_pkg_wrap &m, uint32_t a, uint32_t b, bench::Checker &checker) {
    m.a_i = a;
    m.b_i = b;
    m.eval();
    checker.expect("product", (static_cast<uint64_t>(a) << 16) | b, folded(m.product_o), folded(flushed(sj_f32_bits(value(a << 16) * value(b << 16)))));
}

void check_sum(Vfloat_pkg_wrap &m, uint32_t a, uint32_t b, bench::Checker &checker) {
    m.a_i = a;
    m.b_i = b;
    m.eval();
    checker.expect("sum", (static_cast<uint64_t>(a) << 32) | b, folded(m.sum_o), folded(flushed(sj_f32_bits(value(a) + value(b)))));
}

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    VerilatedContext context;
    Vfloat_pkg_wrap m(&context);
    std::vector<uint32_t> narrow, wide;
    for (const uint32_t exponent : {0u, 1u, 2u, 63u, 64u, 65u, 100u, 126u, 127u, 128u, 150u, 151u, 152u, 190u, 191u, 192u, 253u, 254u, 255u}) {
        for (const uint32_t sign : {0u, 1u}) {
            for (const uint32_t fraction : {0u, 1u, 2u, 0x35u, 0x3fu, 0x40u, 0x41u, 0x7eu, 0x7fu}) narrow.push_back((sign << 15) | (exponent << 7) | fraction);
            for (const uint32_t fraction : {0u, 1u, 2u, 3u, 0x2aaaaau, 0x3fffffu, 0x400000u, 0x400001u, 0x7ffffeu, 0x7fffffu}) {
                wide.push_back((sign << 31) | (exponent << 23) | fraction);
            }
        }
    }
    for (const uint32_t a : narrow) {
        for (const uint32_t b : narrow) check_product(m, a, b, checker);
    }
    for (const uint32_t a : wide) {
        for (const uint32_t b : wide) check_sum(m, a, b, checker);
    }
    for (int i = 0; i < 1000000; i++) {
        const uint64_t bits = sj_random_u64(&random);
        const auto a = static_cast<uint32_t>(bits), b = static_cast<uint32_t>(bits >> 32);
        check_product(m, a & 0xffff, b & 0xffff, checker);
        check_sum(m, a, b, checker);
        // Exponents near one another, where rounding and cancellation happen.
        check_sum(m, a, (b & 0x807fffffu) | (a & 0x70000000u) | (b & 0x0f800000u), checker);
    }
    return checker.result();
}
