// SPDX-License-Identifier: Apache-2.0
// The parts of `skipjoule sim`. Only cmd_sim.c and sim_*.c include this.
#ifndef SJ_SIM_H
#define SJ_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_lower.h"
#include "sj_machine.h"
#include "sj_trace.h"

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
} sj_sim_options;

extern const char sj_sim_help[];
// A usage error for wrong options and for options that exclude each other.
sj_status sj_sim_parse(int argc, char **argv, sj_sim_options *o, sj_error *err);

// ---- what of the trace is run (sim_choose.c)
sj_status sj_sim_one_step(const sj_trace *trace, const char *text, int *index, sj_error *err);
bool sj_sim_is_chosen(const sj_sim_options *o, const sj_unit *unit);
bool sj_sim_part_has(const sj_sim_part *part, const sj_unit *unit);
// Every --layer, and the layers of other options, must be a layer of the network.
sj_status sj_sim_check_layers(const sj_sim_options *o, const sj_trace *trace, sj_error *err);
// The part of the network that was run, empty for all of it. Reports compare runs of equal selection alone.
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

// ---- --explain-mapping (sim_mapping.c)
sj_status sj_sim_explain(const sj_accel *accel, const sj_unit *unit, sj_job *const *jobs, int count, sj_error *err);

#endif
