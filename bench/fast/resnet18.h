// SPDX-License-Identifier: Apache-2.0
// The conv and linear layers of a full-width ResNet18 on 32x32x3 images, with made-up operands: activations half zero behind a ReLU, zeros of neighbouring pixels together;
// gradients dense and half zero in turn; weights dense.
#ifndef SJ_BENCH_RESNET18_H
#define SJ_BENCH_RESNET18_H

#include "lower_internal.h"

#define RESNET18_LAYERS 21

typedef struct bench_layer {
    sj_layer_info info;
    sj_tensor x, w, dy;
    bool dense_gradient;
} bench_layer;

void bench_resnet18_make(bench_layer layers[RESNET18_LAYERS], int64_t images);
void bench_resnet18_free(bench_layer layers[RESNET18_LAYERS]);

#endif
