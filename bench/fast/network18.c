// SPDX-License-Identifier: Apache-2.0
#include "network18.h"

#include <stdio.h>
#include <stdlib.h>

#define LAYERS_MAX 96

static int add(sj_network *net, sj_kind kind, int from, sj_dims out) {
    const int number = net->layer_count++;
    sj_layer_info *l = &net->layers[number];
    *l = (sj_layer_info){.kind = kind, .input_count = 1, .inputs = {from}, .out = out, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = number > 0};
    l->in = from < 0 ? (sj_dims){32, 32, 3} : net->layers[from].out;
    snprintf(l->name, sizeof l->name, "%s%d", sj_kind_name(kind), number);
    return number;
}

static int same(sj_network *net, sj_kind kind, int from) { return add(net, kind, from, net->layers[from].out); }

static int conv(sj_network *net, int from, int64_t channels, int64_t kernel, int64_t stride) {
    const sj_dims in = from < 0 ? (sj_dims){32, 32, 3} : net->layers[from].out;
    const int number = add(net, SJ_KIND_CONV, from, (sj_dims){in.h / stride, in.w / stride, channels});
    sj_layer_info *l = &net->layers[number];
    l->kernel_h = l->kernel_w = kernel;
    l->stride = stride;
    l->padding = kernel / 2;
    return number;
}

static int basic_block(sj_network *net, int from, int64_t channels, int64_t stride) {
    const int fork = same(net, SJ_KIND_FORK, from);
    const int first = same(net, SJ_KIND_RELU, same(net, SJ_KIND_BN, conv(net, fork, channels, 3, stride)));
    const int second = same(net, SJ_KIND_BN, conv(net, first, channels, 3, 1));
    const int shortcut = stride > 1 ? same(net, SJ_KIND_BN, conv(net, fork, channels, 1, stride)) : fork;
    const int sum = same(net, SJ_KIND_ADD, second);
    net->layers[sum].input_count = 2;
    net->layers[sum].inputs[1] = shortcut;
    return same(net, SJ_KIND_RELU, sum);
}

void bench_network18_make(sj_network *net) {
    *net = (sj_network){.name = "resnet18", .layers = calloc(LAYERS_MAX, sizeof *net->layers)};
    if (net->layers == NULL) {
        fprintf(stderr, "bench_trace: out of memory\n");
        exit(1);
    }
    int at = same(net, SJ_KIND_RELU, same(net, SJ_KIND_BN, conv(net, -1, 64, 3, 1)));
    for (int64_t stage = 0; stage < 4; stage++) {
        at = basic_block(net, at, INT64_C(64) << stage, stage > 0 ? 2 : 1);
        at = basic_block(net, at, INT64_C(64) << stage, 1);
    }
    at = add(net, SJ_KIND_AVGPOOL, at, (sj_dims){1, 1, 512});
    net->layers[at].kernel_h = net->layers[at].kernel_w = net->layers[at].stride = 4;
    at = add(net, SJ_KIND_LINEAR, at, (sj_dims){1, 1, 10});
    net->layers[at].has_bias = true;
    (void)same(net, SJ_KIND_SOFTMAX_CE, at);
}
