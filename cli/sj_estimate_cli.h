// SPDX-License-Identifier: Apache-2.0
// The parts of `skipjoule estimate`. Only cmd_estimate.c and estimate_*.c include this.
#ifndef SJ_ESTIMATE_CLI_H
#define SJ_ESTIMATE_CLI_H

#include "sj_compare.h"
#include "sj_estimate_pairs.h"
#include "sj_estimate_trial.h"
#include "sj_report.h"

enum { SJ_ESTIMATE_PARTS_MAX = 16 };

typedef enum sj_estimate_task { SJ_TASK_STEP, SJ_TASK_TRAIN, SJ_TASK_PREDICT, SJ_TASK_BASELINES, SJ_TASK_COMPARE, SJ_TASK_PAIRS, SJ_TASK_COUNT } sj_estimate_task;

typedef struct sj_estimate_options {
    sj_estimate_task task;
    sj_report_format format;
    sj_estimate_choice choice;
    sj_step_options step;
    int folds;
    uint64_t seed;
    sj_pre_target target;
    double within;
    int points;                 // pre train of a sweep: points of the fit
    const char *model;          // pre: the file that is written (-o), or read
    bool force, variant_given, points_given, target_given, help;
    char *parts;                // of --part, cut at its commas; owned
    const char *part_names[SJ_ESTIMATE_PARTS_MAX];
    int part_count;
    char **runs;
    int run_count;
} sj_estimate_options;

extern const char sj_estimate_help[];
// argv[0] is "estimate". Caller: free o->parts, also after a failure.
sj_status sj_estimate_parse(int argc, char **argv, sj_estimate_options *o, sj_error *err);

// Opens each RUN, a folder with run.json or such a file; for `pre` also one sweep, by itself: *sweep. Caller: sj_estimate_data_free.
sj_status sj_estimate_open(const sj_estimate_options *o, sj_estimate_data *data, bool *sweep, sj_error *err);

// Each fills the report with its tables.
sj_status sj_estimate_show_step(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err);
sj_status sj_estimate_show_baselines(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err);
sj_status sj_estimate_show_compare(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err);
sj_status sj_estimate_show_pairs(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err);
sj_status sj_estimate_show_train(const sj_estimate_options *o, const sj_estimate_data *d, bool sweep, sj_report *r, sj_error *err);  // writes the model, too
sj_status sj_estimate_show_predict(const sj_estimate_options *o, const sj_pre_model *model, const sj_estimate_data *d, bool sweep, sj_report *r, sj_error *err);

// What tables have in common.
void sj_estimate_columns(sj_report_table *t, const sj_column *columns, int count);
void sj_estimate_run_columns(sj_report_table *t);                              // run, network, method, dataset, accel
void sj_estimate_run_cells(sj_report_table *t, const sj_estimate_run *run);
void sj_estimate_error_table(sj_report *r, const char *key, const char *title, const sj_estimator *which, const sj_errors *errors, int count, sj_report_table **out);

#endif
