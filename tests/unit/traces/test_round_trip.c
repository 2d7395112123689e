// SPDX-License-Identifier: Apache-2.0
#include "trace_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "sj_bf16.h"
#include "sj_file.h"

static void what_was_written_is_read_back(void **state) {
    fixture_write("t.h5");
    assert_int_equal(fixture_entries(), 1);
    sj_trace *t;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    const sj_trace_meta meta = fixture_meta(), *read = sj_trace_get_meta(t);
    assert_string_equal(read->producer, meta.producer);
    assert_string_equal(read->network, meta.network);
    assert_string_equal(read->dataset, meta.dataset);
    assert_string_equal(read->method, meta.method);
    assert_true(read->optimizer == meta.optimizer && read->seed == meta.seed && read->batch_size == meta.batch_size && read->images == meta.images);
    const sj_network net = fixture_network(), *got = sj_trace_get_network(t);
    assert_int_equal(got->layer_count, LAYER_COUNT);
    for (int i = 0; i < LAYER_COUNT; i++) {
        const sj_layer_info *a = &net.layers[i], *b = &got->layers[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->input_count, b->input_count);
        assert_memory_equal(a->inputs, b->inputs, sizeof *a->inputs * (size_t)a->input_count);
        assert_memory_equal(&a->in, &b->in, sizeof a->in);
        assert_memory_equal(&a->out, &b->out, sizeof a->out);
        assert_true(a->kernel_h == b->kernel_h && a->kernel_w == b->kernel_w && a->stride == b->stride && a->padding == b->padding && a->groups == b->groups);
        assert_true(a->needs_dx == b->needs_dx && a->has_bias == b->has_bias);
    }
    assert_int_equal(sj_trace_step_count(t), 2);
    const sj_step_info step = fixture_step(20, SJ_MODE_EVAL), *last = sj_trace_get_step(t, 1);
    assert_true(last->number == 20 && last->mode == SJ_MODE_EVAL && last->epoch == step.epoch && last->iteration == 20 && last->loss == step.loss);
    assert_string_equal(last->method_state, step.method_state);
    assert_ok(sj_trace_check(t, &err));
    // train: 10 inputs, 7 + relu's dy, 2 w, bias, 5 of bn; eval: without the dy
    assert_int_equal(sj_trace_tensor_count(t), (10 + 8 + 8) + (10 + 8));
    sj_trace_close(t);
}

static void steps_are_ascending_by_number(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    fixture_write_step(w, 100, SJ_MODE_EVAL, 0, NULL);
    fixture_write_step(w, 9, SJ_MODE_EVAL, 0, NULL);
    fixture_write_step(w, 20, SJ_MODE_EVAL, 0, NULL);
    assert_ok(sj_trace_commit(w, &err));
    sj_trace *t;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_int_equal(sj_trace_get_step(t, 0)->number, 9);
    assert_int_equal(sj_trace_get_step(t, 1)->number, 20);
    assert_int_equal(sj_trace_get_step(t, 2)->number, 100);
    assert_null(sj_trace_get_step(t, 3));
    sj_trace_close(t);
}

static void shared_tensors_are_one_object(void **state) {
    fixture_write("t.h5");
    sj_trace *t;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    const uint64_t id = sj_trace_object_id(t, 0, FORK, "x");
    assert_int_not_equal(id, 0);
    assert_int_equal(sj_trace_object_id(t, 0, RELU, "x"), id);
    assert_int_equal(sj_trace_object_id(t, 0, ADD, "x1"), id);
    assert_int_not_equal(sj_trace_object_id(t, 0, ADD, "x0"), id);
    assert_int_not_equal(sj_trace_object_id(t, 1, FORK, "x"), id);
    assert_int_equal(sj_trace_object_id(t, 0, CONV, "keep"), 0);
    sj_tensor a, b;
    assert_ok(sj_trace_read(t, 0, FORK, "x", SJ_TYPE_BF16, &a, &err));
    assert_ok(sj_trace_read(t, 0, ADD, "x1", SJ_TYPE_BF16, &b, &err));
    assert_memory_equal(a.data, b.data, (size_t)sj_tensor_count(&a) * 2);
    sj_tensor_free(&a);
    sj_tensor_free(&b);
    sj_trace_close(t);
}

static void random_float32(sj_random *r, float *v, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        do {
            v[i] = sj_bits_f32((uint32_t)sj_random_u64(r));  // any exponent, denormals too
        } while (!isfinite(v[i]) || !sj_bf16_finite(sj_bf16_from_f32(v[i])));
    }
}

static void float32_survives_bit_for_bit_and_rounds_as_bf16(void **state) {
    sj_random r = sj_random_seed(fixture_seed());
    for (int round = 0; round < 20; round++) {
        sj_trace_writer *w = fixture_create("t.h5");
        const sj_step_info step = fixture_step(round, SJ_MODE_TRAIN);
        assert_ok(sj_trace_begin_step(w, &step, &err));
        sj_tensor x = fixture_tensor(CONV, "x", 1), dy = fixture_tensor(CONV, "dy", 1);
        random_float32(&r, x.data, sj_tensor_count(&x));
        random_float32(&r, dy.data, sj_tensor_count(&dy));
        ((float *)x.data)[0] = -0.0f;
        assert_ok(sj_trace_write(w, CONV, "x", &x, SJ_TYPE_F32, &err));
        assert_ok(sj_trace_write(w, CONV, "dy", &dy, SJ_TYPE_BF16, &err));
        assert_ok(sj_trace_commit(w, &err));
        sj_trace *t;
        sj_tensor got, rounded, stored;
        assert_ok(sj_trace_open("t.h5", &t, &err));
        assert_ok(sj_trace_read(t, 0, CONV, "x", SJ_TYPE_F32, &got, &err));
        assert_ok(sj_trace_read(t, 0, CONV, "x", SJ_TYPE_BF16, &rounded, &err));
        assert_ok(sj_trace_read(t, 0, CONV, "dy", SJ_TYPE_F32, &stored, &err));
        assert_int_equal(got.type, SJ_TYPE_F32);
        assert_int_equal(rounded.type, SJ_TYPE_BF16);
        assert_int_equal(stored.type, SJ_TYPE_BF16);
        assert_memory_equal(got.data, x.data, (size_t)sj_tensor_count(&x) * 4);
        for (int64_t i = 0; i < sj_tensor_count(&x); i++) {
            assert_int_equal(((sj_bf16 *)rounded.data)[i], sj_bf16_from_f32(((float *)x.data)[i]));
        }
        int64_t nonzero = 0;
        for (int64_t i = 0; i < sj_tensor_count(&dy); i++) {
            const sj_bf16 wanted = sj_bf16_from_f32(((float *)dy.data)[i]);
            assert_int_equal(((sj_bf16 *)stored.data)[i], wanted);
            nonzero += wanted != 0;
        }
        assert_int_equal(stored.full_nonzero, nonzero);
        assert_int_equal(stored.full_count, sj_tensor_count(&dy));
        sj_tensor_free(&x);
        sj_tensor_free(&dy);
        sj_tensor_free(&got);
        sj_tensor_free(&rounded);
        sj_tensor_free(&stored);
        sj_trace_close(t);
    }
}

static void int8_int32_and_the_whole_batchs_counts_survive(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    const sj_step_info step = fixture_step(1, SJ_MODE_TRAIN);
    assert_ok(sj_trace_begin_step(w, &step, &err));
    int8_t values[8 * 3 * 3 * 3];
    for (size_t i = 0; i < sizeof values; i++) {
        values[i] = (int8_t)(i * 37 - 128);
    }
    int32_t keep[3] = {0, 3, 7};
    const sj_tensor weights = {SJ_TYPE_I8, 4, {8, 3, 3, 3}, values, 0.0078125f, 216, 216}, kept = {SJ_TYPE_I32, 1, {3}, keep, 1.0f, 0, 0};
    sj_tensor dy = fixture_tensor(CONV, "dy", 3);
    dy.full_count = sj_tensor_count(&dy) * BATCH / IMAGES;
    dy.full_nonzero = dy.full_count - 5;
    assert_ok(sj_trace_write(w, CONV, "w", &weights, SJ_TYPE_I8, &err));
    assert_ok(sj_trace_write(w, CONV, "keep", &kept, SJ_TYPE_I32, &err));
    assert_ok(sj_trace_write(w, CONV, "dy", &dy, SJ_TYPE_BF16, &err));
    assert_ok(sj_trace_commit(w, &err));
    sj_trace *t;
    sj_tensor got;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_ok(sj_trace_read(t, 0, CONV, "w", SJ_TYPE_BF16, &got, &err));
    assert_int_equal(got.type, SJ_TYPE_I8);
    assert_true(got.scale == 0.0078125f);
    assert_memory_equal(got.data, values, sizeof values);
    sj_tensor_free(&got);
    assert_ok(sj_trace_read(t, 0, CONV, "keep", SJ_TYPE_F32, &got, &err));
    assert_int_equal(got.dims[0], 3);
    assert_memory_equal(got.data, keep, sizeof keep);
    sj_tensor_free(&got);
    assert_ok(sj_trace_read(t, 0, CONV, "dy", SJ_TYPE_F32, &got, &err));
    assert_true(got.full_nonzero == dy.full_nonzero && got.full_count == dy.full_count);
    sj_tensor_free(&got);
    sj_tensor_free(&dy);
    assert_false(sj_trace_has(t, 0, CONV, "x"));
    assert_true(sj_trace_has(t, 0, CONV, "keep"));
    sj_trace_close(t);
}

static void bf16_is_a_float_that_hdf5_converts(void **state) {
    fixture_write("t.h5");
    sj_trace *t;
    sj_tensor x;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_ok(sj_trace_read(t, 0, CONV, "x", SJ_TYPE_BF16, &x, &err));
    sj_trace_close(t);
    float *converted = malloc((size_t)sj_tensor_count(&x) * sizeof *converted);
    const hid_t file = H5Fopen("t.h5", H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, "steps/10/conv1/x", H5P_DEFAULT);
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, converted) >= 0);
    const hid_t type = H5Dget_type(set);
    assert_int_equal(H5Tget_size(type), 2);
    for (int64_t i = 0; i < sj_tensor_count(&x); i++) {
        assert_true(converted[i] == sj_bf16_to_f32(((sj_bf16 *)x.data)[i]));
    }
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(file);
    free(converted);
    sj_tensor_free(&x);
}

static void zeros_of_another_producer_are_flushed_for_the_machine(void **state) {
    fixture_write("t.h5");
    const hid_t file = H5Fopen("t.h5", H5F_ACC_RDWR, H5P_DEFAULT), set = H5Dopen2(file, "steps/10/conv1/x", H5P_DEFAULT), type = H5Dget_type(set);
    sj_bf16 raw[IMAGES * 4 * 4 * 3];
    assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) >= 0);
    raw[0] = 0x8000;
    raw[1] = 0x007f;
    raw[2] = 0x807f;
    for (size_t i = 3; i < 6; i++) {
        raw[i] = 0;  // so that the counts stay true whatever stood in 0, 1, 2
    }
    assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) >= 0);
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(file);
    sj_trace *t;
    sj_tensor x;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_ok(sj_trace_read(t, 0, CONV, "x", SJ_TYPE_BF16, &x, &err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(((sj_bf16 *)x.data)[i], 0);
    }
    sj_tensor_free(&x);
    sj_trace_close(t);
}

static void the_ledger_is_read_back(void **state) {
    enum { ROWS = 600 };  // more than two batches of the writer
    sj_trace_writer *w = fixture_create("t.h5");
    float x[LAYER_COUNT], dy[LAYER_COUNT], kept[LAYER_COUNT];
    for (int i = 0; i < ROWS; i++) {
        for (int l = 0; l < LAYER_COUNT; l++) {
            x[l] = (float)(i + l) / 1000.0f;
            dy[l] = l == LOSS ? NAN : (float)i / 700.0f;
            kept[l] = l == CONV ? 0.2f : NAN;
        }
        sj_ledger_row row = {.epoch = i / 100, .iteration = i, .skipped = i % 3 == 0, .loss = 1.0 / (i + 1), .x_density = x, .dy_density = dy, .kept_fraction = kept};
        snprintf(row.method_state, sizeof row.method_state, "state %d", i);
        assert_ok(sj_trace_ledger(w, &row, &err));
    }
    assert_ok(sj_trace_commit(w, &err));
    sj_trace *t;
    sj_ledger l;
    assert_ok(sj_trace_open("t.h5", &t, &err));
    assert_ok(sj_trace_read_ledger(t, &l, &err));
    assert_int_equal(l.rows, ROWS);
    assert_int_equal(l.layers, LAYER_COUNT);
    for (int i = 0; i < ROWS; i++) {
        char text[32];
        snprintf(text, sizeof text, "state %d", i);
        assert_true(l.epoch[i] == i / 100 && l.iteration[i] == i && l.skipped[i] == (i % 3 == 0) && l.loss[i] == 1.0 / (i + 1));
        assert_string_equal(l.method_state[i], text);
        assert_true(l.x_density[i * LAYER_COUNT + 3] == (float)(i + 3) / 1000.0f);
        assert_true(isnan(l.dy_density[i * LAYER_COUNT + LOSS]) && isnan(l.kept_fraction[i * LAYER_COUNT + BN]));
        assert_true(l.kept_fraction[i * LAYER_COUNT + CONV] == 0.2f);
    }
    assert_ok(sj_trace_check(t, &err));
    sj_ledger_free(&l);
    sj_trace_close(t);
}

static void equal_content_makes_equal_files(void **state) {
    char a[17], b[17];
    fixture_write("a.h5");
    fixture_write("b.h5");
    assert_ok(sj_file_hash("a.h5", a, &err));
    assert_ok(sj_file_hash("b.h5", b, &err));
    assert_string_equal(a, b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_written_is_read_back),
        IN_FOLDER(steps_are_ascending_by_number),
        IN_FOLDER(shared_tensors_are_one_object),
        IN_FOLDER(float32_survives_bit_for_bit_and_rounds_as_bf16),
        IN_FOLDER(int8_int32_and_the_whole_batchs_counts_survive),
        IN_FOLDER(bf16_is_a_float_that_hdf5_converts),
        IN_FOLDER(zeros_of_another_producer_are_flushed_for_the_machine),
        IN_FOLDER(the_ledger_is_read_back),
        IN_FOLDER(equal_content_makes_equal_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
