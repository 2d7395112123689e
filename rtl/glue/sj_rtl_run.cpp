// SPDX-License-Identifier: Apache-2.0
// Fidelity rtl: the SystemC system around a Verilated array.
#include "sj_rtl.hpp"

extern "C" sj_status sj_rtl_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    const int64_t widest = sj::kMaxABeat * sj_accel_value_bytes(accel);
    if (accel->a_bytes > widest) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "fidelity rtl: bus.a_bytes = %lld is wider than the A port of the Verilated array; allowed are 1 to %lld bytes",
                       static_cast<long long>(accel->a_bytes), static_cast<long long>(widest));
    }
    return sj::run_system(sj::make_verilated_array, accel, variant, job, out, results, err);
}
