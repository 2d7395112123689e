// SPDX-License-Identifier: Apache-2.0
// The memories of a row, sj_a_pad, sj_b_pad, sj_mask_store and sj_accumulators, and sj_mask_prefix: random writes and reads, also of both kinds at once, against plain arrays.
#include <verilated.h>

#include <cstring>
#include <vector>

#include "Va_pad.h"
#include "Vaccumulators.h"
#include "Vb_pad.h"
#include "Vmask_prefix.h"
#include "Vmask_store.h"
#include "bench.hpp"

namespace {

bool flip(sj_random *random) { return sj_random_below(random, 2) != 0; }
unsigned below(sj_random *random, unsigned bound) { return static_cast<unsigned>(sj_random_below(random, bound)); }

void check_a_pad(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kDepth = 40, kBeat = 8;
    VerilatedContext context;
    Va_pad pad(&context);
    uint32_t model[2][kDepth] = {};
    bool known[2][kDepth] = {}, read_known = false;
    uint32_t read = 0;
    for (uint64_t cycle = 0; cycle < 20000; cycle++) {
        pad.re_i = flip(random);
        pad.read_buffer_i = flip(random);
        pad.read_offset_i = static_cast<uint8_t>(below(random, kDepth));
        if (pad.re_i) {
            read = model[pad.read_buffer_i][pad.read_offset_i];
            read_known = known[pad.read_buffer_i][pad.read_offset_i];
        }
        const unsigned count = below(random, kBeat + 1), offset = below(random, kDepth - count + 1);  // up to the very end of the pad
        pad.we_i = flip(random);
        pad.buffer_i = flip(random);
        pad.offset_i = static_cast<uint8_t>(offset);
        pad.count_i = static_cast<uint8_t>(count);
        pad.in_range_i = static_cast<uint8_t>(sj_random_u64(random));
        for (unsigned w = 0; w < kBeat / 2; w++) pad.data_i[w] = static_cast<uint32_t>(sj_random_u64(random));
        for (unsigned i = 0; pad.we_i && i < count; i++) {
            uint16_t value;
            std::memcpy(&value, reinterpret_cast<const char *>(&pad.data_i) + 2 * i, 2);
            model[pad.buffer_i][offset + i] = value | (static_cast<uint32_t>((pad.in_range_i >> i) & 1) << 16);
            known[pad.buffer_i][offset + i] = true;
        }
        bench::edge(pad);
        if (read_known) checker.expect("a_pad", cycle, pad.value_o | (static_cast<uint32_t>(pad.in_range_o) << 16), read);
    }
}

void check_b_pad(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kLanes = 5, kKTile = 16;
    struct Vector {
        uint16_t data[kLanes];
        unsigned in_range, nonzero, known;
    };
    VerilatedContext context;
    Vb_pad pad(&context);
    Vector model[2][kKTile] = {};
    Vector read = {};
    for (uint64_t cycle = 0; cycle < 20000; cycle++) {
        pad.re_i = flip(random);
        pad.read_buffer_i = flip(random);
        pad.read_k_i = static_cast<uint8_t>(below(random, kKTile));
        if (pad.re_i) read = model[pad.read_buffer_i][pad.read_k_i];
        pad.we_i = flip(random);
        pad.buffer_i = flip(random);
        pad.k_i = static_cast<uint8_t>(below(random, kKTile));
        const unsigned enable = flip(random) ? 0x1f : below(random, 32);
        pad.lane_en_i = static_cast<uint8_t>(enable);
        pad.in_range_i = static_cast<uint8_t>(below(random, 32));
        pad.nonzero_i = static_cast<uint8_t>(below(random, 32));
        uint16_t data[2 * sizeof pad.data_i / 4] = {};
        for (unsigned l = 0; l < kLanes; l++) data[l] = static_cast<uint16_t>(sj_random_u64(random));
        std::memcpy(&pad.data_i, data, sizeof pad.data_i);
        if (pad.we_i) {
            Vector &v = model[pad.buffer_i][pad.k_i];
            if ((enable & 1) != 0) v.in_range = 0;  // a write of lane 0 begins the vector
            v.in_range = (v.in_range & ~enable) | (pad.in_range_i & enable);
            v.nonzero = (v.nonzero & ~enable) | (pad.nonzero_i & enable);
            v.known |= enable;
            for (unsigned l = 0; l < kLanes; l++) {
                if (((enable >> l) & 1) != 0) v.data[l] = data[l];
            }
        }
        bench::edge(pad);
        checker.expect("b_pad in_range", cycle, pad.in_range_o & read.known, read.in_range & read.known);
        checker.expect("b_pad nonzero", cycle, pad.nonzero_o & read.known, read.nonzero & read.known);
        std::memcpy(data, &pad.data_o, sizeof pad.data_o);
        for (unsigned l = 0; l < kLanes; l++) {
            if (((read.known >> l) & 1) != 0) checker.expect("b_pad", cycle, data[l], read.data[l]);
        }
    }
}

void check_mask_store(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kSlots = 3, kKTile = 16;
    VerilatedContext context;
    Vmask_store store(&context);
    uint64_t masks[4] = {}, bases[4] = {};
    uint16_t flags[4] = {};
    bool written[4] = {}, flagged[4] = {};
    store.rst_ni = 0;
    bench::edge(store);
    store.rst_ni = 1;
    for (uint64_t cycle = 0; cycle < 20000; cycle++) {
        const unsigned reading = store.read_buffer_i;
        store.clear_i = below(random, 4) == 0;
        store.buffer_i = static_cast<uint8_t>(below(random, 4));
        store.we_i = flip(random) && !written[store.buffer_i];
        store.mask_i = sj_random_u64(random) & 0xffffffffffff & sj_random_u64(random);
        if (below(random, 4) == 0) store.mask_i &= 0xffff0000ffff;
        store.base_i = static_cast<uint32_t>(sj_random_u64(random) & 0x3ffff);
        store.flag_buffer_i = static_cast<uint8_t>(below(random, 4));
        store.flag_we_i = flip(random);
        store.flag_i = static_cast<uint16_t>(sj_random_u64(random) & sj_random_u64(random));
        if (store.clear_i) written[reading] = false;
        if (store.flag_we_i) {
            flags[store.flag_buffer_i] = store.flag_i;
            flagged[store.flag_buffer_i] = true;
        }
        if (store.we_i) {
            masks[store.buffer_i] = store.mask_i;
            bases[store.buffer_i] = store.base_i;
            written[store.buffer_i] = true;
        }
        bench::edge(store);
        store.read_buffer_i = static_cast<uint8_t>(below(random, 4));
        store.slot_i = static_cast<uint8_t>(below(random, kSlots));
        store.clear_i = store.we_i = store.flag_we_i = 0;
        store.eval();
        const unsigned b = store.read_buffer_i;
        const uint16_t any_b = written[b] ? flags[b] : 0;
        if (written[b] && !flagged[b]) continue;  // nothing is known of these flags yet
        checker.expect("any_b", cycle, store.any_b_o, any_b);
        for (unsigned s = 0; s < kSlots; s++) {
            checker.expect("has_work", cycle, (store.has_work_o >> s) & 1, ((masks[b] >> (s * kKTile)) & any_b) != 0);
        }
        if (!written[b]) continue;
        checker.expect("mask", cycle, store.mask_o, (masks[b] >> (store.slot_i * kKTile)) & 0xffff);
        checker.expect("base", cycle, store.base_o, (bases[b] >> (store.slot_i * 6u)) & 0x3f);
    }
}

void check_mask_prefix(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kSlots = 5, kKTile = 24, kOffsetBits = 7;
    VerilatedContext context;
    Vmask_prefix prefix(&context);
    for (uint64_t round = 0; round < 5000; round++) {
        unsigned char mask[sizeof prefix.mask_i] = {};
        uint64_t wanted[kSlots] = {}, total = 0;
        const unsigned kind = below(random, 3);  // empty, full, anything
        for (unsigned bit = 0; bit < kSlots * kKTile; bit++) {
            if (bit % kKTile == 0) wanted[bit / kKTile] = total;
            const bool set = kind == 1 || (kind == 2 && flip(random));
            mask[bit / 8] = static_cast<unsigned char>(mask[bit / 8] | (set << (bit % 8)));
            total += set;
        }
        std::memcpy(&prefix.mask_i, mask, sizeof mask);
        prefix.enable_i = below(random, 8) != 0;
        prefix.eval();
        uint64_t base;
        static_assert(sizeof prefix.base_o >= sizeof base, "35 bits");
        std::memcpy(&base, &prefix.base_o, sizeof base);
        for (unsigned s = 0; s < kSlots; s++) checker.expect("base", round, (base >> (s * kOffsetBits)) & 0x7f, prefix.enable_i ? wanted[s] : 0);
    }
}

void check_accumulators(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kLanes = 3, kSlots = 3, kBanks = 3;
    VerilatedContext context;
    Vaccumulators acc(&context);
    uint32_t sums[kBanks][kSlots][kLanes] = {};
    bool valid[kBanks][kSlots] = {};
    acc.rst_ni = 0;
    bench::edge(acc);
    acc.rst_ni = 1;
    for (uint64_t cycle = 0; cycle < 30000; cycle++) {
        acc.bank_i = static_cast<uint8_t>(below(random, kBanks));
        acc.slot_i = static_cast<uint8_t>(below(random, kSlots));
        acc.drain_bank_i = static_cast<uint8_t>(below(random, kBanks));
        acc.drain_slot_i = static_cast<uint8_t>(below(random, kSlots));
        acc.fill_bank_i = static_cast<uint8_t>(below(random, kBanks));
        acc.fill_slot_i = static_cast<uint8_t>(below(random, kSlots));
        acc.clear_bank_i = static_cast<uint8_t>(below(random, kBanks));
        acc.load_i = flip(random);
        acc.drain_i = flip(random);
        acc.we_i = flip(random);
        acc.clear_i = below(random, 4) == 0 && !(acc.we_i && acc.bank_i == acc.clear_bank_i);
        acc.fill_i = flip(random) && !valid[acc.fill_bank_i][acc.fill_slot_i] && !(acc.we_i && acc.bank_i == acc.fill_bank_i) && !(acc.clear_i && acc.clear_bank_i == acc.fill_bank_i);
        for (unsigned l = 0; l < kLanes; l++) {
            acc.sum_i[l] = static_cast<uint32_t>(sj_random_u64(random));
            acc.fill_sum_i[l] = static_cast<uint32_t>(sj_random_u64(random));
        }
        acc.eval();
        const bool loaded = valid[acc.bank_i][acc.slot_i], drained = valid[acc.drain_bank_i][acc.drain_slot_i];
        checker.expect("valid", cycle, acc.valid_o, loaded);
        checker.expect("drain valid", cycle, acc.drain_valid_o, drained);
        for (unsigned l = 0; l < kLanes; l++) {
            checker.expect("sum", cycle, acc.sum_o[l], acc.load_i && loaded ? sums[acc.bank_i][acc.slot_i][l] : 0);
            checker.expect("drained sum", cycle, acc.drain_sum_o[l], acc.drain_i && drained ? sums[acc.drain_bank_i][acc.drain_slot_i][l] : 0);
            if (acc.we_i) sums[acc.bank_i][acc.slot_i][l] = acc.sum_i[l];
            if (acc.fill_i) sums[acc.fill_bank_i][acc.fill_slot_i][l] = acc.fill_sum_i[l];
        }
        if (acc.we_i) valid[acc.bank_i][acc.slot_i] = true;
        if (acc.fill_i) valid[acc.fill_bank_i][acc.fill_slot_i] = true;
        for (unsigned s = 0; acc.clear_i && s < kSlots; s++) valid[acc.clear_bank_i][s] = false;
        bench::edge(acc);
    }
}

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    check_a_pad(&random, checker);
    check_b_pad(&random, checker);
    check_mask_store(&random, checker);
    check_mask_prefix(&random, checker);
    check_accumulators(&random, checker);
    return checker.result();
}
