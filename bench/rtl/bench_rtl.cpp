// SPDX-License-Identifier: Apache-2.0
// What does the system around the Verilated array cost? One product with sj_rtl_run against a bare loop that plays the same stimulus into the same model: what that run drove into
// its array, clock by clock. Repetitions of the two take turns, so that a drift of the machine's load cancels; medians of processor time.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "recording.hpp"
#include "sj_lower.h"
#include "sj_random.h"
#include "sj_rtl.hpp"
#include "sj_rtl_build.h"

extern "C" {
#include "measure.h"
}

namespace {

constexpr int kRepeats = 7;
constexpr int64_t kM = 512, kK = 576, kN = 64;
constexpr double kDensity = 0.5;
const sj_variant kVariant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK};

[[noreturn]] void stop(const sj_error &err) {
    std::fprintf(stderr, "sj_bench_rtl: %s\n", err.message);
    std::exit(1);
}

void say(void *, const char *line) { std::fprintf(stderr, "%s\n", line); }

sj_accel edge16(sj_dtype dtype) {
    sj_error err = {};
    sj_accel accel;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err) != SJ_OK) stop(err);
    accel.dtype = dtype;
    return accel;
}

// bf16 values of [1, 2) or int8 values of 1 to 127, and zeros. Bytes enough for either.
std::vector<uint16_t> matrix(sj_dtype dtype, int64_t count, sj_random *random) {
    std::vector<uint16_t> values(static_cast<std::size_t>(count));
    auto *narrow = reinterpret_cast<int8_t *>(values.data());
    for (std::size_t i = 0; i < values.size(); i++) {
        const bool nonzero = sj_random_unit(random) < kDensity;
        const auto bits = static_cast<unsigned>(sj_random_below(random, 127));
        if (dtype == SJ_DTYPE_BF16) {
            values[i] = static_cast<uint16_t>(nonzero ? 0x3f80 + bits : 0);
        } else {
            narrow[i] = static_cast<int8_t>(nonzero ? 1 + static_cast<int>(bits) : 0);
        }
    }
    return values;
}

bench::Recording *recording;

std::unique_ptr<sj::Array> make_recorder(const sj::ArrayShape &shape, sj_error *err) {
    auto array = sj::make_verilated_array(shape, err);
    if (!array) return nullptr;
    delete recording;
    recording = new bench::Recording(shape);
    return bench::record(std::move(array), recording);
}

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

void compare(sj_dtype dtype) {
    sj_error err = {};
    const sj_accel accel = edge16(dtype);
    sj_random random = sj_random_seed(1);
    const std::vector<uint16_t> a = matrix(dtype, kM * kK, &random), b = matrix(dtype, kK * kN, &random);
    sj_job *job = nullptr;
    sj_outcome out = {};
    if (sj_lower_gemm(&accel, kM, kK, kN, a.data(), b.data(), false, &job, &err) != SJ_OK) stop(err);
    if (sj::run_system(make_recorder, &accel, kVariant, job, &out, nullptr, &err) != SJ_OK) stop(err);
    std::vector<double> whole, bare;
    for (int i = 0; i < kRepeats; i++) {
        const bench_time begin = bench_now();
        if (sj_rtl_run(&accel, kVariant, job, &out, nullptr, &err) != SJ_OK) stop(err);
        whole.push_back(bench_since(begin).cpu_seconds);
        const bench_time again = bench_now();
        auto array = sj::make_verilated_array(recording->shape(), &err);
        if (!array) stop(err);
        recording->play(*array);
        bare.push_back(bench_since(again).cpu_seconds);
        if (array->counts().mac_active != out.counts.mac_active) {
            std::fprintf(stderr, "sj_bench_rtl: the bare loop did other work than the run\n");
            std::exit(1);
        }
    }
    const double cycles = static_cast<double>(out.cycles), edges = static_cast<double>(recording->clocks());
    std::printf("16x16 %s  %8.0f cycles, %8.0f array clocks  sj_rtl_run %7.3f CPU-s %7.3f Mcycles/s   bare loop %7.3f CPU-s %7.3f Mclocks/s   ratio %.2f\n",
                dtype == SJ_DTYPE_BF16 ? "bf16" : "int8", cycles, edges, median(whole), 1e-6 * cycles / median(whole), median(bare), 1e-6 * edges / median(bare),
                median(bare) / median(whole));
    sj_job_free(job);
}

}  // namespace

int main() {
    sj_rtl_set_progress(say, nullptr);
    bench_print_machine();
    std::printf("%lld x %lld x %lld, density %.1f, skip machine, bitmask codec; medians of %d\n", static_cast<long long>(kM), static_cast<long long>(kK), static_cast<long long>(kN),
                kDensity, kRepeats);
    compare(SJ_DTYPE_BF16);
    compare(SJ_DTYPE_INT8);
    delete recording;
    return 0;
}
