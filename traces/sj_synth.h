// SPDX-License-Identifier: Apache-2.0
// Synthetic traces: random operands of chosen density for every layer of a network, as one step of a trace. FORMAT.md, "Synthetic traces", says what every tensor is.
#ifndef SJ_SYNTH_H
#define SJ_SYNTH_H

#include "sj_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_synth_options {
    double x, w, dy;        // shares of nonzeros, 0 to 1: behind a ReLU; of weights; of the gradients of conv, linear and matmul layers
    bool dy_follows;        // in place of dy: those gradients, too, are dense but for the zeros that ReLUs and max pools behind them make, and where an output bears a penalty wherever it is not 0
    bool select;            // train: a `keep` for each conv and linear layer
    double channel_keep;    // its share of channels: max(int(channel_keep * K), 1) of them
    const float *layer_keep;           // [layer] in place of channel_keep, kept / K of each, rounded to the nearest K-th; NAN: a layer without `keep`. NULL: channel_keep for all
    const sj_penalty_kind *penalties;  // [1 + layer] train: which penalty an output bears, the network's input first. NULL: none
    sj_optimizer optimizer;
    int64_t images;         // stored; at least 1
    int64_t batch_size;     // at least images: the stored images, repeated in turn
    uint64_t seed;
    sj_type type;           // of x, w and dy: SJ_TYPE_BF16, SJ_TYPE_F32 or SJ_TYPE_I8
    sj_mode mode;
    bool (*go_on)(void *context, int layer);  // called before each layer; false: interrupted. May be NULL
    void *context;
} sj_synth_options;

#define SJ_SYNTH_INT8_SCALE 0x1p-6F

// What a step of a network is, as far as can be told before it is trained: of values symmetric about zero a ReLU passes half; gradients follow the network.
// images: as many as wanted, at least SJ_SYNTH_UNTRAINED_IMAGES, at most the batch.
#define SJ_SYNTH_UNTRAINED_X 0.5
#define SJ_SYNTH_UNTRAINED_IMAGES 4
sj_synth_options sj_synth_untrained(int64_t batch_size, int64_t images, sj_optimizer optimizer);

// Which steps stand for a run (synth_kinds.c): a dense one, and, of the iterations that keep less than all channels (ssProp), one that keeps most and one that keeps least. Those between count in proportion to what they
// keep: energy goes about linearly with it, but for a step down where selection begins (docs/estimate.md has the error).
typedef enum sj_synth_kind { SJ_SYNTH_DENSE, SJ_SYNTH_MOST, SJ_SYNTH_LEAST, SJ_SYNTH_KINDS } sj_synth_kind;
typedef struct sj_synth_kinds {
    int64_t row[SJ_SYNTH_KINDS];   // of the ledger, the first of its kind; -1: none. Least and most are one row where all sparse iterations keep as much
    double kept[SJ_SYNTH_KINDS];   // sj_synth_mean_kept of it
} sj_synth_kinds;
double sj_synth_mean_kept(const float *kept, int layers);  // mean over the layers that have a share (not NAN); 1 where none has
sj_synth_kinds sj_synth_kinds_none(void);
void sj_synth_kinds_add(sj_synth_kinds *k, int64_t row, double kept);  // of every iteration that sees data
bool sj_synth_kinds_has(const sj_synth_kinds *k, int kind);             // there is a step of that kind, and it is no other's
void sj_synth_kinds_share(const sj_synth_kinds *k, double kept, double share[SJ_SYNTH_KINDS]);  // how an iteration is made up of them: sums to 1

// The method of a plan's trace: this, and the method of the training that is planned (FORMAT.md, "Plans"). Such a trace holds nothing that was trained.
#define SJ_SYNTH_PLAN "synthetic+"
bool sj_synth_is_plan(const char *method);  // not of "synthetic" alone

// Writes one more step, which is what `step` says, to a trace whose images and batch size are those of the options. A failure leaves the writer to be abandoned.
sj_status sj_synth_write_step(sj_trace_writer *writer, const sj_network *net, const sj_synth_options *options, const sj_step_info *step, sj_error *err);

// Writes the trace `path` of one step, whole or not at all. SJ_ERR_UNSUPPORTED names a layer whose kind has no rule (opaque).
sj_status sj_synth_write(const char *path, const char *producer, const sj_network *net, const sj_synth_options *options, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
