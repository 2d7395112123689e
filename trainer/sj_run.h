// SPDX-License-Identifier: Apache-2.0
// The inside of a training run: what sj_train.c (its life), sj_train_plan.c (one that is only planned), run_start.c (what both begin with), run_epoch.c (epochs and batches) and run_state.c (checkpoints) share.
#ifndef SJ_RUN_H
#define SJ_RUN_H

#include <time.h>

#include "sj_asic_ratio.h"
#include "sj_export.h"
#include "sj_gradsamp.h"
#include "sj_metrics.h"
#include "sj_net.h"
#include "sj_pipeline.h"
#include "sj_train.h"

// Where a run stands. All of it is in a checkpoint, as it lies in memory: 64-bit words alone.
typedef struct sj_run_position {
    int64_t epoch, batch;        // the next ones
    int64_t updates;             // optimizer steps done
    int64_t state_updates;       // since the optimizer's state began, or was cleared
    int64_t real_epochs;         // trained, not skipped
    int64_t traced;              // steps in the trace
    int64_t finished;            // 1: everything is written
    sj_epoch_sums sums;          // of the epoch so far
    sj_epoch_metrics last;       // of the last epoch that is complete
} sj_run_position;

typedef struct sj_run {
    const sj_train_config *config;
    const sj_train_options *options;
    const sj_train_result *result;
    sj_dataset data;
    uint64_t data_hash;
    char model_hash[17];         // of the network's file
    sj_model *model;
    sj_trace_writer *trace;
    void *input;                 // the buffer that goes into the pipeline
    uint16_t *labels;
    int64_t *stored;             // images of a step that the trace stores
    float *densities;
    sj_batch_density density;
    sj_gradsamp_array *arrays;   // of all parameters
    int array_count;
    sj_gradsamp_state samples;
    int64_t per_epoch;           // iterations
    int64_t *spread, spread_count;  // trace.spread: the iterations that are traced; NULL: the configuration names them
    sj_run_position at;
    char *rows;                  // metrics.csv so far
    size_t row_bytes;
    bool replaces;               // an older run's files are to go before the first file of this one comes
    struct timespec last_checkpoint;
    char method_state[SJ_METHOD_STATE_MAX];
} sj_run;

#define SJ_RUN_PATH_MAX (SJ_TRAIN_PATH_MAX + 32)
#define SJ_RUN_PARTIAL "trace.partial.h5"
char *sj_run_path(const sj_run *r, const char *name, char buffer[SJ_RUN_PATH_MAX]);

// A run that holds nothing yet, and a result that says nothing; refuses a folder whose name is too long.
sj_status sj_run_start(sj_run *r, const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err);
// r->data, of which the configuration takes no more than there is.
sj_status sj_run_load_data(sj_run *r, sj_error *err);
// After the data: the network, held against the configuration; r->per_epoch and r->spread. The caller frees *net; a failure leaves nothing in it.
sj_status sj_run_read_net(sj_run *r, sj_net *net, sj_error *err);
sj_trace_meta sj_run_trace_meta(const sj_run *r, const sj_network *network);
// What a killed process may have left half written in the folder.
sj_status sj_run_remove_leftovers(const sj_run *r, sj_error *err);
void sj_run_free(sj_run *r);  // an open trace is abandoned

// From at.batch to the epoch's end, its test and its row. SJ_ERR_INTERRUPTED where progress says so, with r->at at the next batch.
sj_status sj_run_epoch(sj_run *r, sj_error *err);
// The test images' first batch, as the trace's last step.
sj_status sj_run_trace_inference(sj_run *r, sj_error *err);
// A forced run takes the place of an older one, whose files would pass for its own: they go now, before the first file of this one comes. Later calls do nothing.
void sj_run_replace(sj_run *r);
// metrics.csv with the rows so far.
sj_status sj_run_write_metrics(sj_run *r, sj_error *err);

// checkpoint.bin, and before it trace.partial.h5 where steps were traced since.
sj_status sj_run_save(sj_run *r, sj_error *err);
// The last checkpoint's state, into a run that was just made; *found is false where the folder has none. Opens r->trace.
sj_status sj_run_restore(sj_run *r, const sj_trace_meta *meta, bool *found, sj_error *err);
bool sj_run_checkpoint_is_due(const sj_run *r);

#endif
