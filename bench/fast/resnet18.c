// SPDX-License-Identifier: Apache-2.0
#include "resnet18.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_random.h"

#define COARSE 5  // nodes of a level field, a side

static void *allocate(int64_t count, size_t size) {
    void *memory = calloc((size_t)count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench_fast: out of memory\n");
        exit(1);
    }
    return memory;
}

static float level_at(const float *field, int64_t y, int64_t x, int64_t h, int64_t w) {
    const float fy = (float)y * (COARSE - 1) / (float)h, fx = (float)x * (COARSE - 1) / (float)w;
    const int iy = (int)fy, ix = (int)fx;
    const float ry = fy - (float)iy, rx = fx - (float)ix;
    const float *f = field + iy * COARSE + ix;
    return (1 - ry) * ((1 - rx) * f[0] + rx * f[1]) + ry * ((1 - rx) * f[COARSE] + rx * f[COARSE + 1]);
}

// Smooth levels over the image and a level a channel decide with a coin; half of all values are nonzero on average.
static void fill_image(sj_bf16 *to, const sj_tensor *t, const float *channel, sj_random *rng) {
    float field[COARSE * COARSE];
    for (int i = 0; i < COARSE * COARSE; i++) {
        field[i] = (float)sj_random_unit(rng);
    }
    for (int64_t p = 0; p < t->dims[1] * t->dims[2]; p++) {
        const float level = level_at(field, p / t->dims[2], p % t->dims[2], t->dims[1], t->dims[2]);
        for (int64_t c = 0; c < t->dims[3]; c++) {
            const uint64_t bits = sj_random_u64(rng);
            const float coin = (float)(bits >> 40) * 0x1p-24f;
            to[p * t->dims[3] + c] = (sj_bf16)(level + channel[c] + coin > 1.5f ? 0x3f80 | (bits & 0x7f) : 0);
        }
    }
}

static sj_tensor make_tensor(int64_t n, int64_t h, int64_t w, int64_t c, bool dense, uint64_t seed) {
    sj_tensor t = {.type = SJ_TYPE_BF16, .rank = 4, .dims = {n, h, w, c}, .scale = 1};
    const int64_t image = h * w * c;
    sj_bf16 *values = allocate(n * image, sizeof *values);
    float *channel = allocate(c, sizeof *channel);
    sj_random rng = sj_random_seed(seed);
    for (int64_t i = 0; i < c; i++) {
        channel[i] = (float)sj_random_unit(&rng);
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t v = 0; dense && v < image; v++) {
            values[i * image + v] = (sj_bf16)(0x3f00 | (sj_random_u64(&rng) & 0xff));
        }
        if (!dense) {
            fill_image(values + i * image, &t, channel, &rng);
        }
    }
    free(channel);
    t.data = values;
    return t;
}

static void add_layer(bench_layer *layers, int *count, int64_t images, sj_kind kind, int64_t size, int64_t in_c, int64_t out_c, int64_t kernel, int64_t stride) {
    const int number = (*count)++;
    bench_layer *l = &layers[number];
    l->info = (sj_layer_info){.kind = kind, .input_count = 1, .inputs = {number - 1}, .in = {size, size, in_c}, .out = {size / stride, size / stride, out_c}, .kernel_h = kernel,
                              .kernel_w = kernel, .stride = stride, .padding = kernel / 2, .groups = 1, .needs_dx = number > 0};
    snprintf(l->info.name, sizeof l->info.name, "layer%d", number);
    l->dense_gradient = number % 2 == 0;
    l->x = make_tensor(images, size, size, in_c, number == 0, (uint64_t)number * 3);
    l->w = make_tensor(out_c, kernel, kernel, in_c, true, (uint64_t)number * 3 + 1);
    l->dy = make_tensor(images, size / stride, size / stride, out_c, l->dense_gradient, (uint64_t)number * 3 + 2);
}

void bench_resnet18_make(bench_layer layers[RESNET18_LAYERS], int64_t images) {
    int count = 0;
    int64_t channels = 64, size = 32;
    memset(layers, 0, RESNET18_LAYERS * sizeof *layers);
    add_layer(layers, &count, images, SJ_KIND_CONV, size, 3, 64, 3, 1);
    for (int stage = 0; stage < 4; stage++) {
        for (int block = 0; block < 2; block++) {
            const int64_t stride = stage > 0 && block == 0 ? 2 : 1, wider = channels * stride;
            add_layer(layers, &count, images, SJ_KIND_CONV, size, channels, wider, 3, stride);
            add_layer(layers, &count, images, SJ_KIND_CONV, size / stride, wider, wider, 3, 1);
            if (stride > 1) {
                add_layer(layers, &count, images, SJ_KIND_CONV, size, channels, wider, 1, stride);
            }
            channels = wider;
            size /= stride;
        }
    }
    add_layer(layers, &count, images, SJ_KIND_LINEAR, 1, channels, 10, 1, 1);
}

void bench_resnet18_free(bench_layer layers[RESNET18_LAYERS]) {
    for (int i = 0; i < RESNET18_LAYERS; i++) {
        free(layers[i].x.data);
        free(layers[i].w.data);
        free(layers[i].dy.data);
    }
}
