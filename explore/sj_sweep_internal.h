// SPDX-License-Identifier: Apache-2.0
// Inside of a sweep only.
#ifndef SJ_SWEEP_INTERNAL_H
#define SJ_SWEEP_INTERNAL_H

#include "sj_sweep.h"
#include "sj_sweep_plan.h"

enum { SJ_SWEEP_PATH_MAX = 4096 };

struct sj_sweep {
    const sj_sweep_request *request;
    sj_sweep_config config;
    sj_builder *builder;
    double weights[SJ_SWEEP_TRACES_MAX];
    sj_sweep_about about;
    sj_sweep_trace *traces;
    char **trace_paths;            // whole
    char **trace_texts;            // descriptions, and the units' names, which the evaluator's would not outlive
    char identity[17];
    char *store_path;
    int lock;                      // on the folder, shared by all who work there; -1: none
};

// Evaluator of this process. `stopped` as sj_evaluator_options.
sj_status sj_sweep_open_evaluator(const sj_sweep *s, bool (*stopped)(void *context), void *context, sj_evaluator **out, sj_error *err);

// ---- sweep_provenance.c
sj_status sj_sweep_write_provenance(const sj_sweep *s, sj_error *err);

// ---- sweep_task.c
// A path within the sweep's folder.
sj_status sj_sweep_file(const sj_sweep *s, char path[SJ_SWEEP_PATH_MAX], sj_error *err, const char *format, ...) __attribute__((format(printf, 4, 5)));
// Every chunk of every task, in order.
sj_status sj_sweep_each_chunk(const sj_sweep *s, sj_status (*each)(void *context, int64_t task, const uint64_t *ids, int64_t count, sj_error *err), void *context, sj_error *err);

// ---- sweep_work.c: one process at work on one store
typedef struct sj_worker {
    sj_sweep *sweep;
    sj_store *store;
    sj_evaluator *evaluator;
    void (*wrote)(void *context, int64_t points);  // after each chunk that it has written; NULL: nobody asks
    void *context;
} sj_worker;
// The points among ids that the store has not: built, simulated, written in one transaction.
sj_status sj_work_on(sj_worker *w, const uint64_t *ids, int64_t count, sj_error *err);
// Until the strategy has no more points, those that others work on included.
sj_status sj_work(sj_worker *w, sj_error *err);

#endif
