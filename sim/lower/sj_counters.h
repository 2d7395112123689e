// SPDX-License-Identifier: Apache-2.0
// The counters of one job, each declared once: X(identifier, "name", "unit", "exact meaning"). docs/timing.md section "Counters" defines the rule for each.
// Every fidelity counts them on its own; pricing (sim/price) turns them into energy.
#ifndef SJ_COUNTERS_H
#define SJ_COUNTERS_H

#include <stdint.h>

#include "sj_accel.h"
#include "sj_error.h"
#include "sj_job.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_COUNTERS(X)                                                                                                              \
    X(mac_active, "mac.active", "MAC", "lane issues whose two operands are nonzero")                                                \
    X(mac_zero, "mac.zero", "MAC", "lane issues in range with a zero operand, not gated (dense machine)")                           \
    X(mac_gated, "mac.gated", "MAC", "lane issues in range with a zero operand, operands held (gate and skip machines)")            \
    X(mac_idle, "mac.idle", "MAC", "lanes of an issue that hold no in-range pair: beyond N, or padding")                            \
    X(mac_change, "mac.change", "MAC", "lane issues that are active where the lane's issue before was not, or the other way round")  \
    X(acc_read, "acc.read", "C-vector", "accumulator reads: valid slot entered in a k-step, or a valid slot drained")               \
    X(acc_write, "acc.write", "C-vector", "accumulator writes: slot visited in a k-step, or filled")                                \
    X(a_pad_read, "a_pad.read", "value", "A values taken from a row's pad: one an issue")                                           \
    X(a_pad_write, "a_pad.write", "value", "A values written to row pads")                                                          \
    X(b_pad_read, "b_pad.read", "C-vector", "B vectors taken from a row's pad: one an issue")                                       \
    X(b_pad_write, "b_pad.write", "C-vector", "B vectors written to row pads: a broadcast counts R")                                \
    X(mask_scan, "mask.scan", "row cycle", "cycles of a row's find-first logic: its work cycles (skip machine)")                    \
    X(mask_read, "mask.read", "KT-bit word", "mask and flag words read from the buffer's mask plane (skip machine)")                \
    X(mask_write, "mask.write", "KT-bit word", "mask and flag words written to the array (skip machine)")                           \
    X(codec_decode, "codec.decode", "64-byte line", "plain lines produced by the decoder")                                          \
    X(codec_encode, "codec.encode", "64-byte line", "plain lines taken by the encoder")                                             \
    X(transpose, "transpose", "KT x KT tile", "tiles through the transposer")                                                       \
    X(buffer_read, "buffer.read", "line", "buffer lines read")                                                                      \
    X(buffer_write, "buffer.write", "line", "buffer lines written")                                                                 \
    X(bus_a, "bus.a", "beat", "beats of the A bus")                                                                                 \
    X(bus_b, "bus.b", "beat", "beats of the B bus")                                                                                 \
    X(bus_o, "bus.o", "beat", "beats of the O bus, drain and fill")                                                                 \
    X(dram_activate, "dram.activate", "row", "DRAM rows opened")                                                                    \
    X(dram_read, "dram.read", "64-byte burst", "DRAM bursts read")                                                                  \
    X(dram_write, "dram.write", "64-byte burst", "DRAM bursts written")                                                             \
    X(dram_refresh, "dram.refresh", "refresh", "refresh windows that began before the job's end")                                   \
    X(dram_background, "dram.background", "cycle", "cycles of DRAM standby: the job's cycles")                                      \
    X(vector_op, "vector.op", "operation", "operations of the vector unit")                                                         \
    X(rng_sample, "rng.sample", "sample", "normal samples drawn (GradSamp)")                                                        \
    X(clock, "clock", "cycle", "cycles of the clock tree: the job's cycles")                                                        \
    X(leakage, "leakage", "cycle", "cycles of leakage: the job's cycles")

typedef struct sj_counters {
#define SJ_X(id, name, unit, meaning) uint64_t id;
    SJ_COUNTERS(SJ_X)
#undef SJ_X
} sj_counters;

enum {
#define SJ_X(id, name, unit, meaning) +1
    SJ_COUNTER_COUNT = 0 SJ_COUNTERS(SJ_X)
#undef SJ_X
};

typedef struct sj_counter_info {
    const char *name, *unit, *meaning;
    size_t offset;  // of the uint64_t in sj_counters
} sj_counter_info;
extern const sj_counter_info sj_counter_table[SJ_COUNTER_COUNT];

// What one job took. All fields except `results` must be equal at every fidelity.
typedef struct sj_outcome {
    uint64_t cycles;
    sj_counters counts;
    // MACs: active + zero + gated + skipped = total; padding stands apart
    uint64_t macs_total, macs_active, macs_zero, macs_gated, macs_skipped, macs_padding;
    // busy cycles of each resource, from which the bound is named: the largest, ties in this order
    uint64_t busy_work, busy_a, busy_b, busy_drain, busy_dram;
} sj_outcome;

// The variant a job is run on.
typedef struct sj_variant {
    sj_machine machine;
    sj_codec codec;
} sj_variant;

// The three fidelities. `results`, where not NULL, receives instances x M x N results, row-major: float for bf16 (fp32 sums before rounding), int32_t for int8; `fast` refuses it.
// An fp32 overflow is SJ_ERR_NUMERIC.
sj_status sj_fast_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, sj_error *err);
sj_status sj_systemc_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err);
sj_status sj_rtl_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err);

// The C reference product: sums k ascending from +0, bf16 products exact in fp32, fp32 adds rounded to nearest even with denormal sums flushed to +0;
// int8 in int32 that wraps. Zero operands may be skipped without changing a bit. `results` as above.
sj_status sj_reference_product(const sj_job *job, void *results, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
