// SPDX-License-Identifier: Apache-2.0
// Networks: what is read, and what is refused and how.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_metrics.h"
#include "sj_net.h"

static sj_error err;

static sj_status read_net(const char *layers, sj_net *net) {
    char path[1024], text[4096];
    const char *dir = test_folder();
    (void)snprintf(text, sizeof text, "name = \"n\"; layers = (%s {kind=\"softmax_ce\"; name=\"loss\";});", layers);
    test_write_file(dir, "net.cfg", text, strlen(text));
    (void)snprintf(path, sizeof path, "%s/net.cfg", dir);
    const sj_status status = sj_net_read(path, (sj_dims){8, 6, 3}, 10, 0, net, &err);
    (void)remove(path);
    (void)remove(dir);
    return status;
}

static void refuses_networks(void **state) {
    (void)state;
    static const struct {
        const char *layers, *word, *other;
    } cases[] = {
        {"{kind=\"convv\"; name=\"c\"; out=1; kernel=3;}, {kind=\"bn\"; name=\"b\";},", "convv", "did you mean \"conv\""},
        {"{kind=\"conv\"; name=\"c\"; out=1; kernel=3; strid=2;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "strid", "stride"},
        {"{kind=\"conv\"; name=\"c\"; out=1; kernel=9;},", "9x9", "8x6"},
        {"{kind=\"conv\"; name=\"c\"; kernel=3;},", "out_width", "0 of"},
        {"{kind=\"conv\"; name=\"c\"; out=1; out_width=2; kernel=3;},", "out_width", "2 of"},
        {"{kind=\"linear\"; name=\"l\"; out_classes=true;},", "8x6x3", "flatten"},
        {"{kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=9;},", "1x1x9", "10"},
        {"{kind=\"relu\"; name=\"r\";}, {kind=\"add\"; name=\"a\"; from=[\"r\", \"r\"];}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "\"r\"", "fork"},
        {"{kind=\"relu\"; name=\"r\"; from=[\"later\"];},", "later", "before"},
        {"{kind=\"relu\"; name=\"r\";}, {kind=\"relu\"; name=\"r\";},", "\"r\"", "two layers"},
        {"{kind=\"avgpool\"; name=\"p\"; adaptive=3;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "8x6", "3x3"},
        {"{kind=\"avgpool\"; name=\"p\"; adaptive=[16, 6];}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "8x6", "16x6"},
        {"{kind=\"avgpool\"; name=\"p\"; adaptive=[2, 2, 2];}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "adaptive", "3 numbers"},
        {"{kind=\"avgpool\"; name=\"p\"; adaptive=2; kernel=2;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "two strides", "4x3"},
        {"{kind=\"avgpool\"; name=\"p\"; adaptive=[4, 3]; kernel=2;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "kernel", "unknown key"},
        {"{kind=\"dropout\"; name=\"d\"; p=1.0;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "\"d\"", "below 1"},
        {"{kind=\"dropout\"; name=\"d\"; p=-0.1;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "p\" is -0.1", "between 0 and 1"},
        {"{kind=\"dropout\"; name=\"d\";}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "missing key", ".p"},
        {"{kind=\"dropot\"; name=\"d\"; p=0.5;},", "dropot", "did you mean \"dropout\""},
        {"{kind=\"conv\"; name=\"c\"; kernel=3; out_width=[1, 2, 3];},", "out_width", "3 numbers"},
        {"{kind=\"conv\"; name=\"c\"; kernel=3; out=4; groups=2;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", "groups", "unknown key"},
        {"{kind=\"conv\"; name=\"c\"; out=65536; kernel=1; padding=64;}, {kind=\"conv\"; name=\"d\"; out=65536; kernel=1; padding=64;},", "264x262x65536", "2147483648"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_net net;
        assert_int_equal(read_net(cases[i].layers, &net), SJ_ERR_CONFIG);
        if (strstr(err.message, cases[i].word) == NULL || strstr(err.message, cases[i].other) == NULL || strstr(err.message, "net.cfg") == NULL) {
            fail_msg("case %zu: expected \"%s\" and \"%s\" in: %s", i, cases[i].word, cases[i].other, err.message);
        }
        const char *second = strchr(err.message, '\n');  // one error, and not the ones that follow from it
        if (second != NULL && second[1] != '\0' && strcmp(cases[i].other, "two layers") != 0) {
            fail_msg("case %zu: more than one error: %s", i, err.message);
        }
    }
}

static void reads_the_shipped_models(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int convolutions, linears, adds;
        int64_t width;
    } models[] = {{"lenet5", 2, 3, 0, 3}, {"cnn8", 7, 1, 0, 8},    {"resnet8", 9, 1, 3, 8}, {"resnet20", 21, 1, 9, 8}, {"resnet18", 20, 1, 8, 8},
                  {"mlp", 0, 3, 0, 8},    {"linear", 0, 1, 0, 0}};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        for (int64_t side = 28; side <= 32; side += 4) {
            char path[1024];
            sj_net net;
            int counts[SJ_KIND_COUNT] = {0};
            (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", models[i].name);
            test_ok(sj_net_read(path, (sj_dims){side, side, side == 28 ? 1 : 3}, 10, models[i].width, &net, &err), &err);
            for (int l = 0; l < net.network.layer_count; l++) {
                counts[net.network.layers[l].kind]++;
            }
            assert_int_equal(counts[SJ_KIND_CONV], models[i].convolutions);
            assert_int_equal(counts[SJ_KIND_LINEAR], models[i].linears);
            assert_int_equal(counts[SJ_KIND_ADD], models[i].adds);
            assert_int_equal(counts[SJ_KIND_FORK], models[i].adds);
            assert_false(net.network.layers[0].needs_dx);
            assert_string_equal(net.network.name, models[i].name);
            assert_int_equal(net.width, models[i].width);
            sj_net_free(&net);
        }
    }
}

// out_width = [n, d]: n d-ths of the width, rounded up. A width that no layer looks at is refused, whoever gives it.
static void widths(void **state) {
    (void)state;
    static const int64_t expected[][5] = {{6, 6, 16, 120, 84}, {3, 3, 8, 60, 42}, {4, 4, 11, 80, 56}, {1, 1, 3, 20, 14}};
    static const char *const at[] = {"conv1", "conv2", "fc1", "fc2"};
    sj_net net;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        test_ok(sj_net_read(SJ_SOURCE_DIR "/models/lenet5.cfg", (sj_dims){28, 28, 1}, 10, i == 0 ? 0 : expected[i][0], &net, &err), &err);
        assert_int_equal(net.width, expected[i][0]);
        for (int l = 0, n = 0; l < net.network.layer_count && n < 4; l++) {
            if (strcmp(net.network.layers[l].name, at[n]) == 0) {
                assert_int_equal(net.network.layers[l].out.c, expected[i][++n]);
            }
        }
        sj_net_free(&net);
    }
    const char *const set = "width=8";
    assert_int_equal(sj_net_read(SJ_SOURCE_DIR "/models/linear.cfg", (sj_dims){28, 28, 1}, 10, 8, &net, &err), SJ_ERR_CONFIG);
    assert_true(strstr(err.message, "network.width is 8") != NULL && strstr(err.message, "out_width") != NULL && strstr(err.message, "linear.cfg") != NULL);
    assert_int_equal(sj_net_read_set(SJ_SOURCE_DIR "/models/linear.cfg", &set, 1, (sj_dims){28, 28, 1}, 10, 0, &net, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "--set width=8: width is 8"));
}

static const sj_layer_info *first(const sj_net *net) { return &net->network.layers[0]; }

// Inputs are 8 x 6 x 3.
static void adaptive_pools_and_dropout(void **state) {
    (void)state;
    static const struct {
        const char *pool;
        int64_t out_h, out_w, kernel_h, kernel_w, stride;  // stride 0: any, a side has one window
    } pools[] = {{"2", 2, 2, 4, 3, -1}, {"[4, 3]", 4, 3, 2, 2, 2}, {"1", 1, 1, 8, 6, 0}, {"[8, 6]", 8, 6, 1, 1, 1}, {"[1, 2]", 1, 2, 8, 3, 3}, {"[4, 1]", 4, 1, 2, 6, 2}};
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        char text[256];
        sj_net net;
        (void)snprintf(text, sizeof text, "{kind=\"avgpool\"; name=\"p\"; adaptive=%s;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l\"; out=10;},", pools[i].pool);
        const sj_status status = read_net(text, &net);
        if (pools[i].stride < 0) {
            assert_int_equal(status, SJ_ERR_CONFIG);
            assert_true(strstr(err.message, "4x3") != NULL && strstr(err.message, "two strides") != NULL);
            continue;
        }
        test_ok(status, &err);
        const sj_layer_info *l = first(&net);
        assert_true(l->out.h == pools[i].out_h && l->out.w == pools[i].out_w && l->out.c == 3 && l->padding == 0);
        assert_true(l->kernel_h == pools[i].kernel_h && l->kernel_w == pools[i].kernel_w && (pools[i].stride == 0 || l->stride == pools[i].stride));
        assert_true(net.dropout_p[0] == 0.0F);
        sj_net_free(&net);
    }
    sj_net net;
    test_ok(read_net("{kind=\"dropout\"; name=\"d\"; p=0.25;}, {kind=\"flatten\"; name=\"f\";}, {kind=\"dropout\"; name=\"e\"; p=0;}, {kind=\"linear\"; name=\"l\"; out=10;},", &net), &err);
    assert_true(first(&net)->kind == SJ_KIND_DROPOUT && net.dropout_p[0] == 0.25F && net.dropout_p[1] == 0.0F && net.dropout_p[2] == 0.0F);
    assert_true(first(&net)->out.h == 8 && first(&net)->out.w == 6 && first(&net)->out.c == 3);
    sj_net_free(&net);
}

static void macro_f1_by_hand(void **state) {
    (void)state;
    const int64_t confusion[] = {3, 1, 0, 2, 4, 0, 0, 0, 0};  // F1: 6/(4+5), 8/(6+5), 0
    const double expected = (6.0 / 9.0 + 8.0 / 11.0) / 3.0;
    const double difference = sj_macro_f1(3, confusion) - expected;
    assert_true(difference < 1e-12 && difference > -1e-12);
}

// A loss that is no number names the layer where it began.
static void names_the_layer_of_a_nan(void **state) {
    (void)state;
    sj_model *m = test_model("name = \"n\"; layers = ({kind=\"conv\"; name=\"c1\"; out=4; kernel=3;}, {kind=\"relu\"; name=\"r\";}, {kind=\"conv\"; name=\"c2\"; out=4; kernel=3;},"
                             "{kind=\"avgpool\"; name=\"p\"; global=true;}, {kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});",
                             (sj_dims){8, 8, 2}, 3, 4, 1);
    sj_forward_result r;
    const sj_forward_options none = {0};
    m->layers[2].params[0].value[5] = 3e38F;
    m->layers[2].params[0].value[6] = 3e38F;
    float *input = m->input;  // in planes: so few channels
    for (int64_t i = 0; i < 4 * 8 * 8 * 2; i++) {
        input[i] = 100.0F + (float)(i % 7);
    }
    for (int64_t i = 0; i < m->layers[0].params[0].count; i++) {
        m->layers[0].params[0].value[i] = 1.0F;
    }
    assert_int_equal(sj_model_forward(m, SJ_MODE_TRAIN, 4, &none, &r, &err), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "layer c2"));
    sj_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(refuses_networks), cmocka_unit_test(reads_the_shipped_models), cmocka_unit_test(widths), cmocka_unit_test(adaptive_pools_and_dropout),
                                       cmocka_unit_test(macro_f1_by_hand),
                                       cmocka_unit_test(names_the_layer_of_a_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
