// SPDX-License-Identifier: Apache-2.0
// Picture files for tests, and what a message must say.
#ifndef PICTURE_FILES_H
#define PICTURE_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "helper.h"

#define PATH_MAX_HERE 2048

// "dir/name" in memory that lives until the fourth call from now.
static inline const char *path_in(const char *dir, const char *name) {
    static char paths[4][PATH_MAX_HERE];
    static int next;
    char made[PATH_MAX_HERE];  // `dir` may be one of the paths
    assert_in_range(snprintf(made, sizeof made, "%s/%s", dir, name), 1, PATH_MAX_HERE - 1);
    return memcpy(paths[next++ % 4], made, sizeof made);
}

static inline void write_text(const char *dir, const char *name, const char *text) { test_write_file(dir, name, text, strlen(text)); }

static inline void message_says(const sj_error *err, const char *part) {
    if (strstr(err->message, part) == NULL) {
        fail_msg("\"%s\" is missing in: %s", part, err->message);
    }
}

// Bytes first, first + 1, ...
static inline void write_ppm(const char *dir, const char *name, int w, int h, uint8_t first) {
    uint8_t data[4096];
    const int header = snprintf((char *)data, sizeof data, "P6\n%d %d\n255\n", w, h);
    for (int i = 0; i < w * h * 3; i++) {
        data[header + i] = (uint8_t)(first + i);
    }
    test_write_file(dir, name, data, (size_t)(header + w * h * 3));
}

// Pixels as libpng takes them: `depth` bits, `channels` values of a type.
typedef struct png_kind {
    int type, depth, interlace;
    bool transparent;
} png_kind;

static inline void write_png(const char *dir, const char *name, int w, int h, png_kind k, const uint8_t *rows, size_t row_bytes) {
    FILE *f = fopen(path_in(dir, name), "wb");
    assert_non_null(f);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, k.depth, k.type, k.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    const png_color palette[4] = {{1, 2, 3}, {40, 50, 60}, {255, 0, 128}, {9, 9, 9}};
    if (k.type == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(png, info, palette, 4);
    }
    png_byte alpha[1] = {0};
    const png_color_16 key = {.gray = 1};
    if (k.transparent) {
        png_set_tRNS(png, info, alpha, 1, &key);
    }
    char keyword[] = "Comment", text[] = "a chunk that is not looked at";
    const png_text comment = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = keyword, .text = text};
    png_set_text(png, info, &comment, 1);
    png_write_info(png, info);
    const int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < h; y++) {
            png_write_row(png, rows + (size_t)y * row_bytes);
        }
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(f), 0);
}

static const png_kind gray8 = {PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, false}, rgb8 = {PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE, false};

#endif
