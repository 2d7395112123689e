// SPDX-License-Identifier: Apache-2.0
// What the files of `report` share.
#ifndef SJ_REPORT_CLI_H
#define SJ_REPORT_CLI_H

#include "sj_compare.h"
#include "sj_report.h"
#include "sj_sweep_cli.h"

// An option that was not given is NULL, -1 or NAN.
typedef struct sj_report_options {
    sj_report_format format;
    bool format_given;
    const char *page;          // -o FILE.html
    bool force;
    const char *part;          // a list, of a sweep's parts or of a report's tables: read where it is known what the paths are
    long long top;
    sj_sweep_view view;        // of sweeps, but `part` and `top`
    const char *of_sweeps;     // an option that goes with a sweep alone; NULL: none was given
    // of runs
    const char *sort;
    long long width;
    double gco2_per_kwh, target_accuracy;
    bool diff;
    double threshold;
    bool threshold_given;
    const char *of_runs;       // an option that goes with runs alone; NULL: none was given
    bool help;
} sj_report_options;

extern const char sj_report_help[];
// Paths are argv[optind...] then. To be freed with sj_sweep_view_free(&o->view), after a failure, too.
sj_status sj_report_parse(int argc, char **argv, sj_report_options *o, sj_error *err);

// Simulated runs and whole runs (report_runs.c).
sj_status sj_report_runs(const sj_report_options *o, char **paths, int count, sj_error *err);

// The page of a report, whole or not at all (report_page.c). The check comes before any work: SJ_ERR_USAGE where the name does not end in .html, SJ_ERR_EXISTS where the file is there.
sj_status sj_report_check_page(const sj_report_options *o, sj_error *err);
sj_status sj_report_write_page(const sj_report_options *o, const sj_report *r, sj_error *err);

#endif
