// SPDX-License-Identifier: Apache-2.0
// GB/s of the trainer's kernels beside memcpy, one thread, on a chunk as a convolution leaves it (in the cache next to the core) and on one that must come from memory.
//   bench_kernels [channels side images]     default: 64 channels of 32 x 32, chunks of 1 and 64 images. SJ_KERNELS=portable|avx2|avx512 forces a build
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sj_bf16.h"
#include "sj_kernels.h"
#include "sj_random.h"

typedef struct bench {
    sj_layout l;
    int64_t images;
    void *x, *s, *dy, *dy2, *y, *out;
    float *mean, *scale, *shift, *inverse_std, *a, *b;
    double *sums, *squares;
    int64_t counts[SJ_TERMS_MAX + 2];
    sj_term terms[2];
    sj_sum_back back, back_two, back_plain, back_eat;
    sj_layout half;       // of a pool's output
    sj_layer_info pool;
    uint8_t *kept;
    int32_t *list;
    sj_layout gathered;
} bench;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *tensor(const bench *k, sj_random *r) {
    const int64_t bytes = k->images * sj_layout_bytes(&k->l), count = k->images * sj_layout_values(&k->l);
    void *data = aligned_alloc(64, (size_t)((bytes + 63) / 64 * 64));
    if (data == NULL) {
        exit(1);
    }
    for (int64_t i = 0; i < count; i++) {
        const float v = (float)(sj_random_unit(r) - 0.5);
        if (k->l.bf16) {
            ((sj_bf16 *)data)[i] = sj_bf16_from_f32(v);
        } else {
            ((float *)data)[i] = v;
        }
    }
    return data;
}

static float *vector(const bench *k, float value) {
    float *v = aligned_alloc(64, (size_t)(sj_layout_channels(&k->l) * 4 + 63) / 64 * 64);
    if (v == NULL) {
        exit(1);
    }
    for (int64_t c = 0; c < sj_layout_channels(&k->l); c++) {
        v[c] = value;
    }
    return v;
}

static void run_copy(bench *k) { memcpy(k->out, k->x, (size_t)(k->images * sj_layout_bytes(&k->l))); }
static void run_forward(bench *k) { sj_sum_forward(&k->l, k->images, k->terms, 1, true, k->out, NULL); }
static void run_forward_counted(bench *k) { sj_sum_forward(&k->l, k->images, k->terms, 1, true, k->out, k->counts); }
static void run_forward_add(bench *k) { sj_sum_forward(&k->l, k->images, k->terms, 2, true, k->out, NULL); }
static void run_forward_add_counted(bench *k) { sj_sum_forward(&k->l, k->images, k->terms, 2, true, k->out, k->counts); }
static void run_moments(bench *k) { sj_channel_moments(&k->l, k->images, k->x, k->sums, k->squares); }
static void run_abs(bench *k) { sj_channel_abs_sums(&k->l, k->images, k->x, k->sums); }
static void run_back_sums(bench *k) { sj_sum_backward_sums(&k->l, k->images, &k->back, k->sums, k->squares); }
static void run_back_sums_two(bench *k) { sj_sum_backward_sums(&k->l, k->images, &k->back_two, k->sums, k->squares); }
static void run_back_sums_eat(bench *k) { sj_sum_backward_sums(&k->l, k->images, &k->back_eat, k->sums, k->squares); }
static void run_back(bench *k) { sj_sum_backward(&k->l, k->images, &k->back, k->a, k->b, k->out, NULL); }
static void run_back_counted(bench *k) { sj_sum_backward(&k->l, k->images, &k->back, k->a, k->b, k->out, k->counts); }
static void run_back_two(bench *k) { sj_sum_backward(&k->l, k->images, &k->back_two, k->a, k->b, k->out, NULL); }
static void run_back_plain(bench *k) { sj_sum_backward(&k->l, k->images, &k->back_plain, NULL, NULL, k->out, NULL); }
static void run_back_eat(bench *k) { sj_sum_backward(&k->l, k->images, &k->back_eat, k->a, k->b, k->out, NULL); }
static void run_count(bench *k) { k->counts[0] += sj_count_stored(&k->l, k->images, k->x); }
static void run_penalty(bench *k) { k->sums[0] += sj_penalty_sum(&k->l, k->images, &k->back_eat.on_x, k->x); }
static void run_max(bench *k) { sj_pool_max_forward(&k->pool, &k->l, &k->half, k->images, k->x, k->y); }
static void run_max_back(bench *k) { sj_pool_max_backward(&k->pool, &k->l, &k->half, k->images, k->x, k->y, k->dy, k->out); }
static void run_gather(bench *k) { sj_gather_channels(&k->l, &k->gathered, k->images, k->list, k->x, k->out); }
static void run_mask(bench *k) { sj_mask_channels(&k->l, k->images, k->kept, k->x, k->out); }

// What is read and written, in tensors.
static const struct {
    const char *name;
    void (*run)(bench *k);
    double tensors;
} runs[] = {
    {"memcpy", run_copy, 2},
    {"moments", run_moments, 1},
    {"bn + relu", run_forward, 2},
    {"bn + relu, counted", run_forward_counted, 2},
    {"bn + add + relu", run_forward_add, 3},
    {"bn + add + relu, counted", run_forward_add_counted, 3},
    {"backward sums", run_back_sums, 3},
    {"backward sums, 2 dy", run_back_sums_two, 4},
    {"backward sums, EAT on 3", run_back_sums_eat, 3},
    {"backward dx", run_back, 4},
    {"backward dx, counted", run_back_counted, 4},
    {"backward dx, 2 dy", run_back_two, 5},
    {"backward relu alone", run_back_plain, 3},
    {"backward dx, EAT on 3", run_back_eat, 4},
    {"sums of magnitudes", run_abs, 1},
    {"count", run_count, 1},
    {"EAT's sum", run_penalty, 1},
    {"max pool 2", run_max, 1.25},
    {"max pool 2 backward", run_max_back, 2.5},
    {"gather 1 in 5", run_gather, 0.4},
    {"mask 1 in 5", run_mask, 2},
};
enum { RUNS = sizeof runs / sizeof runs[0] };

static void fill(bench *k, sj_random *r) {
    void **const all[] = {&k->x, &k->s, &k->dy, &k->dy2, &k->y, &k->out};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        *all[i] = tensor(k, r);
    }
    float **const vectors[] = {&k->mean, &k->scale, &k->shift, &k->inverse_std, &k->a, &k->b};
    for (int i = 0; i < 6; i++) {
        *vectors[i] = vector(k, 0.1F * (float)i);
    }
    const size_t channels = (size_t)sj_layout_channels(&k->l);
    k->sums = calloc(channels, sizeof *k->sums);
    k->squares = calloc(channels, sizeof *k->squares);
    k->kept = calloc(channels, 1);
    k->list = calloc(channels, sizeof *k->list);
    if (k->sums == NULL || k->squares == NULL || k->kept == NULL || k->list == NULL) {
        exit(1);
    }
    k->gathered = k->half = k->l;
    k->gathered.dims.c = 0;
    for (int64_t c = 0; c < k->l.dims.c; c += 5) {
        k->kept[c] = 1;
        k->list[k->gathered.dims.c++] = (int32_t)c;
    }
    k->gathered.block = k->l.block == k->l.dims.c ? k->gathered.dims.c : k->l.block;
    k->half.dims.h /= 2;
    k->half.dims.w /= 2;
    k->pool = (sj_layer_info){.kernel_h = 2, .kernel_w = 2, .stride = 2};
    k->terms[0] = (sj_term){k->x, k->mean, k->scale, k->shift};
    k->terms[1] = (sj_term){.x = k->s};
    k->back = (sj_sum_back){.dy = {k->dy, k->dy2}, .dy_count = 1, .y = k->y, .relu = true, .term = k->terms[0], .inverse_std = k->inverse_std};
    k->back_two = k->back_plain = k->back_eat = k->back;
    k->back_two.dy_count = 2;
    k->back_plain.term = k->terms[1];
    k->back_eat.on_x = k->back_eat.on_v = k->back_eat.on_y = (sj_penalty){SJ_PENALTY_EAT, 1e-4F, 1e-6F};
}

// The best of many rounds, kernel after kernel in each, so that a busy host is shared by all.
static void measure(bench *k, double *best) {
    const double bytes = (double)(k->images * sj_layout_bytes(&k->l));
    for (int i = 0; i < RUNS; i++) {
        best[i] = 1e9;
    }
    for (int round = 0; round < 7; round++) {
        for (int i = 0; i < RUNS; i++) {
            const int repeat = (int)(3e7 / bytes / runs[i].tensors) + 1;
            const double start = now();
            for (int j = 0; j < repeat; j++) {
                runs[i].run(k);
            }
            const double seconds = (now() - start) / repeat;
            best[i] = seconds < best[i] ? seconds : best[i];
        }
    }
    for (int i = 0; i < RUNS; i++) {
        best[i] = bytes * runs[i].tensors / best[i] * 1e-9;
    }
}

int main(int argc, char **argv) {
    const int64_t channels = argc > 1 ? atoll(argv[1]) : 64, side = argc > 2 ? atoll(argv[2]) : 32, images = argc > 3 ? atoll(argv[3]) : 64;
    static const int64_t blocks[] = {16, 8, 0};
    static double best[12][RUNS];
    sj_random r = sj_random_seed(1);
    int columns = 0;
    printf("%s, %lld channels, %lld x %lld; GB/s read and written, 1 image and %lld\n%-26s", sj_kernels_name(), (long long)channels, (long long)side, (long long)side,
           (long long)images, "");
    for (int bf16 = 0; bf16 < 2; bf16++) {
        for (int b = 0; b < 3; b++) {
            for (int many = 0; many < 2; many++, columns++) {
                bench k = {.l = {.dims = {side, side, channels}, .block = blocks[b] > 0 ? blocks[b] : channels, .bf16 = bf16 != 0}, .images = many == 0 ? 1 : images};
                fill(&k, &r);
                measure(&k, best[columns]);
                printf(" %s/%-4lld", bf16 != 0 ? "b" : "f", (long long)k.l.block);
            }
        }
    }
    printf("\n");
    for (int i = 0; i < RUNS; i++) {
        printf("%-26s", runs[i].name);
        for (int c = 0; c < columns; c++) {
            printf(" %6.1f", best[c][i]);
        }
        printf("\n");
    }
    return 0;
}
