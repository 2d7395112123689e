// SPDX-License-Identifier: Apache-2.0
// The shipped networks: multiply-accumulates of the convolutions (padding counted, as the literature does) and parameters, worked out by hand from the shapes.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sj_net.h"

static sj_error err;

typedef struct figures {
    const char *name;
    int64_t conv_macs, linear_macs, parameters;
} figures;

// Written as sums over stages, so that each term can be checked: pixels * outputs * inputs * taps.
#define RES_STAGE(p, c) (p * p * c * (c / 2) * 9 + 3 * (p * p * c * c * 9) + p * p * c * (c / 2))
#define RES_BLOCKS(c) (9 * c * (c / 2) + 3 * 9 * c * c + c * (c / 2) + 10 * c)
#define ONE_BLOCK_STAGE(p, c) (INT64_C(p) * p * c * (c / 2) * 9 + INT64_C(p) * p * c * c * 9 + INT64_C(p) * p * c * (c / 2))
#define ONE_BLOCK(c) (9 * c * (c / 2) + 9 * c * c + c * (c / 2) + 6 * c)
static const figures known[] = {
    {"cnn8",  // 28, 14, 7, 7, 3, 3, 2 pixels a side
     INT64_C(784) * 16 * 1 * 9 + 196 * 32 * 16 * 9 + 49 * 32 * 32 * 9 + 49 * 64 * 32 * 9 + 9 * 64 * 64 * 9 + 9 * 64 * 64 * 9 + 4 * 64 * 64 * 9, 640,
     144 + 4608 + 9216 + 18432 + 3 * 36864 + 2 * (16 + 32 + 32 + 4 * 64) + 650},
    {"lenet5", INT64_C(784) * 6 * 25 + 100 * 16 * 6 * 25, 400 * 120 + 120 * 84 + 84 * 10, 61706},
    {"linear", 0, 7840, 7850},
    {"resnet18", INT64_C(1024) * 64 * 27 + 4 * (INT64_C(1024) * 64 * 576) + RES_STAGE(INT64_C(16), 128) + RES_STAGE(INT64_C(8), 256) + RES_STAGE(INT64_C(4), 512), 5120,
     27 * 64 + 128 + 4 * (9 * 64 * 64 + 128) + RES_BLOCKS(128) + RES_BLOCKS(256) + RES_BLOCKS(512) + 5130},
    {"resnet18-imagenet", INT64_C(12544) * 64 * 147 + 4 * (INT64_C(3136) * 64 * 576) + RES_STAGE(INT64_C(28), 128) + RES_STAGE(INT64_C(14), 256) + RES_STAGE(INT64_C(7), 512), 512000,
     INT64_C(11689512)},
    {"vgg16", INT64_C(1024) * 64 * (27 + 576) + 256 * 128 * (576 + 1152) + 64 * 256 * (1152 + 2 * 2304) + 16 * 512 * (2304 + 2 * 4608) + 4 * 512 * 3 * 4608, 5120,
     INT64_C(14710464) + 2 * 4224 + 5130},
    {"vgg16-imagenet",
     INT64_C(50176) * 64 * (27 + 576) + INT64_C(12544) * 128 * (576 + 1152) + INT64_C(3136) * 256 * (1152 + 2 * 2304) + INT64_C(784) * 512 * (2304 + 2 * 4608) + INT64_C(196) * 512 * 3 * 4608,
     INT64_C(25088) * 4096 + 4096 * 4096 + 4096 * 1000, INT64_C(138357544)},
    {"resnet8", INT64_C(1024) * 16 * 27 + 2 * (INT64_C(1024) * 16 * 144) + ONE_BLOCK_STAGE(16, 32) + ONE_BLOCK_STAGE(8, 64), 640,
     27 * 16 + 32 + 2 * (9 * 16 * 16 + 32) + ONE_BLOCK(32) + ONE_BLOCK(64) + 650},
    {"resnet20", INT64_C(1024) * 16 * 27 + 6 * (INT64_C(1024) * 16 * 144) + ONE_BLOCK_STAGE(16, 32) + 4 * (INT64_C(256) * 32 * 288) + ONE_BLOCK_STAGE(8, 64) + 4 * (INT64_C(64) * 64 * 576), 640,
     INT64_C(272474)},  // the literature's 269722 and the two shortcuts with their batch norm: 16 * 32 + 32 * 64 + 2 * 96
    {"mlp", 0, 784 * 512 + 512 * 512 + 5120, 784 * 512 + 512 * 512 + 5120 + 1034},
};
enum { KNOWN = sizeof known / sizeof known[0] };

static sj_net read_shipped(const char *name) {
    char path[512];
    snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", name);
    sj_net net;
    if (sj_net_read_set(path, NULL, 0, (sj_dims){0, 0, 0}, 0, 0, &net, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return net;
}

static void macs_and_parameters_are_the_literatures(void **state) {
    for (int i = 0; i < KNOWN; i++) {
        sj_net net = read_shipped(known[i].name);
        figures f = {known[i].name, 0, 0, 0};
        for (int j = 0; j < net.network.layer_count; j++) {
            const sj_layer_info *l = &net.network.layers[j];
            const int64_t weights = l->out.c * l->kernel_h * l->kernel_w * (l->in.c / l->groups);
            f.conv_macs += l->kind == SJ_KIND_CONV ? weights * l->out.h * l->out.w : 0;
            f.linear_macs += l->kind == SJ_KIND_LINEAR ? weights : 0;
            f.parameters += l->kind == SJ_KIND_BN ? 2 * l->in.c : l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR ? weights + (l->has_bias ? l->out.c : 0) : 0;
        }
        print_message("%s: %lld conv MACs an image, %lld parameters\n", f.name, (long long)f.conv_macs, (long long)f.parameters);
        assert_string_equal(net.network.name, known[i].name);
        assert_int_equal(f.conv_macs, known[i].conv_macs);
        assert_int_equal(f.linear_macs, known[i].linear_macs);
        assert_int_equal(f.parameters, known[i].parameters);
        sj_net_free(&net);
    }
    assert_int_equal(known[3].conv_macs, 555417600);
    assert_int_equal(known[4].conv_macs, 1813561344);
    assert_int_equal(known[5].conv_macs, 313196544);
    assert_int_equal(known[6].conv_macs, INT64_C(15346630656));
    assert_int_equal(known[8].conv_macs, 40550400 + 1024 * 16 * 16);  // the literature's, and the shortcuts
}

static void no_shipped_network_is_left_out(void **state) {
    DIR *dir = opendir(SJ_SOURCE_DIR "/models");
    assert_non_null(dir);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        count += length > 4 && strcmp(entry->d_name + length - 4, ".cfg") == 0;
    }
    closedir(dir);
    assert_int_equal(count, KNOWN);
}

static void sets_and_sizes_of_the_caller_go_before(void **state) {
    static const char *const sets[] = {"width=8", "layers.[0].kernel=5", "layers.[0].padding=2"};
    sj_net net;
    assert_int_equal(sj_net_read_set(SJ_SOURCE_DIR "/models/resnet18.cfg", sets, 3, (sj_dims){40, 24, 1}, 100, 0, &net, &err), SJ_OK);
    const sj_layer_info *first = &net.network.layers[0], *last = &net.network.layers[net.network.layer_count - 1];
    assert_int_equal(first->in.h, 40);
    assert_int_equal(first->in.w, 24);
    assert_int_equal(first->in.c, 1);
    assert_int_equal(first->out.c, 8);
    assert_int_equal(first->kernel_h, 5);
    assert_int_equal(last->in.c, 100);
    sj_net_free(&net);
}

static void assert_says(const char *set, const char *message) {
    sj_net net;
    assert_int_equal(sj_net_read_set(SJ_SOURCE_DIR "/models/linear.cfg", &set, 1, (sj_dims){0, 0, 0}, 0, 0, &net, &err), SJ_ERR_CONFIG);
    if (strstr(err.message, message) == NULL) {
        fail_msg("no \"%s\" in: %s", message, err.message);
    }
}

static void wrong_sizes_are_refused(void **state) {
    assert_says("input=[28, 28]", "2 numbers; height, width and channels");
    assert_says("input=[28, 28, 1, 1]", "4 numbers; height, width and channels");
    assert_says("input=[28, 0, 1]", "input.[1]");
    assert_says("classes=0", "classes");
    assert_says("inputs=[1, 2, 3]", "inputs");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(macs_and_parameters_are_the_literatures), cmocka_unit_test(no_shipped_network_is_left_out),
                                       cmocka_unit_test(sets_and_sizes_of_the_caller_go_before), cmocka_unit_test(wrong_sizes_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
