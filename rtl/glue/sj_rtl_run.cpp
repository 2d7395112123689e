// SPDX-License-Identifier: Apache-2.0
// Fidelity rtl: the SystemC system around a Verilated array, and its waveforms.
#include "sj_rtl.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <systemc>

#include "sj_file.h"
#include "sj_fst_check.h"
#include "sj_rtl_build.h"
#include "sj_system.hpp"

namespace {

// With a waveform the array's clock does not rest in waits that are shorter than this: each of its edges is a cycle of the job.
constexpr uint64_t kWaveSettleEdges = 65536;

struct Request {
    bool open = false;   // for the next product of this thread
    bool taken = false;  // by the run under way
    std::string path, temporary;
    uint64_t first = 0, last = 0, start = 0;
    uint64_t edges = 0;  // the cycle of the last clock edge, plus one
};
thread_local Request request;

// The system starts a job with the cycle after the present one (two units of time each).
uint64_t system_cycle() { return sc_core::sc_time_stamp().value() / 2; }
// Asked for at every edge. The system runs several edges at one of its own times: then each is the cycle after the one before.
uint64_t job_cycle() {
    const uint64_t cycle = std::max(system_cycle() - request.start, request.edges);
    request.edges = cycle + 1;
    return cycle;
}

std::unique_ptr<sj::Array> make_recorded(const sj::ArrayShape &shape, sj_error *err) {
    request.open = false;
    request.start = system_cycle() + 1;
    char *temporary = sj_temporary_name(request.path.c_str());
    if (temporary == nullptr) {
        SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", request.path.c_str());
        return nullptr;
    }
    request.temporary = temporary;
    std::free(temporary);
    request.taken = true;
    return sj::make_wave_array(shape, {request.temporary.c_str(), request.first, request.last, job_cycle}, err);
}

// The drain sequencer counts the beats of a row in 16 bits. Data alone takes at most 1024 (256 lanes of 4 bytes on a bus of one byte); operations on the results stretch them.
sj_status check_drain(const sj_accel *accel, const sj_job *job, sj_error *err) {
    if (!job->is_product || job->out_ops <= sj::kMaxDrainBeats * accel->vector_lanes / accel->lanes) return SJ_OK;
    return SJ_FAIL(err, SJ_ERR_RANGE,
                   "fidelity rtl: %lld operations on each result, with array.lanes = %lld and vector.lanes = %lld, take more than the %lld beats a row that the Verilated array counts; "
                   "allowed are at most %lld operations here",
                   static_cast<long long>(job->out_ops), static_cast<long long>(accel->lanes), static_cast<long long>(accel->vector_lanes), static_cast<long long>(sj::kMaxDrainBeats),
                   static_cast<long long>(sj::kMaxDrainBeats * accel->vector_lanes / accel->lanes));
}

}  // namespace

extern "C" sj_status sj_rtl_wave_open(const char *path, uint64_t first_cycle, uint64_t last_cycle, sj_error *err) {
    if (first_cycle > last_cycle) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "the waveform %s: its first cycle, %llu, lies behind its last, %llu", path, static_cast<unsigned long long>(first_cycle),
                       static_cast<unsigned long long>(last_cycle));
    }
    request = {true, false, path, "", first_cycle, last_cycle, 0, 0};
    return SJ_OK;
}

extern "C" void sj_rtl_wave_cancel(void) { request = {}; }

extern "C" sj_status sj_rtl_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    const int64_t widest = sj::kMaxABeat * sj_accel_value_bytes(accel);
    if (accel->a_bytes > widest) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "fidelity rtl: bus.a_bytes = %lld is wider than the A port of the Verilated array; allowed are 1 to %lld bytes",
                       static_cast<long long>(accel->a_bytes), static_cast<long long>(widest));
    }
    SJ_TRY(check_drain(accel, job, err));
    request.taken = false;
    // The array is gone and its waveform closed when this returns.
    sj_status status = request.open ? sj::run_system_settling(make_recorded, kWaveSettleEdges, accel, variant, job, out, results, err)
                                    : sj::run_system(sj::make_verilated_array, accel, variant, job, out, results, err);
    if (request.taken) {
        if (status == SJ_OK) status = sj_fst_check(request.temporary.c_str(), request.path.c_str(), err);
        if (status == SJ_OK) status = sj_rename_into_place(request.temporary.c_str(), request.path.c_str(), err);
        if (status != SJ_OK) std::remove(request.temporary.c_str());
        request = {};
    }
    return status;
}
