// SPDX-License-Identifier: Apache-2.0
// CIFAR-100, GTSRB and folders of PNG images from small files made here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "picture_files.h"
#include "sj_dataset.h"
#include "sj_test_folder.h"

static sj_error err;

// Both parts stand in the message.
static void refused(const sj_dataset_request *r, sj_status status, const char *a, const char *b) {
    sj_dataset d;
    assert_int_equal(sj_dataset_load(r, &d, &err), status);
    assert_null(d.train.pixels);
    message_says(&err, a);
    message_says(&err, b);
}

static sj_dataset loaded(const sj_dataset_request *r) {
    sj_dataset d;
    test_ok(sj_dataset_load(r, &d, &err), &err);
    return d;
}

static void make_folder(const char *dir, const char *name) { assert_int_equal(mkdir(path_in(dir, name), 0777), 0); }

static void remove_folder(const char *dir, const char *name) { assert_int_equal(rmdir(path_in(dir, name)), 0); }

// ---- CIFAR-100

static void reads_cifar100(void **state) {
    (void)state;
    enum { RECORD = 3074, TRAIN = 50000, TEST = 10000 };
    const char *dir = test_folder();
    const sj_dataset_request request = {"cifar100", dir, 20, 0, 0, 0, 0};
    refused(&request, SJ_ERR_IO, "train.bin", "No such file");
    uint8_t *file = calloc(TRAIN, RECORD);
    assert_non_null(file);
    file[0] = 19;                  // coarse
    file[1] = 99;                  // fine
    file[2] = 11;                  // red, green and blue of pixel 0
    file[2 + 1024] = 22;
    file[2 + 2048] = 33;
    file[RECORD + 1] = 50;
    file[RECORD + 2 + 3071] = 44;  // blue of pixel 1023
    test_write_file(dir, "train.bin", file, (size_t)RECORD * TRAIN);
    test_write_file(dir, "test.bin", file, (size_t)RECORD * TEST - 1);
    refused(&request, SJ_ERR_FORMAT, "test.bin: 30739999 bytes", "30740000 (10000 records of 3074)");
    test_write_file(dir, "test.bin", file, (size_t)RECORD * TEST + 1);
    refused(&request, SJ_ERR_FORMAT, "test.bin: 30740001 bytes", "CIFAR-100");
    test_write_file(dir, "test.bin", file, (size_t)RECORD * TEST);
    sj_dataset d = loaded(&request);
    assert_true(d.classes == 100 && d.train.count == 20 && d.test.count == TEST && d.dims.h == 32 && d.dims.w == 32 && d.dims.c == 3);
    assert_true(d.train.labels[0] == 99 && d.train.labels[1] == 50 && d.test.labels[0] == 99);
    assert_true(d.train.pixels[0] == 11 && d.train.pixels[1] == 22 && d.train.pixels[2] == 33 && d.train.pixels[3] == 0 && d.train.pixels[3072 + 3071] == 44);
    sj_dataset_free(&d);
    file[1] = 100;
    test_write_file(dir, "test.bin", file, (size_t)RECORD * TEST);
    refused(&request, SJ_ERR_FORMAT, "label 100 of test image 0", "0 to 99");
    const sj_dataset_request many = {"cifar100", dir, TRAIN + 1, 1, 0, 0, 0}, sized = {"cifar100", dir, 1, 1, 0, 32, 32};
    file[1] = 99;
    test_write_file(dir, "test.bin", file, (size_t)RECORD * TEST);
    refused(&many, SJ_ERR_CONFIG, "data.train_images: 50001", "50000 training images");
    refused(&sized, SJ_ERR_CONFIG, "data.image", "cifar100");
    free(file);
    assert_true(sj_test_remove_folder(dir));
}

// ---- GTSRB

#define GT_HEADER "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r\n"

// 43 classes: class 0 has three images, class 1 two, the others one; two test images. Every first value tells the image.
static void write_gtsrb(const char *dir) {
    make_folder(dir, "Final_Training");
    make_folder(dir, "Final_Training/Images");
    make_folder(dir, "Final_Test");
    make_folder(dir, "Final_Test/Images");
    for (int i = 0; i < 43; i++) {
        char folder[PATH_MAX_HERE], name[32], text[1024] = GT_HEADER;
        (void)snprintf(name, sizeof name, "Final_Training/Images/%05d", i);
        (void)snprintf(folder, sizeof folder, "%s", path_in(dir, name));
        make_folder(dir, name);
        for (int k = 0; k < (i == 0 ? 3 : i == 1 ? 2 : 1); k++) {
            (void)snprintf(name, sizeof name, "00000_%05d.ppm", k);
            write_ppm(folder, name, 6, 5, (uint8_t)(4 * i + k));
            const size_t used = strlen(text);
            (void)snprintf(text + used, sizeof text - used, "%s;6;5;1;2;5;4;%d\r\n", name, i);
        }
        (void)snprintf(name, sizeof name, "GT-%05d.csv", i);
        write_text(folder, name, text);
    }
    write_ppm(path_in(dir, "Final_Test/Images"), "00000.ppm", 4, 4, 200);
    write_ppm(path_in(dir, "Final_Test/Images"), "00001.ppm", 32, 32, 7);
    write_text(path_in(dir, "Final_Test/Images"), "GT-final_test.csv", "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n00000.ppm;4;4;0;0;4;4;42\n00001.ppm;32;32;0;0;32;32;0");
}

static void reads_gtsrb(void **state) {
    (void)state;
    const char *dir = test_folder();
    write_gtsrb(dir);
    const sj_dataset_request request = {"gtsrb", dir, 0, 0, 0, 0, 0}, cut = {"gtsrb", dir, 0, 0, 0, 2, 4}, few = {"gtsrb", dir, 44, 1, 0, 2, 4};
    sj_dataset d = loaded(&request);
    assert_true(d.classes == 43 && d.dims.h == 32 && d.dims.w == 32 && d.dims.c == 3 && d.train.count == 46 && d.test.count == 2);
    for (int i = 0; i < 43; i++) {
        assert_int_equal(d.train.labels[i], i);  // one of each class in turn
    }
    assert_true(d.train.labels[43] == 0 && d.train.labels[44] == 1 && d.train.labels[45] == 0 && d.test.labels[0] == 42 && d.test.labels[1] == 0);
    for (int i = 0; i < 32 * 32 * 3; i++) {
        assert_int_equal(d.test.pixels[32 * 32 * 3 + i], (uint8_t)(7 + i));
    }
    sj_dataset_free(&d);
    d = loaded(&cut);  // as large as the region: columns 1 to 4, rows 2 and 3
    const int firsts[] = {0, 4, 8};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(d.train.pixels[i * 24], firsts[i] + (2 * 6 + 1) * 3);
        assert_int_equal(d.train.pixels[i * 24 + 23], firsts[i] + (3 * 6 + 4) * 3 + 2);
    }
    assert_int_equal(d.train.pixels[43 * 24], 1 + (2 * 6 + 1) * 3);
    assert_int_equal(d.train.pixels[45 * 24], 2 + (2 * 6 + 1) * 3);
    sj_dataset_free(&d);
    d = loaded(&few);
    assert_true(d.train.count == 44 && d.test.count == 1);
    sj_dataset_free(&d);
    const sj_dataset_request many = {"gtsrb", dir, 47, 0, 0, 0, 0};
    refused(&many, SJ_ERR_CONFIG, "data.train_images: 47", "46 training images");
    assert_true(sj_test_remove_folder(dir));
}

// A line of class 1's file, and what is said about it.
static void line_refused(const char *dir, const char *line, const char *part) {
    char text[1024];
    (void)snprintf(text, sizeof text, GT_HEADER "00000_00000.ppm;6;5;1;2;5;4;1\r\n%s\r\n", line);
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", text);
    const sj_dataset_request request = {"gtsrb", dir, 0, 0, 0, 0, 0};
    refused(&request, SJ_ERR_FORMAT, "00001/GT-00001.csv:3", part);
}

static void refuses_wrong_gtsrb(void **state) {
    (void)state;
    const char *dir = test_folder();
    const sj_dataset_request request = {"gtsrb", dir, 0, 0, 0, 0, 0};
    refused(&request, SJ_ERR_IO, "Final_Training/Images/00000/GT-00000.csv", "cannot open");
    write_gtsrb(dir);
    line_refused(dir, "00000_00001.ppm;6;5;1;2;5;4", "7 numbers");
    line_refused(dir, "00000_00001.ppm;6;5;1;2;5;4;1;1", "7 numbers");
    line_refused(dir, "00000_00001.ppm;6;5;1;2;5;4;", "7 numbers");
    line_refused(dir, "00000_00001.ppm;6;5;1;2;5;-4;1", "7 numbers");
    line_refused(dir, "../00001.ppm;6;5;1;2;5;4;1", "file name");
    line_refused(dir, ";6;5;1;2;5;4;1", "file name");
    line_refused(dir, "", "file name");
    line_refused(dir, "00000_00001.ppm;6;5;1;2;7;4;1", "1;2;7;4 does not lie within 6 x 5");
    line_refused(dir, "00000_00001.ppm;6;5;1;2;5;6;1", "1;2;5;6 does not lie");
    line_refused(dir, "00000_00001.ppm;6;5;5;2;5;4;1", "or is empty");
    line_refused(dir, "00000_00001.ppm;6;5;1;4;5;4;1", "or is empty");
    line_refused(dir, "00000_00001.ppm;6;5;1;2;5;4;2", "class 2; this folder is of class 1");
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", "Filename;Width;Height\n");
    refused(&request, SJ_ERR_FORMAT, "GT-00001.csv", "first line");
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", "");
    refused(&request, SJ_ERR_FORMAT, "GT-00001.csv", "names no image");
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", GT_HEADER);
    refused(&request, SJ_ERR_FORMAT, "GT-00001.csv", "names no image");
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", GT_HEADER "00000_00000.ppm;6;5;0;0;6;5;1\n00000_00007.ppm;6;5;0;0;6;5;1\n");
    refused(&request, SJ_ERR_IO, "00001/00000_00007.ppm", "cannot open");
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", GT_HEADER "00000_00000.ppm;5;6;0;0;5;6;1\n");
    refused(&request, SJ_ERR_FORMAT, "00001/00000_00000.ppm: 6 x 5 pixels", "says 5 x 6");
    write_text(path_in(dir, "Final_Training/Images/00001"), "GT-00001.csv", GT_HEADER "00000_00000.ppm;6;5;0;0;6;5;1\n");  // the whole image is allowed
    test_write_file(path_in(dir, "Final_Training/Images/00001"), "00000_00000.ppm", "P6\n6 5\n255\nshort", 16);
    refused(&request, SJ_ERR_FORMAT, "00001/00000_00000.ppm: 5 bytes", "90");
    write_ppm(path_in(dir, "Final_Training/Images/00001"), "00000_00000.ppm", 6, 5, 0);
    sj_dataset d = loaded(&request);
    sj_dataset_free(&d);
    write_text(path_in(dir, "Final_Test/Images"), "GT-final_test.csv", GT_HEADER "00000.ppm;4;4;0;0;4;4;43\n");
    refused(&request, SJ_ERR_FORMAT, "GT-final_test.csv:2: class 43", "0 to 42");
    assert_int_equal(remove(path_in(dir, "Final_Test/Images/GT-final_test.csv")), 0);
    refused(&request, SJ_ERR_IO, "Final_Test/Images/GT-final_test.csv (or ", "No such file");
    assert_true(sj_test_remove_folder(dir));
}

static void gtsrb_annotation_may_lie_in_the_folder(void **state) {
    (void)state;
    const char *dir = test_folder();
    char path[4096], hex[2][17];
    write_gtsrb(dir);
    assert_true(sj_dataset_file("gtsrb", dir, 1, path));
    assert_false(sj_dataset_file("gtsrb", dir, 2, path));
    write_text(dir, "GT-final_test.csv", GT_HEADER "00001.ppm;32;32;0;0;32;32;5\n");  // goes before the other
    assert_true(sj_dataset_file("gtsrb", dir, 2, path));
    assert_non_null(strstr(path, "GT-final_test.csv"));
    const sj_dataset_request request = {"gtsrb", dir, 0, 0, 0, 0, 0};
    sj_dataset d = loaded(&request);
    assert_true(d.test.count == 1 && d.test.labels[0] == 5);
    sj_dataset_free(&d);
    test_ok(sj_dataset_hash(path_in(dir, "Final_Test/Images"), hex[0], &err), &err);
    test_ok(sj_dataset_hash(path_in(dir, "Final_Test/Images"), hex[1], &err), &err);
    assert_string_equal(hex[0], hex[1]);
    write_ppm(path_in(dir, "Final_Test/Images"), "00001.ppm", 32, 32, 8);  // a content
    test_ok(sj_dataset_hash(path_in(dir, "Final_Test/Images"), hex[1], &err), &err);
    assert_string_not_equal(hex[0], hex[1]);
    write_ppm(path_in(dir, "Final_Test/Images"), "00001.ppm", 32, 32, 7);
    write_text(path_in(dir, "Final_Test/Images"), ".hidden", "not counted");
    test_ok(sj_dataset_hash(path_in(dir, "Final_Test/Images"), hex[1], &err), &err);
    assert_string_equal(hex[0], hex[1]);
    write_text(path_in(dir, "Final_Test/Images"), "empty", "");  // a name
    test_ok(sj_dataset_hash(path_in(dir, "Final_Test/Images"), hex[1], &err), &err);
    assert_string_not_equal(hex[0], hex[1]);
    (void)snprintf(path, sizeof path, "%s", path_in(dir, "Final_Test/Images/empty"));
    assert_int_equal(rename(path, path_in(dir, "Final_Test/Images/void")), 0);
    test_ok(sj_dataset_hash(path_in(dir, "Final_Test/Images"), hex[0], &err), &err);
    assert_string_not_equal(hex[0], hex[1]);
    assert_int_equal(sj_dataset_hash("nowhere", hex[0], &err), SJ_ERR_IO);
    assert_true(sj_test_remove_folder(dir));
}

// ---- a folder of PNG images

enum { PW = 3, PH = 2 };

static void put_png(const char *dir, const char *folder, const char *name, png_kind k, uint8_t value) {
    uint8_t rows[PW * PH * 3];
    memset(rows, value, sizeof rows);
    write_png(path_in(dir, folder), name, PW, PH, k, rows, k.type == PNG_COLOR_TYPE_RGB ? PW * 3 : PW);
}

// Classes 10, 9, dog (in this order); the value of an image tells which it is.
static void write_png_folder(const char *dir, png_kind k) {
    make_folder(dir, "train");
    make_folder(dir, "test");
    static const char *const classes[] = {"9", "dog", "10"};
    for (int i = 0; i < 3; i++) {
        make_folder(path_in(dir, "train"), classes[i]);
        make_folder(path_in(dir, "test"), classes[i]);
    }
    put_png(dir, "train/10", "b.png", k, 1);
    put_png(dir, "train/10", "a.png", k, 0);
    put_png(dir, "train/10", "c.PNG", k, 2);
    put_png(dir, "train/9", "x.png", k, 10);
    put_png(dir, "train/dog", "1.png", k, 20);
    put_png(dir, "train/dog", "2.png", k, 21);
    put_png(dir, "test/10", "t.png", k, 30);
    put_png(dir, "test/9", "t.png", k, 31);
    put_png(dir, "test/dog", "t.png", k, 32);
    write_text(dir, "notes.txt", "beside train and test anything may lie");
    write_text(path_in(dir, "train/9"), ".hidden", "left out");
}

static void reads_png_folder(void **state) {
    (void)state;
    const png_kind both[] = {gray8, rgb8};
    for (int i = 0; i < 2; i++) {
        const char *dir = test_folder();
        write_png_folder(dir, both[i]);
        const sj_dataset_request request = {"png-folder", dir, 0, 0, 0, 0, 0}, few = {"png-folder", dir, 4, 2, 0, 0, 0}, many = {"png-folder", dir, 7, 0, 0, 0, 0};
        sj_dataset d = loaded(&request);
        assert_true(d.classes == 3 && d.dims.h == PH && d.dims.w == PW && d.dims.c == (i == 0 ? 1 : 3) && d.train.count == 6 && d.test.count == 3);
        const uint16_t labels[] = {0, 1, 2, 0, 2, 0};
        const uint8_t values[] = {0, 10, 20, 1, 21, 2};
        const int64_t each = d.dims.h * d.dims.w * d.dims.c;
        for (int n = 0; n < 6; n++) {
            assert_int_equal(d.train.labels[n], labels[n]);
            assert_int_equal(d.train.pixels[n * each], values[n]);
            assert_int_equal(d.train.pixels[(n + 1) * each - 1], values[n]);
        }
        assert_true(d.test.labels[0] == 0 && d.test.labels[2] == 2 && d.test.pixels[2 * each] == 32);
        const double mean = (0 + 10 + 20 + 1 + 21 + 2) / 6.0 / 255.0;
        double variance = 0.0;
        for (int n = 0; n < 6; n++) {
            variance += (values[n] / 255.0 - mean) * (values[n] / 255.0 - mean) / 6.0;
        }
        assert_true(fabs((double)d.mean[0] - mean) < 1e-7 && fabs((double)d.inverse_std[0] * sqrt(variance) - 1.0) < 1e-6);
        sj_dataset_free(&d);
        d = loaded(&few);
        assert_true(d.train.count == 4 && d.test.count == 2);
        sj_dataset_free(&d);
        refused(&many, SJ_ERR_CONFIG, "data.train_images: 7", "6 training images");
        char path[4096];
        assert_true(sj_dataset_file("png-folder", dir, 0, path) && strstr(path, "/train") != NULL);
        assert_true(sj_dataset_file("png-folder", dir, 1, path) && strstr(path, "/test") != NULL);
        assert_false(sj_dataset_file("png-folder", dir, 2, path));
        assert_true(sj_test_remove_folder(dir));
    }
}

static void png_folder_of_other_sizes(void **state) {
    (void)state;
    const char *dir = test_folder();
    write_png_folder(dir, gray8);
    const sj_dataset_request plain = {"png-folder", dir, 0, 0, 0, 0, 0}, sized = {"png-folder", dir, 0, 0, 0, 4, 6};
    uint8_t rows[(PW + 1) * PH];
    memset(rows, 77, sizeof rows);
    write_png(path_in(dir, "test/9"), "t.png", PW + 1, PH, gray8, rows, PW + 1);
    refused(&plain, SJ_ERR_FORMAT, "test/9/t.png: 2 x 4 pixels", "data.image");
    sj_dataset d = loaded(&sized);
    assert_true(d.dims.h == 4 && d.dims.w == 6 && d.dims.c == 1 && d.test.pixels[24] == 77 && d.train.pixels[3 * 24 + 23] == 1);
    sj_dataset_free(&d);
    put_png(dir, "test/9", "t.png", rgb8, 5);
    refused(&plain, SJ_ERR_FORMAT, "test/9/t.png", "in colour; the first training image is gray");
    refused(&sized, SJ_ERR_FORMAT, "test/9/t.png", "of one kind");
    put_png(dir, "test/9", "t.png", gray8, 5);
    const sj_dataset_request sizes[] = {{"png-folder", dir, 0, 0, 0, 0, 6}, {"png-folder", dir, 0, 0, 0, 1025, 6}, {"png-folder", dir, 0, 0, 0, 6, 1025}, {"png-folder", dir, 0, 0, 0, -1, 6}};
    for (int i = 0; i < 4; i++) {
        refused(&sizes[i], SJ_ERR_CONFIG, "data.image: [", "1 to 1024");
    }
    const sj_dataset_request edge = {"png-folder", dir, 1, 1, 0, 1024, 1};
    d = loaded(&edge);
    assert_true(d.dims.h == 1024 && d.dims.w == 1);
    sj_dataset_free(&d);
    assert_true(sj_test_remove_folder(dir));
}

static void refuses_wrong_png_folder(void **state) {
    (void)state;
    const char *dir = test_folder();
    const sj_dataset_request request = {"png-folder", dir, 0, 0, 0, 0, 0};
    refused(&request, SJ_ERR_IO, "/train: cannot read the folder", "No such file");
    make_folder(dir, "train");
    refused(&request, SJ_ERR_IO, "/test: cannot read the folder", "No such file");
    make_folder(dir, "test");
    refused(&request, SJ_ERR_FORMAT, "/train: 0 class folders", "2 to 65536");
    make_folder(dir, "train/only");
    refused(&request, SJ_ERR_FORMAT, "/train: 1 class folders", "2 to 65536");
    remove_folder(dir, "train/only");
    remove_folder(dir, "train");
    remove_folder(dir, "test");
    write_png_folder(dir, gray8);
    make_folder(dir, "test/zebra");
    refused(&request, SJ_ERR_FORMAT, "/test/zebra", "/train has no class of this name");
    remove_folder(dir, "test/zebra");
    make_folder(dir, "train/ape");
    refused(&request, SJ_ERR_FORMAT, "/train/ape", "/test has no class of this name");
    make_folder(dir, "test/ape");
    refused(&request, SJ_ERR_FORMAT, "/train/ape", "a class without images");
    remove_folder(dir, "train/ape");
    remove_folder(dir, "test/ape");
    write_text(path_in(dir, "train/dog"), "list.txt", "1.png 2.png");
    refused(&request, SJ_ERR_FORMAT, "train/dog/list.txt", "does not end in .png");
    assert_int_equal(remove(path_in(dir, "train/dog/list.txt")), 0);
    write_text(path_in(dir, "train/dog"), "2.png", "no image");
    refused(&request, SJ_ERR_FORMAT, "train/dog/2.png", "not a PNG image");
    put_png(dir, "train/dog", "2.png", gray8, 21);
    write_text(path_in(dir, "train"), "zz", "a file among the classes");
    write_text(path_in(dir, "test"), "zz", "a file among the classes");
    refused(&request, SJ_ERR_FORMAT, "train/zz", "not a folder");
    assert_true(sj_test_remove_folder(dir));
}

// Of several faults the one in the first image is told, whatever the threads do.
static void the_first_fault_is_told(void **state) {
    (void)state;
    const char *dir = test_folder();
    char name[32];
    write_png_folder(dir, gray8);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "y%02d.png", i);
        write_text(path_in(dir, "train/9"), name, "no image");
    }
    const sj_dataset_request request = {"png-folder", dir, 0, 0, 0, 0, 0};
    for (int trial = 0; trial < 20; trial++) {
        refused(&request, SJ_ERR_FORMAT, "train/9/y00.png", "not a PNG image");
    }
    assert_true(sj_test_remove_folder(dir));
}

static void knows_the_names(void **state) {
    (void)state;
    const sj_dataset_request wrong = {"cifar-100", NULL, 0, 0, 0, 0, 0}, homeless = {"png-folder", NULL, 0, 0, 0, 0, 0}, drawn = {"glyphs", NULL, 1, 1, 0, 32, 32};
    refused(&wrong, SJ_ERR_CONFIG, "did you mean \"cifar100\"", "cifar10, cifar100, gtsrb, png-folder");
    refused(&homeless, SJ_ERR_CONFIG, "png-folder", "--data DIR");
    refused(&drawn, SJ_ERR_CONFIG, "data.image", "glyphs");
}

static void fingerprint_sees_every_change(void **state) {
    (void)state;
    const sj_dataset_request request = {"glyphs", NULL, 11, 3, 5, 0, 0};
    sj_dataset d = loaded(&request), same = loaded(&request);
    const uint64_t before = sj_dataset_fingerprint(&d);
    assert_true(before == sj_dataset_fingerprint(&same));
    for (int64_t i = 0; i < 11 * 3072; i += 13) {
        d.train.pixels[i] ^= 1;
        assert_true(before != sj_dataset_fingerprint(&d));
        d.train.pixels[i] ^= 1;
    }
    uint16_t *const labels[] = {&d.train.labels[10], &d.test.labels[0], &d.test.labels[2]};
    for (int i = 0; i < 3; i++) {
        *labels[i] ^= 0x100;
        assert_true(before != sj_dataset_fingerprint(&d));
        *labels[i] ^= 0x100;
    }
    for (int i = 0; i < 3072; i++) {  // the first two images exchanged
        const uint8_t other = d.train.pixels[i];
        d.train.pixels[i] = d.train.pixels[3072 + i];
        d.train.pixels[3072 + i] = other;
    }
    assert_true(before != sj_dataset_fingerprint(&d));
    sj_dataset_free(&d);
    sj_dataset_free(&same);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_cifar100),   cmocka_unit_test(reads_gtsrb),
        cmocka_unit_test(refuses_wrong_gtsrb), cmocka_unit_test(gtsrb_annotation_may_lie_in_the_folder),
        cmocka_unit_test(reads_png_folder), cmocka_unit_test(png_folder_of_other_sizes),
        cmocka_unit_test(refuses_wrong_png_folder), cmocka_unit_test(the_first_fault_is_told),
        cmocka_unit_test(knows_the_names),  cmocka_unit_test(fingerprint_sees_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
