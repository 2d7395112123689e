// SPDX-License-Identifier: Apache-2.0
// A waveform of a run: an FST file with the array's signals for the cycles that were asked for; the run's outcome and results are those of a run without it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "bench.hpp"
#include "sj_counters.h"
#include "sj_lower.h"
#include "sj_rtl_build.h"

namespace {

constexpr int64_t kM = 21, kK = 40, kN = 9;
constexpr uint64_t kFirst = 30, kLast = 90;
const sj_variant kVariant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK};

sj_accel small_machine() {
    sj_error err = {};
    sj_config *c = nullptr;
    sj_accel accel;
    if (sj_config_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &c, &err) != SJ_OK) std::exit(1);
    sj_accel_read(c, &accel);
    if (sj_config_finish(c, &err) != SJ_OK) std::exit(1);
    sj_config_close(c);
    accel.rows = accel.lanes = 4;
    accel.slots = 2;
    accel.k_tile = 16;
    accel.acc_banks = 1;
    return accel;
}

uint64_t big_endian(const unsigned char *at) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = (value << 8) | at[i];
    return value;
}

// The header block of an FST: type 0, its length, first and last time, endianness, memory, scopes, variables.
void check_header(const char *path, bench::Checker &checker) {
    std::ifstream f(path, std::ios::binary);
    unsigned char header[73] = {1};
    f.read(reinterpret_cast<char *>(header), sizeof header);
    checker.expect("a whole header", 0, f.good(), 1);
    checker.expect("block type", 0, header[0], 0);
    checker.expect("block length", 0, big_endian(header + 1), 329);
    checker.expect("first time", 0, big_endian(header + 9), 2 * kFirst);
    checker.expect("last time", 0, big_endian(header + 17), 2 * kLast + 1);
    std::printf("%llu scopes, %llu variables\n", static_cast<unsigned long long>(big_endian(header + 41)), static_cast<unsigned long long>(big_endian(header + 49)));
    checker.expect("scopes of all rows", 0, big_endian(header + 41) >= 20, 1);
    checker.expect("variables", 0, big_endian(header + 49) > 500, 1);
}

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    const auto cache = std::filesystem::absolute("wave-cache");
    setenv("SJ_CACHE", cache.c_str(), 1);
    const sj_accel accel = small_machine();
    std::vector<uint16_t> a(kM * kK), b(kK * kN);
    for (auto *matrix : {&a, &b}) {
        for (uint16_t &v : *matrix) v = static_cast<uint16_t>(sj_random_below(&random, 2) ? 0x3f80 + sj_random_below(&random, 127) : 0);
    }
    sj_job *job = nullptr;
    sj_error err = {};
    if (sj_lower_gemm(&accel, kM, kK, kN, a.data(), b.data(), true, &job, &err) != SJ_OK) {
        std::printf("%s\n", err.message);
        return 1;
    }
    sj_outcome plain = {}, traced = {}, again = {};
    std::vector<float> results(kM * kN), traced_results(kM * kN);
    checker.expect("plain run", 0, sj_rtl_run(&accel, kVariant, job, &plain, results.data(), &err), SJ_OK);
    checker.expect("last before first", 0, sj_rtl_wave_open("wave.fst", 5, 4, &err), SJ_ERR_RANGE);
    std::filesystem::remove("wave.fst");
    checker.expect("open", 0, sj_rtl_wave_open("wave.fst", kFirst, kLast, &err), SJ_OK);
    const sj_status status = sj_rtl_run(&accel, kVariant, job, &traced, traced_results.data(), &err);
    if (status != SJ_OK) std::printf("%s\n", err.message);
    checker.expect("traced run", 0, status, SJ_OK);
    checker.expect("longer than the window", 0, plain.cycles > kLast, 1);
    checker.expect("outcome", 0, std::memcmp(&plain, &traced, sizeof plain) == 0, 1);
    checker.expect("results", 0, std::memcmp(results.data(), traced_results.data(), results.size() * sizeof(float)) == 0, 1);
    check_header("wave.fst", checker);
    // One run alone; a folder that is not there leaves an error and no file.
    std::filesystem::remove("wave.fst");
    checker.expect("next run", 0, sj_rtl_run(&accel, kVariant, job, &again, nullptr, &err), SJ_OK);
    checker.expect("no wave of the next run", 0, std::filesystem::exists("wave.fst"), 0);
    checker.expect("open nowhere", 0, sj_rtl_wave_open("no/such/folder/wave.fst", 0, 1, &err), SJ_OK);
    checker.expect("run into nowhere", 0, sj_rtl_run(&accel, kVariant, job, &again, nullptr, &err), SJ_ERR_IO);
    std::printf("%s\n", err.message);
    sj_job_free(job);
    return checker.result();
}
