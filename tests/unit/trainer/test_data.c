// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "helper.h"
#include "sj_batch.h"
#include "sj_test_folder.h"

static sj_error err;

static uint64_t hash_bytes(const uint8_t *data, size_t bytes) {
    uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ data[i]) * 0x100000001b3ULL;
    }
    return hash;
}

static void glyphs_never_change(void **state) {
    (void)state;
    sj_images a, b;
    test_ok(sj_glyphs_make(2, 40, &a, &err), &err);
    test_ok(sj_glyphs_make(2, 20, &b, &err), &err);
    assert_memory_equal(a.pixels, b.pixels, 20 * 3072);
    assert_true(a.labels[0] == 0 && a.labels[13] == 3);
    const uint64_t hash = hash_bytes(a.pixels, 40 * 3072);
    if (hash != 0x108dc9a183b224bdULL) {
        fail_msg("the first 40 glyphs have hash 0x%llx", (unsigned long long)hash);
    }
    sj_images_free(&b);
    test_ok(sj_glyphs_make(3, 20, &b, &err), &err);
    assert_memory_not_equal(a.pixels, b.pixels, 3072);
    sj_images_free(&a);
    sj_images_free(&b);
}

static void put_u32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

enum { IMAGES = 6, SIDE_H = 5, SIDE_W = 4, BODY = IMAGES * SIDE_H * SIDE_W };

// The four files of a folder; images of part 1 (t10k) as gz.
static void write_idx(const char *dir) {
    uint8_t images[16 + BODY], labels[8 + IMAGES];
    put_u32(images, 0x803);
    put_u32(images + 4, IMAGES);
    put_u32(images + 8, SIDE_H);
    put_u32(images + 12, SIDE_W);
    put_u32(labels, 0x801);
    put_u32(labels + 4, IMAGES);
    for (int i = 0; i < BODY; i++) {
        images[16 + i] = (uint8_t)(i * 7);
    }
    for (int i = 0; i < IMAGES; i++) {
        labels[8 + i] = (uint8_t)(9 - i);
    }
    test_write_file(dir, "train-images-idx3-ubyte", images, sizeof images);
    test_write_file(dir, "train-labels-idx1-ubyte", labels, sizeof labels);
    test_write_file(dir, "t10k-labels-idx1-ubyte", labels, sizeof labels);
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte.gz", dir);
    gzFile f = gzopen(path, "wb");
    assert_int_equal(gzwrite(f, images, sizeof images), sizeof images);
    assert_int_equal(gzclose(f), Z_OK);
}

static void remove_folder(const char *dir) { assert_true(sj_test_remove_folder(dir)); }

static void expect(const sj_dataset_request *request, sj_status status, const char *a, const char *b, const char *c) {
    sj_dataset d;
    assert_int_equal(sj_dataset_load(request, &d, &err), status);
    const char *const words[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        if (strstr(err.message, words[i]) == NULL) {
            fail_msg("\"%s\" is missing in: %s", words[i], err.message);
        }
    }
}

static void reads_idx(void **state) {
    (void)state;
    const char *dir = test_folder();
    write_idx(dir);
    sj_dataset d;
    const sj_dataset_request request = {"idx", dir, 4, 0, 0, 0, 0};
    test_ok(sj_dataset_load(&request, &d, &err), &err);
    assert_true(d.train.count == 4 && d.test.count == IMAGES && d.dims.h == SIDE_H && d.dims.w == SIDE_W && d.dims.c == 1);
    assert_true(d.train.labels[1] == 8 && d.test.labels[5] == 4 && d.test.pixels[BODY - 1] == (uint8_t)((BODY - 1) * 7) && d.train.pixels[3] == 21);
    sj_dataset_free(&d);
    const sj_dataset_request whole = {"idx", dir, IMAGES, IMAGES, 0, 0, 0}, train = {"idx", dir, IMAGES + 1, 0, 0, 0, 0}, test = {"idx", dir, 0, IMAGES + 1, 0, 0, 0};
    test_ok(sj_dataset_load(&whole, &d, &err), &err);
    sj_dataset_free(&d);
    expect(&train, SJ_ERR_CONFIG, "data.train_images: 7", "idx", "6 training images");
    expect(&test, SJ_ERR_CONFIG, "data.test_images: 7", "idx", "6 test images");
    remove_folder(dir);
}

static void refuses_wrong_idx(void **state) {
    (void)state;
    const char *dir = test_folder();
    const sj_dataset_request request = {"idx", dir, 0, 0, 0, 0, 0};
    expect(&request, SJ_ERR_IO, "train-images-idx3-ubyte", ".gz", "No such file");
    uint8_t bytes[16 + BODY + 1] = {0};
    write_idx(dir);
    put_u32(bytes, 0x803);
    put_u32(bytes + 4, IMAGES);
    put_u32(bytes + 8, SIDE_H);
    put_u32(bytes + 12, SIDE_W);
    test_write_file(dir, "train-images-idx3-ubyte", bytes, 16 + BODY - 1);
    expect(&request, SJ_ERR_FORMAT, "train-images-idx3-ubyte", "135 bytes", "136");
    test_write_file(dir, "train-images-idx3-ubyte", bytes, 16 + BODY + 1);
    expect(&request, SJ_ERR_FORMAT, "train-images-idx3-ubyte", "137 bytes", "136");
    test_write_file(dir, "train-images-idx3-ubyte", bytes, 10);
    expect(&request, SJ_ERR_FORMAT, "train-images-idx3-ubyte", "10 bytes", "16");
    put_u32(bytes, 0x801);
    test_write_file(dir, "train-images-idx3-ubyte", bytes, 16 + BODY);
    expect(&request, SJ_ERR_FORMAT, "train-images-idx3-ubyte", "0x00000801", "0x00000803");
    write_idx(dir);
    put_u32(bytes, 0x801);
    put_u32(bytes + 4, IMAGES - 1);
    test_write_file(dir, "train-labels-idx1-ubyte", bytes, 8 + IMAGES - 1);
    expect(&request, SJ_ERR_FORMAT, "train-labels-idx1-ubyte", "5 labels", "6 images");
    put_u32(bytes + 4, IMAGES);
    bytes[9] = 10;
    test_write_file(dir, "train-labels-idx1-ubyte", bytes, 8 + IMAGES);
    expect(&request, SJ_ERR_FORMAT, "label 10", "training image 1", "0 to 9");
    test_write_file(dir, "train-labels-idx1-ubyte", "\x1f\x8b\x08\x00garbage that is no gzip stream", 30);
    expect(&request, SJ_ERR_FORMAT, "train-labels-idx1-ubyte", "cannot decompress", "");
    remove_folder(dir);
}

static void reads_cifar(void **state) {
    (void)state;
    enum { RECORD = 3073, RECORDS = 10000 };
    const char *dir = test_folder();
    uint8_t *file = calloc(RECORDS, RECORD);
    file[0] = 7;
    file[1] = 11;             // red, green and blue of pixel 0
    file[1 + 1024] = 22;
    file[1 + 2048] = 33;
    file[RECORD] = 9;
    char name[32];
    const sj_dataset_request request = {"cifar10", dir, 20, 5, 0, 0, 0};
    expect(&request, SJ_ERR_IO, "data_batch_1.bin", "cannot open", "No such file");
    for (int i = 1; i <= 5; i++) {
        (void)snprintf(name, sizeof name, "data_batch_%d.bin", i);
        test_write_file(dir, name, file, (size_t)RECORD * RECORDS);
    }
    test_write_file(dir, "test_batch.bin", file, 1234);
    expect(&request, SJ_ERR_FORMAT, "test_batch.bin", "1234 bytes", "30730000");
    test_write_file(dir, "test_batch.bin", file, (size_t)RECORD * RECORDS);
    sj_dataset d;
    test_ok(sj_dataset_load(&request, &d, &err), &err);
    assert_true(d.train.count == 20 && d.test.count == 5 && d.dims.c == 3 && d.train.labels[0] == 7 && d.train.labels[1] == 9);
    assert_true(d.train.pixels[0] == 11 && d.train.pixels[1] == 22 && d.train.pixels[2] == 33 && d.train.pixels[3] == 0);
    sj_dataset_free(&d);
    free(file);
    remove_folder(dir);
}

static void names_the_nearest_data_set(void **state) {
    (void)state;
    const sj_dataset_request wrong = {"glyph", NULL, 0, 0, 0, 0, 0}, homeless = {"mnist", NULL, 0, 0, 0, 0, 0};
    expect(&wrong, SJ_ERR_CONFIG, "\"glyph\"", "did you mean \"glyphs\"", "cifar10");
    expect(&homeless, SJ_ERR_CONFIG, "mnist", "--data", "folder");
    const sj_dataset_request drawn = {"glyphs", "somewhere", 10, 10, 0, 0, 0};
    expect(&drawn, SJ_ERR_CONFIG, "glyphs", "--data", "somewhere");
}

static void order_is_a_permutation(void **state) {
    (void)state;
    enum { COUNT = 500 };
    int64_t order[COUNT], again[COUNT];
    int seen[COUNT] = {0};
    sj_batch_order(1, 0, COUNT, order);
    for (int i = 0; i < COUNT; i++) {
        assert_in_range(order[i], 0, COUNT - 1);
        seen[order[i]]++;
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 1);
    }
    sj_batch_order(1, 0, COUNT, again);
    assert_memory_equal(order, again, sizeof order);
    sj_batch_order(1, 1, COUNT, again);
    assert_memory_not_equal(order, again, sizeof order);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(glyphs_never_change), cmocka_unit_test(reads_idx),   cmocka_unit_test(refuses_wrong_idx),
                                       cmocka_unit_test(reads_cifar), cmocka_unit_test(names_the_nearest_data_set), cmocka_unit_test(order_is_a_permutation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
