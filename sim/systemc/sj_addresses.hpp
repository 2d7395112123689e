// SPDX-License-Identifier: Apache-2.0
// The address generators: where the values of a tile's rows (or lanes) stand over a stretch of k, padding included, and which line groups the A side touches.
// im2col is never materialised: this is it, a step at a time.
#ifndef SJ_ADDRESSES_HPP
#define SJ_ADDRESSES_HPP

#include <cstdint>
#include <vector>

#include "sj_job.h"

namespace sj {

// A line group of the buffer (docs/timing.md section 4).
struct Group {
    int64_t unit, chunk;
    bool operator==(const Group &o) const { return unit == o.unit && chunk == o.chunk; }
    bool operator<(const Group &o) const { return unit != o.unit ? unit < o.unit : chunk < o.chunk; }
};

class Addresses {
public:
    // Of u in [u0, u1) and k in [k0, k1) of an operand.
    void generate(const sj_operand &operand, int64_t u0, int64_t u1, int64_t k0, int64_t k1);
    // The same of an A operand; groups() are then those touched, each once, ascending.
    void generate_a(const sj_operand &operand, int64_t k_tile, int64_t u0, int64_t u1, int64_t k0, int64_t k1);

    // Offsets of one u over [k0, k1) in the operand's values; SJ_PADDING: none.
    const int64_t *of(int64_t u) const { return &offsets_[static_cast<size_t>((u - u0_) * width_)]; }
    const std::vector<Group> &groups() const { return groups_; }

private:
    void resize(int64_t u0, int64_t u1, int64_t k0, int64_t k1);
    void run_along_k(const sj_operand &operand, int64_t u, int64_t k0, int64_t k1, int64_t k_tile);
    void run_along_u(const sj_operand &operand, int64_t u0, int64_t u1, int64_t k, int64_t k0, int64_t k_tile);

    int64_t u0_ = 0, width_ = 0;
    std::vector<int64_t> offsets_;  // [u][k]
    std::vector<Group> groups_;
    std::vector<int64_t> last_chunk_;  // [u] of a run's first: the chunk that its channels touched last
};

}  // namespace sj
#endif
