// SPDX-License-Identifier: Apache-2.0
// The choice of a build, and what has no need of one.
#include "sj_kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/table.h"

static const sj_kernels *kernels_at(int i) {
#ifdef SJ_KERNELS_X86
    static const sj_kernels *const all[] = {&sj_kernels_portable, &sj_kernels_avx2, &sj_kernels_avx512};
    const bool avx2 = __builtin_cpu_supports("avx2");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return i < 1 + avx2 + avx512 ? all[i] : NULL;
#else
    return i == 0 ? &sj_kernels_portable : NULL;
#endif
}

// The last that the processor has, or the one that SJ_KERNELS names.
static const sj_kernels *choose(void) {
    const char *name = getenv("SJ_KERNELS");
    const sj_kernels *best = NULL;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        best = kernels_at(i);
        if (name != NULL && strcmp(name, best->name) == 0) {
            break;
        }
    }
    return best;
}

static const sj_kernels *kernels(void) {
    static _Atomic(const sj_kernels *) chosen;
    const sj_kernels *k = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (k == NULL) {
        k = choose();
        atomic_store_explicit(&chosen, k, memory_order_relaxed);
    }
    return k;
}

const char *sj_kernels_name(void) { return kernels()->name; }

static void add_params(sj_sweep *w, const sj_term *t) {
    const float *const all[] = {t->mean, t->scale, t->shift};
    memcpy(w->params + w->param_count, all, sizeof all);
    w->param_count += 3;
}

void sj_sum_forward(const sj_layout *l, int64_t images, const sj_term *terms, int term_count, bool relu, void *y, int64_t *counts) {
    sj_sweep w = {.layout = l, .images = images, .out = y, .counts = counts, .relu = relu, .terms = term_count, .in_count = term_count};
    for (int t = 0; t < term_count; t++) {
        w.in[t] = terms[t].x;
        w.normalised |= (terms[t].mean != NULL ? 1U : 0U) << t;
        add_params(&w, &terms[t]);
    }
    w.param_count = w.normalised == 0 ? 0 : w.param_count;
    kernels()->forward[l->bf16](&w);
}

static sj_sweep back_sweep(const sj_layout *l, int64_t images, const sj_sum_back *b, const float *a_mean, const float *b_mean, sj_back_kind wanted) {
    sj_sweep w = {.wanted = wanted, .layout = l, .images = images, .relu = b->relu, .terms = b->dy_count, .in_count = 2 + b->dy_count, .back = b};
    w.in[0] = b->relu || b->on_y.kind != SJ_PENALTY_NONE ? b->y : NULL;
    memcpy(w.in + 2, b->dy, (size_t)b->dy_count * sizeof b->dy[0]);
    if (b->term.mean != NULL) {
        w.in[1] = b->term.x;
        w.normalised = 1;
        add_params(&w, &b->term);
        w.params[w.param_count++] = b->inverse_std;
        w.params[w.param_count++] = a_mean;
        w.params[w.param_count++] = b_mean;
    }
    return w;
}

static void zero(const sj_layout *l, double *sums) { memset(sums, 0, (size_t)sj_layout_channels(l) * sizeof *sums); }

void sj_sum_backward_sums(const sj_layout *l, int64_t images, const sj_sum_back *b, double *g_sums, double *gx_sums) {
    sj_sweep w = back_sweep(l, images, b, NULL, NULL, SJ_BACK_SUMS);
    w.sum_kind = SJ_SUM_CHANNELS;
    w.sums[0] = g_sums;
    w.sums[1] = gx_sums;
    zero(l, g_sums);
    zero(l, gx_sums);
    kernels()->backward[l->bf16](&w);
    for (int64_t c = 0; c < sj_layout_channels(l); c++) {
        gx_sums[c] *= (double)b->inverse_std[c];
    }
}

void sj_sum_backward(const sj_layout *l, int64_t images, const sj_sum_back *b, const float *a_mean, const float *b_mean, void *dx, int64_t *counts) {
    sj_sweep w = back_sweep(l, images, b, a_mean, b_mean, SJ_BACK_DX);
    w.out = dx;
    w.counts = counts;
    kernels()->backward[l->bf16](&w);
}

void sj_sum_gradient(const sj_layout *l, int64_t images, const sj_sum_back *b, bool of_term, void *out) {
    sj_sweep w = back_sweep(l, images, b, NULL, NULL, of_term ? SJ_BACK_OF_TERM : SJ_BACK_OF_SUM);
    w.out = out;
    kernels()->backward[l->bf16](&w);
}

static void channel_reduce(const sj_layout *l, int64_t images, const void *v, double *sums, double *squares, sj_reduce_kind kind) {
    sj_sweep w = {.layout = l, .images = images, .in = {v}, .in_count = 1, .sum_kind = SJ_SUM_CHANNELS, .sums = {sums, squares}};
    zero(l, sums);
    if (squares != NULL) {
        zero(l, squares);
    }
    kernels()->reduce[l->bf16](&w, kind);
}

void sj_channel_moments(const sj_layout *l, int64_t images, const void *x, double *sums, double *squares) { channel_reduce(l, images, x, sums, squares, SJ_REDUCE_MOMENTS); }

void sj_channel_sums(const sj_layout *l, int64_t images, const void *v, double *sums) { channel_reduce(l, images, v, sums, NULL, SJ_REDUCE_SUMS); }

void sj_channel_abs_sums(const sj_layout *l, int64_t images, const void *v, double *sums) { channel_reduce(l, images, v, sums, NULL, SJ_REDUCE_ABS); }

double sj_penalty_sum(const sj_layout *l, int64_t images, const sj_penalty *p, const void *x) {
    if (p->kind == SJ_PENALTY_NONE) {
        return 0.0;
    }
    sj_sweep w = {.layout = l, .images = images, .in = {x}, .in_count = 1, .sum_kind = SJ_SUM_TOTAL, .penalty = p};
    kernels()->reduce[l->bf16](&w, SJ_REDUCE_PENALTY);
    return w.total;
}

double sj_penalty_sum_term(const sj_layout *l, int64_t images, const sj_penalty *p, const sj_term *term) {
    if (p->kind == SJ_PENALTY_NONE || term->mean == NULL) {
        return sj_penalty_sum(l, images, p, term->x);
    }
    sj_sweep w = {.layout = l, .images = images, .in = {term->x}, .in_count = 1, .sum_kind = SJ_SUM_TOTAL, .penalty = p};
    add_params(&w, term);
    kernels()->reduce[l->bf16](&w, SJ_REDUCE_PENALTY_TERM);
    return w.total;
}

void sj_penalty_add(const sj_layout *l, int64_t images, const sj_penalty *p, const void *x, void *dx) {
    if (p->kind != SJ_PENALTY_NONE) {
        sj_sweep w = {.layout = l, .images = images, .in = {x, dx}, .in_count = 2, .out = dx, .penalty = p};
        kernels()->penalty_add[l->bf16](&w);
    }
}

void sj_pool_max_forward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, void *y) {
    kernels()->max_forward[in->bf16](info, in, out, images, x, y);
}

void sj_pool_max_backward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, const void *y, const void *dy, void *dx) {
    kernels()->max_backward[in->bf16](info, in, out, images, x, y, dy, dx);
}

void sj_pool_avg_forward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, void *y) {
    kernels()->avg_forward[in->bf16](info, in, out, images, x, y);
}

void sj_pool_avg_backward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *dy, void *dx) {
    kernels()->avg_backward[in->bf16](info, in, out, images, dy, dx);
}

void sj_dropout_apply(const sj_layout *l, int64_t images, const uint8_t *mask, float p, const void *x, void *y) { kernels()->dropout[l->bf16](l, images, mask, p, x, y); }

void sj_gather_channels(const sj_layout *in, const sj_layout *out, int64_t images, const int32_t *channels, const void *v, void *gathered) {
    kernels()->gather[in->bf16](in, out, images, channels, v, gathered);
}

void sj_mask_channels(const sj_layout *l, int64_t images, const uint8_t *kept, const void *v, void *out) { kernels()->mask[l->bf16](l, images, kept, v, out); }

void sj_add_tensors(const sj_layout *l, int64_t images, const void *const *tensors, int count, void *dx) {
    sj_term terms[SJ_TERMS_MAX] = {{.x = tensors[0]}};
    int done = 1;
    do {  // more than SJ_TERMS_MAX: on top of what there is
        int n = 1;
        while (n < SJ_TERMS_MAX && done < count) {
            terms[n++].x = tensors[done++];
        }
        sj_sum_forward(l, images, terms, n, false, dx, NULL);
        terms[0].x = dx;
    } while (done < count);
}

int64_t sj_count_stored(const sj_layout *l, int64_t images, const void *v) {
    int64_t count = 0;
    sj_sweep w = {.layout = l, .images = images, .in = {v}, .in_count = 1, .counts = &count};
    kernels()->reduce[l->bf16](&w, SJ_REDUCE_NONZERO);
    return count;
}

int64_t sj_count_floats(int64_t count, const float *v) {
    const sj_layout l = {.dims = {1, 1, count}, .block = 1};
    return sj_count_stored(&l, 1, v);
}
