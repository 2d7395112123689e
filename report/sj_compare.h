// SPDX-License-Identifier: Apache-2.0
// Comparing runs, the first being the baseline: like with like, never a sum of training steps and inferences.
#ifndef SJ_COMPARE_H
#define SJ_COMPARE_H

#include "sj_saving.h"
#include "sj_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

// One RUN: a folder with stats.json (or such a file).
typedef struct sj_compared {
    char *path;
    sj_stats *runs;
    int count;
    // From the metrics.csv beside the trace that the run names: the last epoch's test accuracy, macro F1 and asic_ratio (EAT's metric, where the training counted it). NAN where there is none.
    double accuracy, macro_f1, asic_ratio;
    int64_t epochs;
} sj_compared;

sj_status sj_compared_open(const char *path, sj_compared *out, sj_error *err);
void sj_compared_close(sj_compared *c);

// Which of b's results stands beside a's i-th: of those that are alike the one of the same step of the training; of those without such a one in the other RUN, the one of the same rank. NULL: there is none.
typedef bool (*sj_alike)(const sj_stats *a, const sj_stats *b);
const sj_stats *sj_compared_partner(const sj_compared *a, int i, const sj_compared *b, sj_alike alike);

// A line of the comparison. Savings are shares of the other's energy, run to completion; NAN where there is no such other.
typedef struct sj_comparison {
    const sj_compared *source;
    const sj_stats *run;
    const sj_stats_variant *variant;
    sj_saving vs_gate;      // same run, same codec
    sj_saving vs_baseline;  // first run, same machine and codec; without an interval where other_tech
    bool other_tech;        // it is compared with a first run of another tech file, whose sources of error are not the same ones
} sj_comparison;

// What stands behind the state of one step's method: "; of a schedule that alternates, ..." where ssProp chose channels, whose schedules change from epoch to epoch; else "".
const char *sj_step_of_schedule(const char *method_state);

typedef struct sj_comparison_list {
    sj_comparison *rows;  // grouped by the baseline's results; in a group by RUN, then variant
    int count, *group;    // group: index of the baseline's result
} sj_comparison_list;

// SJ_ERR_RANGE names the runs when a RUN has no result of a baseline's mode, batch, network, data set and selection.
sj_status sj_compare(const sj_compared *runs, int count, sj_comparison_list *out, sj_error *err);
void sj_comparison_free(sj_comparison_list *l);

typedef enum sj_report_format { SJ_REPORT_TEXT, SJ_REPORT_JSON, SJ_REPORT_CSV, SJ_REPORT_MD, SJ_REPORT_FORMAT_COUNT } sj_report_format;
extern const char *const sj_report_format_names[SJ_REPORT_FORMAT_COUNT];
sj_status sj_comparison_write(FILE *f, const sj_comparison_list *l, sj_report_format format, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
