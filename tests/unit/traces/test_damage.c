// SPDX-License-Identifier: Apache-2.0
// Files that are no trace, no longer one, or not a whole one.
#include "trace_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hdf5.h>

#include "sj_bf16.h"
#include "sj_file.h"

static void assert_open_says(const char *path, sj_status status, const char *message) {
    sj_trace *t;
    assert_error(sj_trace_open(path, &t, &err), status, message);
    assert_null(t);
}

static void assert_check_says(sj_status status, const char *message) {
    sj_trace *t;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_error(sj_trace_check(t, &err), status, message);
    sj_trace_close(t);
}

static void put_bytes(const char *path, const void *data, size_t bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    fclose(f);
}

static void missing_empty_and_foreign_files_are_told_apart(void **state) {
    assert_open_says("none.h5", SJ_ERR_IO, "none.h5: cannot open: No such file or directory");
    assert_open_says(".", SJ_ERR_IO, ".: cannot read: Is a directory");
    put_bytes("trace.h5", "", 0);
    assert_open_says(".", SJ_ERR_IO, ".: it is a folder; its trace is ./trace.h5");
    put_bytes("empty.h5", "", 0);
    assert_open_says("empty.h5", SJ_ERR_FORMAT, "empty.h5: not a trace: it is not an HDF5 file");
    put_bytes("text.h5", "just a text\n", 12);
    assert_open_says("text.h5", SJ_ERR_FORMAT, "text.h5: not a trace: it is not an HDF5 file");
    H5Fclose(H5Fcreate("other.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    assert_open_says("other.h5", SJ_ERR_FORMAT, "other.h5: an HDF5 file, but not a Skipjoule trace: it has no root attribute \"format\"; expected \"skipjoule-trace\"");
}

static void a_truncated_trace_is_refused_wherever_it_is_cut(void **state) {
    char *data;
    size_t bytes;
    fixture_write("t.h5");
    assert_ok(sj_read_file("t.h5", &data, &bytes, &err));
    for (int i = 1; i < 20; i++) {
        put_bytes("cut.h5", data, bytes * (size_t)i / 20);
        assert_open_says("cut.h5", SJ_ERR_FORMAT, "cut.h5: an HDF5 file that cannot be opened: it is truncated, or still being written");
    }
    put_bytes("cut.h5", data, bytes - 1);
    assert_open_says("cut.h5", SJ_ERR_FORMAT, "cut.h5: an HDF5 file that cannot be opened: it is truncated, or still being written");
    free(data);
}

static void find_chunk(haddr_t *at, hsize_t *bytes) {
    const hid_t file = H5Fopen("t.h5", H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, "steps/10/conv1/x", H5P_DEFAULT), space = H5Dget_space(set);
    hsize_t offset[4];
    unsigned mask;
    assert_true(H5Dget_chunk_info(set, space, 0, offset, &mask, at, bytes) >= 0);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
}

static void a_flipped_bit_in_a_tensor_is_found(void **state) {
    char *data;
    size_t size;
    haddr_t at;
    hsize_t bytes;
    sj_random r = sj_random_seed(fixture_seed());
    fixture_write("t.h5");
    find_chunk(&at, &bytes);
    assert_ok(sj_read_file("t.h5", &data, &size, &err));
    for (int i = 0; i < 100; i++) {
        const size_t flipped = (size_t)(at + sj_random_below(&r, bytes));
        const char old = data[flipped];
        data[flipped] = (char)(old ^ (1 << sj_random_below(&r, 8)));
        put_bytes("t.h5", data, size);
        data[flipped] = old;
        assert_check_says(SJ_ERR_FORMAT, "t.h5: step 10, layer \"conv1\", tensor \"x\": its values cannot be read: the file is damaged");
    }
    free(data);
}

static hid_t reopen(void) {
    const hid_t file = H5Fopen("t.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void another_version_is_refused(void **state) {
    fixture_write("t.h5");
    const hid_t file = reopen(), attribute = H5Aopen(file, "version", H5P_DEFAULT);
    const int version = 2;
    H5Awrite(attribute, H5T_NATIVE_INT, &version);
    H5Aclose(attribute);
    H5Fclose(file);
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: trace version 2; this program reads version 1");
}

static void a_missing_attribute_or_column_is_named(void **state) {
    fixture_write("t.h5");
    hid_t file = reopen();
    H5Ldelete(file, "network/stride", H5P_DEFAULT);
    H5Fclose(file);
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: dataset \"stride\" is missing");
    fixture_write("t.h5");
    file = reopen();
    H5Adelete(file, "batch_size");
    H5Fclose(file);
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: attribute \"batch_size\" is missing");
    fixture_write("t.h5");
    file = reopen();
    H5Adelete_by_name(file, "steps/20", "mode", H5P_DEFAULT);
    H5Fclose(file);
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: step 20: attribute \"mode\" is missing");
}

static void set_optimizer(const char *word) {
    fixture_write("t.h5");
    const hid_t file = reopen(), type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(word));
    H5Adelete(file, "optimizer");
    const hid_t attribute = H5Acreate2(file, "optimizer", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, word);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
}

static void an_unknown_optimizer_is_refused(void **state) {
    set_optimizer("adams");
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: attribute \"optimizer\" is \"adams\"; it must be \"sgd\" or \"adam\"; did you mean \"adam\"?");
    set_optimizer("shampoo-like");
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: attribute \"optimizer\" is \"shampoo-like\"; it must be \"sgd\" or \"adam\"");
}

static void an_absent_optimizer_is_sgd(void **state) {
    fixture_write("t.h5");
    const hid_t file = reopen();
    H5Adelete(file, "optimizer");
    H5Fclose(file);
    sj_trace *t;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_int_equal(sj_trace_get_meta(t)->optimizer, SJ_OPTIMIZER_SGD);
    sj_trace_close(t);
}

// A skipped step has w of conv and linear layers; anything beside is refused, a missing w too.
static void a_skipped_step_has_weights_alone(void **state) {
    static const struct {
        int layer;
        const char *name, *message;
    } cases[] = {{BN, NULL, NULL},
                 {BN, "gamma", "t.h5: step 3, layer \"bn1\", tensor \"gamma\": a skipped step (\"gradsamp skipped\") has \"w\" alone"},
                 {CONV, "x", "t.h5: step 3, layer \"conv1\", tensor \"x\": a skipped step (\"gradsamp skipped\") has \"w\" alone"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sj_trace_writer *w = fixture_create("t.h5");
        sj_step_info step = fixture_step(3, SJ_MODE_TRAIN);
        strcpy(step.method_state, "gradsamp skipped p=2");
        assert_ok(sj_trace_begin_step(w, &step, &err));
        const int layers[3] = {CONV, LINEAR, cases[i].layer};
        const char *names[3] = {"w", "w", cases[i].name};
        for (int k = 0; k < 3 && names[k] != NULL; k++) {
            sj_tensor t = fixture_tensor(layers[k], names[k], 1);
            assert_ok(sj_trace_write(w, layers[k], names[k], &t, SJ_TYPE_F32, &err));
            sj_tensor_free(&t);
        }
        assert_ok(sj_trace_commit(w, &err));
        if (cases[i].message != NULL) {
            assert_check_says(SJ_ERR_FORMAT, cases[i].message);
            continue;
        }
        sj_trace *t;
        assert_ok(sj_trace_open("t.h5", &t, &err));
        assert_ok(sj_trace_check(t, &err));
        sj_trace_close(t);
        const hid_t file = reopen();
        H5Ldelete(file, "steps/3/fc1/w", H5P_DEFAULT);
        H5Fclose(file);
        assert_check_says(SJ_ERR_FORMAT, "t.h5: step 3, layer \"fc1\", tensor \"w\": it is missing");
    }
}

static void every_needed_tensor_is_missed(void **state) {
    static const struct {
        int layer;
        const char *name;
    } needed[] = {{CONV, "x"}, {CONV, "w"}, {CONV, "dy"}, {BN, "gamma"}, {BN, "eps"}, {BN, "dy"}, {FORK, "dy"}, {RELU, "x"}, {RELU, "dy"}, {ADD, "x0"}, {ADD, "x1"}, {POOL, "dy"}, {FLATTEN, "dy"},
                 {LINEAR, "bias"}, {LINEAR, "dy"}, {LOSS, "x"}};
    const sj_network net = fixture_network();
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        char message[128];
        sj_trace_writer *w = fixture_create("t.h5");
        fixture_write_step(w, 10, SJ_MODE_TRAIN, needed[i].layer, needed[i].name);
        assert_ok(sj_trace_commit(w, &err));
        snprintf(message, sizeof message, "t.h5: step 10, layer \"%s\", tensor \"%s\": it is missing", net.layers[needed[i].layer].name, needed[i].name);
        assert_check_says(SJ_ERR_FORMAT, message);
        sj_trace *t;
        sj_tensor tensor;
        assert_ok(sj_trace_open("t.h5", &t, &err));
        assert_error(sj_trace_read(t, 0, needed[i].layer, needed[i].name, SJ_TYPE_BF16, &tensor, &err), SJ_ERR_FORMAT, message);
        assert_null(tensor.data);
        sj_trace_close(t);
    }
}

static void a_nan_in_the_file_is_refused(void **state) {
    fixture_write("t.h5");
    const hid_t file = reopen(), set = H5Dopen2(file, "steps/10/fc1/dy", H5P_DEFAULT), type = H5Dget_type(set);
    sj_bf16 raw[IMAGES * 5] = {0};
    raw[3] = 0x7fc0;
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw);
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(file);
    assert_check_says(SJ_ERR_NUMERIC, "t.h5: step 10, layer \"fc1\", tensor \"dy\": value 3 of 10 is NaN");
}

static void foreign_types_are_refused(void **state) {
    fixture_write("t.h5");
    const hid_t file = reopen();
    H5Ldelete(file, "steps/10/fc1/dy", H5P_DEFAULT);
    const hsize_t dims[4] = {IMAGES, 1, 1, 5};
    const hid_t space = H5Screate_simple(4, dims, NULL), set = H5Dcreate2(file, "steps/10/fc1/dy", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
    assert_check_says(SJ_ERR_FORMAT, "t.h5: step 10, layer \"fc1\", tensor \"dy\": its type is none of bfloat16, float32, int8, int32, uint8 (little-endian)");
}

static void what_does_not_belong_is_refused(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    fixture_write_step(w, 20, SJ_MODE_EVAL, 0, NULL);
    sj_tensor dy = fixture_tensor(CONV, "dy", 1);
    assert_ok(sj_trace_write(w, CONV, "dy", &dy, SJ_TYPE_F32, &err));
    assert_ok(sj_trace_commit(w, &err));
    sj_tensor_free(&dy);
    assert_check_says(SJ_ERR_FORMAT, "t.h5: step 20, layer \"conv1\", tensor \"dy\": an eval step must not have it");
    fixture_write("t.h5");
    hid_t file = reopen();
    H5Gclose(H5Gcreate2(file, "steps/10/conv9", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    assert_check_says(SJ_ERR_FORMAT, "t.h5: step 10: \"conv9\" is not the group of a layer");
    fixture_write("t.h5");
    file = reopen();
    H5Lcreate_hard(file, "steps/10/conv1/x", file, "steps/10/conv1/xx", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_check_says(SJ_ERR_FORMAT, "t.h5: step 10, layer \"conv1\", tensor \"xx\": a layer of kind conv has no such tensor");
    fixture_write("t.h5");
    file = reopen();
    H5Gclose(H5Gcreate2(file, "steps/ten", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    assert_open_says("t.h5", SJ_ERR_FORMAT, "t.h5: \"/steps/ten\": the name of a step is a decimal number without leading zeros");
}

static void a_shared_tensor_stored_twice_is_refused(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    fixture_write_step(w, 10, SJ_MODE_TRAIN, RELU, "x");
    sj_tensor x = fixture_tensor(RELU, "x", 1);
    assert_ok(sj_trace_write(w, RELU, "x", &x, SJ_TYPE_F32, &err));
    assert_ok(sj_trace_commit(w, &err));
    sj_tensor_free(&x);
    assert_check_says(SJ_ERR_FORMAT, "t.h5: step 10, layer \"add1\", tensor \"x1\": the same tensor is stored a second time; it must be a hard link");
}

static void a_share_above_one_in_the_ledger_is_refused(void **state) {
    float good[LAYER_COUNT] = {0}, bad[LAYER_COUNT] = {0};
    bad[BN] = 1.5f;
    sj_trace_writer *w = fixture_create("t.h5");
    const sj_ledger_row row = {.x_density = good, .dy_density = bad, .kept_fraction = good};
    assert_ok(sj_trace_ledger(w, &row, &err));
    assert_ok(sj_trace_commit(w, &err));
    assert_check_says(SJ_ERR_FORMAT, "t.h5: ledger: row 0, layer \"bn1\": a share of 1.5; it must lie between 0 and 1, or be NaN where there is none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(missing_empty_and_foreign_files_are_told_apart),
        IN_FOLDER(a_truncated_trace_is_refused_wherever_it_is_cut),
        IN_FOLDER(a_flipped_bit_in_a_tensor_is_found),
        IN_FOLDER(another_version_is_refused),
        IN_FOLDER(a_missing_attribute_or_column_is_named),
        IN_FOLDER(an_unknown_optimizer_is_refused),
        IN_FOLDER(an_absent_optimizer_is_sgd),
        IN_FOLDER(a_skipped_step_has_weights_alone),
        IN_FOLDER(every_needed_tensor_is_missed),
        IN_FOLDER(a_nan_in_the_file_is_refused),
        IN_FOLDER(foreign_types_are_refused),
        IN_FOLDER(what_does_not_belong_is_refused),
        IN_FOLDER(a_shared_tensor_stored_twice_is_refused),
        IN_FOLDER(a_share_above_one_in_the_ledger_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
