// SPDX-License-Identifier: Apache-2.0
// What the writer refuses, and what it leaves behind when it is stopped.
#include "trace_fixture.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static sj_trace_writer *writer;

static int begin(void **state) {
    if (fixture_enter(state) != 0) {
        return 1;
    }
    writer = fixture_create("t.h5");
    const sj_step_info step = fixture_step(7, SJ_MODE_TRAIN);
    return sj_trace_begin_step(writer, &step, &err) != SJ_OK;
}

static int end(void **state) {
    sj_trace_abandon(writer);
    const int left = fixture_entries();
    return fixture_leave(state) != 0 || left != 0;
}

static void nan_and_infinity_are_refused(void **state) {
    static const struct {
        float value;
        sj_type store;
        const char *what;
    } cases[] = {{NAN, SJ_TYPE_F32, "NaN"}, {NAN, SJ_TYPE_BF16, "NaN"}, {INFINITY, SJ_TYPE_F32, "infinite"}, {-INFINITY, SJ_TYPE_BF16, "infinite"},
                 {3.4e38f, SJ_TYPE_BF16, "too large for bfloat16"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[128];
        sj_tensor x = fixture_tensor(CONV, "x", 1);
        ((float *)x.data)[17] = cases[i].value;
        snprintf(message, sizeof message, "t.h5: step 7, layer \"conv1\", tensor \"x\": value 17 of 96 is %s", cases[i].what);
        assert_error(sj_trace_write(writer, CONV, "x", &x, cases[i].store, &err), SJ_ERR_NUMERIC, message);
        sj_tensor_free(&x);
    }
    sj_tensor x = fixture_tensor(CONV, "x", 1);
    ((float *)x.data)[17] = 3.4e38f;  // finite as float32
    assert_ok(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_F32, &err));
    sj_tensor_free(&x);
}

static void wrong_shapes_names_and_types_are_refused(void **state) {
    sj_tensor x = fixture_tensor(CONV, "x", 1);
    x.dims[0] = 1;
    assert_error(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_F32, &err), SJ_ERR_FORMAT, "t.h5: step 7, layer \"conv1\", tensor \"x\": its shape is 1x4x4x3; it must be 2x4x4x3");
    x.dims[0] = IMAGES;
    assert_error(sj_trace_write(writer, CONV, "x0", &x, SJ_TYPE_F32, &err), SJ_ERR_FORMAT, "t.h5: step 7, layer \"conv1\", tensor \"x0\": a layer of kind conv has no such tensor");
    assert_error(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_I8, &err), SJ_ERR_UNSUPPORTED,
                 "t.h5: step 7, layer \"conv1\", tensor \"x\": only float32 can be stored as another type, and only as bfloat16");
    x.type = SJ_TYPE_I32;
    assert_error(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_I32, &err), SJ_ERR_FORMAT,
                 "t.h5: step 7, layer \"conv1\", tensor \"x\": its type is int32; it must be bfloat16, float32 or int8");
    sj_tensor_free(&x);
}

static void kept_channels_must_ascend(void **state) {
    int32_t keep[3] = {1, 4, 4};
    const sj_tensor t = {SJ_TYPE_I32, 1, {3}, keep, 1.0f, 0, 0};
    assert_error(sj_trace_write(writer, CONV, "keep", &t, SJ_TYPE_I32, &err), SJ_ERR_FORMAT,
                 "t.h5: step 7, layer \"conv1\", tensor \"keep\": entry 2 is 4; the kept channels must ascend and lie between 0 and 7");
    keep[2] = 8;
    assert_int_equal(sj_trace_write(writer, CONV, "keep", &t, SJ_TYPE_I32, &err), SJ_ERR_FORMAT);
    keep[2] = 7;
    assert_ok(sj_trace_write(writer, CONV, "keep", &t, SJ_TYPE_I32, &err));
    assert_error(sj_trace_write(writer, CONV, "keep", &t, SJ_TYPE_I32, &err), SJ_ERR_RANGE, "t.h5: step 7, layer \"conv1\", tensor \"keep\": it was written before");
}

static void impossible_counts_are_refused(void **state) {
    sj_tensor x = fixture_tensor(CONV, "x", 1);
    x.full_count = 95;
    x.full_nonzero = 95;
    assert_int_equal(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_F32, &err), SJ_ERR_RANGE);
    x.full_count = 960;
    x.full_nonzero = 0;
    assert_int_equal(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_F32, &err), SJ_ERR_RANGE);
    x.full_nonzero = 960;
    assert_ok(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_F32, &err));
    sj_tensor_free(&x);
}

static void links_need_a_target_of_the_same_shape(void **state) {
    assert_error(sj_trace_link(writer, RELU, "x", FORK, "x", &err), SJ_ERR_RANGE,
                 "t.h5: step 7, layer \"relu1\", tensor \"x\": it cannot be linked to \"fork1/x\", which this step does not hold");
    sj_tensor x = fixture_tensor(CONV, "x", 1);
    assert_ok(sj_trace_write(writer, CONV, "x", &x, SJ_TYPE_F32, &err));
    sj_tensor_free(&x);
    assert_error(sj_trace_link(writer, RELU, "x", CONV, "x", &err), SJ_ERR_RANGE,
                 "t.h5: step 7, layer \"relu1\", tensor \"x\": it cannot be linked to \"conv1/x\", which has another shape");
}

static void a_step_is_written_once(void **state) {
    const sj_step_info step = fixture_step(7, SJ_MODE_TRAIN);
    assert_error(sj_trace_begin_step(writer, &step, &err), SJ_ERR_RANGE, "t.h5: step 7: it was written before");
}

static void a_wrong_network_or_folder_is_refused_before_anything_is_made(void **state) {
    const sj_trace_meta meta = fixture_meta();
    sj_network net = fixture_network();
    sj_trace_writer *w;
    assert_error(sj_trace_create("none/t.h5", &meta, &net, &w, &err), SJ_ERR_IO, "none/t.h5: cannot write: No such file or directory");
    net.layers[0].out.c = 9;
    assert_int_equal(sj_trace_create("t.h5", &meta, &net, &w, &err), SJ_ERR_FORMAT);
    assert_int_equal(fixture_entries(), 0);
}

static void an_abandoned_writer_leaves_nothing(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    fixture_write_step(w, 1, SJ_MODE_TRAIN, 0, NULL);
    assert_int_equal(fixture_entries(), 1);
    sj_trace_abandon(w);
    assert_int_equal(fixture_entries(), 0);
    sj_trace_abandon(NULL);
}

// Wherever the limit falls: an error and nothing left.
static void a_full_disk_leaves_nothing(void **state) {
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    sj_tensor x = fixture_tensor(BN, "x", 1);
    int failures = 0;
    for (rlim_t limit = 500; limit < 1000000; limit = limit * 5 / 4) {
        small = old;
        small.rlim_cur = limit;
        setrlimit(RLIMIT_FSIZE, &small);
        const sj_trace_meta meta = fixture_meta();
        const sj_network net = fixture_network();
        sj_trace_writer *w = NULL;
        sj_status status = sj_trace_create("t.h5", &meta, &net, &w, &err);
        for (int64_t i = 0; i < 40 && status == SJ_OK; i++) {
            const sj_step_info step = fixture_step(i, SJ_MODE_TRAIN);
            status = sj_trace_begin_step(w, &step, &err);
            if (status == SJ_OK) {
                status = sj_trace_write(w, BN, "x", &x, SJ_TYPE_F32, &err);
            }
        }
        if (status == SJ_OK) {
            status = sj_trace_commit(w, &err);
        } else {
            sj_trace_abandon(w);
        }
        setrlimit(RLIMIT_FSIZE, &old);
        if (status == SJ_OK) {
            sj_trace *t;
            assert_ok(sj_trace_open("t.h5", &t, &err));
            assert_int_equal(sj_trace_step_count(t), 40);
            sj_trace_close(t);
            break;
        }
        failures++;
        assert_int_equal(status, SJ_ERR_IO);
        assert_ptr_equal(strstr(err.message, "t.h5"), err.message);
        assert_non_null(strstr(err.message, "cannot write"));
        assert_int_equal(fixture_entries(), 0);
    }
    sj_tensor_free(&x);
    assert_true(failures >= 5);
    assert_int_equal(fixture_entries(), 1);
}

#define WITH_WRITER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WRITER(nan_and_infinity_are_refused),
        WITH_WRITER(wrong_shapes_names_and_types_are_refused),
        WITH_WRITER(kept_channels_must_ascend),
        WITH_WRITER(impossible_counts_are_refused),
        WITH_WRITER(links_need_a_target_of_the_same_shape),
        WITH_WRITER(a_step_is_written_once),
        IN_FOLDER(a_wrong_network_or_folder_is_refused_before_anything_is_made),
        IN_FOLDER(an_abandoned_writer_leaves_nothing),
        IN_FOLDER(a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
