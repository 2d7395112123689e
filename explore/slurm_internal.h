// SPDX-License-Identifier: Apache-2.0
// Pieces of the queue's commands. Not for use outside of explore/ and its tests.
#ifndef SJ_SLURM_INTERNAL_H
#define SJ_SLURM_INTERNAL_H

#include <stdio.h>

#include "sj_slurm.h"

// ---- slurm_child.c
typedef struct sj_child {
    int exit_code;  // -1: it was ended by a signal
    bool late;      // it was killed for taking too long
    char *output, *errors;
} sj_child;

// Runs argv[0] from the PATH in a process group of its own, nothing to read, to its end. SJ_ERR_UNSUPPORTED: it is not on the PATH. On failure *out is empty.
sj_status sj_child_run(const sj_slurm *s, const char *const *argv, sj_child *out, sj_error *err);
void sj_child_free(sj_child *c);

// ---- slurm_ask.c
typedef enum sj_slurm_verdict { SJ_SLURM_ANSWER, SJ_SLURM_REFUSAL, SJ_SLURM_NO_ANSWER } sj_slurm_verdict;
// Of a child that has ended: exit code 0 is an answer, a controller that was not reached is none.
sj_slurm_verdict sj_slurm_judge(const sj_child *c);
// Its errors in a line: without the command's name before each, no longer than `size`.
void sj_slurm_words(const sj_child *c, char *words, size_t size);

typedef struct sj_slurm_wait {
    const sj_slurm *slurm;
    double end, pause;
} sj_slurm_wait;
sj_slurm_wait sj_slurm_wait_begin(const sj_slurm *s);
// Sleeps before the next try. *over: there is no time for one.
sj_status sj_slurm_wait_next(sj_slurm_wait *w, bool *over, sj_error *err);

// Runs a command until `accept` says that it can use the child's answer; NULL: exit code 0 will do. A refusal is not asked again, unless `stubborn`.
typedef bool sj_slurm_accept(void *context, const sj_child *c);
sj_status sj_slurm_ask(const sj_slurm *s, const char *const *argv, bool stubborn, sj_slurm_accept *accept, void *context, sj_child *out, sj_error *err);

// ---- slurm_script.c
sj_status sj_slurm_write_script(const sj_slurm_job *job, sj_error *err);

#endif
