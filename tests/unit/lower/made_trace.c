// SPDX-License-Identifier: Apache-2.0
#include "made_trace.h"

#include <unistd.h>

#include "sj_test_folder.h"

sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

int made_enter(void **state) {
    return !sj_test_enter_folder(folder);
}

int made_leave(void **state) {
    return !sj_test_leave_folder(folder);
}

void made_ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

void made_says(sj_status met, sj_status wanted, const char *message) {
    assert_int_equal(met, wanted);
    assert_string_equal(err.message, message);
}

sj_accel made_accel(sj_dtype dtype) {
    return (sj_accel){.name = "little", .tech = "45nm", .dtype = dtype, .clock_mhz = 500.0, .rows = 4, .lanes = 4, .slots = 2, .k_tile = 16, .acc_banks = 2, .a_bytes = 16, .b_bytes = 8,
                      .o_bytes = 16, .buffer_kib = 64, .line_bytes = 16, .a_banks = 2, .dram = sj_dram_find("ddr4-3200-4x16"), .dram_channels = 1, .vector_lanes = 8};
}

made_traffic made_traffic_of(const sj_job *job) {
    made_traffic t = {0};
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        for (int s = b->load_first; s < b->load_first + b->load_count; s++) {
            t.loaded += (job->segments[s].end - job->segments[s].begin) * job->streams[job->segments[s].stream].value_bytes;
        }
        for (int s = b->store_first; s < b->store_first + b->store_count; s++) {
            t.stored += (job->segments[s].end - job->segments[s].begin) * job->streams[job->segments[s].stream].value_bytes;
        }
    }
    return t;
}

typedef struct maker {
    sj_trace_writer *writer;
    const sj_network *net;
    const made_options *o;
    sj_random random;
} maker;

// Half of them zero; magnitudes over four decades, so that quantising makes zeros of some.
static float value(sj_random *r) {
    if (sj_random_below(r, 2) == 0) {
        return 0.0F;
    }
    const float magnitude = (float)(1.0 + sj_random_unit(r)) * (sj_random_below(r, 2) == 0 ? 1.0F : 0.0002F);
    return sj_random_below(r, 2) == 0 ? magnitude : -magnitude;
}

static void *values_of(sj_random *r, sj_type type, int64_t count) {
    void *memory = calloc((size_t)count, 4);
    assert_non_null(memory);
    for (int64_t i = 0; i < count; i++) {
        const float v = value(r);
        switch (type) {
        case SJ_TYPE_I8: ((int8_t *)memory)[i] = (int8_t)(v * 60.0F); break;
        case SJ_TYPE_U8: ((uint8_t *)memory)[i] = v != 0.0F; break;
        case SJ_TYPE_I32: ((int32_t *)memory)[i] = 0; break;
        default: ((float *)memory)[i] = v; break;
        }
    }
    return memory;
}

static void put(maker *m, int layer, const char *name, sj_type store, int rank, const int64_t dims[4]) {
    sj_tensor t = {.type = store == SJ_TYPE_BF16 ? SJ_TYPE_F32 : store, .rank = rank, .scale = 0.5F};
    memcpy(t.dims, dims, sizeof t.dims);
    t.data = values_of(&m->random, t.type, sj_tensor_count(&t));
    made_ok(sj_trace_write(m->writer, layer, name, &t, store, &err));
    sj_tensor_free(&t);
}

static void put_image(maker *m, int layer, const char *name, sj_type store, sj_dims d) {
    const int64_t dims[4] = {MADE_IMAGES, d.h, d.w, d.c};
    put(m, layer, name, store, 4, dims);
}

static void put_vector(maker *m, int layer, const char *name, sj_type store, int64_t length) {
    const int64_t dims[4] = {length};
    put(m, layer, name, store, 1, dims);
}

// An input that another layer read before it is a link to that one.
static void put_input(maker *m, int layer, int input) {
    const sj_layer_info *l = &m->net->layers[layer];
    char name[16];
    sj_lowering_input_name(l, input, name);
    for (int j = 0; j <= layer; j++) {
        for (int i = 0; i < (j == layer ? input : m->net->layers[j].input_count); i++) {
            if (m->net->layers[j].inputs[i] == l->inputs[input] && l->inputs[input] != SJ_INPUT_OWN) {
                char from[16];
                sj_lowering_input_name(&m->net->layers[j], i, from);
                made_ok(sj_trace_link(m->writer, layer, name, j, from, &err));
                return;
            }
        }
    }
    put_image(m, layer, name, m->o->store, input == 0 ? l->in : sj_network_input_dims(m->net, layer, input));
}

static void put_parameters(maker *m, int layer) {
    static const char *const vectors[] = {"gamma", "beta", "mean", "variance"};
    const sj_layer_info *l = &m->net->layers[layer];
    if (l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR) {
        const int64_t dims[4] = {l->out.c, l->kernel_h, l->kernel_w, l->in.c / l->groups};
        put(m, layer, "w", m->o->other_layer > 0 && layer == m->o->other_layer ? m->o->other_type : m->o->store, 4, dims);
    }
    for (int i = 0; l->kind == SJ_KIND_BN && i < 4; i++) {
        put_vector(m, layer, vectors[i], SJ_TYPE_F32, l->in.c);
    }
    if (l->kind == SJ_KIND_BN) {
        put_vector(m, layer, "eps", SJ_TYPE_F32, 1);
    }
    if (l->has_bias) {
        put_vector(m, layer, "bias", SJ_TYPE_F32, l->out.c);
    }
}

static void put_layer(maker *m, int layer) {
    const sj_layer_info *l = &m->net->layers[layer];
    const bool train = m->o->mode == SJ_MODE_TRAIN;
    for (int i = 0; i < l->input_count; i++) {
        put_input(m, layer, i);
    }
    put_parameters(m, layer);
    if (train && l->kind != SJ_KIND_SOFTMAX_CE) {
        put_image(m, layer, "dy", m->o->store, l->out);
    }
    if (train && l->kind == SJ_KIND_DROPOUT) {
        put_image(m, layer, "mask", SJ_TYPE_U8, l->out);
    }
    if (l->kind == SJ_KIND_SOFTMAX_CE) {
        put_vector(m, layer, "labels", SJ_TYPE_I32, MADE_IMAGES);
    }
    if (train && m->o->keep_layer > 0 && m->o->keep_layer == layer) {
        put_vector(m, layer, "keep", SJ_TYPE_I32, 1);
    }
}

static void put_penalties(maker *m) {
    for (int i = 0; i < m->net->layer_count; i++) {
        made_ok(sj_trace_write_penalty(m->writer, i, (m->o->bearers >> i & 1) != 0 ? m->o->penalty : SJ_PENALTY_NONE, &err));
    }
    made_ok(sj_trace_write_penalty(m->writer, SJ_INPUT_NETWORK, m->o->input_bears ? m->o->penalty : SJ_PENALTY_NONE, &err));
}

sj_trace *made_trace(const sj_network *net, const made_options *o) {
    const sj_trace_meta meta = {.producer = "test", .network = "little", .dataset = "noise", .method = "plain", .batch_size = 4, .images = MADE_IMAGES, .optimizer = o->optimizer};
    sj_step_info step = {.number = 1, .mode = o->mode};
    snprintf(step.method_state, sizeof step.method_state, "%s", o->method_state != NULL ? o->method_state : "");
    maker m = {.net = net, .o = o, .random = sj_random_seed(o->seed)};
    made_ok(sj_trace_create("t.h5", &meta, net, &m.writer, &err));
    made_ok(sj_trace_begin_step(m.writer, &step, &err));
    for (int i = 0; i < net->layer_count; i++) {
        if (sj_step_is_skipped(&step)) {
            const sj_kind kind = net->layers[i].kind;
            if (kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR) {
                put_parameters(&m, i);
            }
        } else {
            put_layer(&m, i);
        }
    }
    put_penalties(&m);
    made_ok(sj_trace_commit(m.writer, &err));
    sj_trace *t = NULL;
    made_ok(sj_trace_open("t.h5", &t, &err));
    return t;
}
