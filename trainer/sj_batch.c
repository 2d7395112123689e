// SPDX-License-Identifier: Apache-2.0
#include "sj_batch.h"

#include <stdlib.h>
#include <string.h>

#include "sj_bf16.h"
#include "sj_file.h"
#include "sj_random.h"

enum { STREAM_ORDER = 1 << 20, STREAM_AUGMENT = 1 << 21, LEVELS = 256, CHANNELS_MAX = 4, ALIGNMENT = 64 };

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

static shift draw_shift(const sj_augment *a, int64_t epoch, int64_t image) {
    sj_random r = sj_random_stream(a->seed ^ (uint64_t)image << 32, STREAM_AUGMENT + (uint64_t)epoch);
    shift out;
    out.dy = (int64_t)sj_random_below(&r, 2U * (uint64_t)a->crop + 1) - a->crop;
    out.dx = (int64_t)sj_random_below(&r, 2U * (uint64_t)a->crop + 1) - a->crop;
    out.mirror = a->flip && sj_random_below(&r, 2) == 1;
    return out;
}

// What each of the 256 levels of a channel becomes: the division is made once, not once a pixel.
typedef struct table {
    float f32[CHANNELS_MAX][LEVELS];
    sj_bf16 bf16[CHANNELS_MAX][LEVELS];
} table;

static void make_table(const sj_dataset *d, bool normalise, table *t) {
    for (int64_t c = 0; c < d->dims.c; c++) {
        for (int level = 0; level < LEVELS; level++) {
            const float v = (float)level / 255.0F;
            t->f32[c][level] = normalise ? (v - d->mean[c]) * d->inverse_std[c] : v;
            t->bf16[c][level] = sj_bf16_from_f32(t->f32[c][level]);
        }
    }
}

// A run of pixels of one channel: from bytes `from_step` apart (below 0: mirrored) to values `step` apart.
static void map_f32(const float *levels, const uint8_t *from, int64_t from_step, float *to, int64_t step, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        to[i * step] = levels[from[i * from_step]];
    }
}

static void map_bf16(const sj_bf16 *levels, const uint8_t *from, int64_t from_step, sj_bf16 *to, int64_t step, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        to[i * step] = levels[from[i * from_step]];
    }
}

typedef struct span {
    int64_t first, end;  // positions of the output that lie inside of the image
} span;

static span inside(int64_t size, int64_t offset) {
    const span s = {offset < 0 ? -offset : 0, offset > 0 ? size - offset : size};
    return s.first < s.end ? s : (span){0, 0};
}

static void fill_image(const sj_layout *l, const table *t, shift s, const uint8_t *pixels, char *out) {
    const sj_dims d = l->dims;
    const span rows = inside(d.h, s.dy), columns = inside(d.w, s.mirror ? -s.dx : s.dx);
    if (s.dy != 0 || s.dx != 0 || sj_layout_channels(l) != d.c) {
        memset(out, 0, (size_t)sj_layout_bytes(l));
    }
    if (columns.first >= columns.end) {
        return;
    }
    const int64_t from_x = (s.mirror ? d.w - 1 - columns.first : columns.first) + s.dx, from_step = s.mirror ? -d.c : d.c, count = columns.end - columns.first;
    for (int64_t y = rows.first; y < rows.end; y++) {
        for (int64_t c = 0; c < d.c; c++) {
            const uint8_t *from = pixels + ((y + s.dy) * d.w + from_x) * d.c + c;
            const int64_t to = (c / l->block * sj_layout_pixels(l) + y * d.w + columns.first) * l->block + c % l->block;
            if (l->bf16) {
                map_bf16(t->bf16[c], from, from_step, (sj_bf16 *)(void *)out + to, l->block, count);
            } else {
                map_f32(t->f32[c], from, from_step, (float *)(void *)out + to, l->block, count);
            }
        }
    }
}

void sj_batch_train_images(const sj_layout *layout, const sj_dataset *data, const sj_augment *augment, int64_t epoch, const int64_t *list, int64_t count, void *out,
                           uint16_t *labels) {
    table t;
    make_table(data, augment->normalise, &t);
    const int64_t each = sj_dims_count(data->dims);
    for (int64_t i = 0; i < count; i++) {
        labels[i] = data->train.labels[list[i]];
        fill_image(layout, &t, draw_shift(augment, epoch, list[i]), data->train.pixels + list[i] * each, sj_layout_at(layout, out, i));
    }
}

void sj_batch_test_images(const sj_layout *layout, const sj_dataset *data, bool normalise, int64_t first, int64_t count, void *out, uint16_t *labels) {
    table t;
    make_table(data, normalise, &t);
    const int64_t each = sj_dims_count(data->dims);
    for (int64_t i = 0; i < count; i++) {
        labels[i] = data->test.labels[first + i];
        fill_image(layout, &t, (shift){0, 0, false}, data->test.pixels + (first + i) * each, sj_layout_at(layout, out, i));
    }
}

sj_status sj_batch_alloc(const sj_layout *layout, int64_t images, void **input, uint16_t **labels, sj_error *err) {
    *labels = NULL;
    const uint64_t each = (uint64_t)sj_layout_bytes(layout), most = (uint64_t)PTRDIFF_MAX - ALIGNMENT;
    if (images < 1 || each == 0 || (uint64_t)images > most / each) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "a batch of %lld images of %llu bytes is more than memory can address", (long long)images, (unsigned long long)each);
    }
    const size_t bytes = ((size_t)images * (size_t)each + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *input = aligned_alloc(ALIGNMENT, bytes);
    if (*input == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "a batch of %lld images: no memory for %zu bytes", (long long)images, bytes);
    }
    memset(*input, 0, bytes);
    const sj_status status = sj_alloc((void **)labels, (uint64_t)images, sizeof **labels, "the labels of a batch", err);
    if (status != SJ_OK) {
        free(*input);
        *input = NULL;
    }
    return status;
}
