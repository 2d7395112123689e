// SPDX-License-Identifier: Apache-2.0
// The sweep file (configs/sweep/*.cfg). Keys, defaults in parentheses; no default: required.
//
//   name           of the sweep
//   accel          base accelerator: a file or a shipped name; unless an axis sets "accel"
//   tech           (the accelerator's tech_file)
//   set            (none) list of "PATH=VALUE", applied to every point before its axes, as --set
//   machine        ("skip") dense | gate | skip; unless an axis sets it. The codec is the accelerator's dram.codec
//   step           ("last-train" where there is one, else "last-eval") as --step of sim
//   batch          (the trace's batch_size for a training step; required for an inference) images; unless an axis sets it
//   layers         (all) list of layers; phase (all): as --layer and --phase of sim
//   fuse           (true) quantise (false): as --no-fuse and --quantise of sim
//   weights        (1 each) one number > 0 a trace, in the order of the command line
//   axes           sj_space.h
//   constraints    (none) list of expressions (sj_expr.h) over any key of the resolved accelerator file, area_mm2, machine, batch and accel
//   objectives     (["energy_pj", "cycles"]) of sj_sweep_value.h
//   strategy       (grid) sj_strategy.h
//   store          { layers = true; }: keep cycles, energy and DRAM bytes by layer and phase of every point
//   slurm          (none) { partition; account; time = "01:00:00"; memory_mib; points_per_task = 500; tasks_at_once = 0 (no limit); retries = 3; options (none): list of further sbatch options }
//
// What could be without effect is refused: accel, machine, batch or tech beside an axis of it (tech: of "tech_file"), and a path in `set` that an axis or another of `set` has.
#ifndef SJ_SWEEP_CONFIG_H
#define SJ_SWEEP_CONFIG_H

#include "sj_expr.h"
#include "sj_space.h"
#include "sj_strategy.h"

enum { SJ_SWEEP_SETS_MAX = 64, SJ_SWEEP_CONSTRAINTS_MAX = 32, SJ_SWEEP_TRACES_MAX = 1024, SJ_SWEEP_LAYERS_MAX = 256, SJ_SLURM_OPTIONS_MAX = 32 };

typedef struct sj_slurm_config {
    bool given;                       // the group stands in the file
    char *partition, *account, *time; // NULL: the cluster's default
    int64_t memory_mib;               // 0: the cluster's default
    int64_t points_per_task, tasks_at_once, retries;
    int option_count;
    char *options[SJ_SLURM_OPTIONS_MAX];
} sj_slurm_config;

typedef struct sj_sweep_config {
    char *path;                       // of the file
    char *text;                       // overrides applied
    char name[64];
    char *accel, *tech, *machine, *step;  // NULL: not given; machine: NULL where an axis sets it
    int set_count;
    char *sets[SJ_SWEEP_SETS_MAX];
    int64_t batch;                    // 0: not given
    int layer_count;
    char *layers[SJ_SWEEP_LAYERS_MAX];
    char *phase;                      // NULL: all
    bool fuse, quantise, keep_layers;
    int weight_count;                 // 0: not given
    double weights[SJ_SWEEP_TRACES_MAX];
    sj_space space;
    int constraint_count;
    sj_expr *constraints[SJ_SWEEP_CONSTRAINTS_MAX];
    int objective_count;
    int objectives[SJ_SWEEP_VALUE_COUNT];
    sj_strategy_options strategy;     // objectives filled in
    sj_slurm_config slurm;
} sj_sweep_config;

// overrides: PATH=VALUE of the sweep file itself. All errors of the file at once, with file and line. On failure *out is empty.
sj_status sj_sweep_config_open(const char *path, const char *const *overrides, int override_count, sj_sweep_config *out, sj_error *err);
void sj_sweep_config_close(sj_sweep_config *c);

#endif
