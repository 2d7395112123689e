// SPDX-License-Identifier: Apache-2.0
#include "sj_layers.h"

#include <math.h>
#include <string.h>

#include "sj_bf16.h"

void sj_relu_forward(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i++) {
        const float v = x[i] > 0.0F ? x[i] : 0.0F * x[i];  // a NaN or an infinity must not turn into 0
        y[i] = v + 0.0F;                                   // -0 to +0
    }
}

void sj_relu_backward(int64_t count, const float *x, const float *dy, float *dx) {
    for (int64_t i = 0; i < count; i++) {
        dx[i] = x[i] > 0.0F ? dy[i] : 0.0F;
    }
}

typedef struct window {
    int64_t y0, y1, x0, x1;  // clipped to the image
} window;

static window window_at(const sj_layer_info *l, int64_t p, int64_t q) {
    const int64_t y = p * l->stride - l->padding, x = q * l->stride - l->padding;
    return (window){y < 0 ? 0 : y, y + l->kernel_h > l->in.h ? l->in.h : y + l->kernel_h, x < 0 ? 0 : x, x + l->kernel_w > l->in.w ? l->in.w : x + l->kernel_w};
}

void sj_maxpool_forward(const sj_layer_info *l, int64_t images, const float *x, float *y) {
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

static void maxpool_scatter(const sj_layer_info *l, const window *win, int64_t c, const float *image, float dy, float *dx) {
    int64_t best = (win->y0 * l->in.w + win->x0) * l->in.c + c;
    for (int64_t r = win->y0; r < win->y1; r++) {
        for (int64_t s = win->x0; s < win->x1; s++) {
            const int64_t at = (r * l->in.w + s) * l->in.c + c;
            best = image[at] > image[best] ? at : best;
        }
    }
    dx[best] += dy;
}

void sj_maxpool_backward(const sj_layer_info *l, int64_t images, const float *x, const float *dy, float *dx) {
    const int64_t in_count = l->in.h * l->in.w * l->in.c;
    memset(dx, 0, (size_t)(images * in_count) * sizeof *dx);
    for (int64_t i = 0; i < images * l->out.h * l->out.w; i++) {
        const int64_t image = i / (l->out.h * l->out.w);
        const window win = window_at(l, i / l->out.w % l->out.h, i % l->out.w);
        for (int64_t c = 0; c < l->in.c; c++) {
            maxpool_scatter(l, &win, c, x + image * in_count, dy[i * l->in.c + c], dx + image * in_count);
        }
    }
}

void sj_avgpool_forward(const sj_layer_info *l, int64_t images, const float *x, float *y) {
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

void sj_bn_sums(int64_t pixels, int64_t channels, const float *x, double *sums, double *squares) {
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

void sj_bn_forward(int64_t pixels, int64_t channels, const float *x, const float *mean, const float *scale, const float *shift, float *y) {
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t c = 0; c < channels; c++) {
            y[i * channels + c] = scale[c] * (x[i * channels + c] - mean[c]) + shift[c];
        }
    }
}

void sj_bn_backward_sums(int64_t pixels, int64_t channels, const float *x, const float *dy, const float *mean, const float *inverse_std, double *dy_sums,
                         double *dy_x_sums) {
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

void sj_bn_backward(int64_t pixels, int64_t channels, const float *x, const float *dy, const float *mean, const float *inverse_std, const float *gamma,
                    const float *a, const float *b, float *dx) {
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

double sj_softmax_ce_forward(int64_t images, int64_t classes, const float *x, const uint8_t *labels, float *p, int64_t *correct) {
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

void sj_softmax_ce_backward(int64_t images, int64_t classes, const float *p, const uint8_t *labels, int64_t batch, float *dx) {
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
    int64_t total = 0;
    for (int64_t done = 0; done < count;) {
        const int64_t end = count - done > 65536 ? done + 65536 : count;
        uint32_t nonzero = 0;  // 32-bit partial counts vectorise
        for (; done < end; done++) {
            const uint32_t bits = sj_f32_bits(v[done]);
            nonzero += ((bits + 0x7fffU + ((bits >> 16) & 1U)) & 0x7f800000U) != 0;
        }
        total += nonzero;
    }
    return total;
}
