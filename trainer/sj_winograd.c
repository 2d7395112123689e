// SPDX-License-Identifier: Apache-2.0
// Tiles of 6x6 inputs and 4x4 outputs are counted through the chunk's images and dealt to groups of `rows` tiles, the register block of the multiplication. A batch of groups is worked on at a
// time: transformed inputs v (group, 36, C / 16, rows, 16); for 32 output channels and up to 128 input channels, transformed weights u (36, c, 32), which stay in the cache; products m
// (group, 36, rows, 32).
#include "sj_winograd.h"

#ifdef __AVX512F__

#include <immintrin.h>
#include <string.h>

enum { LANES = 16, POINTS = 36, ROWS_LEAST = 6, ROWS_MOST = 14, BATCH_NARROW = 4, BATCH_WIDE = 6, PANEL = 128, WIDE = 32, GRADIENT_BLOCKS = 4 };

typedef __m512 vec;

// The points. 1 and 2 are the usual ones; these lose a bit less to rounding.
#define A 0.625f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)
#define N0 (1.0f / (A2 * B2))
#define NA (1.0f / (2.0f * A2 * (A2 - B2)))
#define NB (1.0f / (2.0f * B2 * (B2 - A2)))

// 16 activations at an offset counted in values.
static inline vec load_values(const void *from, int64_t at, bool bf16) {
    if (bf16) {
        const __m256i half = _mm256_load_si256((const __m256i *)(const void *)((const uint16_t *)from + at));
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
    }
    return _mm512_load_ps((const float *)from + at);
}

// Rounded as sj_bf16_from_f32 does: to nearest even, exponent 0 to +0, NaN stays NaN.
static inline void store_values(void *to, int64_t at, bool bf16, vec v) {
    if (!bf16) {
        _mm512_store_ps((float *)to + at, v);
        return;
    }
    const __m512i bits = _mm512_castps_si512(v), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 nonzero = _mm512_test_epi32_mask(rounded, _mm512_set1_epi32(0x7f800000)), nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i flushed = _mm512_maskz_mov_epi32(nonzero, rounded);
    const __m512i kept = _mm512_mask_or_epi32(flushed, nan, bits, _mm512_set1_epi32(0x400000));
    _mm256_store_si256((__m256i *)(void *)((uint16_t *)to + at), _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
}

static inline vec splat(float v) { return _mm512_set1_ps(v); }

typedef struct plan {
    int64_t tiles_h, tiles_w, tiles, rows, groups, batch;
} plan;

static plan make_plan(const sj_winograd *g) {
    plan p = {.tiles_h = (g->out_h + 3) / 4, .tiles_w = (g->out_w + 3) / 4};
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

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Floats of one group of transformed activations. A line more than needed: 36 points at a distance of a power of two would share a few lines of the cache.
static int64_t point_stride(int64_t channels, int64_t rows) { return channels * rows + LANES; }
static int64_t group_stride(int64_t channels, int64_t rows) { return POINTS * point_stride(channels, rows); }
static int64_t weights_stride(int64_t channels) { return channels * WIDE + LANES; }

// --- one-dimensional transforms of 6 (or fewer) vectors ---

static inline void input_1d(const vec *d, int step, vec *v, int out_step) {
    const vec p = d[4 * step] - splat(B2) * d[2 * step], q = splat(A) * (d[3 * step] - splat(B2) * d[step]);
    const vec r = d[4 * step] - splat(A2) * d[2 * step], s = splat(B) * (d[3 * step] - splat(A2) * d[step]);
    v[0] = splat(A2 * B2) * d[0] - splat(A2 + B2) * d[2 * step] + d[4 * step];
    v[out_step] = p + q;
    v[2 * out_step] = p - q;
    v[3 * out_step] = r + s;
    v[4 * out_step] = r - s;
    v[5 * out_step] = splat(A2 * B2) * d[step] - splat(A2 + B2) * d[3 * step] + d[5 * step];
}

static inline void weights_1d(vec g0, vec g1, vec g2, vec *u, int step) {
    const vec ea = splat(NA) * g0 + splat(NA * A2) * g2, oa = splat(NA * A) * g1, eb = splat(NB) * g0 + splat(NB * B2) * g2, ob = splat(NB * B) * g1;
    u[0] = splat(N0) * g0;
    u[step] = ea + oa;
    u[2 * step] = ea - oa;
    u[3 * step] = eb + ob;
    u[4 * step] = eb - ob;
    u[5 * step] = g2;
}

static inline void gradient_1d(const vec *g, int in_step, vec *u, int step) {
    const vec g0 = g[0], g1 = g[in_step], g2 = g[2 * in_step], g3 = g[3 * in_step];
    const vec ea = splat(NA) * g0 + splat(NA * A2) * g2, oa = splat(NA * A) * g1 + splat(NA * A * A2) * g3;
    const vec eb = splat(NB) * g0 + splat(NB * B2) * g2, ob = splat(NB * B) * g1 + splat(NB * B * B2) * g3;
    u[0] = splat(N0) * g0;
    u[step] = ea + oa;
    u[2 * step] = ea - oa;
    u[3 * step] = eb + ob;
    u[4 * step] = eb - ob;
    u[5 * step] = g3;
}

// count: 4 outputs, or 3 taps of a weight gradient.
static inline __attribute__((always_inline)) void output_1d(const vec *m, int step, vec *y, int out_step, int count) {
    const vec sa = m[step] + m[2 * step], da = m[step] - m[2 * step], sb = m[3 * step] + m[4 * step], db = m[3 * step] - m[4 * step];
    y[0] = m[0] + sa + sb;
    y[out_step] = splat(A) * da + splat(B) * db;
    y[2 * out_step] = splat(A2) * sa + splat(B2) * sb;
    if (count == 4) {
        y[3 * out_step] = splat(A * A2) * da + splat(B * B2) * db + m[5 * step];
    } else {
        y[2 * out_step] += m[5 * step];
    }
}

// --- transforms of activations ---

typedef struct tile_at {
    int64_t image, h, w;  // first output pixel
} tile_at;

static tile_at tile_of(const plan *p, int64_t tile) {
    return (tile_at){tile / (p->tiles_h * p->tiles_w), tile / p->tiles_w % p->tiles_h * 4, tile % p->tiles_w * 4};
}

// `size` pixels down column w of a plane of 16 channels, from row h on; 0 beyond its edges.
static inline __attribute__((always_inline)) void load_column(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, int size, bool inside, vec *d) {
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) {
        const bool valid = inside || (h + i >= 0 && h + i < height && w >= 0 && w < width);
        d[i] = valid ? load_values(plane, ((h + i) * width + w) * LANES, bf16) : _mm512_setzero_ps();
    }
}

static bool lies_inside(int64_t height, int64_t width, int64_t h, int64_t w, int size) { return h >= 0 && w >= 0 && h + size <= height && w + size <= width; }

static inline __attribute__((always_inline)) void input_tile_at(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, bool inside, float *v, int64_t stride) {
    vec d[6], t[POINTS], out[6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
        load_column(plane, bf16, height, width, h, w + j, 6, inside, d);
        input_1d(d, 1, t + j, 6);
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        input_1d(t + 6 * i, 1, out, 1);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) {
            _mm512_store_ps(v + (6 * i + j) * stride, out[j]);
        }
    }
}

static void input_tile(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride) {
    if (!lies_inside(height, width, h, w, 6)) {
        input_tile_at(plane, bf16, height, width, h, w, false, v, stride);
    } else if (bf16) {
        input_tile_at(plane, true, height, width, h, w, true, v, stride);
    } else {
        input_tile_at(plane, false, height, width, h, w, true, v, stride);
    }
}

static inline __attribute__((always_inline)) void gradient_tile_at(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, bool inside, float *v, int64_t stride) {
    vec d[4], t[24], out[6];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        load_column(plane, bf16, height, width, h, w + j, 4, inside, d);
        gradient_1d(d, 1, t + j, 4);
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        gradient_1d(t + 4 * i, 1, out, 1);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) {
            _mm512_store_ps(v + (6 * i + j) * stride, out[j]);
        }
    }
}

static void gradient_tile(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride) {
    if (!lies_inside(height, width, h, w, 4)) {
        gradient_tile_at(plane, bf16, height, width, h, w, false, v, stride);
    } else if (bf16) {
        gradient_tile_at(plane, true, height, width, h, w, true, v, stride);
    } else {
        gradient_tile_at(plane, false, height, width, h, w, true, v, stride);
    }
}

typedef void (*tile_transform)(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride);

typedef struct activation {
    const void *data;  // (images, channels / 16, height, width, 16)
    bool bf16;
    int64_t channels, height, width, padding;
    tile_transform transform;
} activation;

// Groups first .. first + count - 1. Rows beyond the last tile are 0.
static void transform_groups(const plan *p, int64_t first, int64_t count, const activation *x, float *v) {
    const int64_t stride = point_stride(x->channels, p->rows), blocks = x->channels / LANES, plane_bytes = x->height * x->width * LANES * (x->bf16 ? 2 : 4);
    for (int64_t b = 0; b < blocks; b++) {
        for (int64_t i = 0; i < count * p->rows; i++) {
            const int64_t tile = first * p->rows + i;
            float *to = v + i / p->rows * group_stride(x->channels, p->rows) + (b * p->rows + i % p->rows) * LANES;
            if (tile < p->tiles) {
                const tile_at at = tile_of(p, tile);
                const char *plane = (const char *)x->data + (at.image * blocks + b) * plane_bytes;
                x->transform(plane, x->bf16, x->height, x->width, at.h - x->padding, at.w - x->padding, to, stride);
                continue;
            }
            for (int64_t point = 0; point < POINTS; point++) {
                _mm512_store_ps(to + point * stride, _mm512_setzero_ps());
            }
        }
    }
}

// --- forward ---

// u (36, count, 32) of input channels first .. first + count - 1; columns: 16 or 32 output channels.
static void transform_weights(const sj_winograd *g, const float *w, bool rotated, int64_t out_block, int columns, int64_t first, int64_t count, float *u) {
    for (int64_t c = 0; c < count; c++) {
        for (int column = 0; column < columns; column++) {
            const float *from = w + ((out_block + column) * g->in_c + first + c) * 9 * LANES;
            vec tap[9], t[18], out[6];
            for (int i = 0; i < 9; i++) {
                tap[i] = _mm512_load_ps(from + (rotated ? 8 - i : i) * LANES);
            }
            for (int j = 0; j < 3; j++) {
                weights_1d(tap[j], tap[3 + j], tap[6 + j], t + j, 3);
            }
            for (int i = 0; i < 6; i++) {
                weights_1d(t[3 * i], t[3 * i + 1], t[3 * i + 2], out, 1);
                for (int j = 0; j < 6; j++) {
                    _mm512_store_ps(u + (6 * i + j) * weights_stride(count) + c * WIDE + column * LANES, out[j]);
                }
            }
        }
    }
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
                const vec value = splat(v[r * LANES + c]);
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

// 16 channels of one tile of y.
static void output_tile(const sj_winograd *g, const float *m, int64_t stride, vec bias, tile_at at, void *plane) {
    vec in[6], t[24], out[4];
    for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++) {
            in[i] = _mm512_load_ps(m + (6 * i + j) * stride);
        }
        output_1d(in, 1, t + j, 6, 4);
    }
    for (int i = 0; i < 4 && at.h + i < g->out_h; i++) {
        output_1d(t + 6 * i, 1, out, 1, 4);
        for (int j = 0; j < 4; j++) {
            if (at.w + j < g->out_w) {
                store_values(plane, ((at.h + i) * g->out_w + at.w + j) * LANES, g->bf16, out[j] + bias);
            }
        }
    }
}

static void write_outputs(const sj_winograd *g, const plan *p, int64_t first, int64_t count, const float *m, const float *bias, int64_t out_block, int columns, void *y) {
    const int64_t stride = p->rows * WIDE, plane_bytes = g->out_h * g->out_w * LANES * (g->bf16 ? 2 : 4);
    for (int64_t i = 0; i < count * p->rows && first * p->rows + i < p->tiles; i++) {
        const tile_at at = tile_of(p, first * p->rows + i);
        for (int column = 0; column < columns; column++) {
            const int64_t block = out_block + column;
            const vec b = bias == NULL ? _mm512_setzero_ps() : _mm512_loadu_ps(bias + block * LANES);
            output_tile(g, m + i / p->rows * POINTS * stride + i % p->rows * WIDE + column * LANES, stride, b, at, (char *)y + (at.image * (g->out_c / LANES) + block) * plane_bytes);
        }
    }
}

void sj_winograd_forward(const sj_winograd *g, const void *x, const float *w, bool rotated, const float *bias, void *y, void *scratch) {
    const plan p = make_plan(g);
    const int64_t v_group = group_stride(g->in_c, p.rows), v_point = point_stride(g->in_c, p.rows), blocks = g->out_c / LANES;
    float *v = scratch, *u = v + p.batch * v_group, *m = u + POINTS * weights_stride(PANEL);
    const activation input = {x, g->bf16, g->in_c, g->in_h, g->in_w, g->padding, input_tile};
    for (int64_t first = 0; first < p.groups; first += p.batch) {
        const int64_t count = least(p.batch, p.groups - first);
        transform_groups(&p, first, count, &input, v);
        for (int64_t block = 0; block < blocks; block += 2) {
            const int columns = block + 1 < blocks ? 2 : 1;
            const multiplier run = multipliers[p.rows - ROWS_LEAST][columns - 1];
            for (int64_t c = 0; c < g->in_c; c += PANEL) {
                const int64_t panel = least(PANEL, g->in_c - c);
                transform_weights(g, w, rotated, block, columns, c, panel, u);
                for (int64_t point = 0; point < POINTS; point++) {
                    for (int64_t group = 0; group < count; group++) {
                        run(panel / LANES, v + group * v_group + point * v_point + c * p.rows, u + point * weights_stride(panel), m + (group * POINTS + point) * p.rows * WIDE, c > 0);
                    }
                }
            }
            write_outputs(g, &p, first, count, m, bias, block, columns, y);
        }
    }
}

// --- weight gradients ---

// m (16, 32), rows c of it: the sum over all tiles of the groups of v's 8 channels times dv's 32 (or 16: the second 16 are computed from what is there and not used).
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
                const vec value = splat(from[r * LANES + c]);
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

// 9 taps of 16 output channels of one input channel.
static void gradient_taps(const float *m, int64_t stride, float *dw, bool add) {
    vec in[6], t[18], out[3];
    for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++) {
            in[i] = _mm512_load_ps(m + (6 * i + j) * stride);
        }
        output_1d(in, 1, t + j, 6, 3);
    }
    for (int i = 0; i < 3; i++) {
        output_1d(t + 6 * i, 1, out, 1, 3);
        for (int j = 0; j < 3; j++) {
            float *to = dw + (3 * i + j) * LANES;
            _mm512_store_ps(to, add ? _mm512_add_ps(_mm512_load_ps(to), out[j]) : out[j]);
        }
    }
}

// Input channels of up to GRADIENT_BLOCKS blocks with 32 output channels: m (36, c, 32), and then dw.
static void gradient_panel(const sj_winograd *g, const plan *p, int64_t groups, const float *v, const float *dv, int64_t in_block, int64_t in_blocks, int64_t out_block, float *m, float *dw,
                           bool add) {
    const int64_t v_group = group_stride(g->in_c, p->rows), dv_group = group_stride(g->out_c, p->rows), stride = in_blocks * LANES * WIDE + LANES;
    const int columns = out_block + 1 < g->out_c / LANES ? 2 : 1;
    for (int64_t point = 0; point < POINTS; point++) {
        const float *with = dv + point * point_stride(g->out_c, p->rows) + out_block * p->rows * LANES;
        for (int64_t half = 0; half < 2 * in_blocks; half++) {
            const float *from = v + point * point_stride(g->in_c, p->rows) + (in_block + half / 2) * p->rows * LANES + half % 2 * 8;
            (columns == 2 ? outer_8_2 : outer_8_1)(groups, p->rows, from, v_group, with, dv_group, m + point * stride + half * 8 * WIDE);
        }
    }
    for (int column = 0; column < columns; column++) {
        for (int64_t c = 0; c < in_blocks * LANES; c++) {
            gradient_taps(m + c * WIDE + column * LANES, stride, dw + ((out_block + column) * g->in_c + in_block * LANES + c) * 9 * LANES, add);
        }
    }
}

void sj_winograd_weights(const sj_winograd *g, const void *x, const void *dy, float *dw, void *scratch) {
    const plan p = make_plan(g);
    const int64_t in_blocks = g->in_c / LANES, out_blocks = g->out_c / LANES;
    float *v = scratch, *dv = v + p.batch * group_stride(g->in_c, p.rows), *m = dv + p.batch * group_stride(g->out_c, p.rows);
    const activation input = {x, g->bf16, g->in_c, g->in_h, g->in_w, g->padding, input_tile}, gradient = {dy, g->bf16, g->out_c, g->out_h, g->out_w, 0, gradient_tile};
    for (int64_t first = 0; first < p.groups; first += p.batch) {
        const int64_t count = least(p.batch, p.groups - first);
        transform_groups(&p, first, count, &input, v);
        transform_groups(&p, first, count, &gradient, dv);
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
    const plan p = make_plan(g);
    const int64_t v = p.batch * group_stride(g->in_c, p.rows), dv = p.batch * group_stride(g->out_c, p.rows);
    const int64_t forward = v + POINTS * weights_stride(PANEL) + p.batch * POINTS * p.rows * WIDE, weights = v + dv + POINTS * (GRADIENT_BLOCKS * LANES * WIDE + LANES);
    return (size_t)(forward > weights ? forward : weights) * sizeof(float);
}

#else

bool sj_winograd_fits(const sj_winograd *g) { return false; }
size_t sj_winograd_scratch(const sj_winograd *g) { return 0; }
void sj_winograd_forward(const sj_winograd *g, const void *x, const float *w, bool rotated, const float *bias, void *y, void *scratch) {}
void sj_winograd_weights(const sj_winograd *g, const void *x, const void *dy, float *dw, void *scratch) {}

#endif
