// SPDX-License-Identifier: Apache-2.0
// sj_row alone: cycles of each step, sums and counters of random visits against Job, which is given one physical row.
#include <verilated.h>

#include <cstring>

#include "Vrow.h"
#include "array_job.hpp"
#include "bench.hpp"

namespace {

constexpr int kLanes = 4, kSlots = 3, kKTile = 16, kBanks = 2;

void write_step(Vrow &row, const bench::Job &job, std::size_t i) {
    const bench::Step &s = job.steps[i];
    const bench::Visit &v = job.visits[static_cast<std::size_t>(s.visit)];
    uint64_t masks = 0;
    uint16_t flag = 0;
    int count = 0, base[kSlots] = {};
    row.a_in_range_i = 0;
    for (int slot = 0; slot < kSlots; slot++) {
        base[slot] = count;
        for (int k = 0; slot < v.rows && k < kKTile; k++) {
            const bench::Value &value = job.a(s, slot, k);
            if (!value.present) continue;
            masks |= uint64_t{1} << (slot * kKTile + k);
            std::memcpy(reinterpret_cast<char *>(&row.a_data_i) + 2 * count, &value.bits, 2);
            row.a_in_range_i |= static_cast<uint64_t>(value.in_range) << count;
            count++;
        }
    }
    for (int k = 0; k < kKTile; k++) flag = static_cast<uint16_t>(flag | (s.any_b[static_cast<std::size_t>(k)] << k));
    row.mask_i = masks;
    row.mask_base_i = static_cast<uint32_t>(base[0] | (base[1] << 6) | (base[2] << 12));
    row.mask_buffer_i = i % 4;
    row.flag_buffer_i = i % 4;
    row.flag_i = flag;
    row.a_buffer_i = i % 2;
    row.a_offset_i = 0;
    row.a_count_i = static_cast<uint8_t>(count);
    row.mask_we_i = row.flag_we_i = 1;
    row.a_we_i = count > 0;
    row.b_buffer_i = i % 2;
    row.b_lane_en_i = 15;
    for (int k = 0; k < kKTile; k++) {
        row.b_we_i = s.any_a[static_cast<std::size_t>(k)] && s.any_b[static_cast<std::size_t>(k)];
        row.b_k_i = static_cast<uint8_t>(k);
        std::memcpy(&row.b_data_i, &s.b[job.lane(k, 0)], 2 * kLanes);
        row.b_in_range_i = row.b_nonzero_i = 0;
        for (int l = 0; l < kLanes; l++) {
            row.b_in_range_i = static_cast<uint8_t>(row.b_in_range_i | (s.b_in[job.lane(k, l)] << l));
            row.b_nonzero_i = static_cast<uint8_t>(row.b_nonzero_i | (((s.b[job.lane(k, l)] & 0x7f80) != 0) << l));
        }
        bench::edge(row);
        row.mask_we_i = row.flag_we_i = row.a_we_i = 0;
    }
    row.b_we_i = 0;
}

// Commits step i and counts the cycles until its end.
void run_step(Vrow &row, const bench::Job &job, std::size_t i, bench::Checker &checker) {
    row.committed_i = (i + 1) % 4;
    row.may_start_i = 0;
    row.takes_part_i = 3;
    for (int wait = 0; wait < 2; wait++) {
        row.eval();
        checker.expect("end before the start", i, row.step_end_o, 0);
        bench::edge(row);
    }
    row.may_start_i = 3;
    row.bank_i[i % 2] = static_cast<uint8_t>(job.steps[i].visit % kBanks);
    uint64_t cycles = 1;
    for (row.eval(); !row.step_end_o && cycles < 1000; row.eval(), cycles++) bench::edge(row);
    checker.expect("cycles of the step", i, cycles, job.steps[i].work[0]);
    checker.expect("work", i, row.work_o, job.steps[i].work[0]);
    bench::edge(row);
    checker.expect("steps", i, row.step_o, (i + 1) % 4);
}

void drain(Vrow &row, const bench::Job &job, int visit, bench::Checker &checker) {
    for (int flush = 0; flush < sj::kPipeline; flush++) bench::edge(row);
    const bench::Visit &v = job.visits[static_cast<std::size_t>(visit)];
    row.drain_bank_i = row.clear_bank_i = static_cast<uint8_t>(visit % kBanks);
    for (int m = 0; m < v.rows; m++) {
        row.drain_i = 1;
        row.drain_slot_i = static_cast<uint8_t>(m);
        row.clear_i = m == v.rows - 1;
        row.eval();
        for (int l = 0; l < kLanes; l++) checker.expect("sum", static_cast<uint64_t>(visit), row.drain_sum_o[l], v.sums[job.lane(m, l)]);
        bench::edge(row);
    }
    row.drain_i = row.clear_i = 0;
}

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    for (int c = 0; c < 60; c++) {
        bench::Options o;
        o.fills = false;
        o.density_a = o.density_b = 0.1 * static_cast<double>(sj_random_below(&random, 11));
        bench::Job job({1, kLanes, kSlots, kKTile, kBanks, SJ_DTYPE_BF16, SJ_MACHINE_SKIP}, o, &random);
        VerilatedContext context;
        Vrow row(&context);
        row.gate_i = 1;
        row.rst_ni = 0;
        bench::edge(row);
        row.rst_ni = 1;
        for (std::size_t i = 0; i < job.steps.size(); i++) {
            write_step(row, job, i);
            run_step(row, job, i, checker);
            if (job.steps[i].last) drain(row, job, job.steps[i].visit, checker);
        }
        const auto at = static_cast<uint64_t>(c);
        checker.expect("active", at, row.count_active_o, job.counts.mac_active);
        checker.expect("gated", at, row.count_gated_o, job.counts.mac_gated);
        checker.expect("zero", at, row.count_zero_o, 0);
        checker.expect("idle", at, row.count_idle_o, job.counts.mac_idle);
        checker.expect("change", at, row.count_change_o, job.counts.mac_change);
        checker.expect("issue", at, row.count_issue_o, job.counts.a_pad_read);
        checker.expect("acc read", at, row.count_acc_read_o, job.counts.acc_read);
        checker.expect("acc write", at, row.count_acc_write_o, job.counts.acc_write);
        checker.expect("a write", at, row.count_a_write_o, job.counts.a_pad_write);
        checker.expect("b write", at, row.count_b_write_o, job.counts.b_pad_write);
        checker.expect("scan", at, row.count_scan_o, job.counts.mask_scan);
    }
    return checker.result();
}
