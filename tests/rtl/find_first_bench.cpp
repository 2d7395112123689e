// SPDX-License-Identifier: Apache-2.0
// sj_find_first: every word of 8 bits, corners and random words of 64.
#include <type_traits>

#include <verilated.h>

#include "Vfind_first_8.h"
#include "Vfind_first_64.h"
#include "bench.hpp"

namespace {

template <class Model>
void check(Model &model, uint64_t word, int width, bench::Checker &checker) {
    int first = 0;
    while (first < width && ((word >> first) & 1) == 0) first++;
    const uint64_t all = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    const bool found = first < width;
    model.in_i = static_cast<std::remove_reference_t<decltype(model.in_i)>>(word);
    model.eval();
    checker.expect("found", word, model.found_o, found);
    checker.expect("index", word, model.index_o, found ? static_cast<uint64_t>(first) : 0);
    checker.expect("onehot", word, model.onehot_o, found ? uint64_t{1} << first : 0);
    checker.expect("below", word, model.below_o, found ? (uint64_t{1} << first) - 1 : all);
}

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    VerilatedContext context;
    Vfind_first_8 narrow(&context, "narrow");
    for (uint64_t word = 0; word < 256; word++) check(narrow, word, 8, checker);
    Vfind_first_64 wide(&context, "wide");
    check(wide, 0, 64, checker);
    for (int bit = 0; bit < 64; bit++) {
        check(wide, uint64_t{1} << bit, 64, checker);
        check(wide, ~uint64_t{0} << bit, 64, checker);
    }
    for (int i = 0; i < 20000; i++) {
        check(wide, sj_random_u64(&random) & (~uint64_t{0} << sj_random_below(&random, 64)), 64, checker);
    }
    return checker.result();
}
