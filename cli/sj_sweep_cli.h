// SPDX-License-Identifier: Apache-2.0
// The parts of `skipjoule sweep`, and of `skipjoule report` on a sweep. Only cmd_sweep.c, sweep_*.c, cmd_report.c and report_sweep.c include this.
#ifndef SJ_SWEEP_CLI_H
#define SJ_SWEEP_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_analysis.h"
#include "sj_report.h"
#include "sj_progress.h"
#include "sj_sweep.h"

enum { SJ_SWEEP_LIMITS_MAX = 32 };

typedef enum sj_launcher { SJ_LAUNCHER_LOCAL, SJ_LAUNCHER_SLURM, SJ_LAUNCHER_COUNT } sj_launcher;

typedef struct sj_sweep_options {
    const char *config, *dir;
    const char *directory;  // where relative names count from, of a cluster's job; NULL: here
    int trace_count;
    char **traces;
    int set_count;
    const char *sets[64];
    int workers;          // 0: one a processor
    sj_launcher launcher;
    bool resume, force, json, quiet, help;
    int64_t top;
    bool detach, cancel;  // with slurm
    int64_t task, collect;  // what a cluster's job does; -1: none
} sj_sweep_options;

extern const char sj_sweep_help[];
sj_status sj_sweep_parse(int argc, char **argv, sj_sweep_options *o, sj_error *err);

// What of a sweep's results is shown.
typedef struct sj_sweep_view {
    sj_analysis_format format;
    bool parts[SJ_PART_COUNT];
    bool parts_given;
    int objective_count;
    int objectives[SJ_SWEEP_VALUE_COUNT];
    int limit_count;
    sj_expr *limits[SJ_SWEEP_LIMITS_MAX];  // owned
    int64_t top;
    int64_t point;        // -1: none
} sj_sweep_view;

sj_sweep_view sj_sweep_view_default(void);
void sj_sweep_view_free(sj_sweep_view *v);
sj_status sj_sweep_view_parts(sj_sweep_view *v, const char *list, sj_error *err);
sj_status sj_sweep_view_objectives(sj_sweep_view *v, const char *list, sj_error *err);
sj_status sj_sweep_view_limit(sj_sweep_view *v, const char *text, sj_error *err);

// DIR/results.sqlite, or a store itself: is it there?
bool sj_sweep_is_here(const char *path);
// The tables of a sweep's page, of the objectives and within the limits of the view. Caller: sj_report_free.
sj_status sj_sweep_report(const char *path, const sj_sweep_view *view, sj_report **out, sj_error *err);
// The report of a sweep on stdout.
sj_status sj_sweep_print(const char *path, const sj_sweep_view *view, sj_error *err);
// One point of the sweep in a folder, with the commands of `sim` that give the same.
sj_status sj_sweep_print_point(const char *path, int64_t id, sj_error *err);

#endif
