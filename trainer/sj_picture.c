// SPDX-License-Identifier: Apache-2.0
#include "sj_picture.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

void sj_picture_free(sj_picture *p) {
    free(p->pixels);
    memset(p, 0, sizeof *p);
}

// One axis in units of half a pixel over `out`: pixel j of `in` has its middle at (2j + 1) out, pixel i of the result at (2i + 1) in. Everything is an integer there.
typedef struct axis {
    int64_t in, out, reach;  // reach: where the triangle has fallen to 0
} axis;

static axis make_axis(int64_t in, int64_t out) { return (axis){in, out, 2 * (in > out ? in : out)}; }

static int64_t first_of(const axis *a, int64_t i) {
    const int64_t low = (2 * i + 1) * a->in - a->reach;
    return low > 0 ? low / (2 * a->out) : 0;
}

// 0 beyond the reach.
static uint64_t weight_of(const axis *a, int64_t i, int64_t j) {
    const int64_t distance = llabs((2 * j + 1) * a->out - (2 * i + 1) * a->in);
    return distance < a->reach ? (uint64_t)(a->reach - distance) : 0;
}

static bool reaches(const axis *a, int64_t i, int64_t j) { return j < a->in && (2 * j + 1) * a->out < (2 * i + 1) * a->in + a->reach; }

// At most 2^27 for sides up to 8192, so that the weights of two axes times 8 bits fit in 64.
static uint64_t total_weight(const axis *a, int64_t i) {
    uint64_t total = 0;
    for (int64_t j = first_of(a, i); reaches(a, i, j); j++) {
        total += weight_of(a, i, j);
    }
    return total;
}

// sums[k] = sum over j of weight * values[j * width + k], k < width.
static void filter(const axis *a, int64_t i, const uint64_t *values, int64_t width, uint64_t *sums) {
    memset(sums, 0, (size_t)width * sizeof *sums);
    for (int64_t j = first_of(a, i); reaches(a, i, j); j++) {
        const uint64_t weight = weight_of(a, i, j);
        for (int64_t k = 0; k < width; k++) {
            sums[k] += weight * values[j * width + k];
        }
    }
}

typedef struct workspace {
    uint64_t *rows;    // (box height, w, c): filtered across
    uint64_t *source;  // a row of the box
    uint64_t *sums;    // a row of the result, before the division
} workspace;

static void filter_across(const sj_picture *p, sj_box box, const axis *across, workspace *s) {
    for (int64_t y = box.y1; y < box.y2; y++) {
        const uint8_t *from = p->pixels + (y * p->w + box.x1) * p->c;
        for (int64_t k = 0; k < across->in * p->c; k++) {
            s->source[k] = from[k];
        }
        uint64_t *to = s->rows + (y - box.y1) * across->out * p->c;
        for (int64_t x = 0; x < across->out; x++) {
            filter(across, x, s->source, p->c, to + x * p->c);
        }
    }
}

sj_status sj_picture_resize(const sj_picture *p, sj_box box, int64_t h, int64_t w, uint8_t *out, sj_error *err) {
    const axis across = make_axis(box.x2 - box.x1, w), down = make_axis(box.y2 - box.y1, h);
    const int64_t row = w * p->c;
    workspace s;
    SJ_TRY(sj_alloc((void **)&s.rows, (uint64_t)((down.in + 1) * row + across.in * p->c), sizeof *s.rows, "resizing a picture", err));
    s.sums = s.rows + down.in * row;
    s.source = s.sums + row;
    filter_across(p, box, &across, &s);
    for (int64_t y = 0; y < h; y++) {
        const uint64_t total_down = total_weight(&down, y);
        filter(&down, y, s.rows, row, s.sums);
        for (int64_t x = 0; x < w; x++) {
            const uint64_t total = total_down * total_weight(&across, x);
            for (int64_t c = 0; c < p->c; c++) {
                *out++ = (uint8_t)((s.sums[x * p->c + c] + total / 2) / total);
            }
        }
    }
    free(s.rows);
    return SJ_OK;
}
