// SPDX-License-Identifier: Apache-2.0
#ifndef SJ_ARITH_HPP
#define SJ_ARITH_HPP

#include <cstddef>
#include <cstdint>

namespace sj {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr size_t to_size(int64_t v) { return static_cast<size_t>(v); }
constexpr uint64_t to_count(int64_t v) { return static_cast<uint64_t>(v); }

}  // namespace sj
#endif
