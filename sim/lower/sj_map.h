// SPDX-License-Identifier: Apache-2.0
// The mapper: block sizes and order of a product by least predicted cycles, on the skip and the dense machine together. It sees shapes and nominal densities, never values, so that one mapping serves every
// method, machine and codec. docs/mapping.md describes the space, the model and the pins.
#ifndef SJ_MAP_H
#define SJ_MAP_H

#include "sj_accel.h"
#include "sj_job.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_mapping {
    int64_t m, n, k;  // block sizes; the last block of a dimension may be smaller
    sj_order order;   // which output dimension is the outer loop; k is always innermost
} sj_mapping;

// Bytes that one half (ping or pong) of each part of the buffer holds: A half of buffer.kib, B and O a quarter each. The mask plane stands apart, outside of buffer.kib.
typedef struct sj_map_capacity {
    int64_t a, b, out;
} sj_map_capacity;
sj_map_capacity sj_map_capacity_of(const sj_accel *accel);

typedef struct sj_map_prediction {
    int64_t cost;            // what is minimised: cycles + dense_cycles, so that the mapping favours neither machine, and a cycle more on each for every DRAM burst (docs/mapping.md)
    int64_t cycles;          // of the whole job, all instances, on the skip machine at the nominal density of A
    int64_t dense_cycles;    // the same on the dense machine
    // The parts of `cycles`:
    int64_t array_cycles;    // the array's own time, all blocks: steps, prologues, drains and fills that bind
    int64_t dram_cycles;     // all transfers, refresh included
    int64_t exposed_cycles;  // first load, last drain and store: overlap with nothing
    int64_t dram_bytes;      // loads and stores at uncompressed size
    int64_t blocks;
    sj_map_capacity footprint;  // of the largest block
} sj_map_prediction;

typedef struct sj_map_choice {
    sj_mapping mapping;
    sj_map_prediction predicted;
} sj_map_choice;

enum { SJ_MAP_CHOICES = 6 };

// The choice and its runners-up. Two mappings are of one kind where they split the same of M, N and K, and (M and N both split) have the same order; the report has the best of each kind,
// least cost first behind the choice.
typedef struct sj_map_report {
    char layer[64];
    sj_phase phase;
    int64_t m, n, k, instances;
    double density_a;       // nominal
    bool pinned;            // choices[0] stands in the accelerator file
    sj_map_capacity capacity;
    int64_t tried;          // mappings of the space that fit
    int count;              // at least 1
    sj_map_choice choices[SJ_MAP_CHOICES];  // [0]: what is run
} sj_map_report;

// All three read a, b, m, n, k, instances, out_bytes, out_ops, nominal_a and streams 0 to 2 of a product; its blocks need not be there yet, and are not touched.
// SJ_ERR_RANGE where no mapping fits or a pin is not allowed. array_only jobs have one block and nothing to explain: the report says so with one choice.
sj_status sj_map_explain(const sj_accel *accel, const sj_job *job, sj_map_report *out, sj_error *err);
// Predicted cycles (skip, nominal density) of the mapping that sj_map_product would take: what decides which operand of a weight gradient is A.
sj_status sj_map_cost(const sj_accel *accel, const sj_job *job, int64_t *cycles, sj_error *err);

// Whether im2col(x) rather than dy^T is A of a weight gradient, of which `plain` (A = dy^T) and `swapped` are the two products: as the layer's pin says, else mapping.swap, else the order of
// fewer predicted cycles. Within 5 % the order whose A is sparser (nominally) wins, because fewer MACs are issued, then `swapped`, whose B has one flag a k.
sj_status sj_map_swap(const sj_accel *accel, const sj_job *plain, const sj_job *swapped, bool *swap, sj_error *err);

// The pin of a layer's phase in mapping.pin, or NULL: the first that names the layer, else the first of "*".
const sj_pin *sj_map_pin(const sj_accel *accel, const char *layer, sj_phase phase);

// A product that a run has: for sj_map_check_pins.
typedef struct sj_map_product_name {
    const char *layer;
    sj_phase phase;
} sj_map_product_name;
// Every pin must name a product of the run: SJ_ERR_CONFIG with the pin, what it names, and the nearest layer.
sj_status sj_map_check_pins(const sj_accel *accel, const sj_map_product_name *products, int count, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
