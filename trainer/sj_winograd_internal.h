// SPDX-License-Identifier: Apache-2.0
// What the files of sj_winograd share. Tiles of 6x6 inputs and 4x4 outputs are counted through the chunk's images and dealt to groups of `rows` tiles, the register block of the
// multiplication. A batch of groups is worked on at a time: transformed activations v (group, 36, C / 16, rows, 16); for 32 output channels and up to 128 input channels, transformed
// weights u (36, c, 32), which stay in the cache; products m (group, 36, rows, 32).
#ifndef SJ_WINOGRAD_INTERNAL_H
#define SJ_WINOGRAD_INTERNAL_H

#include "sj_winograd.h"

enum { LANES = 16, POINTS = 36, WIDE = 32 };

typedef struct sj_winograd_plan {
    int64_t tiles_h, tiles_w, tiles, rows, groups, batch;
} sj_winograd_plan;

// Distances in floats. A line more than needed between points: at a distance of a power of two the 36 would share a few lines of the cache.
static inline int64_t sj_winograd_point_stride(int64_t channels, int64_t rows) { return channels * rows + LANES; }
static inline int64_t sj_winograd_group_stride(int64_t channels, int64_t rows) { return POINTS * sj_winograd_point_stride(channels, rows); }
static inline int64_t sj_winograd_weights_stride(int64_t channels) { return channels * WIDE + LANES; }

typedef struct sj_winograd_activation {
    const void *data;  // (images, channels / 16, height, width, 16)
    bool bf16;
    int64_t channels, height, width, padding;
    bool gradient;     // dy in front of a weight gradient: 4x4 pixels a tile; else x: 6x6
} sj_winograd_activation;

// v of groups first .. first + count - 1. Rows beyond the last tile are 0.
void sj_winograd_transform_groups(const sj_winograd_plan *p, int64_t first, int64_t count, const sj_winograd_activation *x, float *v);
// u of input channels first .. first + count - 1 and of 16 or 32 output channels (columns: 1 or 2).
void sj_winograd_transform_weights(const sj_winograd *g, const float *w, bool rotated, int64_t out_block, int columns, int64_t first, int64_t count, float *u);
// m of the groups to pixels of y.
void sj_winograd_write_outputs(const sj_winograd *g, const sj_winograd_plan *p, int64_t first, int64_t count, const float *m, const float *bias, int64_t out_block, int columns, void *y);
// m (36 at a distance of `stride`, channels, 32), 16 output channels of it, to taps: dw (channels, 9, 16), written or added.
void sj_winograd_write_taps(const float *m, int64_t stride, int64_t channels, float *dw, bool add);

#endif
