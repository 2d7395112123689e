// SPDX-License-Identifier: Apache-2.0
// The parts of `skipjoule sim`. Only cmd_sim.c and sim_*.c include this.
#ifndef SJ_SIM_H
#define SJ_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_fast_shared.h"
#include "sj_lower.h"
#include "sj_machine.h"
#include "sj_map_memo.h"
#include "sj_selection.h"
#include "sj_trace.h"
#include "sj_whole_run.h"

#define SJ_SIM_LAYERS_MAX 256

// "conv1" or "conv1:grad_input": a layer in one phase or in all of them.
typedef struct sj_sim_part {
    char layer[64];  // empty: the whole step
    int phase;       // -1: all
} sj_sim_part;

typedef struct sj_sim_options {
    sj_machine_options machine;
    const char *trace, *step, *run_dir, *layers[SJ_SIM_LAYERS_MAX];
    int layer_count, phase;  // phase: -1 for all
    int64_t batch;           // 0: the default
    bool all_steps, no_fuse, quantise, explain_mapping, json, force, quiet, verbose, help;
    const char *timeline, *timeline_variant;  // NULL: none; the default
    sj_sim_part timeline_part;
    const char *wave, *wave_variant, *wave_detail;  // wave_detail: an option that goes with --wave
    sj_sim_part wave_part;
    int64_t wave_job;                 // from 1, among the products of wave_part
    uint64_t wave_first, wave_last;   // cycles of the job, both included
    bool whole_run;
    const char *anchors, *whole_detail;     // anchors: a number of steps, or their numbers; NULL: all. whole_detail: an option that goes with --whole-run
    double gco2_per_kwh, target_accuracy;   // NAN: not given
} sj_sim_options;

extern const char sj_sim_help[];
// A usage error for wrong options and for options that exclude each other.
sj_status sj_sim_parse(int argc, char **argv, sj_sim_options *o, sj_error *err);

// ---- what of the trace is run (sim_choose.c)
bool sj_sim_is_chosen(const sj_sim_options *o, const sj_unit *unit);
bool sj_sim_part_has(const sj_sim_part *part, const sj_unit *unit);
// text "skip/none" among the variants that are simulated; NULL: skip with the accelerator's own codec.
sj_status sj_sim_choose_variant(const char *option, const char *text, const sj_machine_setup *setup, sj_variant *variant, sj_error *err);
// SJ_ERR_RANGE when nothing of what is simulated is in the part.
sj_status sj_sim_check_part(const char *option, const sj_sim_options *o, const sj_sim_part *part, const sj_lowering *lowering, sj_error *err);
// Every --layer, and the layers of other options, must be a layer of the network.
sj_status sj_sim_check_layers(const sj_sim_options *o, const sj_trace *trace, sj_error *err);
// The part of the network that was run, empty for all of it. Reports compare runs of equal selection alone. Names of layers that do not fit
// are left out, with their number and a hash of all in their place. `size`: 256 at least.
void sj_sim_describe_selection(const sj_sim_options *o, char *text, size_t size);
// SJ_ERR_RANGE, with what there is, when the step has nothing that was chosen.
sj_status sj_sim_count_chosen(const sj_sim_options *o, const sj_lowering *lowering, int *count, sj_error *err);

// ---- --timeline (sim_timeline.c)
typedef struct sj_sim_timeline sj_sim_timeline;
// NULL where no timeline is asked for. The step and batch to be run are the only ones.
sj_status sj_sim_timeline_open(const sj_sim_options *o, const sj_machine_setup *setup, const sj_lowering *lowering, sj_sim_timeline **out, sj_error *err);
bool sj_sim_timeline_has(const sj_sim_timeline *t, const sj_unit *unit, sj_variant variant);  // false for NULL
void sj_sim_timeline_begin_layer(sj_sim_timeline *t, const sj_unit *unit);
void sj_sim_timeline_end_layer(sj_sim_timeline *t);
// Runs the job by the fast model, whose times are those of every fidelity.
sj_status sj_sim_timeline_job(sj_sim_timeline *t, const sj_job *job, int number, int count, sj_outcome *out, sj_error *err);
// Puts the file in place, or, after a failed run, leaves none; frees t. `status` is that of the run. A line about the file goes to stderr unless quiet.
sj_status sj_sim_timeline_close(sj_sim_timeline *t, sj_status status, sj_error *err);

// ---- --wave (sim_wave.c)
typedef struct sj_sim_wave {
    bool wanted, taken;
    const sj_accel *accel;
    sj_variant variant;
    uint64_t last;    // of the cycles that are recorded: the job may end before wave_last
    int64_t met;      // products of wave_part so far
    char what[160];   // the job that is recorded
} sj_sim_wave;
sj_status sj_sim_wave_start(const sj_sim_options *o, const sj_machine_setup *setup, const sj_lowering *lowering, sj_sim_wave *w, sj_error *err);
// Before each job that is run: asks for the wave where it is the chosen one.
sj_status sj_sim_wave_job(const sj_sim_options *o, sj_sim_wave *w, const sj_unit *unit, sj_variant variant, const sj_job *job, int number, sj_error *err);
// After the run, whose status is given: SJ_ERR_RANGE where the chosen job was never met. A line about the file goes to stderr unless quiet.
sj_status sj_sim_wave_end(const sj_sim_options *o, sj_sim_wave *w, sj_status status, sj_error *err);

// ---- a step on all variants (sim_step.c)
typedef struct sj_sim_session {
    const sj_sim_options *o;
    const sj_machine_setup *setup;
    sj_trace *trace;
    sj_sim_timeline *timeline;  // of the step at hand; NULL: none
    sj_sim_wave wave;
    char input_hash[17];        // of the trace, once it is known
    // Of many steps: what they share at fidelity fast, and no progress of each. Results are the same.
    bool whole_run;
    sj_map_memo *memo;
    sj_fast_shared *shared;
} sj_sim_session;
// skipped: as if GradSamp had skipped this training step. `run` is the caller's to free, also after an error.
sj_status sj_sim_run_step(sj_sim_session *s, int step_index, int64_t batch, bool skipped, sj_stats *run, sj_error *err);
void sj_sim_print_head(const sj_stats *run);  // what stands above the table of a run, or above its explained mappings

// ---- --whole-run (sim_whole_run.c): simulates the trace's training steps, writes and prints the run
sj_status sj_sim_whole_run(sj_sim_session *s, sj_error *err);
// The run's energy by variant, were each of its iterations a synthetic step (sim_synthetic.c). [variant]; NAN where there are no synthetic tensors for the network (an opaque layer, too many ReLUs behind each other), or
// no iteration sees data.
// The step is written to a folder in $TMPDIR (/tmp), which is removed again.
sj_status sj_sim_synthetic_run(const sj_sim_session *s, const sj_ledger *ledger, double *energy_pj, sj_error *err);
// Tables on stdout (sim_whole_print.c).
sj_status sj_sim_print_whole_run(const sj_sim_options *o, const sj_machine_setup *setup, const sj_whole_run *w, sj_error *err);

#endif
