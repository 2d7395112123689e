// SPDX-License-Identifier: Apache-2.0
// Every built array against random streams of steps: outputs in every cycle, sums bit for bit, counters. Mutants must be found out.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
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

// Loads one dense step, then commits it again and again: all rows issue all the time, B vectors are written all the time, too.
void measure(const sj::ArrayShape &shape) {
    sj_error err = {};
    auto array = sj::make_verilated_array(shape, &err);
    const auto values = static_cast<std::size_t>(shape.slots * shape.k_tile);
    const std::vector<uint64_t> ones(values, ~uint64_t{0});
    const std::vector<uint16_t> data(values, 0x3f81);
    const std::vector<uint8_t> in_range(values, 1);
    uint64_t committed = 0;
    const uint64_t cycles = 40000;
    const std::clock_t begin = std::clock();
    for (uint64_t c = 0; c < cycles; c++) {
        sj::ArrayIn in;
        in.mask_write = in.flag_write = true;
        in.mask_row = static_cast<int>(c) % shape.rows;
        in.mask_buffer = in.flag_buffer = static_cast<int>(c) / shape.rows % 4;
        in.mask = in.flag = ones.data();
        in.a_write = true;
        in.a_row = static_cast<int>(c % static_cast<uint64_t>(shape.rows));
        in.a_buffer = static_cast<int>(c / static_cast<uint64_t>(shape.rows) % 2);
        in.a_count = 32;
        in.a_offset = static_cast<int>(c / static_cast<uint64_t>(2 * shape.rows) * 32 % values);
        in.b_write = true;
        in.b_k = static_cast<int>(c % static_cast<uint64_t>(shape.k_tile));
        in.b_buffer = static_cast<int>(c / static_cast<uint64_t>(shape.k_tile) % 2);
        in.b_count = shape.lanes;
        in.a_data = in.b_data = data.data();
        in.a_in_range = in.b_in_range = in_range.data();
        in.commit = c > 1000 && committed < array->out().steps_done + 2;
        in.step = {committed == 0, false, false, shape.rows * shape.slots};
        committed += in.commit;
        array->clock(in);
    }
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    std::printf("%dx%d slots %d: %.3f Mcycles/s of processor time, %.1f M lane issues/s\n", shape.rows, shape.lanes, shape.slots, static_cast<double>(cycles) / seconds * 1e-6,
                static_cast<double>(array->counts().mac_active) / seconds * 1e-6);
}

}  // namespace

int main(int argc, char **argv) {
    if (argc > 1 && std::strcmp(argv[1], "--speed") == 0) {
        for (const sj::ArrayShape &shape : sj::verilated_shapes()) measure(shape);
        return 0;
    }
    const char *text = std::getenv("SJ_TEST_SEED");
    const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 20240611;
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    const int faults = check_shapes(seed) + check_mutants(seed) + check_limits();
    return faults == 0 ? 0 : 1;
}
