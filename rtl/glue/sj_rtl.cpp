// SPDX-License-Identifier: Apache-2.0
#include "sj_rtl.hpp"

#include <string>

namespace sj {

// sj_rtl_shapes.inc is made by rtl/CMakeLists.txt: SJ_SHAPE(name, rows, lanes, slots, k_tile, acc_banks, dtype, skip, mutation) for each built elaboration.
#define SJ_SHAPE(name, rows, lanes, slots, k_tile, acc_banks, dtype, skip, mutation) std::unique_ptr<Array> make_##name(bool gate);
#include "sj_rtl_shapes.inc"
#undef SJ_SHAPE

namespace {

struct Elaboration {
    int rows, lanes, slots, k_tile, acc_banks;
    sj_dtype dtype;
    bool skip;
    int mutation;
    std::unique_ptr<Array> (*make)(bool gate);
};

const Elaboration kElaborations[] = {
#define SJ_SHAPE(name, rows, lanes, slots, k_tile, acc_banks, dtype, skip, mutation) \
    {rows, lanes, slots, k_tile, acc_banks, dtype, skip != 0, mutation, make_##name},
#include "sj_rtl_shapes.inc"
#undef SJ_SHAPE
};

bool fits(const Elaboration &e, const ArrayShape &s, int mutation) {
    return e.rows == s.rows && e.lanes == s.lanes && e.slots == s.slots && e.k_tile == s.k_tile && e.acc_banks == s.acc_banks && e.dtype == s.dtype &&
           e.skip == (s.machine == SJ_MACHINE_SKIP) && e.mutation == mutation;
}

const char *dtype_name(sj_dtype dtype) { return dtype == SJ_DTYPE_BF16 ? "bf16" : "int8"; }

std::string shape_text(int rows, int lanes, int slots, int k_tile, int acc_banks, sj_dtype dtype) {
    return std::string(dtype_name(dtype)) + " " + std::to_string(rows) + "x" + std::to_string(lanes) + " slots " + std::to_string(slots) + " k_tile " +
           std::to_string(k_tile) + " acc_banks " + std::to_string(acc_banks);
}

std::string shapes_at_hand(int mutation) {
    std::string list;
    for (const Elaboration &e : kElaborations) {
        if (e.mutation != mutation || !e.skip) continue;
        list += (list.empty() ? "" : "; ") + shape_text(e.rows, e.lanes, e.slots, e.k_tile, e.acc_banks, e.dtype);
    }
    return list;
}

}  // namespace

std::unique_ptr<Array> make_mutant_array(const ArrayShape &shape, int mutation, sj_error *err) {
    for (const Elaboration &e : kElaborations) {
        if (fits(e, shape, mutation)) return e.make(shape.machine != SJ_MACHINE_DENSE);
    }
    SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "fidelity rtl: no Verilated %sarray of the shape %s (rows x lanes) is built; built are: %s; other shapes are added with -DSJ_RTL_SHAPES",
            mutation == kMutationNone ? "" : "mutant ", shape_text(shape.rows, shape.lanes, shape.slots, shape.k_tile, shape.acc_banks, shape.dtype).c_str(),
            shapes_at_hand(mutation).c_str());
    return nullptr;
}

std::unique_ptr<Array> make_verilated_array(const ArrayShape &shape, sj_error *err) { return make_mutant_array(shape, kMutationNone, err); }

std::vector<ArrayShape> verilated_shapes() {
    std::vector<ArrayShape> shapes;
    for (const Elaboration &e : kElaborations) {
        if (e.mutation == kMutationNone && e.skip) shapes.push_back({e.rows, e.lanes, e.slots, e.k_tile, e.acc_banks, e.dtype, SJ_MACHINE_SKIP});
    }
    return shapes;
}

ArrayShape mutant_shape() {
    for (const Elaboration &e : kElaborations) {
        if (e.mutation != kMutationNone) return {e.rows, e.lanes, e.slots, e.k_tile, e.acc_banks, e.dtype, SJ_MACHINE_SKIP};
    }
    return {};
}

}  // namespace sj
