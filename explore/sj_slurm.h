// SPDX-License-Identifier: Apache-2.0
// A cluster's queue, through Slurm's own commands (sbatch, squeue, scancel, scontrol; no accounting database is asked). Commands are run as child processes, from the PATH, without a shell.
//
// What is asked again, for at most `patience_seconds`: a controller that does not answer, an answer that cannot be read. A submission without a clear answer ("Socket timed out": the job may be there or not) is looked up in
// the queue before it is tried again, so that no array is submitted twice.
// Every function: SJ_ERR_UNSUPPORTED a command that is not on the PATH, SJ_ERR_CONFIG what Slurm refuses (its own words), SJ_ERR_IO no answer in time, SJ_ERR_INTERRUPTED.
//
// Tasks that end without having done their work are found by what they should have written once their array is gone from the queue: Slurm may have started such a task again by itself (`restarts`), or not.
#ifndef SJ_SLURM_H
#define SJ_SLURM_H

#include "sj_sweep_config.h"

typedef struct sj_slurm {
    double patience_seconds;             // 0: nothing is asked twice
    double pause_seconds;                // before it is asked again; doubles each time, to at most 30 s
    double command_seconds;              // a command that takes longer is killed: no answer
    bool (*interrupted)(void *context);  // true: waiting ends with SJ_ERR_INTERRUPTED. May be NULL
    void *context;
} sj_slurm;
#define SJ_SLURM_DEFAULTS {.patience_seconds = 1800.0, .pause_seconds = 1.0, .command_seconds = 180.0}

enum { SJ_SLURM_ID_MAX = 128 };
#define SJ_SLURM_TASK "{task}"  // a word of a command that stands for the number of the task

typedef struct sj_slurm_job {
    const char *name;                 // in the queue, with something added by which a submission is found again
    const char *folder;               // its working folder; seen by all nodes. SJ_ERR_UNSUPPORTED where its whole name holds % or a backslash, which Slurm reads as marks of its own in names of output files
    const char *script;               // file to write, whole or absent: what is submitted
    const char *output;               // Slurm's pattern of the tasks' output, from `folder` on ("log/%A_%a.txt"); its folder must be there
    const char *const *argv;          // command of every task, NULL behind the last word
    const int64_t *tasks;             // numbers, ascending. An array
    int64_t task_count;               // 0: one job that is no array; SJ_SLURM_TASK has no meaning then
    int64_t base;                     // of tasks: what stands for index 0 of the array (sj_slurm_chunk)
    int64_t restarts;                 // how often Slurm may start a task again of its own when a node fails or the task is preempted; 0: a task ends with its node
    const char *dependency;           // "afterany:12:13"; NULL: none
    const sj_slurm_config *config;    // partition, account, time, memory_mib, tasks_at_once (of this array), options
} sj_slurm_job;

// Writes the script and submits it. id: "123", or "123;cluster" where Slurm names one; the other functions take it as it is.
// Of a job that was refused no script is left. SJ_ERR_CONFIG: an option of the config that would change what is submitted, a partition that the cluster does not have, anything else that sbatch refuses.
sj_status sj_slurm_submit(const sj_slurm *s, const sj_slurm_job *job, char id[SJ_SLURM_ID_MAX], sj_error *err);

typedef struct sj_slurm_state {
    int64_t pending, running, completing;  // tasks; what Slurm's state is not known here counts as running
    int64_t held;           // of the pending: those that will not start before somebody acts
    char why_held[64];      // of one of them: "JobHeldUser", "DependencyNeverSatisfied", ...
    int64_t ended, failed;  // tasks that have ended, and those of them not COMPLETED; as long as the controller remembers (MinJobAge)
    char why_failed[64];    // of one of them: "NODE_FAIL", "TIMEOUT", "OUT_OF_MEMORY", ...
    bool gone;              // none pending, running or completing
} sj_slurm_state;

// A job that the controller does not know (any more) is gone.
sj_status sj_slurm_jobs(const sj_slurm *s, const char *const *ids, int count, sj_slurm_state *states, sj_error *err);
// Whole jobs. One that is gone is no error.
sj_status sj_slurm_cancel(const sj_slurm *s, const char *const *ids, int count, sj_error *err);

// How many tasks an array may have, and how far the numbers of its tasks may lie apart: the smaller one of the cluster's limits for both. At least 1; SJ_ERR_UNSUPPORTED where the cluster has no arrays.
sj_status sj_slurm_max_array(const sj_slurm *s, int64_t *max_array, sj_error *err);

// How many of the tasks (ascending), from the first on, one array takes, and its base. The same task has the same base whatever else is submitted with it.
int64_t sj_slurm_chunk(const int64_t *tasks, int64_t count, int64_t max_array, int64_t *base);
// "0-3,7,9-12%5"; at_once 0: no limit. Caller frees. SJ_ERR_INTERNAL: not ascending, or below the base.
sj_status sj_slurm_indexes(const int64_t *tasks, int64_t count, int64_t base, int64_t at_once, char **out, sj_error *err);

#endif
