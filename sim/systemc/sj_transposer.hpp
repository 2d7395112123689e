// SPDX-License-Identifier: Apache-2.0
// The transposer on a load's way into the buffer: tiles of k_tile pixels, one entering while the one before leaves (docs/timing.md section 6).
#ifndef SJ_TRANSPOSER_HPP
#define SJ_TRANSPOSER_HPP

#include "sj_arith.hpp"
#include "sj_job.h"

namespace sj {

// A tile holds k_tile pixels, however few channels they have.
constexpr int64_t transposer_tiles(const sj_segment &segment, int64_t k_tile) {
    return segment.transpose_width > 0 ? ceil_div(ceil_div(segment.end - segment.begin, segment.transpose_width), k_tile) : 0;
}

// k_tile cycles to fill each tile, and as many to empty the last.
constexpr int64_t transposer_cycles(int64_t tiles, int64_t k_tile) { return tiles > 0 ? (tiles + 1) * k_tile : 0; }

}  // namespace sj
#endif
