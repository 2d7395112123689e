// SPDX-License-Identifier: Apache-2.0
// The Verilated arrays: those built in, and any other shape on demand (sj_rtl_build.h). sj::make_verilated_array and sj_rtl_run are declared in sj_array.hpp and sj_counters.h.
#ifndef SJ_RTL_HPP
#define SJ_RTL_HPP

#include <memory>
#include <vector>

#include "sj_array.hpp"

namespace sj {

// Arrays that are wrong on purpose: each costs one cycle where a correct one costs none. Equality tests must see them.
enum Mutation {
    kMutationNone,
    kMutationFindFirst,  // an idle cycle after each change of slot within a step
    kMutationDrain,      // a drain begins a cycle late
    kMutationBLoad       // a step is handed over a cycle late
};

// Values that the A port takes in a cycle, at most: bus.a_bytes may be up to this times the bytes of a value.
constexpr int kMaxABeat = 128;
// Beats of a row's drain, at most: ceil(array.lanes * out_ops / vector.lanes) may be up to this.
constexpr int64_t kMaxDrainBeats = 65535;

// A mutant of any shape. kMutationNone: as make_verilated_array.
std::unique_ptr<Array> make_mutant_array(const ArrayShape &shape, int mutation, sj_error *err);

// An array that writes a waveform of the job's cycles first..last to the file `path` until it is destroyed. now: the job's cycle, asked for at each clock.
struct Wave {
    const char *path;
    uint64_t first, last;
    uint64_t (*now)();
};
std::unique_ptr<Array> make_wave_array(const ArrayShape &shape, const Wave &wave, sj_error *err);

// All shapes that are built in (dense, gate and skip each; machine is SJ_MACHINE_SKIP here), and the one whose mutants are.
std::vector<ArrayShape> verilated_shapes();
ArrayShape mutant_shape();

}  // namespace sj
#endif
