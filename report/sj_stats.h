// SPDX-License-Identifier: Apache-2.0
// What a simulation found, and its files: stats.json, layers.csv, stats.txt (design in docs/energy.md section 6 and the counter glossary in docs/timing.md section 9).
// Everything but `provenance` and `fidelity` is equal for equal runs, at every fidelity. Version 1 of stats.json may gain keys: readers let unknown ones pass.
#ifndef SJ_STATS_H
#define SJ_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sj_counters.h"
#include "sj_error.h"
#include "sj_job.h"
#include "sj_price.h"

#ifdef __cplusplus
extern "C" {
#endif

// The resource that sets the time of a layer: the one with the most busy cycles, ties in this order.
typedef enum sj_limit { SJ_LIMIT_WORK, SJ_LIMIT_A, SJ_LIMIT_B, SJ_LIMIT_DRAIN, SJ_LIMIT_DRAM, SJ_LIMIT_COUNT } sj_limit;
extern const char *const sj_limit_names[SJ_LIMIT_COUNT];

// A training step whose loss has a penalty (docs/lowering.md): its own work is charged where the trace says which outputs bear it, else left out, and the energy is a lower bound.
typedef enum sj_penalty_work { SJ_PENALTY_WORK_NONE, SJ_PENALTY_WORK_CHARGED, SJ_PENALTY_WORK_LEFT_OUT, SJ_PENALTY_WORK_COUNT } sj_penalty_work;
extern const char *const sj_penalty_work_names[SJ_PENALTY_WORK_COUNT];  // "", "charged", "left out"
extern const char sj_plan_note[];                                       // of a plan's synthetic step (sj_synth_is_plan of the method): what people are told
extern const char sj_penalty_left_out[];                                // what people are told: "the trace does not say ..."

// A layer in a phase on one variant, or the sum of a variant's layers.
typedef struct sj_stat {
    char name[64], kind[24];
    sj_phase phase;  // of a total: not set
    uint64_t cycles, busy[SJ_LIMIT_COUNT];
    uint64_t macs_total, macs_active, macs_zero, macs_gated, macs_skipped, macs_padding, macs_uncompacted;
    sj_counters counts;
    sj_energy energy[SJ_BOUND_COUNT];
    double density_a, density_b, density_out;  // NAN: none
    // --quantise: stored values of the operands that it made zero, and their densities before it. Not a method's merit. Of a layer alone.
    bool quantised;
    uint64_t quantised_zeros_a, quantised_zeros_b;
    double density_before_a, density_before_b;
} sj_stat;

typedef struct sj_stats_variant {
    sj_variant variant;
    sj_stat total;
    sj_spread spread;  // of the total's energy, by the run's sources
    int layer_count;
    sj_stat *layers;  // owned by the sj_stats
} sj_stats_variant;

#define SJ_VARIANTS_MAX (3 * SJ_CODEC_COUNT)  // machines x codecs

// Where a result comes from; texts may be empty, and then stand in no file.
typedef struct sj_provenance {
    double wall_seconds;
    bool has_seed;
    int64_t seed;  // of the run that made the input
    char version[32], host[128], input[1024], input_hash[17], accel_file[1024], tech_file[1024];
    char check[128];  // gemm: the verdict on the results (systemc and rtl), and the zeros that --quantise made (all fidelities)
} sj_provenance;

typedef struct sj_stats {
    char accel[64], tech[64], fidelity[16], mode[8];  // mode: "train", "eval", "gemm"
    char network[64], method[64], dataset[64];        // empty for gemm
    char selection[256];                              // "layer conv2 phase forward": what --layer and --phase left; empty: everything
    char method_state[128];                           // of the step: "ssprop keep=0.2", "gradsamp skipped"; empty where it says no more than method
    sj_penalty_work penalty;                          // NONE: there is no penalty, or a file of before it was written
    bool no_fuse, quantised;                          // run with --no-fuse, --quantise
    int64_t step, images, batch;                      // step number; images stored in the trace; images simulated
    double clock_mhz;
    int64_t rows, lanes;
    sj_codec codec;  // the accelerator's own
    const sj_prices *prices;  // by machine; borrowed. NULL: read from a file, and no more can be priced
    int source_count;         // sources of error of the energies; 0: not known (a file of before they were written)
    char source_names[SJ_SOURCE_MAX][SJ_SOURCE_NAME];
    bool has_area[3];  // by machine: it was run, and the file says its silicon
    sj_area area[3];
    int variant_count;
    sj_stats_variant variants[SJ_VARIANTS_MAX];
    sj_provenance provenance;
} sj_stats;

void sj_stats_free(sj_stats *s);  // frees the layers, zeroes

// Adds a job's outcome. SJ_ERR_RANGE when a 64-bit sum overflows.
sj_status sj_stat_add(sj_stat *s, const sj_outcome *outcome, uint64_t uncompacted_macs, sj_error *err);
void sj_stat_price(sj_stat *s, const sj_prices *prices);
// Adds a layer to a sum: counts, cycles, busy cycles and typical energy. Its low and high ends are no sums, as errors of different sources partly cancel: those of a sum stay 0 here.
sj_status sj_stat_accumulate(sj_stat *sum, const sj_stat *layer, sj_error *err);
// Sets every variant's total from its layers, with its spread and its ends (with prices alone).
sj_status sj_stats_total(sj_stats *s, sj_error *err);

sj_limit sj_stat_bound(const sj_stat *s);
double sj_stat_utilization(const sj_stats *run, const sj_stat *s);  // (active + zero + gated) / (cycles x rows x lanes); 0 at 0 cycles
double sj_stat_seconds(const sj_stats *run, const sj_stat *s);
const sj_stats_variant *sj_stats_find(const sj_stats *s, sj_machine machine, sj_codec codec);  // NULL when it was not run
void sj_variant_name(sj_variant v, char name[24]);                                             // "skip/bitmask"

// ---- files. One run is an object of format "skipjoule-stats"; several are {"format": "skipjoule-stats-list", "version": 1, "runs": [...]}.
sj_status sj_stats_write_json(FILE *f, const sj_stats *runs, int count, sj_error *err);
sj_status sj_stats_write_provenance(FILE *f, const sj_stats *runs, int count, sj_error *err);
// layers.csv: a line per run, variant and layer, every counter and component a column.
void sj_stats_write_csv(FILE *f, const sj_stats *runs, int count);
// stats.txt: `name value # meaning (unit)`.
void sj_stats_write_text(FILE *f, const sj_stats *runs, int count);

// Reads stats.json. Caller: sj_stats_free each, free the array. SJ_ERR_FORMAT names file and key.
sj_status sj_stats_read(const char *path, sj_stats **runs, int *count, sj_error *err);

// ---- tables for people, about 120 columns with two codecs, 140 with three.
sj_status sj_stats_print(FILE *f, const sj_stats *run, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
