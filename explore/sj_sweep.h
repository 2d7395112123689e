// SPDX-License-Identifier: Apache-2.0
// A sweep: a sweep file, traces and a folder in which results.sqlite grows. docs/sweep.md.
#ifndef SJ_SWEEP_H
#define SJ_SWEEP_H

#include "sj_builder.h"
#include "sj_evaluate.h"
#include "sj_sweep_config.h"
#include "sj_sweep_store.h"

typedef struct sj_sweep_progress {
    uint64_t done, total;  // points in the store; that the strategy wants at most
    uint64_t own;          // of this run
    double seconds;        // since it began
} sj_sweep_progress;

typedef struct sj_sweep_request {
    const char *config;            // path of the sweep file
    int override_count;
    const char *const *overrides;  // PATH=VALUE of the sweep file
    int trace_count;
    const char *const *traces;
    const char *dir;
    const char *version, *command; // of the program, for provenance
    sj_find_config find;
    bool (*stopped)(void);         // interrupted?
    void (*progress)(void *context, const sj_sweep_progress *p);  // several times a second, while it runs; NULL: nobody asks
    void *context;
} sj_sweep_request;

typedef struct sj_sweep sj_sweep;

// Reads everything, checks everything, writes nothing. The request must outlive the sweep.
sj_status sj_sweep_open(const sj_sweep_request *request, sj_sweep **out, sj_error *err);
void sj_sweep_close(sj_sweep *s);
const sj_sweep_config *sj_sweep_get_config(const sj_sweep *s);
const sj_sweep_about *sj_sweep_get_about(const sj_sweep *s);
sj_builder *sj_sweep_get_builder(sj_sweep *s);

// Of all that results depend on: the builder's part, traces, weights, the program's version. What a store keeps as its identity.
sj_status sj_sweep_identify(sj_builder *builder, const sj_sweep_trace *traces, int trace_count, const char *version, char identity[17], sj_error *err);

// A new store in the folder, with the resolved config.cfg beside it; SJ_ERR_EXISTS where one is there. force: what is there of an earlier sweep is removed first.
sj_status sj_sweep_begin(sj_sweep *s, bool force, sj_error *err);
// The store must be there and of the same sweep (sj_store_open).
sj_status sj_sweep_resume(sj_sweep *s, sj_error *err);

// All points that the strategy asks for and the store has not, by `workers` processes, each of which writes its results as they come. Other processes may work on the same folder. A worker that dies loses what it had at
// hand, which the others take over; one that fails ends the run with its error, and what is written stays. SJ_ERR_INTERRUPTED likewise.
sj_status sj_sweep_run(sj_sweep *s, int workers, sj_error *err);

// ---- parts of a sweep, for machines that share no store (Slurm)

// Tasks: points in the order in which they are worked on, slurm.points_per_task each (rounded up to whole chunks). grid, random and sobol alone: SJ_ERR_UNSUPPORTED.
sj_status sj_sweep_task_count(sj_sweep *s, int64_t *count, sj_error *err);
// Works on one task by itself, in a store in $TMPDIR (/tmp), which is then copied to dir/shards/<task>.sqlite in one piece: a shard is there whole, or not at all.
sj_status sj_sweep_run_task(sj_sweep *s, int64_t task, sj_error *err);

typedef struct sj_sweep_merged {
    int64_t shards;            // added to the store, and removed
    int64_t corrupt;           // renamed to <task>.corrupt: their tasks count as missing
    char why_corrupt[512];     // of the first
    int64_t missing_count;     // tasks with points that the store has not
    int64_t *missing;          // ascending; caller frees
} sj_sweep_merged;
// Adds every shard to the store, and says which tasks are left. One process at a time: SJ_ERR_EXISTS where another is at it.
sj_status sj_sweep_merge(sj_sweep *s, sj_sweep_merged *out, sj_error *err);

// ---- on a cluster: docs/scale.md. What a job runs is this program again, with the same sweep file, traces, folder and settings.
typedef struct sj_sweep_cluster {
    const char *program;               // its whole path
    const char *const *words;          // of the command behind the program, NULL behind the last: all of them but --task and --collect
    void (*log)(const char *line);     // what happens, a line at a time; NULL: nobody asks
} sj_sweep_cluster;

typedef struct sj_sweep_queued {
    int64_t missing;    // tasks with points that the store has not; 0: the sweep is complete
    int64_t submitted;  // of them; 0 where jobs of the sweep wait or run already, or were cancelled
} sj_sweep_queued;
// Before anything is written: whether the sweep can be cut into tasks, and a cluster answers.
sj_status sj_sweep_check_cluster(sj_sweep *s, sj_error *err);
// Merges what is there, submits the missing tasks as job arrays and behind them a job that collects. attempt: 0 for the first, by a user; where it is more than slurm.retries, SJ_ERR_IO names the tasks that were lost.
sj_status sj_sweep_submit(sj_sweep *s, const sj_sweep_cluster *c, int64_t attempt, sj_sweep_queued *out, sj_error *err);
// Until the sweep is complete: calls progress, submits again what was lost where no collecting job did. Interrupted, it cancels all of the sweep's jobs.
sj_status sj_sweep_watch(sj_sweep *s, const sj_sweep_cluster *c, sj_error *err);
// Cancels all jobs that the sweep has submitted; its watchers and collectors end.
sj_status sj_sweep_cancel(sj_sweep *s, int64_t *jobs, sj_error *err);

#endif
