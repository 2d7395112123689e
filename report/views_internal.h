// SPDX-License-Identifier: Apache-2.0
// What the view_*.c files share; nobody else includes this.
#ifndef SJ_VIEWS_INTERNAL_H
#define SJ_VIEWS_INTERNAL_H

#include "sj_accel.h"
#include "sj_views.h"

// The machine as the RUN's folder describes it.
typedef struct sj_view_machine {
    bool priced;               // config.cfg and tech.cfg were read, and give the energies that the results have; else the next two are not theirs
    sj_accel accel;
    sj_prices prices[3];       // by machine
    char why[512];             // where it is not priced: why
} sj_view_machine;

// A result of a RUN with steps that the tables by layer show.
typedef struct sj_view_result {
    const sj_view_run *run;
    const sj_view_machine *machine;  // NULL: not known
    const sj_stats *stats;
    int alike;                 // results of the RUN of its kind, of which it is the last with data
} sj_view_result;

typedef struct sj_views {
    sj_report *report;
    const sj_view_run *runs;
    int run_count;
    const sj_view_options *options;
    sj_view_machine *machines;  // [run] of RUNs with steps
    sj_view_result *results;
    int result_count;
    int whole_count;
} sj_views;

#define SJ_WHOLE_MODE "whole run"

// ---- view_result.c
sj_status sj_views_open(sj_views *v, sj_error *err);  // fills machines and results from the runs
void sj_views_close(sj_views *v);
bool sj_view_is_skipped(const sj_stats *run);  // a GradSamp epoch without data
// The folder of a RUN with a file's name behind it; the RUN may be named by a file. Caller frees.
char *sj_view_file(const char *path, const char *name);
// Spread of some counts on a machine; false where it is not priced.
bool sj_view_spread(const sj_view_machine *m, sj_machine machine, const sj_counters *counts, sj_spread *out);

// ---- view_cells.c
void sj_view_columns(sj_report_table *t, const sj_column *columns, int count);
#define SJ_VIEW_COLUMNS(t, columns) sj_view_columns((t), (columns), (int)(sizeof(columns) / sizeof((columns)[0])))
void sj_view_text_or_none(sj_report_table *t, const char *text);
void sj_view_variant(sj_report_table *t, sj_variant variant);
void sj_view_saving(sj_report_table *t, const sj_saving *s);                               // share, low, high
void sj_view_head(sj_report_table *t, const char *label, const char *mode);  // run, mode
void sj_view_batch(sj_report_table *t, int64_t batch);
void sj_view_interval(sj_report_table *t, const sj_stats *run, const sj_energy energy[SJ_BOUND_COUNT]);  // typical, low, high; the ends are none where the file names no sources
void sj_view_dram_bytes(sj_report_table *t, const sj_stat *s);  // read and written
// Notes of each RUN that is a part of a training or of a step (sim --layer, --phase), lest its energy be read as the whole one's.
void sj_view_note_parts(sj_report_table *t, const sj_views *v, bool steps, bool wholes);
// Notes of what the methods were doing in the steps shown, where that is more than their names: a saving may be a sparse step's alone.
void sj_view_note_states(sj_report_table *t, const sj_views *v);
// The columns that most tables begin with; all texts come first, since folded tables repeat these.
#define SJ_VIEW_HEAD                                                    \
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false}, \
        {"mode", "mode", SJ_QUANTITY_TEXT, NULL, "train: a training step; eval: an inference; whole run: a whole training", false}
#define SJ_VIEW_BATCH {"batch", "batch", SJ_QUANTITY_INTEGER, NULL, "images processed together", false}
#define SJ_VIEW_VARIANT {"variant", "variant", SJ_QUANTITY_TEXT, NULL, "machine/codec", false}
#define SJ_VIEW_SAVING(key, title, meaning)                                                                                                                \
    {key, title, SJ_QUANTITY_SHARE, NULL, meaning, false}, {key "_low", title ", low", SJ_QUANTITY_SHARE, NULL, "low end of the saving's own interval", false}, \
        {key "_high", title ", high", SJ_QUANTITY_SHARE, NULL, "high end of the saving's own interval", false}
#define SJ_VIEW_ENERGY_ENDS                                                                                                                                      \
    {"energy_low_pj", "energy, low", SJ_QUANTITY_ENERGY_PJ, NULL, "low end of the energy's interval, by the tech file's sources of error", false}, \
        {"energy_high_pj", "energy, high", SJ_QUANTITY_ENERGY_PJ, NULL, "high end of the energy's interval", false}

// ---- tables, in the order of sj_view_keys; each adds none where the runs give it nothing
sj_status sj_view_summary(const sj_views *v, sj_error *err);
sj_status sj_view_machines(const sj_views *v, sj_error *err);
sj_status sj_view_comparison(const sj_views *v, sj_error *err);
sj_status sj_view_saving_sources(const sj_views *v, sj_error *err);
sj_status sj_view_savings(const sj_views *v, sj_error *err);
sj_status sj_view_layers(const sj_views *v, sj_error *err);
sj_status sj_view_components(const sj_views *v, sj_error *err);
sj_status sj_view_joules(const sj_views *v, sj_error *err);
sj_status sj_view_density(const sj_views *v, sj_error *err);
sj_status sj_view_roofline(const sj_views *v, sj_error *err);
sj_status sj_view_accuracy_energy(const sj_views *v, sj_error *err);
sj_status sj_view_steps(const sj_views *v, sj_error *err);
sj_status sj_view_whole(const sj_views *v, sj_error *err);
sj_status sj_view_epochs(const sj_views *v, sj_error *err);
sj_status sj_view_states(const sj_views *v, sj_error *err);
sj_status sj_view_target(const sj_views *v, sj_error *err);
sj_status sj_view_config(const sj_views *v, sj_error *err);
sj_status sj_view_provenance(const sj_views *v, sj_error *err);

// ---- of a whole run
double sj_view_whole_seconds(const sj_whole_run *w, double cycles);
double sj_view_whole_accuracy(const sj_whole_run *w);  // of the last epoch that was tested; NAN: none was
double sj_view_whole_macro_f1(const sj_whole_run *w);

#endif
