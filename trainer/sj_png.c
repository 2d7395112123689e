// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_picture.h"

enum { SIGNATURE = 8 };

typedef struct trouble {
    char why[256];
} trouble;

static void on_error(png_structp png, png_const_charp message) {
    trouble *t = png_get_error_ptr(png);
    (void)snprintf(t->why, sizeof t->why, "%s", message);
    png_longjmp(png, 1);
}

// Warnings are of chunks that are not looked at (text, profiles): what touches the pixels, and every wrong checksum, is an error.
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static sj_status check_colour(png_structp png, png_infop info, const char *path, sj_error *err) {
    if ((png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: the image has transparency; save it as gray or RGB over the ground that is meant", path);
    }
    return SJ_OK;
}

static void ask_for_bytes(png_structp png, png_infop info) {
    if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(png);
    } else if (png_get_bit_depth(png, info) < 8) {
        png_set_expand_gray_1_2_4_to_8(png);
    }
    png_set_scale_16(png);
}

// libpng's errors come back to the setjmp below; nothing that is changed after it lives in a local variable.
static sj_status decode(png_structp png, png_infop info, trouble *t, FILE *f, const char *path, sj_picture *out, sj_error *err) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged or cut short, or of a kind that is not read: %s", path, t->why);
    }
    png_init_io(png, f);
    png_set_sig_bytes(png, SIGNATURE);
    png_set_user_limits(png, SJ_PICTURE_SIDE_MAX, SJ_PICTURE_SIDE_MAX);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(png, info);
    SJ_TRY(check_colour(png, info, path, err));
    ask_for_bytes(png, info);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    *out = (sj_picture){png_get_image_height(png, info), png_get_image_width(png, info), png_get_channels(png, info), NULL};
    SJ_TRY(sj_alloc((void **)&out->pixels, (uint64_t)out->h, png_get_rowbytes(png, info), path, err));
    for (int pass = 0; pass < passes; pass++) {
        for (int64_t y = 0; y < out->h; y++) {
            png_read_row(png, out->pixels + y * out->w * out->c, NULL);
        }
    }
    png_read_end(png, NULL);
    return SJ_OK;
}

static sj_status read_open(FILE *f, const char *path, sj_picture *out, sj_error *err) {
    unsigned char signature[SIGNATURE];
    if (fread(signature, 1, SIGNATURE, f) != SIGNATURE || png_sig_cmp(signature, 0, SIGNATURE) != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: not a PNG image", path);
    }
    trouble t = {""};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &t, on_error, on_warning);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    sj_status status;
    if (info == NULL) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to read it", path);
    } else {
        status = decode(png, info, &t, f, path, out, err);
    }
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

sj_status sj_png_read(const char *path, sj_picture *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    const sj_status status = read_open(f, path, out, err);
    (void)fclose(f);
    if (status != SJ_OK) {
        sj_picture_free(out);
    }
    return status;
}
