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
    bool select;            // train: a `keep` for each conv and linear layer
    double channel_keep;    // its share of channels: max(int(channel_keep * K), 1) of them
    int64_t images;         // stored; at least 1
    int64_t batch_size;     // at least images: the stored images, repeated in turn
    uint64_t seed;
    sj_type type;           // of x, w and dy: SJ_TYPE_BF16, SJ_TYPE_F32 or SJ_TYPE_I8
    sj_mode mode;
    bool (*go_on)(void *context, int layer);  // called before each layer; false: interrupted. May be NULL
    void *context;
} sj_synth_options;

#define SJ_SYNTH_INT8_SCALE 0x1p-6F

// Writes the trace `path`, whole or not at all. SJ_ERR_UNSUPPORTED names a layer whose kind has no rule (opaque).
sj_status sj_synth_write(const char *path, const char *producer, const sj_network *net, const sj_synth_options *options, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
