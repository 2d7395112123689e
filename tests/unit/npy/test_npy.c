// SPDX-License-Identifier: Apache-2.0
// .npy files built byte by byte, as NumPy's documentation describes them.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sj_file.h"
#include "sj_npy.h"
#include "sj_random.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) {
    return !sj_test_enter_folder(folder);
}

static int leave(void **state) {
    return !sj_test_leave_folder(folder);
}

// Format major.0 with this dictionary, and `bytes` of data behind it.
static void put(int major, const char *dictionary, const void *data, size_t bytes) {
    FILE *f = fopen("m.npy", "wb");
    assert_non_null(f);
    const size_t length = strlen(dictionary);
    const unsigned char head[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)major, 0, (unsigned char)(length & 0xff), (unsigned char)(length >> 8), 0, 0};
    fwrite(head, 1, major == 1 ? 10 : 12, f);
    fwrite(dictionary, 1, length, f);
    fwrite(data, 1, bytes, f);
    assert_int_equal(fclose(f), 0);
}

static sj_npy good(void) {
    sj_npy m;
    if (sj_npy_read("m.npy", &m, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return m;
}

static void refused(const char *message) {
    sj_npy m;
    assert_int_equal(sj_npy_read("m.npy", &m, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, message);
    assert_null(m.data);
}

static const float six[6] = {1.0f, -2.0f, 0.5f, 4.0f, -0.0f, 1e-40f};

static void every_version_is_read(void **state) {
    for (int major = 1; major <= 3; major++) {
        put(major, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     \n", six, sizeof six);
        sj_npy m = good();
        assert_int_equal(m.type, SJ_NPY_F32);
        assert_int_equal(m.rows, 2);
        assert_int_equal(m.columns, 3);
        assert_memory_equal(m.data, six, sizeof six);
        sj_npy_free(&m);
        assert_null(m.data);
    }
}

static void fortran_order_is_turned(void **state) {
    put(1, "{\"shape\":(2,3),\"fortran_order\":True,\"descr\":\"<f4\"}", six, sizeof six);
    sj_npy m = good();
    const float wanted[6] = {1.0f, 0.5f, -0.0f, -2.0f, 4.0f, 1e-40f};
    assert_memory_equal(m.data, wanted, sizeof wanted);
    sj_npy_free(&m);
    const int8_t bytes[6] = {1, 2, 3, 4, 5, -128}, turned[6] = {1, 4, 2, 5, 3, -128};
    put(1, "{'descr': '|i1', 'fortran_order': True, 'shape': (3, 2), }\n", bytes, sizeof bytes);
    m = good();
    assert_int_equal(m.type, SJ_NPY_I8);
    assert_memory_equal(m.data, turned, sizeof turned);
    sj_npy_free(&m);
}

static void a_dimension_may_be_zero(void **state) {
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 0), }\n", six, 0);
    sj_npy m = good();
    assert_int_equal(m.rows, 5);
    assert_int_equal(m.columns, 0);
    sj_npy_free(&m);
}

static void what_is_written_is_read(void **state) {
    const int8_t bytes[3] = {-1, 0, 7};
    assert_int_equal(sj_npy_write("m.npy", SJ_NPY_F32, 3, 2, six, &err), SJ_OK);
    sj_npy m = good();
    assert_int_equal(m.rows, 3);
    assert_memory_equal(m.data, six, sizeof six);
    sj_npy_free(&m);
    assert_int_equal(sj_npy_write("m.npy", SJ_NPY_I8, INT64_C(1), 3, bytes, &err), SJ_OK);
    m = good();
    assert_memory_equal(m.data, bytes, sizeof bytes);
    sj_npy_free(&m);
    char *file;
    size_t size;
    const int32_t words[2] = {1, -1};
    assert_int_equal(sj_npy_write("m.npy", SJ_NPY_I32, 2, 1, words, &err), SJ_OK);
    assert_int_equal(sj_read_file("m.npy", &file, &size, &err), SJ_OK);
    assert_int_equal(size, 128 + 8);
    assert_memory_equal(file, "\x93NUMPY\x01\x00\x76\x00{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1), }", 69);
    assert_int_equal(file[127], '\n');
    free(file);
    assert_int_equal(sj_npy_write("absent/m.npy", SJ_NPY_I32, 2, 1, words, &err), SJ_ERR_IO);
}

static void other_types_are_refused_by_name(void **state) {
    put(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }\n", six, 8);
    refused("m.npy: its values are of type '<f8'; float32 ('<f4') or int8 ('|i1') is needed");
    put(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }\n", six, 4);
    refused("m.npy: its values are big-endian ('>f4'); float32 ('<f4') or int8 ('|i1') is needed");
    put(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1), }\n", six, 1);
    refused("m.npy: its values are of type '|u1'; float32 ('<f4') or int8 ('|i1') is needed");
    put(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }\n", six, 4);
    refused("m.npy: its values are records with fields; float32 ('<f4') or int8 ('|i1') is needed");
}

static void other_shapes_are_refused(void **state) {
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", six, sizeof six);
    refused("m.npy: its array is 1-dimensional; a matrix has 2 dimensions");
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", six, 4);
    refused("m.npy: its array is 0-dimensional; a matrix has 2 dimensions");
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }\n", six, sizeof six);
    refused("m.npy: its array is 3-dimensional; a matrix has 2 dimensions");
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }\n", six, sizeof six);
    refused("m.npy: a matrix of 4611686018427387904 x 4 values does not fit 64 bits");
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }\n", six, sizeof six);
    refused("m.npy: its NumPy header is damaged: a dimension does not fit 64 bits");
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }\n", six, sizeof six);
    refused("m.npy: its NumPy header is damaged: shape is no tuple of whole numbers");
}

static void a_wrong_length_is_refused(void **state) {
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", six, sizeof six - 1);
    refused("m.npy: it is cut off: 23 bytes stand behind the header, a matrix of 2 x 3 float32 values has 24");
    put(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", six, 17);
    refused("m.npy: something stands behind the matrix: 17 bytes stand behind the header, a matrix of 2 x 2 float32 values has 16");
}

static void damaged_headers_are_refused(void **state) {
    static const struct {
        const char *dictionary, *what;
    } cases[] = {{"[]", "it is no dictionary"},
                 {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)", "it is no dictionary"},
                 {"{'descr': '<f4', 'fortran_order': False}", "its keys are not descr, fortran_order and shape, each once"},
                 {"{'descr': '<f4', 'descr': '<f4', 'shape': (1, 1)}", "its keys are not descr, fortran_order and shape, each once"},
                 {"{'descr': '<f4', 'order': False, 'shape': (1, 1)}", "its keys are not descr, fortran_order and shape, each once"},
                 {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1)}", "fortran_order is neither True nor False"},
                 {"{'descr': '<f4', 'fortran_order': False, 'shape': 4}", "shape is no tuple"},
                 {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", "shape is no tuple of whole numbers"},
                 {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1", "shape is no tuple of whole numbers"},
                 {"{'descr': <f4, 'fortran_order': False, 'shape': (1, 1)}", "a quoted word is missing"},
                 {"{'descr': '<f4, }", "a quoted word is missing"},
                 {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)} x", "something stands behind the dictionary"},
                 {"", "it is no dictionary"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[256];
        snprintf(message, sizeof message, "m.npy: its NumPy header is damaged: %s", cases[i].what);
        put(1, cases[i].dictionary, six, 4);
        refused(message);
    }
}

static void put_raw(const char *bytes, size_t count) {
    FILE *f = fopen("m.npy", "wb");
    assert_non_null(f);
    fwrite(bytes, 1, count, f);
    assert_int_equal(fclose(f), 0);
}

static void files_that_are_no_npy_are_refused(void **state) {
    put_raw("PK\003\004 an archive", 15);
    refused("m.npy: not a NumPy file (.npy)");
    put_raw("", 0);
    refused("m.npy: not a NumPy file (.npy)");
    put_raw("\x93NUMPY", 6);
    refused("m.npy: it ends within the NumPy header");
    put_raw("\x93NUMPY\x01\x00\x76\x00{'descr'", 18);
    refused("m.npy: it ends within the NumPy header");
    put_raw("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'", 20);
    refused("m.npy: it ends within the NumPy header");
    put_raw("\x93NUMPY\x02\x00\x01\x00", 10);
    refused("m.npy: it ends within the NumPy header");
    put_raw("\x93NUMPY\x04\x00\x01\x00\x00\x00", 12);
    refused("m.npy: NumPy format 4.0; this program reads 1.0, 2.0 and 3.0");
    put_raw("\x93NUMPY\x01\x01\x01\x00\x00\x00", 12);
    refused("m.npy: NumPy format 1.1; this program reads 1.0, 2.0 and 3.0");
    sj_npy m;
    assert_int_equal(sj_npy_read("absent.npy", &m, &err), SJ_ERR_IO);
}

// Every prefix of a good file ends in an error, never in a read past its end (the sanitized build looks).
static void every_prefix_is_refused(void **state) {
    assert_int_equal(sj_npy_write("whole.npy", SJ_NPY_F32, 2, 3, six, &err), SJ_OK);
    char *file;
    size_t size;
    assert_int_equal(sj_read_file("whole.npy", &file, &size, &err), SJ_OK);
    for (size_t i = 0; i < size; i++) {
        sj_npy m;
        put_raw(file, i);
        assert_int_equal(sj_npy_read("m.npy", &m, &err), SJ_ERR_FORMAT);
    }
    free(file);
}

// Bytes of the header changed at random: an error of the format, or a matrix of as many values as the file holds.
static void damage_is_an_error_or_harmless(void **state) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 4711;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    sj_random r = sj_random_seed(seed);
    assert_int_equal(sj_npy_write("whole.npy", SJ_NPY_F32, 2, 3, six, &err), SJ_OK);
    char *file;
    size_t size;
    int read = 0;
    assert_int_equal(sj_read_file("whole.npy", &file, &size, &err), SJ_OK);
    for (int i = 0; i < 2000; i++) {
        char changed[256];
        memcpy(changed, file, size);
        for (uint64_t n = 1 + sj_random_below(&r, 3); n > 0; n--) {
            static const char likely[] = "0123456789(){}[],:'\" TFe\n";
            const bool any = sj_random_below(&r, 2) == 0;
            changed[sj_random_below(&r, 72)] = any ? (char)sj_random_below(&r, 256) : likely[sj_random_below(&r, sizeof likely - 1)];
        }
        put_raw(changed, size);
        sj_npy m;
        const sj_status status = sj_npy_read("m.npy", &m, &err);
        assert_true(status == SJ_ERR_FORMAT || (status == SJ_OK && m.rows * m.columns * (m.type == SJ_NPY_I8 ? 1 : 4) == 24));
        read += status == SJ_OK;
        sj_npy_free(&m);
    }
    assert_true(read > 0 && read < 2000);
    free(file);
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, enter, leave)
    const struct CMUnitTest tests[] = {T(every_version_is_read),         T(fortran_order_is_turned),     T(a_dimension_may_be_zero),         T(what_is_written_is_read),
                                       T(other_types_are_refused_by_name), T(other_shapes_are_refused), T(a_wrong_length_is_refused),       T(damaged_headers_are_refused),
                                       T(files_that_are_no_npy_are_refused), T(every_prefix_is_refused),
                                       T(damage_is_an_error_or_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
