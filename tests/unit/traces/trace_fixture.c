// SPDX-License-Identifier: Apache-2.0
#include "trace_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_test_folder.h"

sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

int fixture_enter(void **state) {
    return !sj_test_enter_folder(folder);
}

int fixture_leave(void **state) {
    return !sj_test_leave_folder(folder);
}

int fixture_entries(void) {
    const int count = sj_test_entries();
    assert_true(count >= 0);
    return count;
}

void assert_ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

void assert_error(sj_status met, sj_status wanted, const char *message) {
    assert_int_not_equal(met, SJ_OK);
    assert_string_equal(err.message, message);
    assert_int_equal(met, wanted);
}

#define PLAIN 1, 1, 1, 0, 1
#define BIG \
    { 4, 4, 8 }

sj_network fixture_network(void) {
    static const sj_layer_info layers[LAYER_COUNT] = {
        {"conv1", SJ_KIND_CONV, 1, {-1}, {4, 4, 3}, BIG, 3, 3, 1, 1, 1, false, false},
        {"bn1", SJ_KIND_BN, 1, {CONV}, BIG, BIG, PLAIN, true, false},
        {"fork1", SJ_KIND_FORK, 1, {BN}, BIG, BIG, PLAIN, true, false},
        {"relu1", SJ_KIND_RELU, 1, {FORK}, BIG, BIG, PLAIN, true, false},
        {"add1", SJ_KIND_ADD, 2, {RELU, FORK}, BIG, BIG, PLAIN, true, false},
        {"pool1", SJ_KIND_MAXPOOL, 1, {ADD}, BIG, {2, 2, 8}, 2, 2, 2, 0, 1, true, false},
        {"flatten1", SJ_KIND_FLATTEN, 1, {POOL}, {2, 2, 8}, {1, 1, 32}, PLAIN, true, false},
        {"fc1", SJ_KIND_LINEAR, 1, {FLATTEN}, {1, 1, 32}, {1, 1, 5}, PLAIN, true, true},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {LINEAR}, {1, 1, 5}, {1, 1, 5}, PLAIN, true, false},
    };
    static sj_layer_info copy[LAYER_COUNT];
    memcpy(copy, layers, sizeof copy);
    return (sj_network){"little", LAYER_COUNT, copy};
}

sj_trace_meta fixture_meta(void) {
    return (sj_trace_meta){.producer = "skipjoule test", .network = "little", .dataset = "noise", .method = "plain", .seed = 0xfedcba9876543210u, .optimizer = SJ_OPTIMIZER_ADAM, .batch_size = BATCH, .images = IMAGES};
}

sj_step_info fixture_step(int64_t number, sj_mode mode) {
    return (sj_step_info){.number = number, .mode = mode, .epoch = number / 10, .iteration = number, .loss = 0.25 * (double)number, .method_state = "keep=0.2"};
}

sj_trace_writer *fixture_create(const char *path) {
    const sj_trace_meta meta = fixture_meta();
    const sj_network net = fixture_network();
    sj_trace_writer *w;
    assert_ok(sj_trace_create(path, &meta, &net, &w, &err));
    return w;
}

uint64_t fixture_seed(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20240602;
    print_message("seed %" PRIu64 "\n", seed);
    return seed;
}

static sj_tensor shaped(int layer, const char *name) {
    const sj_network net = fixture_network();
    const sj_layer_info *l = &net.layers[layer];
    const sj_dims d = name[0] == 'x' ? l->in : l->out;
    if (strcmp(name, "w") == 0) {
        return (sj_tensor){SJ_TYPE_F32, 4, {l->out.c, l->kernel_h, l->kernel_w, l->in.c}, NULL, 1.0f, 0, 0};
    }
    if (name[0] == 'x' || name[0] == 'y' || strncmp(name, "dy", 2) == 0) {
        return (sj_tensor){SJ_TYPE_F32, 4, {IMAGES, d.h, d.w, d.c}, NULL, 1.0f, 0, 0};
    }
    return (sj_tensor){SJ_TYPE_F32, 1, {strcmp(name, "eps") == 0 ? 1 : l->out.c}, NULL, 1.0f, 0, 0};
}

sj_tensor fixture_tensor(int layer, const char *name, uint64_t seed) {
    sj_tensor t = shaped(layer, name);
    sj_random r = sj_random_stream(seed, (uint64_t)layer * 100 + (uint64_t)name[0]);
    const int64_t count = sj_tensor_count(&t);
    float *v = malloc((size_t)count * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < count; i++) {
        v[i] = sj_random_unit(&r) < 0.5 ? 0.0f : (float)(sj_random_unit(&r) * 4.0 - 2.0);
    }
    t.data = v;
    return t;
}

typedef struct step_writer {
    sj_trace_writer *w;
    int layer;
    const char *left_out;
} step_writer;

static bool left_out(const step_writer *s, int layer, const char *name) { return s->left_out != NULL && s->layer == layer && strcmp(s->left_out, name) == 0; }

static void put(const step_writer *s, int layer, const char *name) {
    if (left_out(s, layer, name)) {
        return;
    }
    sj_tensor t = fixture_tensor(layer, name, 7);
    assert_ok(sj_trace_write(s->w, layer, name, &t, t.rank == 4 ? SJ_TYPE_BF16 : SJ_TYPE_F32, &err));
    sj_tensor_free(&t);
}

static void tie(const step_writer *s, int layer, const char *name, int from, const char *from_name) {
    if (!left_out(s, layer, name)) {
        assert_ok(sj_trace_link(s->w, layer, name, from, from_name, &err));
    }
}

void fixture_write_step(sj_trace_writer *w, int64_t number, sj_mode mode, int layer, const char *name) {
    static const char *const bn[] = {"gamma", "beta", "mean", "variance", "eps"};
    const step_writer s = {w, layer, name};
    const sj_step_info step = fixture_step(number, mode);
    assert_ok(sj_trace_begin_step(w, &step, &err));
    for (int i = CONV; i < LAYER_COUNT; i++) {
        if (i != ADD && i != RELU) {
            put(&s, i, "x");
        }
    }
    tie(&s, RELU, "x", FORK, "x");
    put(&s, ADD, "x0");
    tie(&s, ADD, "x1", FORK, "x");
    put(&s, CONV, "w");
    put(&s, LINEAR, "w");
    put(&s, LINEAR, "bias");
    for (int i = 0; i < 5; i++) {
        put(&s, BN, bn[i]);
    }
    for (int i = CONV; i < LOSS && mode == SJ_MODE_TRAIN; i++) {
        if (i == RELU) {
            continue;
        }
        put(&s, i, "dy");
    }
    if (mode == SJ_MODE_TRAIN) {
        tie(&s, RELU, "dy", ADD, "dy");
    }
}

void fixture_write(const char *path) {
    sj_trace_writer *w = fixture_create(path);
    fixture_write_step(w, 10, SJ_MODE_TRAIN, 0, NULL);
    fixture_write_step(w, 20, SJ_MODE_EVAL, 0, NULL);
    assert_ok(sj_trace_commit(w, &err));
}
