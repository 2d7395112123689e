// SPDX-License-Identifier: Apache-2.0
#include "sj_addresses.hpp"

#include <algorithm>

#include "sj_arith.hpp"

namespace sj {
namespace {

// From channel `first` of a run to channel `first + i`: how far its element is.
int64_t channel_step(const sj_operand &o, int64_t first, int64_t i) {
    const int64_t step = o.channels != nullptr ? o.channels[first + i] - o.channels[first] : i;
    return o.kind == SJ_OPERAND_WEIGHT ? step * o.channel_stride : step;
}

}  // namespace

void Addresses::resize(int64_t u0, int64_t u1, int64_t k0, int64_t k1) {
    u0_ = u0;
    width_ = k1 - k0;
    offsets_.resize(to_size((u1 - u0) * width_));
    groups_.clear();
    last_chunk_.assign(to_size(u1 - u0), -1);
}

void Addresses::generate(const sj_operand &operand, int64_t u0, int64_t u1, int64_t k0, int64_t k1) {
    generate_a(operand, 0, u0, u1, k0, k1);
}

void Addresses::generate_a(const sj_operand &operand, int64_t k_tile, int64_t u0, int64_t u1, int64_t k0, int64_t k1) {
    resize(u0, u1, k0, k1);
    if (operand.kind == SJ_OPERAND_WINDOW_T) {
        for (int64_t k = k0; k < k1; ++k) {
            run_along_u(operand, u0, u1, k, k0, k_tile);
        }
    } else {
        for (int64_t u = u0; u < u1; ++u) {
            run_along_k(operand, u, k0, k1, k_tile);
        }
    }
    std::sort(groups_.begin(), groups_.end());
    groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
}

// Over a run of channels of one tap, an element moves with the channel alone: one look-up serves the run. Runs of an A operand end with their chunk.
void Addresses::run_along_k(const sj_operand &operand, int64_t u, int64_t k0, int64_t k1, int64_t k_tile) {
    int64_t *out = &offsets_[to_size((u - u0_) * width_)];
    for (int64_t k = k0; k < k1;) {
        const int64_t channel = k % operand.channel_count;
        const int64_t rest = std::min(operand.channel_count - channel, k1 - k), run = k_tile > 0 ? std::min(rest, k_tile - channel % k_tile) : rest;
        sj_place place = {};
        if (k_tile > 0) {
            place = sj_operand_place(&operand, u, k, k_tile);
        } else {
            place.offset = sj_operand_offset(&operand, u, k);
        }
        for (int64_t i = 0; i < run; ++i) {
            out[k - k0 + i] = place.offset == SJ_PADDING ? SJ_PADDING : place.offset + channel_step(operand, channel, i);
        }
        if (k_tile > 0 && place.offset != SJ_PADDING) {
            groups_.push_back({place.unit, place.chunk});
        }
        k += run;
    }
}

void Addresses::run_along_u(const sj_operand &operand, int64_t u0, int64_t u1, int64_t k, int64_t k0, int64_t k_tile) {
    for (int64_t u = u0; u < u1;) {
        const int64_t channel = u % operand.channel_count, run = std::min(operand.channel_count - channel, u1 - u);
        sj_place place = {};
        if (k_tile > 0) {
            place = sj_operand_place(&operand, u, k, k_tile);
        } else {
            place.offset = sj_operand_offset(&operand, u, k);
        }
        for (int64_t i = 0; i < run; ++i) {
            offsets_[to_size((u - u0 + i) * width_ + k - k0)] = place.offset == SJ_PADDING ? SJ_PADDING : place.offset + channel_step(operand, channel, i);
        }
        int64_t &last = last_chunk_[to_size(u - u0)];
        if (k_tile > 0 && place.offset != SJ_PADDING && place.chunk != last) {
            last = place.chunk;
            for (int64_t i = 0; i < run; ++i) {
                groups_.push_back({place.unit + i, place.chunk});
            }
        }
        u += run;
    }
}

}  // namespace sj
