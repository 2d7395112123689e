// SPDX-License-Identifier: Apache-2.0
// What is submitted: the script, the indexes of an array.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_shell.h"
#include "slurm_internal.h"

#define INDEXES_BYTES_MAX 100000  // of one word of a command; Linux allows 131071
#define RUN_BYTES_MAX 44          // "FIRST-LAST," of two numbers of 64 bits

static void write_command(FILE *f, const sj_slurm_job *job) {
    fputs("exec", f);
    for (int i = 0; job->argv[i] != NULL; i++) {
        fputc(' ', f);
        if (job->task_count > 0 && strcmp(job->argv[i], SJ_SLURM_TASK) == 0) {
            fputs("\"$task\"", f);
        } else {
            sj_shell_quote(f, job->argv[i]);
        }
    }
    fputc('\n', f);
}

sj_status sj_slurm_write_script(const sj_slurm_job *job, sj_error *err) {
    sj_atomic_file file;
    SJ_TRY(sj_atomic_open(&file, job->script, err));
    FILE *f = file.stream;
    fputs("#!/bin/sh\n# Written by skipjoule; submitted by it, too.\n", f);
    if (job->task_count > 0) {
        fprintf(f, "task=$((%" PRId64 " + SLURM_ARRAY_TASK_ID))\n", job->base);
    }
    if (job->restarts > 0) {
        fprintf(f, "if [ \"${SLURM_RESTART_COUNT:-0}\" -gt %" PRId64 " ]; then\n", job->restarts);
        fprintf(f, "  echo \"%sgiven up: Slurm has started it again $SLURM_RESTART_COUNT times; allowed: %" PRId64 "\" >&2\n  exit 75\nfi\n", job->task_count > 0 ? "task $task: " : "", job->restarts);
    }
    write_command(f, job);
    return sj_atomic_commit(&file, err);
}

// The last of the consecutive numbers that begin with tasks[i].
static int64_t run_end(const int64_t *tasks, int64_t count, int64_t i) {
    while (i + 1 < count && tasks[i + 1] - 1 == tasks[i]) {
        i++;
    }
    return i;
}

sj_status sj_slurm_indexes(const int64_t *tasks, int64_t count, int64_t base, int64_t at_once, char **out, sj_error *err) {
    *out = NULL;
    for (int64_t i = 0; i < count; i++) {
        const int64_t least = i == 0 ? base : tasks[i - 1] + 1;
        if (base < 0 || tasks[i] < least) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "tasks of an array: number %" PRId64 " at place %" PRId64 "; they ascend from %" PRId64 " on", tasks[i], i, base);
        }
    }
    size_t bytes = 0;
    FILE *f = open_memstream(out, &bytes);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "tasks of an array: no memory for their list");
    }
    for (int64_t i = 0, last; i < count; i = last + 1) {
        last = run_end(tasks, count, i);
        fprintf(f, "%s%" PRId64, i > 0 ? "," : "", tasks[i] - base);
        if (last > i) {
            fprintf(f, "-%" PRId64, tasks[last] - base);
        }
    }
    if (at_once > 0) {
        fprintf(f, "%%%" PRId64, at_once);
    }
    const bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(*out);
        *out = NULL;
        return SJ_FAIL(err, SJ_ERR_MEMORY, "tasks of an array: no memory for their list");
    }
    return SJ_OK;
}

int64_t sj_slurm_chunk(const int64_t *tasks, int64_t count, int64_t max_array, int64_t *base) {
    *base = count > 0 ? tasks[0] - tasks[0] % max_array : 0;
    int64_t taken = 0;
    for (int64_t bytes = 0, last; taken < count && tasks[taken] - *base < max_array && bytes + RUN_BYTES_MAX < INDEXES_BYTES_MAX; taken = last + 1) {
        last = run_end(tasks, count, taken);
        while (tasks[last] - *base >= max_array) {  // a run that goes on past the array
            last--;
        }
        bytes += snprintf(NULL, 0, "%" PRId64 ",", tasks[taken] - *base) + (last > taken ? snprintf(NULL, 0, "-%" PRId64, tasks[last] - *base) : 0);
    }
    return taken;
}
