// SPDX-License-Identifier: Apache-2.0
// What the Verilated array cannot count is refused, and the last that it can count takes the same time as at fidelity systemc: beats of a row's drain, the width of the A bus.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench.hpp"
#include "sj_counters.h"
#include "sj_lower.h"
#include "sj_rtl.hpp"

namespace {

const sj_variant kVariant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK};

// The built shape with 5 lanes, of which 65535 is a multiple.
sj_accel five_lanes() {
    sj_error err = {};
    sj_accel accel;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err) != SJ_OK) std::exit(1);
    accel.rows = accel.slots = accel.acc_banks = 3;
    accel.lanes = 5;
    accel.k_tile = 8;
    accel.vector_lanes = 1;
    return accel;
}

sj_job *small_job(const sj_accel &accel) {
    static const std::vector<uint16_t> a(2 * 3, 0x3f80), b(3 * 2, 0x4000);  // the job reads them when it runs
    sj_job *job = nullptr;
    sj_error err = {};
    if (sj_lower_gemm(&accel, 2, 3, 2, a.data(), b.data(), true, &job, &err) != SJ_OK) std::exit(1);
    return job;
}

}  // namespace

int main() {
    bench::Checker checker;
    sj_accel accel = five_lanes();
    sj_job *job = small_job(accel);
    sj_error err = {};
    sj_outcome rtl = {}, systemc = {};
    job->out_ops = sj::kMaxDrainBeats / accel.lanes;
    checker.expect("65535 beats", 0, sj_rtl_run(&accel, kVariant, job, &rtl, nullptr, &err), SJ_OK);
    checker.expect("at systemc", 0, sj_systemc_run(&accel, kVariant, job, &systemc, nullptr, &err), SJ_OK);
    checker.expect("equal", 0, std::memcmp(&rtl, &systemc, sizeof rtl) == 0, 1);
    checker.expect("both rows' beats", 0, rtl.cycles > 2 * 65535, 1);
    job->out_ops++;
    checker.expect("65540 beats", 0, sj_rtl_run(&accel, kVariant, job, &rtl, nullptr, &err), SJ_ERR_RANGE);
    std::printf("%s\n", err.message);
    checker.expect("names the key", 0, std::strstr(err.message, "vector.lanes = 1") != nullptr, 1);
    accel.vector_lanes = 2;
    checker.expect("with two vector lanes", 0, sj_rtl_run(&accel, kVariant, job, &rtl, nullptr, &err), SJ_OK);
    accel.a_bytes = sj::kMaxABeat * sj_accel_value_bytes(&accel);
    checker.expect("widest A bus", 0, sj_rtl_run(&accel, kVariant, job, &rtl, nullptr, &err), SJ_OK);
    accel.a_bytes++;
    checker.expect("wider", 0, sj_rtl_run(&accel, kVariant, job, &rtl, nullptr, &err), SJ_ERR_UNSUPPORTED);
    sj_job_free(job);
    return checker.result();
}
