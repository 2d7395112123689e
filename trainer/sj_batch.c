// SPDX-License-Identifier: Apache-2.0
#include "sj_batch.h"

#include "sj_random.h"

enum { STREAM_ORDER = 1 << 20, STREAM_AUGMENT = 1 << 21 };

void sj_batch_order(uint64_t seed, int64_t epoch, int64_t count, int64_t *order) {
    sj_random r = sj_random_stream(seed, STREAM_ORDER + (uint64_t)epoch);
    for (int64_t i = 0; i < count; i++) {
        const int64_t j = (int64_t)sj_random_below(&r, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

typedef struct shift {
    int64_t dy, dx;
    bool mirror;
} shift;

// Depends on seed, epoch and image alone, not on the batch or thread.
static shift draw_shift(const sj_train_config *config, int64_t epoch, int64_t image) {
    sj_random r = sj_random_stream(config->seed ^ (uint64_t)image << 32, STREAM_AUGMENT + (uint64_t)epoch);
    shift out;
    out.dy = (int64_t)sj_random_below(&r, 2U * (uint64_t)config->crop + 1) - config->crop;
    out.dx = (int64_t)sj_random_below(&r, 2U * (uint64_t)config->crop + 1) - config->crop;
    out.mirror = config->flip && sj_random_below(&r, 2) == 1;
    return out;
}

static void fill_image(const sj_dataset *d, bool normalise, shift s, const uint8_t *pixels, float *out) {
    const sj_dims dims = d->dims;
    for (int64_t y = 0; y < dims.h; y++) {
        for (int64_t x = 0; x < dims.w; x++, out += dims.c) {
            const int64_t from_y = y + s.dy, from_x = (s.mirror ? dims.w - 1 - x : x) + s.dx;
            const bool inside = from_y >= 0 && from_y < dims.h && from_x >= 0 && from_x < dims.w;
            const uint8_t *p = inside ? pixels + (from_y * dims.w + from_x) * dims.c : NULL;
            for (int64_t c = 0; c < dims.c; c++) {
                const float v = p != NULL ? (float)p[c] / 255.0F : 0.0F;
                out[c] = normalise && p != NULL ? (v - d->mean[c]) * d->inverse_std[c] : v;
            }
        }
    }
}

void sj_batch_fill(sj_model *m, const sj_dataset *data, const sj_train_config *config, bool training, int64_t epoch, const int64_t *order, int64_t first, int64_t count) {
    const sj_images *images = training ? &data->train : &data->test;
    const int64_t each = sj_dims_count(data->dims);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) {
        const int64_t image = order != NULL ? order[first + i] : first + i;
        const shift s = training ? draw_shift(config, epoch, image) : (shift){0, 0, false};
        m->labels[i] = images->labels[image];
        fill_image(data, config->normalise, s, images->pixels + image * each, m->input + i * each);
    }
}
