// SPDX-License-Identifier: Apache-2.0
#include "sj_layers.h"

#include <math.h>
#include <string.h>

#include "sj_bf16.h"

// Without branches: the signs of activations cannot be predicted.
void sj_relu_forward(int64_t count, const float *restrict x, float *restrict y) {
    for (int64_t i = 0; i < count; i++) {
        const float v = x[i];
        y[i] = (v < 0.0F ? 0.0F : v) + 0.0F;  // a NaN stays; -0 to +0
    }
}

void sj_relu_backward(int64_t count, const float *restrict x, const float *restrict dy, float *restrict dx) {
    for (int64_t i = 0; i < count; i++) {
        const float d = dy[i];
        dx[i] = x[i] > 0.0F ? d : 0.0F;
    }
}

typedef struct window {
    int64_t y0, y1, x0, x1;  // clipped to the image
} window;

static window window_at(const sj_layer_info *l, int64_t p, int64_t q) {
    const int64_t y = p * l->stride - l->padding, x = q * l->stride - l->padding;
    return (window){y < 0 ? 0 : y, y + l->kernel_h > l->in.h ? l->in.h : y + l->kernel_h, x < 0 ? 0 : x, x + l->kernel_w > l->in.w ? l->in.w : x + l->kernel_w};
}

void sj_maxpool_forward(const sj_layer_info *l, int64_t images, const float *restrict x, float *restrict y) {
    const int64_t channels = l->in.c;
    for (int64_t i = 0; i < images * l->out.h * l->out.w; i++) {
        const float *image = x + i / (l->out.h * l->out.w) * l->in.h * l->in.w * channels;
        const window win = window_at(l, i / l->out.w % l->out.h, i % l->out.w);
        float *best = y + i * channels;
        memcpy(best, image + (win.y0 * l->in.w + win.x0) * channels, (size_t)channels * sizeof *best);
        for (int64_t r = win.y0; r < win.y1; r++) {
            for (int64_t s = win.x0; s < win.x1; s++) {
                const float *v = image + (r * l->in.w + s) * channels;
                for (int64_t c = 0; c < channels; c++) {
                    best[c] = best[c] >= v[c] ? best[c] : v[c];
                }
            }
        }
    }
}

enum { LANES = 16 };  // channels at a time

// The first place in row order whose value is the window's maximum takes the gradient.
static void maxpool_scatter(const sj_layer_info *l, const window *win, int64_t lanes, const float *image, const float *best, const float *dy, float *dx) {
    int32_t open[LANES];
    for (int64_t c = 0; c < lanes; c++) {
        open[c] = 1;
    }
    for (int64_t r = win->y0; r < win->y1; r++) {
        for (int64_t s = win->x0; s < win->x1; s++) {
            const float *v = image + (r * l->in.w + s) * l->in.c;
            float *d = dx + (r * l->in.w + s) * l->in.c;
            for (int64_t c = 0; c < lanes; c++) {
                const int32_t hit = open[c] & (v[c] == best[c] ? 1 : 0);
                const float g = dy[c];
                d[c] += hit != 0 ? g : 0.0F;
                open[c] -= hit;
            }
        }
    }
}

void sj_maxpool_backward(const sj_layer_info *l, int64_t images, const float *x, const float *y, const float *dy, float *dx) {
    const int64_t in_count = l->in.h * l->in.w * l->in.c;
    memset(dx, 0, (size_t)(images * in_count) * sizeof *dx);
    for (int64_t i = 0; i < images * l->out.h * l->out.w; i++) {
        const int64_t image = i / (l->out.h * l->out.w);
        const window win = window_at(l, i / l->out.w % l->out.h, i % l->out.w);
        for (int64_t c = 0; c < l->in.c; c += LANES) {
            const int64_t lanes = l->in.c - c < LANES ? l->in.c - c : LANES, out = i * l->in.c + c, in = image * in_count + c;
            maxpool_scatter(l, &win, lanes, x + in, y + out, dy + out, dx + in);
        }
    }
}

void sj_avgpool_forward(const sj_layer_info *l, int64_t images, const float *restrict x, float *restrict y) {
    const int64_t channels = l->in.c;
    const float inverse = 1.0F / (float)(l->kernel_h * l->kernel_w);
    for (int64_t i = 0; i < images * l->out.h * l->out.w; i++) {
        const float *image = x + i / (l->out.h * l->out.w) * l->in.h * l->in.w * channels;
        const window win = window_at(l, i / l->out.w % l->out.h, i % l->out.w);
        float *mean = y + i * channels;
        memset(mean, 0, (size_t)channels * sizeof *mean);
        for (int64_t r = win.y0; r < win.y1; r++) {
            for (int64_t s = win.x0; s < win.x1; s++) {
                for (int64_t c = 0; c < channels; c++) {
                    mean[c] += image[(r * l->in.w + s) * channels + c];
                }
            }
        }
        for (int64_t c = 0; c < channels; c++) {
            mean[c] *= inverse;
        }
    }
}

void sj_avgpool_backward(const sj_layer_info *l, int64_t images, const float *dy, float *dx) {
    const int64_t channels = l->in.c, in_count = l->in.h * l->in.w * channels;
    const float inverse = 1.0F / (float)(l->kernel_h * l->kernel_w);
    memset(dx, 0, (size_t)(images * in_count) * sizeof *dx);
    for (int64_t i = 0; i < images * l->out.h * l->out.w; i++) {
        float *image = dx + i / (l->out.h * l->out.w) * in_count;
        const window win = window_at(l, i / l->out.w % l->out.h, i % l->out.w);
        for (int64_t r = win.y0; r < win.y1; r++) {
            for (int64_t s = win.x0; s < win.x1; s++) {
                for (int64_t c = 0; c < channels; c++) {
                    image[(r * l->in.w + s) * channels + c] += dy[i * channels + c] * inverse;
                }
            }
        }
    }
}

void sj_bn_sums(int64_t pixels, int64_t channels, const float *restrict x, double *restrict sums, double *restrict squares) {
    memset(sums, 0, (size_t)channels * sizeof *sums);
    memset(squares, 0, (size_t)channels * sizeof *squares);
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t c = 0; c < channels; c++) {
            const double v = (double)x[i * channels + c];
            sums[c] += v;
            squares[c] += v * v;
        }
    }
}

void sj_bn_forward(int64_t pixels, int64_t channels, const float *restrict x, const float *restrict mean, const float *restrict scale, const float *restrict shift,
                   float *restrict y) {
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t c = 0; c < channels; c++) {
            y[i * channels + c] = scale[c] * (x[i * channels + c] - mean[c]) + shift[c];
        }
    }
}

void sj_bn_backward_sums(int64_t pixels, int64_t channels, const float *restrict x, const float *restrict dy, const float *restrict mean,
                         const float *restrict inverse_std, double *restrict dy_sums, double *restrict dy_x_sums) {
    memset(dy_sums, 0, (size_t)channels * sizeof *dy_sums);
    memset(dy_x_sums, 0, (size_t)channels * sizeof *dy_x_sums);
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t c = 0; c < channels; c++) {
            const float d = dy[i * channels + c];
            dy_sums[c] += (double)d;
            dy_x_sums[c] += (double)(d * ((x[i * channels + c] - mean[c]) * inverse_std[c]));
        }
    }
}

void sj_bn_backward(int64_t pixels, int64_t channels, const float *restrict x, const float *restrict dy, const float *restrict mean, const float *restrict inverse_std,
                    const float *restrict gamma, const float *restrict a, const float *restrict b, float *restrict dx) {
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t c = 0; c < channels; c++) {
            const float xhat = (x[i * channels + c] - mean[c]) * inverse_std[c];
            dx[i * channels + c] = gamma[c] * inverse_std[c] * (dy[i * channels + c] - a[c] - xhat * b[c]);
        }
    }
}

static int64_t first_largest(int64_t count, const float *v) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++) {
        best = v[i] > v[best] ? i : best;
    }
    return best;
}

double sj_softmax_ce_forward(int64_t images, int64_t classes, const float *x, const uint16_t *labels, float *p, int64_t *correct) {
    double loss = 0.0;
    *correct = 0;
    for (int64_t i = 0; i < images; i++, x += classes, p += classes) {
        const int64_t top = first_largest(classes, x);
        double sum = 0.0;
        for (int64_t c = 0; c < classes; c++) {
            sum += exp((double)x[c] - (double)x[top]);
        }
        for (int64_t c = 0; c < classes; c++) {
            p[c] = (float)(exp((double)x[c] - (double)x[top]) / sum);
        }
        loss += log(sum) - ((double)x[labels[i]] - (double)x[top]);
        *correct += top == labels[i];
    }
    return loss;
}

void sj_softmax_ce_backward(int64_t images, int64_t classes, const float *p, const uint16_t *labels, int64_t batch, float *dx) {
    const float inverse = 1.0F / (float)batch;
    for (int64_t i = 0; i < images * classes; i++) {
        const float target = i % classes == labels[i / classes] ? 1.0F : 0.0F;
        dx[i] = (p[i] - target) * inverse;
    }
}

void sj_column_sums(int64_t rows, int64_t channels, const float *v, double *sums) {
    memset(sums, 0, (size_t)channels * sizeof *sums);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = 0; c < channels; c++) {
            sums[c] += (double)v[i * channels + c];
        }
    }
}

void sj_column_abs_sums(int64_t rows, int64_t channels, const float *v, double *sums) {
    memset(sums, 0, (size_t)channels * sizeof *sums);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = 0; c < channels; c++) {
            sums[c] += (double)fabsf(v[i * channels + c]);
        }
    }
}

int64_t sj_count_nonzero(int64_t count, const float *v) {
    enum { BLOCK = 65536, SMALLEST = 0x007f8000 };  // the least magnitude that rounds to an exponent above 0: nearest, ties to even
    int64_t total = 0;
    for (int64_t done = 0; done < count;) {
        const int64_t end = count - done > BLOCK ? done + BLOCK : count;
        int32_t nonzero = 0;  // 32-bit partial counts vectorise
        for (; done < end; done++) {
            nonzero += (int32_t)(sj_f32_bits(v[done]) & 0x7fffffffU) >= SMALLEST ? 1 : 0;
        }
        total += nonzero;
    }
    return total;
}
