// SPDX-License-Identifier: Apache-2.0
// Whole runs: the files of a run, equal seeds, interruption, ssProp's last epoch; and that glyphs is hard for a linear classifier and not for cnn8.
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sj_file.h"
#include "sj_test_folder.h"
#include "sj_train.h"

static sj_error err;

static void ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s: %s", sj_status_name(status), err.message);
    }
}

static void make_folder(char path[SJ_TEST_FOLDER_MAX]) { assert_true(sj_test_make_folder(path)); }

static void remove_folder(const char *dir) { assert_true(sj_test_remove_folder(dir)); }

static const char *in(const char *dir, const char *name) {
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void read_shipped(const char *name, const char *const *overrides, sj_train_config *out) {
    char path[1024];
    sj_config *c;
    (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/train/%s.cfg", name);
    ok(sj_config_open(path, &c, &err));
    for (int i = 0; overrides[i] != NULL; i++) {
        ok(sj_config_override(c, overrides[i], &err));
    }
    ok(sj_train_config_read(c, out, &err));
    sj_config_close(c);
}

static sj_status train(const sj_train_config *config, const char *dir, bool (*progress)(void *, const sj_train_progress *), sj_train_result *result) {
    char model[2048];
    (void)snprintf(model, sizeof model, SJ_SOURCE_DIR "/models/%s.cfg", config->model);
    const sj_train_options options = {.model_path = model, .run_dir = dir, .version = "test", .progress = progress};
    return sj_train_run(config, &options, result, &err);
}

static const char *const tiny[] = {"data.train_images=96", "data.test_images=40", "batch_size=16", "epochs=2", "network.width=4", "trace.images=3", NULL};

static void equal_seeds_make_equal_files(void **state) {
    (void)state;
    static const char *const names[] = {"glyphs-plain", "glyphs-eat", "glyphs-ssprop"};
    static const char *const files[] = {"metrics.csv", "checkpoint.bin", "trace.h5"};
    for (int n = 0; n < 3; n++) {
        char dir[2][SJ_TEST_FOLDER_MAX], hash[2][3][17];
        sj_train_config c;
        sj_train_result result;
        read_shipped(names[n], tiny, &c);
        for (int i = 0; i < 2; i++) {
            make_folder(dir[i]);
            omp_set_num_threads(1 + i);
            ok(train(&c, dir[i], NULL, &result));
            assert_int_equal(result.iterations, 12);
            for (int f = 0; f < 3; f++) {
                ok(sj_file_hash(in(dir[i], files[f]), hash[i][f], &err));
            }
        }
        for (int f = 0; f < 3; f++) {
            assert_string_equal(hash[0][f], hash[1][f]);
        }
        remove_folder(dir[0]);
        remove_folder(dir[1]);
    }
}

static void default_step_of_ssprop_is_sparse(void **state) {
    (void)state;
    char dir[SJ_TEST_FOLDER_MAX];
    sj_train_config c;
    sj_train_result result;
    sj_trace *t;
    sj_ledger ledger;
    make_folder(dir);
    read_shipped("glyphs-ssprop", tiny, &c);
    ok(train(&c, dir, NULL, &result));
    ok(sj_trace_open(in(dir, "trace.h5"), &t, &err));
    ok(sj_trace_check(t, &err));
    assert_int_equal(sj_trace_step_count(t), 2);
    const sj_step_info *step = sj_trace_get_step(t, 0);
    assert_true(step->mode == SJ_MODE_TRAIN && step->epoch == 1 && step->iteration == 11 && sj_trace_get_step(t, 1)->mode == SJ_MODE_EVAL);
    assert_string_equal(step->method_state, "ssprop keep=0.2");
    assert_true(sj_trace_has(t, 0, 0, "keep") && !sj_trace_has(t, 1, 0, "keep") && !sj_trace_has(t, 1, 0, "dy"));
    ok(sj_trace_read_ledger(t, &ledger, &err));
    assert_int_equal(ledger.rows, 12);
    for (int64_t i = 0; i < 12; i++) {  // conv1 of width 4: one of four channels
        assert_true(ledger.kept_fraction[i * ledger.layers] == (i < 6 ? 1.0F : 0.25F));
        assert_true(ledger.x_density[i * ledger.layers] > 0.9F && ledger.loss[i] > 0.0);
    }
    sj_ledger_free(&ledger);
    sj_trace_close(t);
    remove_folder(dir);
}

static bool stop_soon(void *context, const sj_train_progress *p) {
    (void)context;
    return p->iteration < 3;
}

static void interrupted_runs_leave_nothing(void **state) {
    (void)state;
    char dir[SJ_TEST_FOLDER_MAX];
    sj_train_config c;
    sj_train_result result;
    make_folder(dir);
    read_shipped("glyphs-plain", tiny, &c);
    assert_int_equal(train(&c, dir, stop_soon, &result), SJ_ERR_INTERRUPTED);
    c.schedule.lr = 1e30;  // the loss becomes no number in the second iteration or soon after
    assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "epoch 0, iteration"));
    assert_non_null(strstr(err.message, "layer "));
    c.batch_size = 97;
    assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_CONFIG);
    assert_int_equal(remove(dir), 0);  // only an empty folder goes
}

// The trace is in place when the checkpoint cannot be: it goes again.
static void a_failed_commit_leaves_nothing(void **state) {
    (void)state;
    static const char *const blocked[] = {"checkpoint.bin", "metrics.csv"};
    for (int i = 0; i < 2; i++) {
        char dir[SJ_TEST_FOLDER_MAX];
        sj_train_config c;
        sj_train_result result;
        make_folder(dir);
        assert_int_equal(mkdir(in(dir, blocked[i]), 0700), 0);
        read_shipped("glyphs-plain", tiny, &c);
        assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_IO);
        assert_non_null(strstr(err.message, blocked[i]));
        assert_int_equal(rmdir(in(dir, blocked[i])), 0);
        assert_int_equal(rmdir(dir), 0);  // only an empty folder goes
    }
}

static void glyphs_is_hard(void **state) {
    (void)state;
#ifdef SJ_SLOW_BUILD
    skip();
#endif
    static const char *const linear[] = {"network.model=linear", "network.width=0", "optimizer.lr=0.01", NULL}, *const shipped[] = {"epochs=3", "trace.epochs=[2]", NULL};
    char dir[SJ_TEST_FOLDER_MAX];
    sj_train_config c;
    sj_train_result result;
    make_folder(dir);
    read_shipped("glyphs-plain", linear, &c);
    ok(train(&c, dir, NULL, &result));
    print_message("linear: test accuracy %.4f\n", result.last.test_accuracy);
    assert_true(result.last.test_accuracy < 0.80);
    read_shipped("glyphs-plain", shipped, &c);
    ok(train(&c, dir, NULL, &result));
    print_message("cnn8: test accuracy %.4f\n", result.last.test_accuracy);
    assert_true(result.last.test_accuracy > 0.95);
    remove_folder(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_seeds_make_equal_files), cmocka_unit_test(default_step_of_ssprop_is_sparse),
                                       cmocka_unit_test(interrupted_runs_leave_nothing), cmocka_unit_test(a_failed_commit_leaves_nothing), cmocka_unit_test(glyphs_is_hard)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
