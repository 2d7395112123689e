// SPDX-License-Identifier: Apache-2.0
#include "sj_winograd_internal.h"

#ifdef __AVX512F__

#include <immintrin.h>

enum { ROWS_LEAST = 6, ROWS_MOST = 14, BATCH_NARROW = 4, BATCH_WIDE = 6, PANEL = 128, GRADIENT_BLOCKS = 4 };

typedef __m512 vec;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static sj_winograd_plan make_plan(const sj_winograd *g) {
    sj_winograd_plan p = {.tiles_h = (g->out_h + 3) / 4, .tiles_w = (g->out_w + 3) / 4};
    p.tiles = g->images * p.tiles_h * p.tiles_w;
    p.rows = ROWS_MOST;
    for (int64_t rows = ROWS_MOST; rows >= ROWS_LEAST; rows--) {  // the fewest empty rows in the last group, and then the most rows
        if ((p.tiles + rows - 1) / rows * rows < (p.tiles + p.rows - 1) / p.rows * p.rows && (p.tiles + rows - 1) / rows <= (p.tiles + ROWS_MOST - 1) / ROWS_MOST) {
            p.rows = rows;
        }
    }
    p.groups = (p.tiles + p.rows - 1) / p.rows;
    // Few channels: what a batch needs fits into the second-level cache. Many: it does not anyway, and weights are transformed once a batch.
    const int64_t most = g->in_c + g->out_c < 256 ? BATCH_NARROW : BATCH_WIDE, batches = (p.groups + most - 1) / most;
    p.batch = (p.groups + batches - 1) / batches;
    return p;
}

// m (rows, 32) (+)= v (blocks, rows, 16) x u (blocks * 16, 32).
static inline __attribute__((always_inline)) void multiply(const int rows, const int columns, int64_t blocks, const float *v, const float *u, float *m, bool add) {
    vec sum[ROWS_MOST][2];
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int k = 0; k < columns; k++) {
            sum[r][k] = add ? _mm512_load_ps(m + r * WIDE + k * LANES) : _mm512_setzero_ps();
        }
    }
    for (int64_t b = 0; b < blocks; b++, v += rows * LANES) {
        for (int c = 0; c < LANES; c++, u += WIDE) {
            const vec u0 = _mm512_load_ps(u), u1 = columns == 2 ? _mm512_load_ps(u + LANES) : _mm512_setzero_ps();
#pragma GCC unroll 14
            for (int r = 0; r < rows; r++) {
                const vec value = _mm512_set1_ps(v[r * LANES + c]);
                sum[r][0] = _mm512_fmadd_ps(value, u0, sum[r][0]);
                if (columns == 2) {
                    sum[r][1] = _mm512_fmadd_ps(value, u1, sum[r][1]);
                }
            }
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int k = 0; k < columns; k++) {
            _mm512_store_ps(m + r * WIDE + k * LANES, sum[r][k]);
        }
    }
}

typedef void (*multiplier)(int64_t blocks, const float *v, const float *u, float *m, bool add);

#define MULTIPLIER(rows)                                                                                                                                                \
    static void multiply_##rows##_1(int64_t blocks, const float *v, const float *u, float *m, bool add) { multiply(rows, 1, blocks, v, u, m, add); } \
    static void multiply_##rows##_2(int64_t blocks, const float *v, const float *u, float *m, bool add) { multiply(rows, 2, blocks, v, u, m, add); }
MULTIPLIER(6)
MULTIPLIER(7)
MULTIPLIER(8)
MULTIPLIER(9)
MULTIPLIER(10)
MULTIPLIER(11)
MULTIPLIER(12)
MULTIPLIER(13)
MULTIPLIER(14)

static const multiplier multipliers[ROWS_MOST - ROWS_LEAST + 1][2] = {{multiply_6_1, multiply_6_2},    {multiply_7_1, multiply_7_2},    {multiply_8_1, multiply_8_2},
                                                                      {multiply_9_1, multiply_9_2},    {multiply_10_1, multiply_10_2},  {multiply_11_1, multiply_11_2},
                                                                      {multiply_12_1, multiply_12_2},  {multiply_13_1, multiply_13_2},  {multiply_14_1, multiply_14_2}};

void sj_winograd_forward(const sj_winograd *g, const void *x, const float *w, bool rotated, const float *bias, void *y, void *scratch) {
    const sj_winograd_plan p = make_plan(g);
    const int64_t v_group = sj_winograd_group_stride(g->in_c, p.rows), v_point = sj_winograd_point_stride(g->in_c, p.rows), blocks = g->out_c / LANES;
    float *v = scratch, *u = v + p.batch * v_group, *m = u + POINTS * sj_winograd_weights_stride(PANEL);
    const sj_winograd_activation input = {x, g->bf16, g->in_c, g->in_h, g->in_w, g->padding, false};
    for (int64_t first = 0; first < p.groups; first += p.batch) {
        const int64_t count = least(p.batch, p.groups - first);
        sj_winograd_transform_groups(&p, first, count, &input, v);
        for (int64_t block = 0; block < blocks; block += 2) {
            const int columns = block + 1 < blocks ? 2 : 1;
            const multiplier run = multipliers[p.rows - ROWS_LEAST][columns - 1];
            for (int64_t c = 0; c < g->in_c; c += PANEL) {
                const int64_t panel = least(PANEL, g->in_c - c);
                sj_winograd_transform_weights(g, w, rotated, block, columns, c, panel, u);
                for (int64_t point = 0; point < POINTS; point++) {
                    for (int64_t group = 0; group < count; group++) {
                        run(panel / LANES, v + group * v_group + point * v_point + c * p.rows, u + point * sj_winograd_weights_stride(panel), m + (group * POINTS + point) * p.rows * WIDE, c > 0);
                    }
                }
            }
            sj_winograd_write_outputs(g, &p, first, count, m, bias, block, columns, y);
        }
    }
}

// m (8, 32 or 16 of 32) = the sum over all tiles of the groups of v's 8 channels times dv's channels.
static inline __attribute__((always_inline)) void outer_8(const int columns, int64_t groups, int64_t rows, const float *v, int64_t v_group, const float *dv, int64_t dv_group, float *m) {
    vec sum[8][2];
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
        sum[c][0] = sum[c][1] = _mm512_setzero_ps();
    }
    for (int64_t group = 0; group < groups; group++) {
        const float *from = v + group * v_group, *with = dv + group * dv_group, *second = with + rows * LANES;
        for (int64_t r = 0; r < rows; r++) {
            const vec d0 = _mm512_load_ps(with + r * LANES), d1 = columns == 2 ? _mm512_load_ps(second + r * LANES) : _mm512_setzero_ps();
#pragma GCC unroll 8
            for (int c = 0; c < 8; c++) {
                const vec value = _mm512_set1_ps(from[r * LANES + c]);
                sum[c][0] = _mm512_fmadd_ps(value, d0, sum[c][0]);
                if (columns == 2) {
                    sum[c][1] = _mm512_fmadd_ps(value, d1, sum[c][1]);
                }
            }
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
        _mm512_store_ps(m + c * WIDE, sum[c][0]);
        if (columns == 2) {
            _mm512_store_ps(m + c * WIDE + LANES, sum[c][1]);
        }
    }
}

static void outer_8_1(int64_t groups, int64_t rows, const float *v, int64_t v_group, const float *dv, int64_t dv_group, float *m) {
    outer_8(1, groups, rows, v, v_group, dv, dv_group, m);
}

static void outer_8_2(int64_t groups, int64_t rows, const float *v, int64_t v_group, const float *dv, int64_t dv_group, float *m) {
    outer_8(2, groups, rows, v, v_group, dv, dv_group, m);
}

// Input channels of up to GRADIENT_BLOCKS blocks with 32 output channels: m (36, c, 32), and then dw.
static void gradient_panel(const sj_winograd *g, const sj_winograd_plan *p, int64_t groups, const float *v, const float *dv, int64_t in_block, int64_t in_blocks, int64_t out_block, float *m, float *dw,
                           bool add) {
    const int64_t v_group = sj_winograd_group_stride(g->in_c, p->rows), dv_group = sj_winograd_group_stride(g->out_c, p->rows), stride = in_blocks * LANES * WIDE + LANES;
    const int columns = out_block + 1 < g->out_c / LANES ? 2 : 1;
    for (int64_t point = 0; point < POINTS; point++) {
        const float *with = dv + point * sj_winograd_point_stride(g->out_c, p->rows) + out_block * p->rows * LANES;
        for (int64_t half = 0; half < 2 * in_blocks; half++) {
            const float *from = v + point * sj_winograd_point_stride(g->in_c, p->rows) + (in_block + half / 2) * p->rows * LANES + half % 2 * 8;
            (columns == 2 ? outer_8_2 : outer_8_1)(groups, p->rows, from, v_group, with, dv_group, m + point * stride + half * 8 * WIDE);
        }
    }
    for (int column = 0; column < columns; column++) {
        sj_winograd_write_taps(m + column * LANES, stride, in_blocks * LANES, dw + ((out_block + column) * g->in_c + in_block * LANES) * 9 * LANES, add);
    }
}

void sj_winograd_weights(const sj_winograd *g, const void *x, const void *dy, float *dw, void *scratch) {
    const sj_winograd_plan p = make_plan(g);
    const int64_t in_blocks = g->in_c / LANES, out_blocks = g->out_c / LANES;
    float *v = scratch, *dv = v + p.batch * sj_winograd_group_stride(g->in_c, p.rows), *m = dv + p.batch * sj_winograd_group_stride(g->out_c, p.rows);
    const sj_winograd_activation input = {x, g->bf16, g->in_c, g->in_h, g->in_w, g->padding, false}, gradient = {dy, g->bf16, g->out_c, g->out_h, g->out_w, 0, true};
    for (int64_t first = 0; first < p.groups; first += p.batch) {
        const int64_t count = least(p.batch, p.groups - first);
        sj_winograd_transform_groups(&p, first, count, &input, v);
        sj_winograd_transform_groups(&p, first, count, &gradient, dv);
        for (int64_t in_block = 0; in_block < in_blocks; in_block += GRADIENT_BLOCKS) {
            for (int64_t out_block = 0; out_block < out_blocks; out_block += 2) {
                gradient_panel(g, &p, count, v, dv, in_block, least(GRADIENT_BLOCKS, in_blocks - in_block), out_block, m, dw, first > 0);
            }
        }
    }
}

bool sj_winograd_fits(const sj_winograd *g) {
    return __builtin_cpu_supports("avx512f") && g->in_c % LANES == 0 && g->out_c % LANES == 0 && g->padding >= 0 && g->padding <= 2;
}

size_t sj_winograd_scratch(const sj_winograd *g) {
    const sj_winograd_plan p = make_plan(g);
    const int64_t v = p.batch * sj_winograd_group_stride(g->in_c, p.rows), dv = p.batch * sj_winograd_group_stride(g->out_c, p.rows);
    const int64_t forward = v + POINTS * sj_winograd_weights_stride(PANEL) + p.batch * POINTS * p.rows * WIDE, weights = v + dv + POINTS * (GRADIENT_BLOCKS * LANES * WIDE + LANES);
    return (size_t)(forward > weights ? forward : weights) * sizeof(float);
}

#else

bool sj_winograd_fits(const sj_winograd *g) { return false; }
size_t sj_winograd_scratch(const sj_winograd *g) { return 0; }
void sj_winograd_forward(const sj_winograd *g, const void *x, const float *w, bool rotated, const float *bias, void *y, void *scratch) {}
void sj_winograd_weights(const sj_winograd *g, const void *x, const void *dy, float *dw, void *scratch) {}

#endif
