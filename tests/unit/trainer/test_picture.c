// SPDX-License-Identifier: Apache-2.0
// Reading and resizing of pictures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>

#include <cmocka.h>

#include "picture_files.h"
#include "sj_picture.h"
#include "sj_test_folder.h"

static sj_error err;

static void says(const char *part) { message_says(&err, part); }

// ---- PPM

static sj_status read_ppm(const char *dir, const void *data, size_t bytes, sj_picture *p) {
    test_write_file(dir, "a.ppm", data, bytes);
    const sj_status status = sj_ppm_read(path_in(dir, "a.ppm"), p, &err);
    if (status != SJ_OK) {
        says("a.ppm");
        assert_null(p->pixels);
    }
    return status;
}

static void ppm_refused(const char *dir, const char *header, size_t pixels, const char *part) {
    char data[256];
    sj_picture p;
    const size_t length = strlen(header);
    memcpy(data, header, length);
    memset(data + length, 'x', pixels);
    assert_int_equal(read_ppm(dir, data, length + pixels, &p), SJ_ERR_FORMAT);
    says(part);
}

static void reads_ppm(void **state) {
    (void)state;
    const char *dir = test_folder();
    static const char plain[] = "P6\n2 1\n255\n\x01\x02\x03\xff\x23\x0a";                                      // '#' and a newline among the pixels
    static const char commented[] = "P6 # made by hand 9 9\n#again\n2\t# wide\n1\r\n#\n255 \x01\x02\x03\xff\x23\x0a";
    sj_picture p;
    test_ok(read_ppm(dir, plain, sizeof plain - 1, &p), &err);
    assert_true(p.h == 1 && p.w == 2 && p.c == 3);
    assert_memory_equal(p.pixels, "\x01\x02\x03\xff\x23\x0a", 6);
    sj_picture_free(&p);
    test_ok(read_ppm(dir, commented, sizeof commented - 1, &p), &err);
    assert_true(p.h == 1 && p.w == 2);
    assert_memory_equal(p.pixels, "\x01\x02\x03\xff\x23\x0a", 6);
    sj_picture_free(&p);
    ppm_refused(dir, "P6\n2 1\n255\n", 5, "5 bytes of pixels; 2 x 1 pixels have 6");
    ppm_refused(dir, "P6\n2 1\n255\n", 7, "7 bytes of pixels");
    ppm_refused(dir, "P5\n2 1\n255\n", 2, "does not start with P6");
    ppm_refused(dir, "P", 0, "does not start with P6");
    ppm_refused(dir, "P6\n0 1\n255\n", 0, "0 x 1 pixels");
    ppm_refused(dir, "P6\n8193 1\n255\n", 0, "8193 x 1 pixels");
    ppm_refused(dir, "P6\n1 8193\n255\n", 0, "sides from 1 to 8192");
    ppm_refused(dir, "P6\n8192 8192\n255\n", 3, "3 bytes of pixels");
    ppm_refused(dir, "P6\n99999999999999999999 1\n255\n", 0, "sides from 1 to 8192");
    ppm_refused(dir, "P6\n1 1\n254\n", 3, "values to 254");
    ppm_refused(dir, "P6\n1 1\n65535\n", 6, "values to 65535");
    ppm_refused(dir, "P6\n1 x\n255\n", 3, "sides from 1");
    ppm_refused(dir, "P6\n1 1\n255", 0, "no white space");
    ppm_refused(dir, "P6\n1 1", 0, "values to -1");
    assert_int_equal(sj_ppm_read("nowhere.ppm", &p, &err), SJ_ERR_IO);
    says("nowhere.ppm");
    assert_true(sj_test_remove_folder(dir));
}

// ---- resizing

// The triangle filter in double precision, axis by axis and pixel by pixel, from its definition.
static double triangle(int64_t in, int64_t out, int64_t i, int64_t j) {
    const double scale = (double)in / (double)out, reach = scale > 1.0 ? scale : 1.0;
    const double distance = fabs(((double)j + 0.5) - ((double)i + 0.5) * scale) / reach;
    return distance < 1.0 ? 1.0 - distance : 0.0;
}

static double reference(const sj_picture *p, sj_box b, int64_t h, int64_t w, int64_t y, int64_t x, int64_t c) {
    double sum = 0.0, total = 0.0;
    for (int64_t j = b.y1; j < b.y2; j++) {
        for (int64_t i = b.x1; i < b.x2; i++) {
            const double weight = triangle(b.y2 - b.y1, h, y, j - b.y1) * triangle(b.x2 - b.x1, w, x, i - b.x1);
            sum += weight * (double)p->pixels[(j * p->w + i) * p->c + c];
            total += weight;
        }
    }
    return sum / total;
}

static sj_picture random_picture(sj_random *r, int64_t h, int64_t w, int64_t c) {
    sj_picture p = {h, w, c, malloc((size_t)(h * w * c))};
    for (int64_t i = 0; i < h * w * c; i++) {
        p.pixels[i] = (uint8_t)sj_random_below(r, 256);
    }
    return p;
}

static void resizes(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(41));
    for (int trial = 0; trial < 60; trial++) {
        sj_picture p = random_picture(&r, test_between(&r, 1, 40), test_between(&r, 1, 40), trial % 2 == 0 ? 3 : 1);
        sj_box b = {test_between(&r, 0, p.w - 1), test_between(&r, 0, p.h - 1), 0, 0};
        b.x2 = test_between(&r, b.x1 + 1, p.w);
        b.y2 = test_between(&r, b.y1 + 1, p.h);
        const int64_t h = test_between(&r, 1, 24), w = test_between(&r, 1, 24);
        uint8_t *out = malloc((size_t)(h * w * p.c));
        test_ok(sj_picture_resize(&p, b, h, w, out, &err), &err);
        for (int64_t i = 0; i < h * w * p.c; i++) {
            const double want = reference(&p, b, h, w, i / p.c / w, i / p.c % w, i % p.c);
            assert_true(fabs((double)out[i] - want) <= 0.5 + 1e-9);
        }
        free(out);
        sj_picture_free(&p);
    }
}

static void same_size_is_the_same_picture(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(42));
    sj_picture p = random_picture(&r, 9, 13, 3);
    uint8_t out[9 * 13 * 3];
    test_ok(sj_picture_resize(&p, (sj_box){0, 0, 13, 9}, 9, 13, out, &err), &err);
    assert_memory_equal(out, p.pixels, sizeof out);
    test_ok(sj_picture_resize(&p, (sj_box){5, 4, 6, 5}, 1, 1, out, &err), &err);
    assert_memory_equal(out, p.pixels + (4 * 13 + 5) * 3, 3);
    sj_picture_free(&p);
}

// The largest sums that can occur: 64 bits must hold them.
static void extreme_sizes_do_not_overflow(void **state) {
    (void)state;
    enum { SIDE = SJ_PICTURE_SIDE_MAX };
    sj_picture p = {SIDE, SIDE, 1, malloc((size_t)SIDE * SIDE)};
    memset(p.pixels, 255, (size_t)SIDE * SIDE);
    uint8_t out[SJ_PICTURE_TARGET_MAX];
    test_ok(sj_picture_resize(&p, (sj_box){0, 0, SIDE, SIDE}, 1, 1, out, &err), &err);
    assert_int_equal(out[0], 255);
    test_ok(sj_picture_resize(&p, (sj_box){0, 0, 1, SIDE}, 1, SJ_PICTURE_TARGET_MAX, out, &err), &err);
    for (int i = 0; i < SJ_PICTURE_TARGET_MAX; i++) {
        assert_int_equal(out[i], 255);
    }
    sj_picture_free(&p);
}

// ---- PNG

static sj_status read_png(const char *dir, const char *name, sj_picture *p) {
    const sj_status status = sj_png_read(path_in(dir, name), p, &err);
    if (status != SJ_OK) {
        says(name);
        assert_null(p->pixels);
    }
    return status;
}

static void png_gives(const char *dir, int w, int h, png_kind k, const uint8_t *rows, size_t row_bytes, int channels, const uint8_t *want) {
    sj_picture p;
    write_png(dir, "a.png", w, h, k, rows, row_bytes);
    test_ok(read_png(dir, "a.png", &p), &err);
    assert_true(p.h == h && p.w == w && p.c == channels);
    assert_memory_equal(p.pixels, want, (size_t)(w * h * channels));
    sj_picture_free(&p);
}

static void reads_png(void **state) {
    (void)state;
    const char *dir = test_folder();
    sj_random r = sj_random_seed(test_seed(43));
    uint8_t random[13 * 11 * 3];
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] = (uint8_t)sj_random_below(&r, 256);
    }
    png_gives(dir, 13, 11, gray8, random, 13, 1, random);
    png_gives(dir, 13, 11, rgb8, random, 39, 3, random);
    png_gives(dir, 13, 11, (png_kind){PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7, false}, random, 39, 3, random);
    png_gives(dir, 2, 1, (png_kind){PNG_COLOR_TYPE_GRAY, 16, 0, false}, (const uint8_t[]){0x12, 0x00, 0xff, 0xff}, 4, 1, (const uint8_t[]){0x12, 0xff});
    png_gives(dir, 2, 1, (png_kind){PNG_COLOR_TYPE_GRAY, 16, 0, false}, (const uint8_t[]){0x12, 0x92, 0x12, 0x93}, 4, 1, (const uint8_t[]){0x12, 0x13});  // v / 257, to the nearest
    png_gives(dir, 4, 1, (png_kind){PNG_COLOR_TYPE_GRAY, 2, 0, false}, (const uint8_t[]){0x1b}, 1, 1, (const uint8_t[]){0, 85, 170, 255});
    png_gives(dir, 3, 1, (png_kind){PNG_COLOR_TYPE_PALETTE, 8, 0, false}, (const uint8_t[]){2, 0, 1}, 3, 3, (const uint8_t[]){255, 0, 128, 1, 2, 3, 40, 50, 60});
    png_gives(dir, 3, 1, (png_kind){PNG_COLOR_TYPE_PALETTE, 2, 0, false}, (const uint8_t[]){0x90}, 1, 3, (const uint8_t[]){255, 0, 128, 40, 50, 60, 1, 2, 3});
    assert_true(sj_test_remove_folder(dir));
}

static void png_refused(const char *dir, png_kind k, size_t row_bytes) {
    const uint8_t rows[64] = {0};
    sj_picture p;
    write_png(dir, "clear.png", 2, 2, k, rows, row_bytes);
    assert_int_equal(read_png(dir, "clear.png", &p), SJ_ERR_UNSUPPORTED);
    says("transparency");
}

static void refuses_wrong_png(void **state) {
    (void)state;
    const char *dir = test_folder();
    png_refused(dir, (png_kind){PNG_COLOR_TYPE_RGB_ALPHA, 8, 0, false}, 8);
    png_refused(dir, (png_kind){PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0, false}, 4);
    png_refused(dir, (png_kind){PNG_COLOR_TYPE_PALETTE, 8, 0, true}, 2);
    png_refused(dir, (png_kind){PNG_COLOR_TYPE_GRAY, 8, 0, true}, 2);
    sj_picture p;
    uint8_t rows[20 * 20];
    for (size_t i = 0; i < sizeof rows; i++) {
        rows[i] = (uint8_t)(i * i);
    }
    write_png(dir, "a.png", 20, 20, gray8, rows, 20);
    FILE *f = fopen(path_in(dir, "a.png"), "rb");
    char *whole = calloc(1, 4096);
    const size_t bytes = fread(whole, 1, 4096, f);
    assert_int_equal(fclose(f), 0);
    assert_in_range(bytes, 60, 4095);
    for (size_t cut = 0; cut < bytes; cut++) {
        test_write_file(dir, "cut.png", whole, cut);
        assert_int_equal(read_png(dir, "cut.png", &p), SJ_ERR_FORMAT);
    }
    for (size_t at = 0; at < bytes; at++) {  // whichever byte is wrong
        whole[at] ^= 0x10;
        test_write_file(dir, "wrong.png", whole, bytes);
        assert_int_equal(read_png(dir, "wrong.png", &p), SJ_ERR_FORMAT);
        whole[at] ^= 0x10;
    }
    test_write_file(dir, "a.png", whole, bytes);
    test_ok(read_png(dir, "a.png", &p), &err);
    sj_picture_free(&p);
    free(whole);
    write_text(dir, "text.png", "This is not an image.");
    assert_int_equal(read_png(dir, "text.png", &p), SJ_ERR_FORMAT);
    says("not a PNG image");
    assert_int_equal(sj_png_read("nowhere.png", &p, &err), SJ_ERR_IO);
    assert_true(sj_test_remove_folder(dir));
}

// Sides at the limit and beyond it: a wide row of few bytes.
static void png_sides_have_a_limit(void **state) {
    (void)state;
    const char *dir = test_folder();
    uint8_t *row = calloc(1, SJ_PICTURE_SIDE_MAX + 1);
    sj_picture p;
    write_png(dir, "wide.png", SJ_PICTURE_SIDE_MAX, 1, gray8, row, 0);
    test_ok(read_png(dir, "wide.png", &p), &err);
    sj_picture_free(&p);
    write_png(dir, "wide.png", SJ_PICTURE_SIDE_MAX + 1, 1, gray8, row, 0);
    assert_int_equal(read_png(dir, "wide.png", &p), SJ_ERR_FORMAT);
    write_png(dir, "high.png", 1, SJ_PICTURE_SIDE_MAX, gray8, row, 0);
    test_ok(read_png(dir, "high.png", &p), &err);
    sj_picture_free(&p);
    write_png(dir, "high.png", 1, SJ_PICTURE_SIDE_MAX + 1, gray8, row, 0);
    assert_int_equal(read_png(dir, "high.png", &p), SJ_ERR_FORMAT);
    free(row);
    assert_true(sj_test_remove_folder(dir));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_ppm), cmocka_unit_test(resizes), cmocka_unit_test(same_size_is_the_same_picture), cmocka_unit_test(extreme_sizes_do_not_overflow),
                                       cmocka_unit_test(reads_png), cmocka_unit_test(refuses_wrong_png), cmocka_unit_test(png_sides_have_a_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
