// SPDX-License-Identifier: Apache-2.0
// A waveform of a run: an FST file with the array's signals for the cycles that were asked for; the run's outcome and results are those of a run without it;
// one that a full disk cut short is an error and leaves no file.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench.hpp"
#include "gtkwave/fstapi.h"
#include "sj_counters.h"
#include "sj_fst_check.h"
#include "sj_lower.h"
#include "sj_rtl_build.h"

namespace {

constexpr int64_t kM = 21, kK = 40, kN = 9;
constexpr uint64_t kFirst = 30, kLast = 90;
const sj_variant kVariant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK};

sj_accel small_machine() {
    sj_error err = {};
    sj_accel accel;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err) != SJ_OK) std::exit(1);
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

// Offsets at which blocks end.
std::vector<uint64_t> block_ends(const char *path) {
    std::ifstream f(path, std::ios::binary);
    std::vector<uint64_t> ends;
    unsigned char head[9];
    for (uint64_t at = 0; f.seekg(static_cast<std::streamoff>(at)), f.read(reinterpret_cast<char *>(head), sizeof head); ends.push_back(at)) at += 1 + big_endian(head + 1);
    return ends;
}

// A file that lost its end, within a block or between two, and one with a byte too many.
void lost_ends_are_seen(const char *path, bench::Checker &checker) {
    sj_error err = {};
    checker.expect("whole", 0, sj_fst_check(path, path, &err), SJ_OK);
    const std::vector<uint64_t> ends = block_ends(path);
    checker.expect("blocks", 0, ends.size() >= 4, 1);
    for (const uint64_t end : ends) {
        for (const uint64_t cut : {end - 1, end, end + 1}) {
            std::filesystem::copy_file(path, "cut.fst", std::filesystem::copy_options::overwrite_existing);
            std::filesystem::resize_file("cut.fst", cut);
            checker.expect("cut", cut, sj_fst_check("cut.fst", "cut.fst", &err), cut == ends.back() ? SJ_OK : SJ_ERR_IO);
        }
    }
    std::printf("%s\n", err.message);
}

// A hierarchy of some megabytes is packed twice: it is whole, and not with its end lost and its length put right, as the writer does on a full disk.
void large_hierarchies(bench::Checker &checker) {
    void *writer = fstWriterCreate("large.fst", 1);
    fstWriterSetPackType(writer, FST_WR_PT_LZ4);
    for (int i = 0; i < 200000; i++) fstWriterCreateVar(writer, FST_VT_VCD_WIRE, FST_VD_INPUT, 1, ("a_signal_with_a_long_name_" + std::to_string(i)).c_str(), 0);
    fstWriterEmitTimeChange(writer, 1);
    fstWriterEmitValueChange(writer, 1, "1");
    fstWriterClose(writer);
    sj_error err = {};
    checker.expect("large", 0, sj_fst_check("large.fst", "large.fst", &err), SJ_OK);
    const std::vector<uint64_t> ends = block_ends("large.fst");
    const uint64_t begin = ends[ends.size() - 2], length = ends.back() - begin - 2;
    std::filesystem::resize_file("large.fst", ends.back() - 1);
    std::fstream f("large.fst", std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(static_cast<std::streamoff>(begin));
    checker.expect("packed twice", 0, static_cast<uint64_t>(f.get()), FST_BL_HIER_LZ4DUO);
    f.seekp(static_cast<std::streamoff>(begin + 1));
    for (int shift = 56; shift >= 0; shift -= 8) f.put(static_cast<char>(length >> shift));
    f.close();
    checker.expect("large and cut", 0, sj_fst_check("large.fst", "large.fst", &err), SJ_ERR_IO);
    checker.expect("in the hierarchy", 0, std::strstr(err.message, "hierarchy") != nullptr, 1);
}

struct Changes {
    uint32_t signal = 0;
    std::vector<uint64_t> times, values;
};

// steps_done_o of control, read with the FST library's own reader.
Changes read_steps_done(const char *path) {
    Changes found;
    void *reader = fstReaderOpen(path);
    if (reader == nullptr) return found;
    std::string scope;
    for (const fstHier *item; (item = fstReaderIterateHier(reader)) != nullptr;) {
        if (item->htyp == FST_HT_SCOPE) scope = item->u.scope.name;
        if (item->htyp == FST_HT_VAR && found.signal == 0 && std::strncmp(item->u.var.name, "steps_done_o", 12) == 0) found.signal = item->u.var.handle;
    }
    fstReaderSetFacProcessMask(reader, found.signal);
    fstReaderIterBlocks(
        reader,
        [](void *user, uint64_t time, fstHandle signal, const unsigned char *bits) {
            auto *changes = static_cast<Changes *>(user);
            if (signal != changes->signal) return;
            changes->times.push_back(time);
            changes->values.push_back(std::strtoull(reinterpret_cast<const char *>(bits), nullptr, 2));
        },
        &found, nullptr);
    fstReaderClose(reader);
    return found;
}

// The counter of steps only grows, at rising edges, one step at a time: at most two end in a cycle.
void check_changes(const char *path, bench::Checker &checker) {
    const Changes found = read_steps_done(path);
    checker.expect("the signal is there", 0, found.signal != 0, 1);
    checker.expect("it changes", 0, found.values.size() >= 3, 1);
    for (size_t i = 1; i < found.values.size(); i++) {
        checker.expect("changes at a rising edge", found.times[i], found.times[i] % 2, 0);
        checker.expect("within the window", found.times[i], found.times[i] > 2 * kFirst && found.times[i] <= 2 * kLast, 1);
        checker.expect("a step more", found.times[i], found.values[i] - found.values[i - 1] - 1 <= 1, 1);
    }
}

// Every write past `bytes` of a file fails, as on a full disk.
sj_status run_with_limit(const sj_accel &accel, const sj_job *job, uint64_t bytes, sj_error *err) {
    sj_outcome outcome = {};
    rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small = {bytes, before.rlim_max};
    std::fflush(stdout);
    std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const sj_status status = sj_rtl_run(&accel, kVariant, job, &outcome, nullptr, err);
    setrlimit(RLIMIT_FSIZE, &before);
    return status;
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
    check_changes("wave.fst", checker);
    lost_ends_are_seen("wave.fst", checker);
    large_hierarchies(checker);
    // A window that the job does not reach is a waveform, too.
    checker.expect("open beyond", 0, sj_rtl_wave_open("beyond.fst", plain.cycles + 1000, plain.cycles + 2000, &err), SJ_OK);
    checker.expect("run beyond", 0, sj_rtl_run(&accel, kVariant, job, &again, nullptr, &err), SJ_OK);
    // A full disk. The limit lies above the writer's scratch files, which it maps.
    checker.expect("open all", 0, sj_rtl_wave_open("all.fst", 0, plain.cycles, &err), SJ_OK);
    checker.expect("run all", 0, sj_rtl_run(&accel, kVariant, job, &again, nullptr, &err), SJ_OK);
    const uint64_t size = std::filesystem::file_size("all.fst");
    for (const uint64_t limit : {size - 1, size - 1000, size - 21000, (size + 100000) / 2}) {  // within the hierarchy, the geometry or the changes
        checker.expect("open full", 0, sj_rtl_wave_open("full.fst", 0, plain.cycles, &err), SJ_OK);
        err = {};
        checker.expect("full disk", limit, run_with_limit(accel, job, limit, &err), SJ_ERR_IO);
        std::printf("%llu of %llu bytes: %s\n", static_cast<unsigned long long>(limit), static_cast<unsigned long long>(size), err.message);
    }
    checker.expect("open enough", 0, sj_rtl_wave_open("enough.fst", 0, plain.cycles, &err), SJ_OK);
    checker.expect("enough", 0, run_with_limit(accel, job, size, &err), SJ_OK);
    for (const auto &entry : std::filesystem::directory_iterator(".")) {
        checker.expect("no file is left", 0, entry.path().filename().string().compare(0, 8, "full.fst") == 0, 0);
    }
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
