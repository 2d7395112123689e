// SPDX-License-Identifier: Apache-2.0
// What the small benches share: a seed that is printed, a clock edge, a count of mismatches.
#ifndef BENCH_HPP
#define BENCH_HPP

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sj_random.h"

namespace bench {

inline uint64_t seed() {
    const char *text = std::getenv("SJ_TEST_SEED");
    const uint64_t value = text != nullptr ? std::strtoull(text, nullptr, 0) : 20240611;
    std::printf("seed %llu\n", static_cast<unsigned long long>(value));
    return value;
}

template <class Model>
void edge(Model &model) {
    model.clk_i = 1;
    model.eval();
    model.clk_i = 0;
    model.eval();
}

// Counts mismatches, prints the first few.
class Checker {
public:
    void expect(const char *what, uint64_t at, uint64_t met, uint64_t wanted) {
        checks_++;
        if (met == wanted) return;
        if (faults_++ < 10) {
            std::printf("%s at %llu is %llx, must be %llx\n", what, static_cast<unsigned long long>(at), static_cast<unsigned long long>(met),
                        static_cast<unsigned long long>(wanted));
        }
    }
    // The program's exit code.
    int result() const {
        std::printf("%llu checks, %llu faults\n", static_cast<unsigned long long>(checks_), static_cast<unsigned long long>(faults_));
        return faults_ == 0 && checks_ > 0 ? 0 : 1;
    }

private:
    uint64_t checks_ = 0, faults_ = 0;
};

}  // namespace bench
#endif
