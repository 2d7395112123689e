// SPDX-License-Identifier: Apache-2.0
// asic_ratio by trainer/sj_asic_ratio.c and by tools/asic_ratio.py, which was written from the definition alone, on the same tensors: inference steps with random values, zeros, denormals
// and the smallest normal numbers. Skipped (77) where there is no h5py.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_asic_ratio.h"
#include "sj_net.h"
#include "sj_random.h"
#include "sj_test_folder.h"

#define PYTHON "/usr/bin/python3"  // the packaged one: h5py comes from the distribution

enum { IMAGES = 5, LAYERS_MAX = 128 };

static sj_error err;

static void ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static float draw(sj_random *r) {
    switch (sj_random_below(r, 8)) {
        case 0:
        case 1:
        case 2: return 0.0F;
        case 3: return sj_random_below(r, 50) == 0 ? 0x1p-127F : -0.0F;     // a denormal, and -0: zeros
        case 4: return sj_random_below(r, 50) == 0 ? -0x1.8p-126F : 1.0F;  // just above the bound
        default: return (float)(sj_random_unit(r) * 4.0 - 2.0);
    }
}

static bool is_nonzero(float v) { return fabsf(v) > 0x1p-126F; }

typedef struct drawn {
    const sj_network *net;
    uint64_t seed;
    int64_t y_nonzero[IMAGES][LAYERS_MAX], input_nonzero[IMAGES], parameter_nonzero[LAYERS_MAX];
} drawn;

static int source_of(const sj_network *net, int layer) {
    while (layer >= 0 && (net->layers[layer].kind == SJ_KIND_FORK || net->layers[layer].kind == SJ_KIND_FLATTEN)) {
        layer = net->layers[layer].inputs[0];
    }
    return layer;
}

// The output of `maker` (-1: the network's input), the same wherever it is read; counts its nonzeros an image.
static float *output_of(drawn *d, int maker, int64_t count) {
    sj_random r = sj_random_stream(d->seed, (uint64_t)(maker + 1));
    float *v = malloc((size_t)(IMAGES * count) * sizeof *v);
    assert_non_null(v);
    for (int64_t n = 0; n < IMAGES; n++) {
        int64_t nonzero = 0;
        for (int64_t i = 0; i < count; i++) {
            v[n * count + i] = draw(&r);
            nonzero += is_nonzero(v[n * count + i]);
        }
        *(maker < 0 ? &d->input_nonzero[n] : &d->y_nonzero[n][maker]) = nonzero;
    }
    return v;
}

static void put(sj_trace_writer *w, int layer, const char *name, sj_tensor t) {
    ok(sj_trace_write(w, layer, name, &t, SJ_TYPE_F32, &err));
    free(t.data);
}

static void put_inputs(drawn *d, sj_trace_writer *w, int layer) {
    const sj_layer_info *l = &d->net->layers[layer];
    for (int j = 0; j < l->input_count; j++) {
        char name[16];
        snprintf(name, sizeof name, l->input_count > 1 ? "x%d" : "x", j);
        float *v = output_of(d, source_of(d->net, l->inputs[j]), l->in.h * l->in.w * l->in.c);
        put(w, layer, name, (sj_tensor){SJ_TYPE_F32, 4, {IMAGES, l->in.h, l->in.w, l->in.c}, v, 1.0F, 0, 0});
    }
}

static void put_parameter(drawn *d, sj_trace_writer *w, int layer, const char *name, sj_tensor t) {
    sj_random r = sj_random_stream(d->seed, 1000 + 10 * (uint64_t)layer + (uint64_t)name[0] % 10);
    float *v = malloc((size_t)sj_tensor_count(&t) * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < sj_tensor_count(&t); i++) {
        v[i] = draw(&r);
        d->parameter_nonzero[layer] += is_nonzero(v[i]);
    }
    t.data = v;
    put(w, layer, name, t);
}

static void put_layer(drawn *d, sj_trace_writer *w, int layer) {
    static const char *const bn[] = {"gamma", "beta", "mean", "variance"};
    const sj_layer_info *l = &d->net->layers[layer];
    put_inputs(d, w, layer);
    if (l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR) {
        put_parameter(d, w, layer, "w", (sj_tensor){SJ_TYPE_F32, 4, {l->out.c, l->kernel_h, l->kernel_w, l->in.c}, NULL, 1.0F, 0, 0});
    }
    if (l->has_bias) {
        put_parameter(d, w, layer, "bias", (sj_tensor){SJ_TYPE_F32, 1, {l->out.c}, NULL, 1.0F, 0, 0});
    }
    for (int i = 0; i < 4 && l->kind == SJ_KIND_BN; i++) {
        put_parameter(d, w, layer, bn[i], (sj_tensor){SJ_TYPE_F32, 1, {l->in.c}, NULL, 1.0F, 0, 0});
    }
}

static void write_trace(drawn *d) {
    sj_trace_writer *w;
    const sj_trace_meta meta = {.producer = "test", .network = "n", .dataset = "noise", .method = "plain", .batch_size = IMAGES, .images = IMAGES};
    const sj_step_info step = {.number = 3, .mode = SJ_MODE_EVAL};
    ok(sj_trace_create("t.h5", &meta, d->net, &w, &err));
    ok(sj_trace_begin_step(w, &step, &err));
    for (int i = 0; i < d->net->layer_count; i++) {
        put_layer(d, w, i);
    }
    ok(sj_trace_commit(w, &err));
}

static double ratio_here(drawn *d, const sj_asic_options *o) {
    sj_asic_mean m = sj_asic_begin(o);
    for (int64_t n = 0; n < IMAGES; n++) {  // image by image
        ok(sj_asic_add(&m, d->net, 1, d->y_nonzero[n], d->input_nonzero[n], d->parameter_nonzero, &err));
    }
    return sj_asic_finish(&m);
}

static double ratio_there(const sj_asic_options *o) {
    char command[1024], line[256];
    double ratio = NAN;
    snprintf(command, sizeof command, PYTHON " " SJ_SOURCE_DIR "/tools/asic_ratio.py t.h5 --batch %d%s%s", (int)o->batch, o->inplace_relu ? " --inplace-relu" : "", o->input ? " --input" : "");
    FILE *f = popen(command, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, " \"asic_ratio\": %lf", &ratio) == 1) {
            break;
        }
    }
    while (fgets(line, sizeof line, f) != NULL) {
    }
    assert_int_equal(pclose(f), 0);
    return ratio;
}

static void compare(const char *model, int64_t width) {
    static drawn d;
    char folder[SJ_TEST_FOLDER_MAX], path[512];
    const char *text = getenv("SJ_TEST_SEED");
    sj_net net;
    snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", model);
    ok(sj_net_read(path, (sj_dims){32, 32, 3}, 10, width, &net, &err));
    assert_in_range(net.network.layer_count, 1, LAYERS_MAX);
    memset(&d, 0, sizeof d);
    d.net = &net.network;
    d.seed = text != NULL ? strtoull(text, NULL, 10) : 5;
    assert_true(sj_test_enter_folder(folder));
    write_trace(&d);
    static const sj_asic_options options[] = {{512, false, false}, {5, true, false}, {2, false, true}, {3, true, true}, {1, false, false}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const double here = ratio_here(&d, &options[i]), there = ratio_there(&options[i]);
        print_message("%s, batch %d, inplace_relu %d, input %d: %.12f here, %.12f there (SJ_TEST_SEED %llu)\n", model, (int)options[i].batch, options[i].inplace_relu, options[i].input, here, there,
                      (unsigned long long)d.seed);
        assert_true(here > 0.0 && here < 1.0);
        assert_true(fabs(here - there) <= 1e-6 * here);
    }
    assert_true(sj_test_leave_folder(folder));
    sj_net_free(&net);
}

static void on_a_chain(void **state) { compare("cnn8", 4); }
static void on_residual_blocks(void **state) { compare("resnet8", 4); }
static void with_dropout_and_without_normalisation(void **state) { compare("mlp", 8); }

int main(void) {
    if (system(PYTHON " -c 'import h5py' 2>/dev/null") != 0) {
        print_message("skipped: no h5py\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_chain),
        cmocka_unit_test(on_residual_blocks),
        cmocka_unit_test(with_dropout_and_without_normalisation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
