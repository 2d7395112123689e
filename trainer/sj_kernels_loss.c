// SPDX-License-Identifier: Apache-2.0
// The loss and dropout's masks: seldom run, so built once. Exponential and logarithm are our own: the library's differ in the last bit from processor to processor.
#include <math.h>
#include <string.h>

#include "sj_bf16.h"
#include "sj_kernels.h"
#include "sj_random.h"

// e^x for x <= 0: 2^n times the series of e^r, |r| <= ln 2 / 2. Relative error below 1e-15.
static double exponential(double x) {
    if (!(x > -700.0)) {
        return x != x ? x : 0.0;
    }
    const double n = floor(x * 0x1.71547652b82fep0 + 0.5);
    const double r = (x - n * 0x1.62e42fefa3800p-1) - n * 0x1.ef35793c76730p-45;  // ln 2 in two parts, the first exact times n
    double sum = 1.0;
    for (int i = 14; i >= 1; i--) {
        sum = 1.0 + r / i * sum;
    }
    return ldexp(sum, (int)n);
}

// ln x for x >= 1: of x = 2^n m with m in [sqrt(1/2), sqrt(2)), n ln 2 + 2 atanh((m - 1) / (m + 1)).
static double logarithm(double x) {
    if (!(x < HUGE_VAL)) {
        return x;
    }
    int n = 0;
    double m = frexp(x, &n);
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2.0;
        n--;
    }
    const double t = (m - 1.0) / (m + 1.0), square = t * t;
    double sum = 0.0;
    for (int i = 25; i >= 1; i -= 2) {
        sum = 1.0 / i + square * sum;
    }
    return n * 0x1.62e42fefa39efp-1 + 2.0 * t * sum;
}

// Where class i, in NHWC order, is stored.
static int64_t place_of(const sj_layout *l, int64_t i) {
    const int64_t pixel = i / l->dims.c, c = i % l->dims.c;
    return (c / l->block * sj_layout_pixels(l) + pixel) * l->block + c % l->block;
}

static double stored(const sj_layout *l, const void *image, int64_t i) {
    const int64_t at = place_of(l, i);
    return (double)(l->bf16 ? sj_bf16_to_f32(((const sj_bf16 *)image)[at]) : ((const float *)image)[at]);
}

double sj_softmax_forward(const sj_layout *l, int64_t images, const void *x, const uint16_t *labels, double smoothing, float *probabilities, int64_t *correct) {
    const int64_t classes = sj_layout_pixels(l) * l->dims.c;
    double loss = 0.0;
    *correct = 0;
    for (int64_t i = 0; i < images; i++, probabilities += classes) {
        const void *image = sj_layout_at(l, x, i);
        int64_t top = 0;
        double most = stored(l, image, 0), sum = 0.0, mean = 0.0;
        for (int64_t c = 1; c < classes; c++) {
            const double v = stored(l, image, c);
            top = v > most ? c : top;
            most = v > most ? v : most;
        }
        for (int64_t c = 0; c < classes; c++) {
            const double v = stored(l, image, c) - most;
            sum += exponential(v);
            mean += v / (double)classes;
        }
        for (int64_t c = 0; c < classes; c++) {
            probabilities[c] = (float)(exponential(stored(l, image, c) - most) / sum);
        }
        const double of_label = stored(l, image, labels[i]) - most;
        loss += logarithm(sum) - of_label;
        if (smoothing > 0.0) {
            loss += smoothing * (of_label - mean);
        }
        *correct += top == labels[i] ? 1 : 0;
    }
    return loss;
}

void sj_softmax_backward(const sj_layout *l, int64_t images, const float *probabilities, const uint16_t *labels, double smoothing, int64_t batch, void *dx) {
    const int64_t classes = sj_layout_pixels(l) * l->dims.c;
    const float everywhere = (float)(smoothing / (double)classes), on_label = (float)(1.0 - smoothing + smoothing / (double)classes), inverse = 1.0F / (float)batch;
    memset(dx, 0, (size_t)(images * sj_layout_bytes(l)));
    for (int64_t i = 0; i < images; i++) {
        void *image = sj_layout_at(l, dx, i);
        for (int64_t c = 0; c < classes; c++) {
            const float v = (probabilities[i * classes + c] - (c == labels[i] ? on_label : everywhere)) * inverse;
            if (l->bf16) {
                ((sj_bf16 *)image)[place_of(l, c)] = sj_bf16_from_f32(v);
            } else {
                ((float *)image)[place_of(l, c)] = v;
            }
        }
    }
}

// Two values a draw: its upper half, then its lower one.
void sj_dropout_mask(const sj_layout *l, int64_t images, uint64_t seed, int64_t first_image, float p, uint8_t *mask) {
    const int64_t count = sj_layout_pixels(l) * l->dims.c;
    const uint64_t dropped = (uint64_t)((double)p * 0x1p32 + 0.5);
    for (int64_t i = 0; i < images; i++, mask += count) {
        sj_random stream = sj_random_stream(seed, (uint64_t)(first_image + i));
        for (int64_t j = 0; j < count; j += 2) {
            const uint64_t draw = sj_random_u64(&stream);
            mask[j] = (draw >> 32) >= dropped ? 1 : 0;
            if (j + 1 < count) {
                mask[j + 1] = (draw & UINT32_MAX) >= dropped ? 1 : 0;
            }
        }
    }
}
