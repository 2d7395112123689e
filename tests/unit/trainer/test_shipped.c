// SPDX-License-Identifier: Apache-2.0
// Every file of models/ and configs/train/ is read as the trainer reads it: a network for its own sizes, a configuration with its network for the images of its data set.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_net.h"
#include "sj_train_config.h"

enum { FILES_MAX = 256 };

static sj_error err;

static const struct {
    const char *name;
    sj_dims dims;
    int64_t classes, train_images;
} data_sets[] = {{"glyphs", {32, 32, 3}, 10, 8000},     {"fashion-mnist", {28, 28, 1}, 10, 60000}, {"cifar10", {32, 32, 3}, 10, 50000},
                 {"cifar100", {32, 32, 3}, 100, 50000}, {"gtsrb", {32, 32, 3}, 43, 39209}};

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Names without ".cfg", in order; the caller frees them.
static int list(const char *folder, char *names[FILES_MAX]) {
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".cfg") == 0) {
            assert_true(count < FILES_MAX);
            names[count++] = strndup(entry->d_name, length - 4);
        }
    }
    closedir(dir);
    qsort(names, (size_t)count, sizeof *names, by_name);
    return count;
}

static void free_all(char *names[FILES_MAX], int count) {
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
}

static void reads_every_model(void **state) {
    (void)state;
    char *names[FILES_MAX], path[1024];
    const int count = list(SJ_SOURCE_DIR "/models", names);
    for (int i = 0; i < count; i++) {
        sj_net net;
        (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", names[i]);
        if (sj_net_read(path, (sj_dims){0, 0, 0}, 0, 0, &net, &err) != SJ_OK) {
            fail_msg("%s", err.message);
        }
        assert_string_equal(net.network.name, names[i]);
        // Half of the width is a network, too, with fewer channels behind its first layer with parameters.
        if (net.width > 1) {
            sj_net half;
            assert_int_equal(sj_net_read(path, (sj_dims){0, 0, 0}, 0, net.width / 2, &half, &err), SJ_OK);
            int first = 0;
            while (net.network.layers[first].kind != SJ_KIND_CONV && net.network.layers[first].kind != SJ_KIND_LINEAR) {
                first++;
            }
            assert_true(2 * half.network.layers[first].out.c == net.network.layers[first].out.c);
            sj_net_free(&half);
        }
        sj_net_free(&net);
    }
    free_all(names, count);
    assert_true(count >= 10);
}

static void check_network(const char *name, const sj_train_config *c) {
    char path[2048];
    sj_net net;
    size_t d = 0;
    while (d < sizeof data_sets / sizeof data_sets[0] && strcmp(data_sets[d].name, c->data_name) != 0) {
        d++;
    }
    if (d == sizeof data_sets / sizeof data_sets[0]) {
        fail_msg("%s: data set \"%s\" is not in this test", name, c->data_name);
    }
    (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", c->model);
    const sj_dims dims = c->image_h > 0 ? (sj_dims){c->image_h, c->image_w, data_sets[d].dims.c} : data_sets[d].dims;
    if (sj_net_read(path, dims, data_sets[d].classes, c->width, &net, &err) != SJ_OK || sj_train_config_fits(c, &net.network, data_sets[d].train_images / c->batch_size, &err) != SJ_OK) {
        fail_msg("%s: %s", name, err.message);
    }
    sj_net_free(&net);
}

// The step that is traced by default is one that the method is about: neither skipped, nor dense where ssProp is interleaved.
static void check_last_epoch(const char *name, const sj_train_config *c) {
    const int64_t last = c->epochs - 1;
    if (sj_gradsamp_skips(&c->gradsamp, c->seed, last, 2)) {
        fail_msg("%s: the last epoch is skipped", name);
    }
    if (c->ssprop.on && sj_ssprop_keep(&c->ssprop, last, c->epochs, 1000 * c->epochs - 1) >= 1.0) {
        fail_msg("%s: the last epoch is dense", name);
    }
}

static void reads_every_configuration(void **state) {
    (void)state;
    char *names[FILES_MAX], path[1024];
    bool methods[4] = {false, false, false, false};
    const int count = list(SJ_SOURCE_DIR "/configs/train", names);
    for (int i = 0; i < count; i++) {
        sj_config *file;
        sj_train_config c;
        (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/train/%s.cfg", names[i]);
        assert_int_equal(sj_config_open(path, &file, &err), SJ_OK);
        if (sj_train_config_read(file, &c, &err) != SJ_OK) {
            fail_msg("%s", err.message);
        }
        sj_config_close(file);
        check_network(names[i], &c);
        check_last_epoch(names[i], &c);
        // A name that ends in a method's trains with it.
        const char *last = strrchr(names[i], '-') + 1, *method = sj_train_method_name(&c);
        const bool is_method = strcmp(last, "plain") == 0 || strcmp(last, "eat") == 0 || strcmp(last, "l1") == 0 || strcmp(last, "ssprop") == 0 || strcmp(last, "gradsamp") == 0;
        if ((is_method && strcmp(last, method) != 0) || (strcmp(last, "all") == 0 && strcmp(method, "eat+ssprop+gradsamp") != 0)) {
            fail_msg("%s trains %s", names[i], method);
        }
        methods[0] |= c.eat_on && c.eat.kind == SJ_EAT_SMOOTH;
        methods[1] |= c.eat_on && c.eat.kind == SJ_EAT_L1;
        methods[2] |= c.ssprop.on;
        methods[3] |= c.gradsamp.on;
    }
    free_all(names, count);
    assert_true(count >= 7 && methods[0] && methods[1] && methods[2] && methods[3]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_every_model), cmocka_unit_test(reads_every_configuration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
