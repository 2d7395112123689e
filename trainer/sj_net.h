// SPDX-License-Identifier: Apache-2.0
// Networks as data: models/*.cfg into the layer table that the trace format also uses.
//
//   name = "cnn8";  width = 16;            // width: channels of out_width = 1
//   input = [28, 28, 1];  classes = 10;    // height, width, channels: where no data set tells them
//   bn = { eps = 1e-5; momentum = 0.1; };
//   layers = (
//     { kind = "conv"; name = "conv1"; out_width = 1; kernel = 3; padding = 1; },
//     { kind = "add"; name = "add1"; from = ["bn2", "fork1"]; }, ...
//   );
// kind       keys (defaults)
// conv       one of out | out_width | out_classes; kernel or kernel_h + kernel_w; stride (1), padding (0), bias (false)
// linear     one of out | out_width | out_classes; bias (true)
// maxpool    kernel, stride (= kernel), padding (0)        avgpool    the same, or global = true, or adaptive = n | [h, w]: the output's size, of which the input must be a multiple
// dropout    p: the probability of being dropped, at least 0 and below 1
// bn, relu, flatten, fork, add (two inputs), softmax_ce (last)
// out_width: n for n times the width, [n, d] for n d-ths of it, rounded up.
// from: names of the inputs; absent: the layer before ("input" is the network's). A value that several layers read passes a fork first, so that the sum of its gradients is a layer.
#ifndef SJ_NET_H
#define SJ_NET_H

#include "sj_error.h"
#include "sj_trace.h"

typedef struct sj_net {
    sj_network network;
    int64_t width;      // 0 where no layer has out_width
    float *dropout_p;   // (layers), 0 where a layer is no dropout
    double bn_eps, bn_momentum;  // running = (1 - momentum) * running + momentum * batch
} sj_net;

// width 0: the model's own; another one is refused where no layer has out_width. All errors of the file are reported at once where they do not depend on each other.
sj_status sj_net_read(const char *path, sj_dims input, int64_t classes, int64_t width, sj_net *out, sj_error *err);
// The same with sets applied before ("PATH=VALUE"). input.h 0, classes 0: the file's own.
sj_status sj_net_read_set(const char *path, const char *const *sets, int set_count, sj_dims input, int64_t classes, int64_t width, sj_net *out, sj_error *err);
void sj_net_free(sj_net *net);

static inline int64_t sj_dims_count(sj_dims d) { return d.h * d.w * d.c; }

#endif
