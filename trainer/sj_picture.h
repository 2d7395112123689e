// SPDX-License-Identifier: Apache-2.0
// Pictures from files: 8 bits, rows from the top, channels side by side (H, W, C). Files that are damaged, cut short, or of another kind are refused by name.
#ifndef SJ_PICTURE_H
#define SJ_PICTURE_H

#include <stdint.h>

#include "sj_error.h"

#define SJ_PICTURE_SIDE_MAX 8192   // of a file
#define SJ_PICTURE_TARGET_MAX 1024 // that sj_picture_resize makes

typedef struct sj_picture {
    int64_t h, w, c;
    uint8_t *pixels;
} sj_picture;

typedef struct sj_box {
    int64_t x1, y1, x2, y2;  // columns x1 .. x2 - 1, rows y1 .. y2 - 1
} sj_box;

// Binary PPM (P6) of one image with values to 255: c = 3.
sj_status sj_ppm_read(const char *path, sj_picture *out, sj_error *err);
// PNG: gray (c = 1), RGB or palette (c = 3), 1 to 16 bits a channel, 16 rounded to 8; gamma and colour profiles are left as they are. Transparency is refused: over which ground it would
// lie is not for a reader to choose.
sj_status sj_png_read(const char *path, sj_picture *out, sj_error *err);
void sj_picture_free(sj_picture *p);

// What lies in the box, as h x w pixels, 1 .. SJ_PICTURE_TARGET_MAX each. Every axis has the triangle filter: linear between neighbours where it grows, over twice the scale where it
// shrinks. Integers throughout, rounded once: the same bytes on every machine, and the same picture where the size is the same.
sj_status sj_picture_resize(const sj_picture *p, sj_box box, int64_t h, int64_t w, uint8_t *out, sj_error *err);

#endif
