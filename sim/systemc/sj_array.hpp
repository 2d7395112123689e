// SPDX-License-Identifier: Apache-2.0
// The array's port, a clock at a time (docs/timing.md section 10). Two implementations: the C++ model (systemc) and the Verilated sj_array (rtl).
//
// Protocol. In cycle c the system reads out() (registers after the last edge), fills an ArrayIn and calls clock(in): the edge that ends cycle c.
//   - A step's masks and flags may be written up to two steps ahead: mask buffer = step number mod 4. Values and B vectors: buffer = step number mod 2.
//   - A row's mask buffer that is not written for a step reads as empty: a row clears it when it ends a step. (SKIP=0: rows with padding alone have no beat in which
//     their mask could be written.)
//   - commit in the last cycle of load(i) (cycle Lend(i)-1) hands step i over; rows start it in cycle Lend(i) at the earliest, when they have ended step i-1 and, at a
//     visit's first step, its accumulator bank is free (drained) and filled where the descriptor says so. Rows sequence themselves from here on.
//   - out().steps_done: number of steps that all participating rows have ended. It reads n+1 in cycle max_r end(r,n), not earlier.
//   - out().visits_done: number of visits whose sums are ready: reads t+1 in cycle max_r end(r, last step of t) + PIPELINE.
//   - drain_start in cycle c begins draining the oldest ready visit with its first beat in cycle c; drain_rows A rows (m = 0.. in order), drain_beats_per_row beats each.
//     out().drain_valid reads true in the cycle after the last beat of each row, with drain_row_index = m and its C sums; out().drains_done reads t+1 in cycle drain_end(t),
//     from which cycle on the bank is free (rows may start on it in that very cycle).
//   - fill: one row a strobe, in the cycle of that row's last beat; fill_last with the last row's (cycle fill_end-1): rows may start in cycle fill_end.
//   - A row never visited in a visit and not filled drains +0.
#ifndef SJ_ARRAY_HPP
#define SJ_ARRAY_HPP

#include <cstdint>
#include <memory>

#include "sj_accel.h"
#include "sj_counters.h"

namespace sj {

constexpr int kMaxKTile = 256;
constexpr int kMaskWords = kMaxKTile / 64;
constexpr int kPipeline = 2;

struct ArrayShape {
    int rows, lanes, slots, k_tile, acc_banks;
    sj_dtype dtype;
    sj_machine machine;  // skip: SKIP=1. dense and gate: SKIP=0, with or without operand gating
};

struct StepDescriptor {
    bool visit_first, visit_last;  // first, last step of a visit
    bool filled;                   // visit_first only: wait for the fill of this visit
    int rows_valid;                // A rows in the tile (1..R*G); physical rows r < min(R, rows_valid) take part
};

struct ArrayIn {
    bool mask_write = false;  // all G masks of one row: words[slot * mask_words + w], mask_words = ceil(KT/64), bit k of the step. SKIP=0: the in-range k
    int mask_row = 0, mask_buffer = 0;
    const uint64_t *mask = nullptr;

    bool flag_write = false;  // any_b of the step: KT bits. SKIP=0: k with some lane in range
    int flag_buffer = 0;
    const uint64_t *flag = nullptr;

    bool a_write = false;  // a_count packed values of row a_row at a_offset of its flat pad: slot after slot, k ascending, the present ones only
    int a_row = 0, a_buffer = 0, a_offset = 0, a_count = 0;
    const uint16_t *a_data = nullptr;
    const uint8_t *a_in_range = nullptr;  // one a value: 0 only for padding that issue_padding sends (value +0): its lanes count as idle

    bool b_write = false;  // b_count lanes from b_lane on of the vector of k (index in the step), broadcast to all rows
    int b_buffer = 0, b_k = 0, b_lane = 0, b_count = 0;
    const uint16_t *b_data = nullptr;
    const uint8_t *b_in_range = nullptr;  // one a lane: 1 where lane < valid lanes and the element is no padding

    bool commit = false;
    StepDescriptor step = {};

    bool drain_start = false;
    int drain_rows = 0, drain_beats_per_row = 0;

    bool fill_write = false, fill_last = false;  // for the oldest visit that is still to be filled
    int fill_visit_bank = 0, fill_row_index = 0; // bank = visit mod acc_banks; m in the tile
    const uint32_t *fill_data = nullptr;         // C sums: fp32 bits or int32
};

struct ArrayOut {
    uint64_t steps_done = 0, visits_done = 0, drains_done = 0;
    bool drain_valid = false;
    int drain_row_index = 0;
    const uint32_t *drain_data = nullptr;  // C sums
    bool overflow = false;                 // sticky: an fp32 sum became infinite
};

// The counters that the array itself keeps; all others are the system's.
struct ArrayCounts {
    uint64_t mac_active = 0, mac_zero = 0, mac_gated = 0, mac_idle = 0, mac_change = 0;
    uint64_t acc_read = 0, acc_write = 0;
    uint64_t a_pad_read = 0, a_pad_write = 0, b_pad_read = 0, b_pad_write = 0;
    uint64_t mask_scan = 0;
    uint64_t busy_work = 0;  // sum over steps of the longest row's work
};

class Array {
public:
    virtual ~Array() = default;
    virtual const ArrayOut &out() const = 0;
    virtual void clock(const ArrayIn &in) = 0;
    virtual ArrayCounts counts() const = 0;
};

std::unique_ptr<Array> make_model_array(const ArrayShape &shape, sj_error *err);      // systemc
std::unique_ptr<Array> make_verilated_array(const ArrayShape &shape, sj_error *err);  // rtl; built on demand where it is not built in (docs/rtl.md); null and err where it cannot be built or loaded

using ArrayFactory = std::unique_ptr<Array> (*)(const ArrayShape &, sj_error *);

// The SystemC system around an array: both cycle-level fidelities.
sj_status run_system(ArrayFactory factory, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err);

}  // namespace sj
#endif
