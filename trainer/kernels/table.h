// SPDX-License-Identifier: Apache-2.0
// What a build of the kernels offers. [0]: float, [1]: bfloat16.
#ifndef SJ_KERNELS_TABLE_H
#define SJ_KERNELS_TABLE_H

#include "../sj_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define SJ_KERNELS_X86 1
#endif

enum { SJ_GROUP = 16, SJ_INS = SJ_TERMS_MAX + 2, SJ_PARAMS = 3 * SJ_TERMS_MAX };

typedef enum sj_sum_kind { SJ_SUM_NONE, SJ_SUM_CHANNELS, SJ_SUM_TOTAL } sj_sum_kind;
typedef enum sj_back_kind { SJ_BACK_DX, SJ_BACK_SUMS, SJ_BACK_OF_SUM, SJ_BACK_OF_TERM } sj_back_kind;
typedef enum sj_reduce_kind { SJ_REDUCE_MOMENTS, SJ_REDUCE_SUMS, SJ_REDUCE_ABS, SJ_REDUCE_PENALTY, SJ_REDUCE_PENALTY_TERM, SJ_REDUCE_NONZERO } sj_reduce_kind;

// A pass over tensors of one layout, value by value. The kernels set what it is about, the walk (walk.inc) sees to the layout.
typedef struct sj_sweep {
    const sj_layout *layout;
    int64_t images;
    const void *in[SJ_INS];            // NULL: not there
    void *out;
    const float *params[SJ_PARAMS];    // a channel; NULL: not there
    int in_count, param_count;
    sj_sum_kind sum_kind;
    double *sums[2];                   // a channel; NULL: not there
    double total;
    int64_t *counts;                   // NULL: none
    bool relu;
    int terms;                         // terms of a sum, or dy of a backward pass
    unsigned normalised;               // bit t: term t is batch-normalised
    const sj_sum_back *back;
    sj_back_kind wanted;
    const sj_penalty *penalty;
} sj_sweep;

typedef struct sj_kernels {
    const char *name;
    void (*forward[2])(sj_sweep *w);
    void (*backward[2])(sj_sweep *w);
    void (*reduce[2])(sj_sweep *w, sj_reduce_kind kind);
    void (*penalty_add[2])(sj_sweep *w);
    void (*max_forward[2])(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, void *y);
    void (*max_backward[2])(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, const void *y, const void *dy, void *dx);
    void (*avg_forward[2])(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, void *y);
    void (*avg_backward[2])(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *dy, void *dx);
    void (*dropout[2])(const sj_layout *l, int64_t images, const uint8_t *mask, float p, const void *x, void *y);
    void (*gather[2])(const sj_layout *in, const sj_layout *out, int64_t images, const int32_t *channels, const void *v, void *gathered);
    void (*mask[2])(const sj_layout *l, int64_t images, const uint8_t *kept, const void *v, void *out);
} sj_kernels;

extern const sj_kernels sj_kernels_portable;
#ifdef SJ_KERNELS_X86
extern const sj_kernels sj_kernels_avx2, sj_kernels_avx512;
#endif

#endif
