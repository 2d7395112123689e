// SPDX-License-Identifier: Apache-2.0
// The engine as a whole: the same bits at any number of threads, the same step in every layout, what is fused away can be looked at, counts, memory, and who is blamed for a NaN.
#include <malloc.h>
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_engine.h"

// Everything that is fused, passed on or laid out in a way of its own.
static const char everything[] =
    "name = \"all\"; layers = ({kind=\"conv\"; name=\"c1\"; out=20; kernel=3; padding=1; bias=true;}, {kind=\"bn\"; name=\"b1\";}, {kind=\"relu\"; name=\"r1\";},"
    "{kind=\"maxpool\"; name=\"p1\"; kernel=2;}, {kind=\"fork\"; name=\"f\";}, {kind=\"conv\"; name=\"c2\"; out=20; kernel=3; padding=1;}, {kind=\"bn\"; name=\"b2\";},"
    "{kind=\"fork\"; name=\"g\"; from=[\"f\"];}, {kind=\"conv\"; name=\"short\"; from=[\"g\"]; out=20; kernel=1;}, {kind=\"bn\"; name=\"b3\";},"
    "{kind=\"add\"; name=\"a\"; from=[\"b2\", \"b3\"];}, {kind=\"relu\"; name=\"r2\";}, {kind=\"bn\"; name=\"b4\";}, {kind=\"add\"; name=\"a2\"; from=[\"b4\", \"g\"];},"
    "{kind=\"conv\"; name=\"c3\"; out=33; kernel=3; stride=2;}, {kind=\"bn\"; name=\"b5\";}, {kind=\"conv\"; name=\"c4\"; out=9; kernel=1;}, {kind=\"relu\"; name=\"r3\";},"
    "{kind=\"avgpool\"; name=\"p2\"; kernel=2; stride=1;}, {kind=\"flatten\"; name=\"v\";}, {kind=\"dropout\"; name=\"d\"; p=0.4;}, {kind=\"linear\"; name=\"l1\"; out=18;},"
    "{kind=\"relu\"; name=\"r4\";}, {kind=\"linear\"; name=\"l2\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";
// A flattened tensor that must not keep its pixels apart.
static const char unfolded[] =
    "name = \"unfolded\"; layers = ({kind=\"conv\"; name=\"c1\"; out=5; kernel=3;}, {kind=\"relu\"; name=\"r1\";}, {kind=\"flatten\"; name=\"v\";}, {kind=\"bn\"; name=\"b\";}, {kind=\"fork\"; name=\"f\";},"
    "{kind=\"linear\"; name=\"l1\"; out=120;}, {kind=\"add\"; name=\"a\"; from=[\"l1\", \"f\"];}, {kind=\"linear\"; name=\"l2\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";

static sj_eat make_eat(void) {
    sj_eat eat = {.lambda = 0.5, .sigma = 0.05, .input = true};
    eat.kinds[SJ_KIND_RELU] = eat.kinds[SJ_KIND_BN] = eat.kinds[SJ_KIND_CONV] = eat.kinds[SJ_KIND_MAXPOOL] = eat.kinds[SJ_KIND_AVGPOOL] = eat.kinds[SJ_KIND_LINEAR] = true;
    return eat;
}

// A few steps with everything on; returns the model.
static sj_model *train_few(const char *text, sj_dims input, const sj_model_options *options, int steps) {
    sj_model *m = test_model_with(text, input, 10, options);
    const sj_eat eat = make_eat();
    const sj_optimizer_config sgd = {.kind = SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9, .weight_decay = 1e-3, .decay_norm = true};
    for (int step = 0; step < steps; step++) {
        const sj_forward_options forward = {.iteration = step, .label_smoothing = 0.1, .count = true};
        const sj_backward_options backward = {.eat = &eat, .lambda = 0.5, .keep = step % 2 == 0 ? 1.0 : 0.3, .count = true};
        (void)test_forward(m, &forward);
        (void)test_backward(m, &backward);
        sj_model_update(m, &sgd, 0.05, step + 1);
    }
    return m;
}

static void same_bits_at_any_thread_count(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++) {
        const sj_model_options options = {.batch = 48, .seed = test_seed(5), .bf16 = which == 1, .gather = which % 2 == 0, .algorithm = which < 2 ? SJ_ALGORITHM_AUTO : SJ_ALGORITHM_WINOGRAD};
        omp_set_num_threads(1);
        sj_model *one = train_few(everything, (sj_dims){12, 14, 3}, &options, 4);
        for (int threads = 2; threads <= 5; threads++) {
            omp_set_num_threads(threads);
            sj_model *many = train_few(everything, (sj_dims){12, 14, 3}, &options, 4);
            for (int i = 0; i < one->layer_count; i++) {
                assert_int_equal(one->layers[i].y_nonzero, many->layers[i].y_nonzero);
                assert_int_equal(one->layers[i].dy_nonzero, many->layers[i].dy_nonzero);
                for (int j = 0; j < one->layers[i].param_count; j++) {
                    const size_t bytes = (size_t)one->layers[i].params[j].count * sizeof(float);
                    assert_memory_equal(one->layers[i].params[j].value, many->layers[i].params[j].value, bytes);
                    assert_memory_equal(one->layers[i].params[j].grad, many->layers[i].params[j].grad, bytes);
                }
            }
            sj_model_free(many);
        }
        sj_model_free(one);
    }
    omp_set_num_threads(2);
}

static double largest_of(const float *v, int64_t count) {
    double largest = 1e-30;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)v[i]));
    }
    return largest;
}

static double distance(const float *a, const float *b, int64_t count, double largest) {
    double worst = 0.0;
    for (int64_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    return worst / largest;
}

// Blocks of 16, 8, 5 and 1 channels and NHWC: the same step, but for the order of oneDNN's sums.
static void same_step_in_every_layout(void **state) {
    (void)state;
    static const int64_t blocks[] = {16, 8, 1, -1};
    static const char *const nets[] = {everything, unfolded};
    for (int n = 0; n < 2; n++) {
        sj_model_options options = {.batch = 12, .seed = test_seed(21), .algorithm = SJ_ALGORITHM_DIRECT};
        const sj_dims input = n == 0 ? (sj_dims){12, 14, 3} : (sj_dims){6, 8, 3};
        sj_model *first = NULL;
        for (size_t b = 0; b < sizeof blocks / sizeof blocks[0]; b++) {
            options.block = blocks[b];
            sj_model *m = train_few(nets[n], input, &options, 1);
            first = first == NULL ? m : first;
            for (int i = 0; i < m->layer_count; i++) {
                const int64_t count = m->batch * test_out_count(m, i);
                float *y = test_value(m, i), *expected = test_value(first, i);
                const double off = distance(y, expected, count, largest_of(expected, count));
                if (!(off < 1e-5)) {
                    fail_msg("block %lld: the output of layer %s is off by %g", (long long)blocks[b], m->layers[i].info->name, off);
                }
                free(y);
                free(expected);
                double largest = 0.0;  // of the layer: a bias before a batch norm has nearly no gradient
                for (int j = 0; j < m->layers[i].param_count; j++) {
                    largest = fmax(largest, largest_of(first->layers[i].params[j].grad, m->layers[i].params[j].count));
                }
                for (int j = 0; j < m->layers[i].param_count; j++) {
                    const sj_param *p = &m->layers[i].params[j];
                    const double far = distance(p->grad, first->layers[i].params[j].grad, p->count, largest);
                    if (!(far < 2e-4)) {  // a ReLU may open at another value, a maximum may be another
                        fail_msg("block %lld: the gradient of %s of layer %s is off by %g", (long long)blocks[b], p->name, m->layers[i].info->name, far);
                    }
                }
            }
            if (m != first) {
                sj_model_free(m);
            }
        }
        sj_model_free(first);
    }
}

// What a batch norm, ReLU or add does with one value.
static double expected_value(const sj_model *m, int layer, double x, double x1, int64_t c) {
    const sj_layer *l = &m->layers[layer];
    if (l->info->kind == SJ_KIND_BN) {
        return (double)l->params[0].value[c] * (x - (double)l->mean[c]) / sqrt((double)l->variance[c] + m->net.bn_eps) + (double)l->params[1].value[c];
    }
    return l->info->kind == SJ_KIND_RELU ? fmax(x, 0.0) : x + x1;
}

// A sum's inside, which is never stored, is what its layers do one after the other: values, and gradients with the penalties of each.
static void fused_layers_are_the_layers(void **state) {
    (void)state;
    const sj_model_options options = {.batch = 12, .seed = test_seed(22)};
    const sj_eat eat = make_eat();
    const sj_backward_options backward = {.eat = &eat, .lambda = 0.5, .keep = 1.0};
    sj_model *m = test_model_with(everything, (sj_dims){12, 14, 3}, 10, &options);
    (void)test_forward(m, NULL);
    (void)test_backward(m, &backward);
    const double weight = 0.5 / sj_eat_modules(&eat, &m->net.network);
    int inner_checked = 0;
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer_info *l = m->layers[i].info;
        const int64_t count = m->batch * test_out_count(m, i);
        if (l->kind != SJ_KIND_BN && l->kind != SJ_KIND_RELU && l->kind != SJ_KIND_ADD) {
            continue;
        }
        const int from = l->inputs[0];
        const sj_kind before = m->layers[from].info->kind;
        const bool inner = l->kind != SJ_KIND_BN && (before == SJ_KIND_BN || before == SJ_KIND_ADD);
        float *y = test_value(m, i), *dy = test_gradient(m, i, -1), *x = test_value(m, from), *x1 = test_value(m, l->inputs[l->input_count - 1]), *dx = test_gradient(m, from, -1);
        for (int64_t e = 0; e < count; e++) {
            const double v = (double)x[e], expected = expected_value(m, i, v, (double)x1[e], e % l->out.c), root = v * v + 0.05;
            const double own = before == SJ_KIND_BN ? weight / (double)count * 2.0 * 0.05 * v / (root * root) : 0.0, back = (l->kind == SJ_KIND_RELU && v <= 0.0 ? 0.0 : (double)dy[e]) + own;
            assert_true(fabs((double)y[e] - expected) <= 2e-6 * (1.0 + fabs(expected)));
            assert_true(!inner || fabs((double)dx[e] - back) <= 1e-6 * (1e-3 + fabs(back)));
        }
        inner_checked += inner ? 1 : 0;
        float *const all[] = {y, dy, x, x1, dx};
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
            free(all[k]);
        }
    }
    assert_int_equal(inner_checked, 4);  // r1 and r2 over b1 and a; a and a2 over b2 and b4
    sj_model_free(m);
}

// The counts are those of the tensors, counted one by one. In bf16 a fused value is counted before it is rounded to what sj_model_value gives: rounding once more changes nothing.
static void counts_are_the_tensors(void **state) {
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        const sj_model_options options = {.batch = 12, .seed = test_seed(23), .bf16 = bf16 == 1};
        sj_model *m = train_few(everything, (sj_dims){12, 14, 3}, &options, 2);
        float *input = test_value(m, -1);
        assert_int_equal(m->input_nonzero, sj_count_floats(m->batch * sj_dims_count(m->input_dims), input));
        free(input);
        for (int i = 0; i < m->layer_count - 1; i++) {
            const sj_layer *l = &m->layers[i];
            const int64_t count = m->batch * test_out_count(m, i);
            float *y = test_value(m, i);
            assert_int_equal(l->y_nonzero, sj_count_floats(count, y));
            free(y);
            if (l->info->kind == SJ_KIND_FORK) {
                assert_int_equal(l->dy_nonzero, -1);
                continue;
            }
            float *dy = test_gradient(m, i, -1);
            const int64_t expected = sj_count_floats(count, dy);
            free(dy);
            if (l->dy_nonzero != expected) {
                fail_msg("layer %s: dy_nonzero is %lld, of the tensor's values %lld are nonzero", l->info->name, (long long)l->dy_nonzero, (long long)expected);
            }
        }
        sj_model_free(m);
    }
}

// A branch is what its reader gives; their sum is the fork's gradient, and that of the layer before but for its penalty.
static void branches_add_up(void **state) {
    (void)state;
    const sj_model_options options = {.batch = 12, .seed = test_seed(24)};
    sj_model *m = train_few(everything, (sj_dims){12, 14, 3}, &options, 1);
    const int64_t count = m->batch * test_out_count(m, 4);
    float *f = test_gradient(m, 4, -1), *f0 = test_gradient(m, 4, 0), *f1 = test_gradient(m, 4, 1), *g = test_gradient(m, 7, -1), *g0 = test_gradient(m, 7, 0), *g1 = test_gradient(m, 7, 1);
    float *none = calloc((size_t)count, sizeof *none);
    static sj_error err;
    assert_int_equal(sj_model_gradient(m, 4, 2, 0, 1, none, &err), SJ_ERR_RANGE);
    assert_int_equal(sj_model_gradient(m, m->layer_count - 1, -1, 0, 1, none, &err), SJ_ERR_RANGE);
    assert_memory_equal(f1, g, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        assert_true(fabsf(f[i] - (f0[i] + f1[i])) <= 1e-6F * (fabsf(f0[i]) + fabsf(g0[i]) + fabsf(g1[i])) && g[i] == g0[i] + g1[i]);
    }
    float *const all[] = {f, f0, f1, g, g0, g1, none};
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        free(all[k]);
    }
    sj_model_free(m);
}

// bf16 keeps about three digits: close to f32, and not equal to it.
static void bf16_is_near(void **state) {
    (void)state;
    sj_model_options options = {.batch = 16, .seed = test_seed(25), .algorithm = SJ_ALGORITHM_DIRECT};
    static const char text[] =
        "name = \"s\"; layers = ({kind=\"conv\"; name=\"c1\"; out=24; kernel=3; padding=1;}, {kind=\"bn\"; name=\"b1\";}, {kind=\"relu\"; name=\"r1\";}, {kind=\"conv\"; name=\"c2\"; out=16; kernel=3;},"
        "{kind=\"bn\"; name=\"b2\";}, {kind=\"relu\"; name=\"r2\";}, {kind=\"avgpool\"; name=\"p\"; global=true;}, {kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";
    sj_model *a = test_model_with(text, (sj_dims){12, 12, 3}, 10, &options);
    options.bf16 = true;
    sj_model *b = test_model_with(text, (sj_dims){12, 12, 3}, 10, &options);
    const double loss = test_forward(a, NULL), rounded = test_forward(b, NULL);
    (void)test_backward(a, NULL);
    (void)test_backward(b, NULL);
    assert_true(loss != rounded && fabs(loss - rounded) < 0.02 * loss);
    for (int i = 0; i < a->layer_count; i++) {
        for (int j = 0; j < a->layers[i].param_count; j++) {
            const sj_param *p = &a->layers[i].params[j], *q = &b->layers[i].params[j];
            double dot = 0.0, pp = 1e-30, qq = 1e-30;
            for (int64_t k = 0; k < p->count; k++) {
                dot += (double)p->grad[k] * (double)q->grad[k];
                pp += (double)p->grad[k] * (double)p->grad[k];
                qq += (double)q->grad[k] * (double)q->grad[k];
            }
            if (!(dot / sqrt(pp * qq) > 0.98)) {
                fail_msg("the gradient of %s of layer %s points elsewhere: cosine %g", p->name, a->layers[i].info->name, dot / sqrt(pp * qq));
            }
        }
    }
    sj_model_free(a);
    sj_model_free(b);
}

// Fewer images than a chunk or than a batch: their loss does not depend on what else lies in the buffers, and running statistics stay.
static void evaluates_parts_of_a_batch(void **state) {
    (void)state;
    static sj_error err;
    const sj_model_options options = {.batch = 12, .seed = test_seed(26), .algorithm = SJ_ALGORITHM_DIRECT};
    sj_model *m = train_few(everything, (sj_dims){12, 14, 3}, &options, 2);
    const sj_forward_options none = {0};
    sj_forward_result whole, part;
    test_ok(sj_model_forward(m, SJ_MODE_EVAL, 12, &none, &whole, &err), &err);
    float probabilities[12 * 10];
    memcpy(probabilities, sj_model_probabilities(m, 0), sizeof probabilities);
    double loss = 0.0;
    for (int64_t i = 0; i < 5; i++) {
        loss -= log((double)probabilities[i * 10 + m->labels[i]]) / 5.0;
    }
    memset((char *)m->input + 5 * sj_layout_bytes(&m->input_layout), 0, (size_t)(7 * sj_layout_bytes(&m->input_layout)));
    test_ok(sj_model_forward(m, SJ_MODE_EVAL, 5, &none, &part, &err), &err);
    assert_memory_equal(probabilities, sj_model_probabilities(m, 0), 50 * sizeof(float));
    assert_true(fabs(part.loss - loss) < 1e-5 * (1.0 + loss) && part.correct <= 5);
    assert_memory_equal(m->layers[1].mean, m->layers[1].running_mean, 20 * sizeof(float));
    sj_model_free(m);
}

static void culprits_are_named(void **state) {
    (void)state;
    static sj_error err;
    const sj_forward_options none = {0};
    const sj_eat eat = make_eat();
    const sj_model_options options = {.batch = 12, .seed = test_seed(27)};
    sj_forward_result result;
    double penalty;
    sj_model *m = test_model_with(everything, (sj_dims){12, 14, 3}, 10, &options);
    test_ok(sj_model_forward(m, SJ_MODE_TRAIN, 12, &none, &result, &err), &err);
    const float saved = m->layers[6].params[0].value[3];
    m->layers[6].params[0].value[3] = NAN;  // gamma of b2, which is never stored
    assert_int_equal(sj_model_forward(m, SJ_MODE_TRAIN, 12, &none, &result, &err), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "layer b2 "));
    m->layers[6].params[0].value[3] = saved;
    test_ok(sj_model_forward(m, SJ_MODE_TRAIN, 12, &none, &result, &err), &err);
    const sj_backward_options endless = {.eat = &eat, .lambda = 1e300, .keep = 1.0};  // the loss is a number, its gradients are none
    assert_int_equal(sj_model_backward(m, &endless, &penalty, &err), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "gradient of w of layer c1 "));
    sj_model_free(m);
}

// Bytes of memory that the process has for itself, pages of files apart; what malloc has beside that is address space, as it is in front of each aligned block.
static int64_t taken_bytes(void) {
    char line[256];
    long long kib = -1;
    (void)malloc_trim(0);
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "Anonymous:", strlen("Anonymous:")) == 0) {
            kib = strtoll(line + strlen("Anonymous:"), NULL, 10);
        }
    }
    (void)fclose(f);
    assert_true(kib > 0);
    return 1024 * kib;
}

typedef struct memory_case {
    const char *model;
    int64_t width, batch;
    bool bf16, gather;
} memory_case;

// What making the model and a step with it takes. Products of gathered channels are made when they are first needed, so the step has some.
static int64_t measure(const memory_case *c, sj_net *net, const sj_model_options *options) {
    static sj_error err;
    const sj_forward_options forward = {.count = true};
    const sj_backward_options backward = {.keep = c->gather ? 0.5 : 1.0, .count = true};
    const sj_optimizer_config sgd = {.kind = SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9};
    sj_model *m;
    const int64_t before = taken_bytes();
    test_ok(sj_model_create(net, (sj_dims){32, 32, 3}, options, &m, &err), &err);
    (void)test_forward(m, &forward);
    (void)test_backward(m, &backward);
    sj_model_update(m, &sgd, 0.01, 1);
    const int64_t bytes = taken_bytes() - before;
    sj_model_free(m);
    return bytes;
}

// At least nine of ten bytes that are taken were foreseen, and not a quarter more than are taken.
static void memory_is_foreseen(void **state) {
    (void)state;
#ifdef SJ_SLOW_BUILD
    skip();  // the sanitizer keeps books of its own in memory
#endif
    static sj_error err;
    static const memory_case cases[] = {{"resnet8", 16, 32, false, false}, {"resnet8", 16, 32, true, false}, {"resnet8", 16, 32, false, true},
                                        {"resnet18", 16, 64, false, false}, {"resnet18", 16, 64, true, false}, {"resnet18", 16, 64, false, true},
                                        {"mlp", 2048, 8, false, false}, {"mlp", 2048, 8, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const memory_case *c = &cases[i];
        char path[1024];
        sj_net net;
        const sj_model_options options = {.batch = c->batch, .seed = 1, .bf16 = c->bf16, .gather = c->gather};
        (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", c->model);
        test_ok(sj_net_read(path, (sj_dims){32, 32, 3}, 10, c->width, &net, &err), &err);
        int64_t foreseen = 0;
        test_ok(sj_model_foresee_bytes(&net, (sj_dims){32, 32, 3}, &options, &foreseen, &err), &err);
        const int64_t bytes = measure(c, &net, &options);
        print_message("%s, batch %lld%s%s: foreseen %.2f MB, taken %.2f MB\n", c->model, (long long)c->batch, c->bf16 ? ", bf16" : "", c->gather ? ", ssProp" : "", 1e-6 * (double)foreseen,
                      1e-6 * (double)bytes);
        assert_true((double)foreseen >= 0.9 * (double)bytes && (double)foreseen <= 1.25 * (double)bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_at_any_thread_count), cmocka_unit_test(same_step_in_every_layout), cmocka_unit_test(fused_layers_are_the_layers),
                                       cmocka_unit_test(counts_are_the_tensors), cmocka_unit_test(branches_add_up), cmocka_unit_test(bf16_is_near),
                                       cmocka_unit_test(evaluates_parts_of_a_batch), cmocka_unit_test(culprits_are_named), cmocka_unit_test(memory_is_foreseen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
