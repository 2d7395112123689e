// SPDX-License-Identifier: Apache-2.0
// What `sim` and `gemm` share: the options that choose a machine, the machine made from them, and the files of a run.
#ifndef SJ_MACHINE_H
#define SJ_MACHINE_H

#include <stdbool.h>

#include "sj_accel.h"
#include "sj_counters.h"
#include "sj_error.h"
#include "sj_price.h"
#include "sj_progress.h"
#include "sj_stats.h"
#include "sj_whole_run.h"

typedef enum sj_fidelity { SJ_FIDELITY_FAST, SJ_FIDELITY_SYSTEMC, SJ_FIDELITY_RTL, SJ_FIDELITY_COUNT } sj_fidelity;
extern const char *const sj_fidelity_names[SJ_FIDELITY_COUNT];

#define SJ_SETS_MAX 64

typedef struct sj_machine_options {
    const char *accel, *tech;  // NULL: not given
    sj_fidelity fidelity;
    bool machines[3], codecs[SJ_CODEC_COUNT];
    bool codecs_given;  // otherwise the accelerator's own codec joins the default ones
    const char *accel_sets[SJ_SETS_MAX], *tech_sets[SJ_SETS_MAX];  // tech_sets without "tech."
    int accel_set_count, tech_set_count;
} sj_machine_options;

// fast, all machines, codecs none and bitmask.
void sj_machine_defaults(sj_machine_options *o);

// getopt_long values of the options that sj_machine_option takes; a command's own start at SJ_OPT_OWN.
enum { SJ_OPT_ACCEL = 1000, SJ_OPT_TECH, SJ_OPT_FIDELITY, SJ_OPT_VARIANTS, SJ_OPT_CODECS, SJ_OPT_SET, SJ_OPT_OWN };
#define SJ_MACHINE_LONG_OPTIONS                                                                                                                     \
    {"accel", required_argument, NULL, SJ_OPT_ACCEL}, {"tech", required_argument, NULL, SJ_OPT_TECH}, {"fidelity", required_argument, NULL, SJ_OPT_FIDELITY}, \
        {"variants", required_argument, NULL, SJ_OPT_VARIANTS}, {"codecs", required_argument, NULL, SJ_OPT_CODECS}, {"set", required_argument, NULL, SJ_OPT_SET}
#define SJ_MACHINE_HELP \
    "  --accel A            accelerator: a file or a shipped name (edge16, edge256, mobile, gated168)\n"             \
    "  --tech T             technology: a file or a shipped name; default: the accelerator's tech_file\n"            \
    "  --fidelity F         fast (default), systemc or rtl: the same cycles, counters and energy\n"                  \
    "  --variants LIST      of dense,gate,skip (default: all)\n"                                                     \
    "  --codecs LIST        of none,bitmask,rle (default: none,bitmask and the accelerator's own)\n"               \
    "  --set PATH=VALUE     change a key of the accelerator file, or of the tech file as tech.PATH; repeatable\n"
sj_status sj_machine_option(sj_machine_options *o, int option, const char *value, sj_error *err);

// The machine, read and priced.
typedef struct sj_machine_setup {
    sj_accel accel;
    sj_tech *tech;
    char *accel_path, *tech_path;
    char *accel_text;  // resolved: --set and --tech applied
    int variant_count;
    sj_variant variants[SJ_VARIANTS_MAX];  // none, bitmask, rle; in each dense, gate, skip
    sj_prices prices[3];                   // by machine
} sj_machine_setup;

sj_status sj_machine_open(const sj_machine_options *o, const char *command, sj_machine_setup *out, sj_error *err);
void sj_machine_close(sj_machine_setup *s);  // also after a failed open

// A run's head, with `layers` empty layers a variant.
sj_status sj_machine_start_run(const sj_machine_setup *s, const sj_machine_options *o, int layers, sj_stats *run, sj_error *err);

// Refuses an output folder that cannot be used, before any work is done; makes nothing.
sj_status sj_run_check(const char *path, bool force, sj_error *err);
// config.cfg, tech.cfg, provenance.json, stats.json, layers.csv, stats.txt: written beside the folder, then moved in.
sj_status sj_run_write(const char *path, bool force, const sj_machine_setup *s, const sj_stats *runs, int count, sj_error *err);
// The same with run.json and epochs.csv in place of the last three.
sj_status sj_run_write_whole(const char *path, bool force, const sj_machine_setup *s, const sj_whole_run *w, sj_error *err);

// Lines on stderr when an array is Verilated on demand, none where quiet; they clear `bar` first (NULL: there is none). The bar must live until the next call.
void sj_cli_rtl_progress(bool quiet, sj_progress *bar);

// --explain-mapping (explain_mapping.c): a table on stdout for each product among the jobs of a layer in a phase, the choice and its runners-up.
sj_status sj_cli_explain_mapping(const sj_accel *accel, const char *layer, sj_phase phase, sj_job *const *jobs, int count, sj_error *err);

#endif
