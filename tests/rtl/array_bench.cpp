// SPDX-License-Identifier: Apache-2.0
// Every built array against random streams of steps: outputs in every cycle, sums bit for bit, counters. Mutants must be found out.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "array_driver.hpp"
#include "sj_rtl.hpp"

namespace {

const char *const kMachines[] = {"dense", "gate", "skip"};
const double kDensities[] = {0.0, 0.1, 0.5, 1.0};

bench::Options random_options(sj_machine machine, sj_random *random) {
    bench::Options o;
    o.visits = 1 + static_cast<int>(sj_random_below(random, 8));
    o.max_steps = static_cast<int>(sj_random_below(random, 6));
    o.density_a = kDensities[sj_random_below(random, 4)];
    o.density_b = kDensities[sj_random_below(random, 4)];
    o.padding = machine != SJ_MACHINE_SKIP && sj_random_below(random, 3) == 0;
    return o;
}

// Runs cases; empty, or the first fault.
std::string run_cases(const sj::ArrayShape &shape, int mutation, int cases, uint64_t seed) {
    for (int i = 0; i < cases; i++) {
        sj_random random = sj_random_stream(seed, static_cast<uint64_t>(i));
        sj_error err = {};
        auto array = sj::make_mutant_array(shape, mutation, &err);
        if (!array) return err.message;
        bench::Job job(shape, random_options(shape.machine, &random), &random);
        const double eager = sj_random_below(&random, 2) ? 1.0 : 0.3;
        bench::Driver driver(array.get(), &job, eager, &random);
        const std::string fault = driver.run();
        if (!fault.empty()) return "case " + std::to_string(i) + ", " + fault;
    }
    return "";
}

int check_shapes(uint64_t seed) {
    int faults = 0;
    for (sj::ArrayShape shape : sj::verilated_shapes()) {
        for (int machine = 0; machine < 3; machine++) {
            shape.machine = static_cast<sj_machine>(machine);
            const int cases = shape.rows * shape.lanes > 64 ? 12 : 120;
            const std::string fault = run_cases(shape, sj::kMutationNone, cases, seed);
            std::printf("%dx%d slots %d k_tile %d acc_banks %d %s %s: %s\n", shape.rows, shape.lanes, shape.slots, shape.k_tile, shape.acc_banks,
                        shape.dtype == SJ_DTYPE_BF16 ? "bf16" : "int8", kMachines[machine], fault.empty() ? "equal" : fault.c_str());
            faults += !fault.empty();
        }
    }
    return faults;
}

int check_mutants(uint64_t seed) {
    int faults = 0;
    for (int mutation = sj::kMutationFindFirst; mutation <= sj::kMutationBLoad; mutation++) {
        const std::string fault = run_cases(sj::mutant_shape(), mutation, 20, seed);
        std::printf("mutant %d: %s\n", mutation, fault.empty() ? "NOT FOUND OUT" : fault.c_str());
        faults += fault.find("cycle ") == std::string::npos;
    }
    return faults;
}

// A sum beyond the fp32 range sets the sticky flag; shapes beyond the limits are refused.
int check_limits() {
    sj_error err = {};
    auto array = sj::make_verilated_array({4, 4, 2, 16, 1, SJ_DTYPE_BF16, SJ_MACHINE_SKIP}, &err);
    if (!array) return 1;
    const uint64_t mask[2] = {1, 0}, flag = 1;
    const uint16_t a = 0x7f7f, b[4] = {0, 0x7f7f, 0, 0};
    const uint8_t in_range[4] = {1, 1, 1, 1};
    sj::ArrayIn in;
    in.mask_write = in.flag_write = in.a_write = in.b_write = in.commit = true;
    in.mask = mask;
    in.flag = &flag;
    in.a_data = &a;
    in.a_count = 1;
    in.b_data = b;
    in.b_count = 4;
    in.a_in_range = in.b_in_range = in_range;
    in.step = {true, true, false, 1};
    array->clock(in);
    for (int c = 0; c < 2; c++) array->clock({});
    const bool early = array->out().overflow;
    array->clock({});
    const bool overflow = array->out().overflow;
    std::printf("overflow: %s\n", !early && overflow ? "seen" : "WRONG");
    int accepted = 0;
    const int beyond[][5] = {{0, 4, 2, 16, 1}, {257, 4, 2, 16, 1}, {4, 0, 2, 16, 1}, {4, 257, 2, 16, 1}, {4, 4, 0, 16, 1}, {4, 4, 257, 16, 1},
                             {4, 4, 2, 0, 1},  {4, 4, 2, 12, 1},   {4, 4, 2, 264, 1}, {4, 4, 2, 16, 0},  {4, 4, 2, 16, 9}};
    for (const auto &p : beyond) {
        err = {};
        const bool refused = !sj::make_verilated_array({p[0], p[1], p[2], p[3], p[4], SJ_DTYPE_BF16, SJ_MACHINE_SKIP}, &err) && err.status == SJ_ERR_RANGE && std::strstr(err.message, "allowed are") != nullptr;
        std::printf("%s: %s\n", refused ? "refused" : "NOT REFUSED", err.message);
        accepted += !refused;
    }
    return (early || !overflow) + accepted;
}

}  // namespace

int main() {
    const char *text = std::getenv("SJ_TEST_SEED");
    const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 20240611;
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    const int faults = check_shapes(seed) + check_mutants(seed) + check_limits();
    return faults == 0 ? 0 : 1;
}
