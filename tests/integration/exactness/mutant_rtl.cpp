// SPDX-License-Identifier: Apache-2.0
#include "mutant_rtl.h"

#include "sj_rtl.hpp"

namespace {

template <int mutation> std::unique_ptr<sj::Array> make(const sj::ArrayShape &shape, sj_error *err) { return sj::make_mutant_array(shape, mutation, err); }

}  // namespace

sj_status exact_run_mutant_rtl(int mutation, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, sj_error *err) {
    static const sj::ArrayFactory factories[] = {make<0>, make<1>, make<2>, make<3>};
    return sj::run_system(factories[mutation], accel, variant, job, out, nullptr, err);
}

void exact_mutant_shape(sj_accel *accel) {
    const sj::ArrayShape shape = sj::mutant_shape();
    accel->rows = shape.rows;
    accel->lanes = shape.lanes;
    accel->slots = shape.slots;
    accel->k_tile = shape.k_tile;
    accel->acc_banks = shape.acc_banks;
    accel->dtype = shape.dtype;
}
