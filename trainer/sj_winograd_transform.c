// SPDX-License-Identifier: Apache-2.0
// Winograd's transforms, 16 channels at a time.
#include "sj_winograd_internal.h"

#ifdef __AVX512F__

#include <immintrin.h>

typedef __m512 vec;

// The points. 1 and 2 are the usual ones; these lose a third as much to rounding (measured: 4e-7 against 1.1e-6 of the sum of magnitudes).
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

typedef struct tile_at {
    int64_t image, h, w;  // first output pixel
} tile_at;

static tile_at tile_of(const sj_winograd_plan *p, int64_t tile) {
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

typedef void (*transform_1d)(const vec *d, int step, vec *v, int out_step);

// `size` (6: of an input, 4: of an output gradient) by `size` values become 6 by 6: first the columns, then the rows. transform, size and inside are constants where it is called, and bf16 where all lies inside: else it is slow.
static inline __attribute__((always_inline)) void any_tile_at(transform_1d transform, int size, const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, bool inside,
                                                          float *v, int64_t stride) {
    vec d[6], t[POINTS], out[6];
#pragma GCC unroll 6
    for (int j = 0; j < size; j++) {
        load_column(plane, bf16, height, width, h, w + j, size, inside, d);
        transform(d, 1, t + j, size);
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        transform(t + size * i, 1, out, 1);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) {
            _mm512_store_ps(v + (6 * i + j) * stride, out[j]);
        }
    }
}

static inline __attribute__((always_inline)) void any_tile(transform_1d transform, int size, const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride) {
    if (!lies_inside(height, width, h, w, size)) {
        any_tile_at(transform, size, plane, bf16, height, width, h, w, false, v, stride);
    } else if (bf16) {
        any_tile_at(transform, size, plane, true, height, width, h, w, true, v, stride);
    } else {
        any_tile_at(transform, size, plane, false, height, width, h, w, true, v, stride);
    }
}

static void input_tile(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride) {
    any_tile(input_1d, 6, plane, bf16, height, width, h, w, v, stride);
}

static void gradient_tile(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride) {
    any_tile(gradient_1d, 4, plane, bf16, height, width, h, w, v, stride);
}

typedef void (*tile_transform)(const void *plane, bool bf16, int64_t height, int64_t width, int64_t h, int64_t w, float *v, int64_t stride);

void sj_winograd_transform_groups(const sj_winograd_plan *p, int64_t first, int64_t count, const sj_winograd_activation *x, float *v) {
    const tile_transform transform = x->gradient ? gradient_tile : input_tile;
    const int64_t stride = sj_winograd_point_stride(x->channels, p->rows), blocks = x->channels / LANES, plane_bytes = x->height * x->width * LANES * (x->bf16 ? 2 : 4);
    for (int64_t b = 0; b < blocks; b++) {
        for (int64_t i = 0; i < count * p->rows; i++) {
            const int64_t tile = first * p->rows + i;
            float *to = v + i / p->rows * sj_winograd_group_stride(x->channels, p->rows) + (b * p->rows + i % p->rows) * LANES;
            if (tile < p->tiles) {
                const tile_at at = tile_of(p, tile);
                const char *plane = (const char *)x->data + (at.image * blocks + b) * plane_bytes;
                transform(plane, x->bf16, x->height, x->width, at.h - x->padding, at.w - x->padding, to, stride);
                continue;
            }
            for (int64_t point = 0; point < POINTS; point++) {
                _mm512_store_ps(to + point * stride, _mm512_setzero_ps());
            }
        }
    }
}

void sj_winograd_transform_weights(const sj_winograd *g, const float *w, bool rotated, int64_t out_block, int columns, int64_t first, int64_t count, float *u) {
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
                    _mm512_store_ps(u + (6 * i + j) * sj_winograd_weights_stride(count) + c * WIDE + column * LANES, out[j]);
                }
            }
        }
    }
}

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

void sj_winograd_write_outputs(const sj_winograd *g, const sj_winograd_plan *p, int64_t first, int64_t count, const float *m, const float *bias, int64_t out_block, int columns, void *y) {
    const int64_t stride = p->rows * WIDE, plane_bytes = g->out_h * g->out_w * LANES * (g->bf16 ? 2 : 4);
    for (int64_t i = 0; i < count * p->rows && first * p->rows + i < p->tiles; i++) {
        const tile_at at = tile_of(p, first * p->rows + i);
        for (int column = 0; column < columns; column++) {
            const int64_t block = out_block + column;
            const int64_t left = g->bias_c - block * LANES, values = left < LANES ? left : LANES;
            const __mmask16 mask = (__mmask16)((1u << values) - 1u);
            const vec b = bias == NULL ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, bias + block * LANES);
            output_tile(g, m + i / p->rows * POINTS * stride + i % p->rows * WIDE + column * LANES, stride, b, at, (char *)y + (at.image * (g->out_c / LANES) + block) * plane_bytes);
        }
    }
}

// 9 taps of one input channel.
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

void sj_winograd_write_taps(const float *m, int64_t stride, int64_t channels, float *dw, bool add) {
    for (int64_t c = 0; c < channels; c++) {
        gradient_taps(m + c * WIDE, stride, dw + c * 9 * LANES, add);
    }
}

#endif
