// SPDX-License-Identifier: Apache-2.0
// How an activation or its gradient lies in memory: (images, ceil(C / block), H, W, block). block 1 is NCHW, block C is NHWC, 16 and 8 are oneDNN's blocked layouts for AVX-512
// and AVX2. Channels beyond C, in the last block, hold +0: every kernel keeps them so. Images are contiguous, so a run of images is a pointer and a count.
#ifndef SJ_LAYOUT_H
#define SJ_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_trace.h"

typedef struct sj_layout {
    sj_dims dims;    // of one image as it is stored: a flattened tensor keeps the dims it had before
    int64_t block;   // channels that lie side by side; above 0
    bool bf16;       // sj_bf16 values, else float
} sj_layout;

static inline int64_t sj_layout_blocks(const sj_layout *l) { return (l->dims.c + l->block - 1) / l->block; }
static inline int64_t sj_layout_pixels(const sj_layout *l) { return l->dims.h * l->dims.w; }
// Channels with the padding of the last block: the length of every per-channel vector that a kernel takes.
static inline int64_t sj_layout_channels(const sj_layout *l) { return sj_layout_blocks(l) * l->block; }
// Stored values and bytes of one image.
static inline int64_t sj_layout_values(const sj_layout *l) { return sj_layout_channels(l) * sj_layout_pixels(l); }
static inline int64_t sj_layout_bytes(const sj_layout *l) { return sj_layout_values(l) * (l->bf16 ? 2 : 4); }
static inline void *sj_layout_at(const sj_layout *l, const void *data, int64_t image) { return (char *)(uintptr_t)data + image * sj_layout_bytes(l); }

// `images` images to and from NHWC floats, h * w * c values each. From floats: rounded to bfloat16 (nearest even) where the layout is bf16; padding is written 0.
void sj_layout_to_nhwc(const sj_layout *l, int64_t images, const void *data, float *nhwc);
void sj_layout_from_nhwc(const sj_layout *l, int64_t images, const float *nhwc, void *data);

// Is bfloat16 arithmetic native (AVX512_BF16 or AMX)? The block that suits oneDNN's kernels: 16 with AVX-512, 8 with AVX2, else 0 (NHWC); 0 also for native bf16 with AMX.
bool sj_cpu_has_bf16(void);
int64_t sj_cpu_block(bool native_bf16);

#endif
