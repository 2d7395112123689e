// SPDX-License-Identifier: Apache-2.0
// Which outputs bear a penalty: written, read, absent, refused.
#include "trace_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

static sj_trace *open_trace(void) {
    sj_trace *t = NULL;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    return t;
}

static sj_penalty_kind borne(const sj_trace *t, int step, int layer) {
    sj_penalty_kind kind = SJ_PENALTY_L1;
    assert_ok(sj_trace_read_penalty(t, step, layer, &kind, &err));
    return kind;
}

static void what_was_written_is_read_back(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    fixture_write_step(w, 10, SJ_MODE_TRAIN, 0, NULL);
    assert_ok(sj_trace_write_penalty(w, CONV, SJ_PENALTY_EAT, &err));
    assert_ok(sj_trace_write_penalty(w, POOL, SJ_PENALTY_L1, &err));
    assert_ok(sj_trace_write_penalty(w, BN, SJ_PENALTY_NONE, &err));
    assert_ok(sj_trace_write_penalty(w, SJ_INPUT_NETWORK, SJ_PENALTY_EAT, &err));
    fixture_write_step(w, 20, SJ_MODE_EVAL, 0, NULL);
    fixture_write_step(w, 30, SJ_MODE_TRAIN, 0, NULL);
    assert_ok(sj_trace_commit(w, &err));
    sj_trace *t = open_trace();
    assert_ok(sj_trace_check(t, &err));
    for (int step = 0; step < 3; step++) {
        for (int i = SJ_INPUT_NETWORK; i < LAYER_COUNT; i++) {
            const sj_penalty_kind wanted = step > 0 ? SJ_PENALTY_NONE : i == CONV || i == SJ_INPUT_NETWORK ? SJ_PENALTY_EAT : i == POOL ? SJ_PENALTY_L1 : SJ_PENALTY_NONE;
            assert_int_equal(borne(t, step, i), wanted);
        }
    }
    assert_int_equal(sj_trace_tensor_count(t), (10 + 8 + 8) + (10 + 8) + (10 + 8 + 8));  // an attribute is no tensor
    sj_penalty_kind ignored;
    assert_error(sj_trace_read_penalty(t, 0, LAYER_COUNT, &ignored, &err), SJ_ERR_INTERNAL, "t.h5: there is no layer number 9 in step number 0");
    sj_trace_close(t);
}

static void the_writer_refuses_what_cannot_be(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    assert_int_equal(sj_trace_write_penalty(w, CONV, SJ_PENALTY_EAT, &err), SJ_ERR_INTERNAL);
    sj_step_info step = fixture_step(7, SJ_MODE_TRAIN);
    assert_ok(sj_trace_begin_step(w, &step, &err));
    assert_error(sj_trace_write_penalty(w, LAYER_COUNT, SJ_PENALTY_EAT, &err), SJ_ERR_INTERNAL, "t.h5: a penalty on layer number 9: there is no such layer, or no step was begun");
    assert_error(sj_trace_write_penalty(w, ADD, SJ_PENALTY_EAT, &err), SJ_ERR_FORMAT,
                 "t.h5: step 7, layer \"add1\": attribute \"penalty\": a layer of kind add bears no penalty; allowed are conv, bn, relu, maxpool, avgpool and linear");
    assert_ok(sj_trace_write_penalty(w, CONV, SJ_PENALTY_EAT, &err));
    assert_error(sj_trace_write_penalty(w, CONV, SJ_PENALTY_L1, &err), SJ_ERR_RANGE, "t.h5: step 7, layer \"conv1\": attribute \"penalty\": it was written before");
    step = fixture_step(8, SJ_MODE_EVAL);
    assert_ok(sj_trace_begin_step(w, &step, &err));
    assert_error(sj_trace_write_penalty(w, CONV, SJ_PENALTY_EAT, &err), SJ_ERR_FORMAT, "t.h5: step 8, layer \"conv1\": attribute \"penalty\": an eval step must not have it");
    assert_error(sj_trace_write_penalty(w, SJ_INPUT_NETWORK, SJ_PENALTY_EAT, &err), SJ_ERR_FORMAT, "t.h5: step 8: attribute \"input_penalty\": an eval step must not have it");
    step = fixture_step(9, SJ_MODE_TRAIN);
    strcpy(step.method_state, "gradsamp skipped p=2");
    assert_ok(sj_trace_begin_step(w, &step, &err));
    assert_error(sj_trace_write_penalty(w, CONV, SJ_PENALTY_EAT, &err), SJ_ERR_FORMAT,
                 "t.h5: step 9, layer \"conv1\": attribute \"penalty\": a skipped step (\"gradsamp skipped\") has \"w\" alone");
    sj_trace_abandon(w);
}

// As another program may write it.
static void put_word(const char *group, const char *name, const char *word) {
    fixture_write("t.h5");
    const hid_t file = H5Fopen("t.h5", H5F_ACC_RDWR, H5P_DEFAULT), type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(word));
    const hid_t attribute = H5Acreate_by_name(file, group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, word) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
}

static void assert_check_says(const char *message) {
    sj_trace *t = open_trace();
    assert_error(sj_trace_check(t, &err), SJ_ERR_FORMAT, message);
    sj_trace_close(t);
}

static void the_check_names_what_is_wrong(void **state) {
    put_word("steps/10/bn1", "penalty", "eat");  // fixed length, as strings may be
    sj_trace *t = open_trace();
    assert_ok(sj_trace_check(t, &err));
    assert_int_equal(borne(t, 0, BN), SJ_PENALTY_EAT);
    sj_trace_close(t);
    put_word("steps/10/bn1", "penalty", "l2");
    assert_check_says("t.h5: step 10, layer \"bn1\": attribute \"penalty\" is \"l2\"; it must be \"eat\" or \"l1\"; did you mean \"l1\"?");
    put_word("steps/10", "input_penalty", "Hoyer-like");
    assert_check_says("t.h5: step 10: attribute \"input_penalty\" is \"Hoyer-like\"; it must be \"eat\" or \"l1\"");
    put_word("steps/10/bn1", "penalty", "a word of more than sixty-three bytes, which no word that is known here has");
    assert_check_says("t.h5: step 10, layer \"bn1\": \"penalty\" holds a string of 75 bytes; it may have 63");
    put_word("steps/20/bn1", "penalty", "eat");
    assert_check_says("t.h5: step 20, layer \"bn1\": attribute \"penalty\": an eval step must not have it");
    put_word("steps/20", "input_penalty", "eat");
    assert_check_says("t.h5: step 20: attribute \"input_penalty\": an eval step must not have it");
    put_word("steps/10/flatten1", "penalty", "eat");
    assert_check_says("t.h5: step 10, layer \"flatten1\": attribute \"penalty\": a layer of kind flatten bears no penalty; allowed are conv, bn, relu, maxpool, avgpool and linear");
}

static void a_number_is_no_word(void **state) {
    fixture_write("t.h5");
    const int one = 1;
    const hid_t file = H5Fopen("t.h5", H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate_by_name(file, "steps/10/fc1", "penalty", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT, &one) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Fclose(file);
    assert_check_says("t.h5: step 10, layer \"fc1\": attribute \"penalty\" must be a string");
}

static void only_modules_bear_one(void **state) {
    int modules = 0;
    for (int kind = 0; kind < SJ_KIND_COUNT; kind++) {
        modules += sj_kind_is_module((sj_kind)kind);
    }
    assert_int_equal(modules, 6);
    assert_false(sj_kind_is_module(SJ_KIND_ADD) || sj_kind_is_module(SJ_KIND_MATMUL) || sj_kind_is_module(SJ_KIND_DROPOUT));
    assert_string_equal(sj_penalty_name(SJ_PENALTY_NONE), "none");
    assert_string_equal(sj_penalty_name(SJ_PENALTY_EAT), "eat");
    assert_string_equal(sj_penalty_name(SJ_PENALTY_L1), "l1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_written_is_read_back), IN_FOLDER(the_writer_refuses_what_cannot_be), IN_FOLDER(the_check_names_what_is_wrong),
        IN_FOLDER(a_number_is_no_word),           IN_FOLDER(only_modules_bear_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
