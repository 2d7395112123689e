// SPDX-License-Identifier: Apache-2.0
// gemm with matrices of one's own: values worked out by hand, and what must be refused.
#include <math.h>
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

#include "sj_cli.h"
#include "sj_file.h"
#include "sj_npy.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) {
    return !sj_test_enter_folder(folder);
}

static int leave(void **state) {
    return !sj_test_leave_folder(folder);
}

// `gemm` and these words; its stdout goes into `printed`.
static char printed[1 << 18];

static sj_status gemm(const char *words) {
    char text[1024], *argv[64];
    int argc = 0;
    snprintf(text, sizeof text, "gemm %s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    FILE *out = tmpfile();
    assert_non_null(out);
    dup2(fileno(out), STDOUT_FILENO);
    const sj_status status = sj_cmd_gemm(argc, argv, &err);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(out);
    printed[fread(printed, 1, sizeof printed - 1, out)] = '\0';
    fclose(out);
    return status;
}

static void works(const char *words) {
    if (gemm(words) != SJ_OK) {
        fail_msg("%s: %s", words, err.message);
    }
}

static void refused(const char *words, sj_status status, const char *message) {
    assert_int_equal(gemm(words), status);
    if (strstr(err.message, message) == NULL) {
        fail_msg("%s: no \"%s\" in: %s", words, message, err.message);
    }
    assert_string_equal(printed, "");
    assert_false(sj_path_exists("o.npy"));
}

static void put_floats(const char *path, int64_t rows, int64_t columns, const float *v) { assert_int_equal(sj_npy_write(path, SJ_NPY_F32, rows, columns, v, &err), SJ_OK); }
static void put_bytes(const char *path, int64_t rows, int64_t columns, const int8_t *v) { assert_int_equal(sj_npy_write(path, SJ_NPY_I8, rows, columns, v, &err), SJ_OK); }

static void assert_floats(const char *path, int64_t rows, int64_t columns, const float *wanted) {
    sj_npy m;
    assert_int_equal(sj_npy_read(path, &m, &err), SJ_OK);
    assert_int_equal(m.type, SJ_NPY_F32);
    assert_int_equal(m.rows, rows);
    assert_int_equal(m.columns, columns);
    assert_memory_equal(m.data, wanted, (size_t)(rows * columns) * 4);
    sj_npy_free(&m);
}

// int32 is only written: its bytes stand behind a header of 128.
static void assert_ints(const char *path, int64_t count, const int32_t *wanted) {
    char *file;
    size_t bytes;
    assert_int_equal(sj_read_file(path, &file, &bytes, &err), SJ_OK);
    assert_int_equal(bytes, 128 + 4 * (size_t)count);
    assert_non_null(strstr(file + 10, "'<i4'"));
    assert_memory_equal(file + 128, wanted, 4 * (size_t)count);
    free(file);
}

static const float two_by_three[6] = {1, 0, -2, 3, 4, 0}, three_by_two[6] = {1, 2, 0, 1, 0.5f, -1}, identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

static void the_product_is_written(void **state) {
    const float wanted[4] = {0, 4, 3, 10};
    put_floats("a.npy", 2, 3, two_by_three);
    put_floats("b.npy", 3, 2, three_by_two);
    works("--a a.npy --b b.npy --accel edge16 --out o.npy");
    assert_floats("o.npy", 2, 2, wanted);
    assert_non_null(strstr(printed, "O[2 x 2] = A[2 x 3] B[3 x 2], bf16, of a.npy and b.npy\n"));
    assert_int_equal(unlink("o.npy"), 0);
    refused("--a a.npy --b b.npy --accel edge16 --out b.npy", SJ_ERR_EXISTS, "b.npy: it exists; give another name, or --force");
    works("--a a.npy --b b.npy --accel edge16 --out p.npy --fidelity systemc");
    assert_floats("p.npy", 2, 2, wanted);
    assert_non_null(strstr(printed, "results equal the reference product\n"));
    put_floats("p.npy", 1, 1, wanted);
    works("--a a.npy --b b.npy --accel edge16 --out p.npy --force");
    assert_floats("p.npy", 2, 2, wanted);
    works("--a b.npy --b a.npy --accel edge16 --json");
    assert_non_null(strstr(printed, "a.npy (fnv1a64:"));
}

static void random_operands_can_be_written_too(void **state) {
    works("5 0 4 --accel edge16 --out o.npy");
    const float zeros[20] = {0};
    assert_floats("o.npy", 5, 4, zeros);
}

static void float32_is_rounded_to_nearest_even(void **state) {
    // 1 + 2^-8 lies halfway and goes to the even 1; 1 + 3 * 2^-8 to 1 + 2^-6; a denormal, -0 and what stays below the smallest normal become +0
    const float values[9] = {0x1.01p0f, 0x1.03p0f, 0x1.010002p0f, -0x1.01p0f, 1e-40f, -0.0f, 0x1.fffffep-127f, 0x1p-126f, 3.0e38f};
    const float rounded[9] = {1.0f, 0x1.04p0f, 0x1.02p0f, -1.0f, 0.0f, 0.0f, 0x1p-126f, 0x1p-126f, 0x1.c4p127f};
    put_floats("a.npy", 3, 3, values);
    put_floats("b.npy", 3, 3, identity);
    works("--a a.npy --b b.npy --accel edge16 --out o.npy");
    sj_npy m;
    assert_int_equal(sj_npy_read("o.npy", &m, &err), SJ_OK);
    for (int i = 0; i < 9; i++) {
        assert_true(((float *)m.data)[i] == rounded[i]);
    }
    sj_npy_free(&m);
}

static void values_that_are_no_numbers_are_refused_with_their_place(void **state) {
    float bad[6] = {1, 2, 3, 4, 5, 6};
    put_floats("b.npy", 3, 2, three_by_two);
    bad[5] = NAN;
    put_floats("a.npy", 2, 3, bad);
    refused("--a a.npy --b b.npy --accel edge16 --out o.npy", SJ_ERR_NUMERIC, "a.npy: value [1][2] is NaN");
    bad[5] = -INFINITY;
    put_floats("a.npy", 2, 3, bad);
    refused("--a a.npy --b b.npy --accel edge16", SJ_ERR_NUMERIC, "a.npy: value [1][2] is infinite");
    bad[5] = 1;
    bad[1] = 3.4e38f;
    put_floats("a.npy", 2, 3, bad);
    refused("--a a.npy --b b.npy --accel edge16", SJ_ERR_NUMERIC, "a.npy: value [0][1] is 3.39999995e+38, which is too large for bfloat16");
    bad[1] = NAN;
    put_floats("a.npy", 2, 3, bad);
    refused("--a a.npy --b b.npy --accel edge16 --set dtype=int8 --quantise", SJ_ERR_NUMERIC, "a.npy: value [0][1] is NaN");
}

static void int8_is_taken_as_it_is(void **state) {
    const int8_t a[6] = {1, -128, 0, 127, 2, 3}, b[3] = {-128, 1, 100};
    const int32_t wanted[2] = {-128 - 128, 127 * -128 + 2 + 300};
    put_bytes("a.npy", 2, 3, a);
    put_bytes("b.npy", 3, 1, b);
    works("--a a.npy --b b.npy --accel edge16 --set dtype=int8 --out o.npy");
    assert_ints("o.npy", 2, wanted);
    unlink("o.npy");
    refused("--a a.npy --b b.npy --accel edge16", SJ_ERR_UNSUPPORTED, "a.npy: its values are int8, and accelerator \"edge16\" computes bf16");
    refused("--a a.npy --b b.npy --accel edge16 --set dtype=int8 --quantise", SJ_ERR_UNSUPPORTED, "int8 already");
}

static void quantising_counts_the_zeros_it_makes(void **state) {
    const float a[6] = {127, -63.5f, 0.5f, 0.51f, 1.5f, 0}, b[3] = {0.25f, -1, 0.001f};  // scales 1 and 1/127
    const int32_t wanted[2] = {127 * 32 + -64 * -127 + 0, 1 * 32 + 2 * -127};               // 63.5 goes to 64, 0.5 and 31.75 to 0 and 32
    put_floats("a.npy", 2, 3, a);
    put_floats("b.npy", 3, 1, b);
    works("--a a.npy --b b.npy --accel edge16 --set dtype=int8 --quantise --out o.npy");
    assert_ints("o.npy", 2, wanted);
    assert_non_null(strstr(printed, "quantising made zeros of 1 values of A and 1 of B\n"));
    unlink("o.npy");
    refused("--a a.npy --b b.npy --accel edge16 --set dtype=int8", SJ_ERR_UNSUPPORTED, "a.npy: its values are float32, and accelerator \"edge16\" computes int8: give --quantise");
    refused("--a a.npy --b b.npy --accel edge16 --quantise", SJ_ERR_UNSUPPORTED, "--quantise: accelerator \"edge16\" computes bf16");
}

static void shapes_must_fit(void **state) {
    put_floats("a.npy", 2, 3, two_by_three);
    put_floats("b.npy", 2, 3, two_by_three);
    refused("--a a.npy --b b.npy --accel edge16", SJ_ERR_RANGE, "a.npy is 2 x 3 and b.npy is 2 x 3: A's columns must be as many as B's rows");
    put_floats("b.npy", 3, 0, two_by_three);
    refused("--a a.npy --b b.npy --accel edge16", SJ_ERR_RANGE, "M = 2, K = 3, N = 0");
    put_floats("a.npy", 2, 0, two_by_three);
    put_floats("b.npy", 0, 2, two_by_three);
    works("--a a.npy --b b.npy --accel edge16 --out o.npy");
    const float zeros[4] = {0};
    assert_floats("o.npy", 2, 2, zeros);
}

// No values at all: sizes alone.
static void sizes_are_limited_as_those_of_words_are(void **state) {
    put_floats("a.npy", 1 << 24, 0, two_by_three);
    put_floats("b.npy", 0, 1, two_by_three);
    put_floats("long.npy", (1 << 24) + 1, 0, two_by_three);
    put_floats("wide.npy", 0, (1 << 24) + 1, two_by_three);
    put_floats("most.npy", 0, INT32_MAX, two_by_three);
    works("--a a.npy --b b.npy --accel edge16");
    refused("--a long.npy --b b.npy --accel edge16", SJ_ERR_RANGE, "M = 16777217, K = 0, N = 1; M and N must be at least 1, and all at most 16777216");
    refused("--a a.npy --b wide.npy --accel edge16", SJ_ERR_RANGE, "all at most 16777216");
    refused("--a a.npy --b most.npy --accel edge16", SJ_ERR_RANGE, "all at most 16777216");
    refused("16777217 0 1 --accel edge16", SJ_ERR_USAGE, "16777216");
    refused("16777216 0 16777216 --accel edge16", SJ_ERR_RANGE, " blocks; allowed: 16777216 a product");
    put_floats("b.npy", 0, 1 << 24, two_by_three);
    refused("--a a.npy --b b.npy --accel edge16", SJ_ERR_RANGE, " blocks; allowed: 16777216 a product");
}

static void names_too_long_to_be_recorded_are_refused(void **state) {
    char words[1024] = "--a ", slow_path[700] = "";
    for (int i = 0; i < 240; i++) {
        strcat(slow_path, "./");
    }
    strcat(strcat(strcat(strcat(words, slow_path), "a.npy --b "), slow_path), "b.npy --accel edge16");
    put_floats("a.npy", 2, 3, two_by_three);
    put_floats("b.npy", 3, 2, three_by_two);
    refused(words, SJ_ERR_RANGE, "bytes; allowed: 1023");
}

static void wrong_calls_are_refused(void **state) {
    put_floats("a.npy", 3, 3, identity);
    refused("--a a.npy --accel edge16", SJ_ERR_USAGE, "--b is missing");
    refused("--b a.npy --accel edge16", SJ_ERR_USAGE, "--a is missing");
    refused("3 3 3 --a a.npy --b a.npy --accel edge16", SJ_ERR_USAGE, "leave the sizes out");
    refused("--a a.npy --b a.npy --accel edge16 --density-a 0.5", SJ_ERR_USAGE, "random operands");
    refused("--a a.npy --b a.npy --accel edge16 --seed 3", SJ_ERR_USAGE, "random operands");
    refused("3 3 3 --accel edge16 --quantise", SJ_ERR_USAGE, "--quantise goes with --a and --b");
    refused("--a a.npy --b absent.npy --accel edge16", SJ_ERR_IO, "absent.npy");
    refused("--a a.npy --b a.npy --accel edge16 --out absent/o.npy", SJ_ERR_IO, "absent/o.npy");
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, enter, leave)
    const struct CMUnitTest tests[] = {T(the_product_is_written),
                                       T(random_operands_can_be_written_too),
                                       T(float32_is_rounded_to_nearest_even),
                                       T(values_that_are_no_numbers_are_refused_with_their_place),
                                       T(int8_is_taken_as_it_is),
                                       T(quantising_counts_the_zeros_it_makes),
                                       T(shapes_must_fit),
                                       T(sizes_are_limited_as_those_of_words_are), T(names_too_long_to_be_recorded_are_refused), T(wrong_calls_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
