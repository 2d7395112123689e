// SPDX-License-Identifier: Apache-2.0
// The energy of a whole training run on one accelerator: what `sim --whole-run` found, and its files: run.json (all of it) and epochs.csv.
// Energies are those of the iterations alone: tests between epochs are not in them (docs/whole-run.md).
#ifndef SJ_WHOLE_RUN_H
#define SJ_WHOLE_RUN_H

#include "sj_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

// Energy and time of some part of a run on one variant. Doubles: most of it is interpolated.
typedef struct sj_run_sum {
    double energy_pj, cycles;
    double phase_pj[SJ_PHASE_COUNT], phase_cycles[SJ_PHASE_COUNT];
    double component_pj[SJ_COMPONENT_COUNT];
    double dram_read_bytes, dram_write_bytes;
} sj_run_sum;

typedef struct sj_run_layer {  // a layer in a phase, over the whole run
    char name[64], kind[24];
    sj_phase phase;
    double energy_pj, cycles, component_pj[SJ_COMPONENT_COUNT];
} sj_run_layer;

// What leaving each traced step out in turn, and interpolating it from the others, was wrong by. NAN where fewer than two steps could be.
typedef struct sj_run_error {
    int64_t steps;            // that were left out
    double mean, rms, worst;  // of energy: (interpolated - simulated) / simulated: mean of it, root mean square, the one largest in magnitude
    double total;             // two standard errors of the whole run's energy that follow from it, as a share (docs/whole-run.md has the formula)
    double phase_rms[SJ_PHASE_COUNT];
} sj_run_error;

typedef struct sj_run_variant {
    sj_variant variant;
    sj_run_sum total;
    double low_pj, high_pj;   // of the total, by the tech file's sources of error; NAN: not known
    double synthetic_pj;      // of the total, were each iteration a synthetic step (explore/sj_synthetic_run.h); NAN: the network cannot be made up, or a run.json of before
    int epoch_count, layer_count, state_count;
    sj_run_sum *epochs;       // [epoch]
    sj_run_layer *layers;
    sj_run_sum *states;       // [state] over all iterations of a method state
    sj_run_error error;
} sj_run_variant;

typedef struct sj_run_epoch {
    int64_t epoch, iterations, traced;  // iterations: rows of the ledger; traced: of them simulated
    bool skipped;                       // GradSamp: no data was processed
    double loss;                        // mean of the ledger's
    double test_accuracy, macro_f1;     // of metrics.csv; NAN where there is none, or the epoch was not tested
    double x_density, dy_density, kept_fraction;  // means over iterations and layers; NAN: none
    int state;                          // of its first iteration: index of sj_whole_run.states
    double backward_macs;               // dense, of an image, channels that its layers dropped left out: mean over iterations. NAN: skipped, or a run.json of before it
} sj_run_epoch;

typedef struct sj_run_state {
    char name[128];                     // "ssprop keep=0.2"; "plain" where the ledger's is empty
    int64_t iterations, traced;
} sj_run_state;

// What estimators may know before a run (docs/estimate.md): of the network and the machine, nothing of it measured. Filled by sj_run_facts_of (explore/sj_estimate_facts.h); key "facts" of run.json.
typedef struct sj_run_facts {
    bool known;                               // false: a run.json without them, or without one of them
    double forward_macs, grad_input_macs, grad_weight_macs;  // of one image, dense: zeros, padding and dropped channels counted
    double parameters, activations;           // activations: values of all layers' outputs of one image
    int64_t image_h, image_w, image_c;
    int64_t slots, vector_lanes, buffer_kib, value_bytes;
    sj_codec codec;                           // the accelerator's own
    char dram[32];
    double dram_bytes_per_s, dram_gib;        // peak; of the whole channel
    double idle_w[3], peak_w[3];              // by sj_machine; leakage, clock and DRAM standby; all lanes and the DRAM bus busy besides. NAN: the machine was not run
} sj_run_facts;

typedef struct sj_whole_run {
    char accel[64], tech[64], fidelity[16], network[64], method[64], dataset[64], selection[256];
    bool quantised;
    sj_penalty_work penalty;
    int64_t batch, images, iterations, traced_steps;
    double clock_mhz;
    int64_t rows, lanes;
    int epoch_count, state_count, variant_count;
    sj_run_epoch *epochs;
    sj_run_state *states;
    int layer_count;                    // of the densities: layers of the network
    char (*layer_names)[64];
    float *x_density, *dy_density;      // [epoch][layer] means over the epoch's iterations; NAN: none
    sj_run_variant variants[SJ_VARIANTS_MAX];
    sj_provenance provenance;
    sj_run_facts facts;
} sj_whole_run;

void sj_whole_run_free(sj_whole_run *w);
const sj_run_variant *sj_whole_run_find(const sj_whole_run *w, sj_machine machine, sj_codec codec);  // NULL: it was not run
sj_status sj_whole_run_write_json(FILE *f, const sj_whole_run *w, sj_error *err);
sj_status sj_whole_run_write_provenance(FILE *f, const sj_whole_run *w, sj_error *err);
void sj_whole_run_write_epochs(FILE *f, const sj_whole_run *w);  // epochs.csv: a line an epoch and variant; a figure that does not exist is an empty field
// A run.json as it was written, to the last bit. SJ_ERR_FORMAT names file and key. Caller: sj_whole_run_free.
sj_status sj_whole_run_read(const char *path, sj_whole_run *out, sj_error *err);

// kWh of an energy; 1 kWh = 3.6e18 pJ.
double sj_kwh(double energy_pj);
// Was nothing trained: is it of a plan (train --plan), whose method is "synthetic+" and a method's name?
bool sj_whole_run_is_plan(const sj_whole_run *w);
// Has any epoch a test accuracy? None has where no metrics.csv stood beside the trace.
bool sj_whole_run_is_tested(const sj_whole_run *w);
// The first epoch after which the test accuracy is at least `target`; -1: never. Energy and time up to and with it are sums over epochs.
int sj_whole_run_reaches(const sj_whole_run *w, double target);

#ifdef __cplusplus
}
#endif
#endif
