// SPDX-License-Identifier: Apache-2.0
// Whole runs: the files of a run, equal seeds, interruption, ssProp's last epoch, its random control, Adam behind a skipped epoch, memory; and that glyphs is hard for a linear classifier and not for cnn8.
#include <math.h>
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

static sj_status resume(const sj_train_config *config, const char *dir, bool (*progress)(void *, const sj_train_progress *), sj_train_result *result) {
    char model[2048];
    (void)snprintf(model, sizeof model, SJ_SOURCE_DIR "/models/%s.cfg", config->model);
    const sj_train_options options = {.model_path = model, .run_dir = dir, .version = "test", .resume = true, .progress = progress};
    return sj_train_run(config, &options, result, &err);
}

static bool stop_in_the_second_epoch(void *context, const sj_train_progress *p) {
    (void)context;
    return p->epoch < 1 || p->iteration < 2;
}

// Stopped in each epoch, the run that goes on writes what an undisturbed one does; other settings are refused and harm nothing.
static void interrupted_runs_go_on(void **state) {
    (void)state;
    static const char *const files[] = {"metrics.csv", "checkpoint.bin", "trace.h5"};
    char whole[SJ_TEST_FOLDER_MAX], dir[SJ_TEST_FOLDER_MAX], hash[2][17];
    sj_train_config c;
    sj_train_result result;
    make_folder(whole);
    make_folder(dir);
    read_shipped("glyphs-eat", tiny, &c);
    ok(train(&c, whole, NULL, &result));
    assert_int_equal(train(&c, dir, stop_soon, &result), SJ_ERR_INTERRUPTED);
    assert_false(sj_path_exists(in(dir, "trace.h5")));
    assert_int_equal(resume(&c, dir, stop_in_the_second_epoch, &result), SJ_ERR_INTERRUPTED);
    assert_true(result.resumed_epoch == 0 && result.resumed_iteration == 3);
    ok(sj_file_hash(in(dir, "checkpoint.bin"), hash[0], &err));
    c.schedule.lr *= 2.0;
    assert_int_equal(resume(&c, dir, NULL, &result), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "optimizer.lr = "));
    c.schedule.lr *= 0.5;
    c.data_seed++;
    assert_int_equal(resume(&c, dir, NULL, &result), SJ_ERR_CONFIG);
    c.data_seed--;
    ok(sj_file_hash(in(dir, "checkpoint.bin"), hash[1], &err));
    assert_string_equal(hash[0], hash[1]);
    ok(resume(&c, dir, NULL, &result));
    assert_true(result.resumed_epoch == 1 && result.iterations == 12 && result.iterations_now == 4 && !result.was_finished);
    for (int f = 0; f < 3; f++) {
        ok(sj_file_hash(in(whole, files[f]), hash[0], &err));
        ok(sj_file_hash(in(dir, files[f]), hash[1], &err));
        assert_string_equal(hash[0], hash[1]);
    }
    assert_false(sj_path_exists(in(dir, "trace.partial.h5")));
    ok(resume(&c, dir, NULL, &result));
    assert_true(result.was_finished && result.iterations_now == 0 && result.last.epoch == 1);
    remove_folder(whole);
    remove_folder(dir);
}

static void runs_without_numbers_stop(void **state) {
    (void)state;
    char dir[SJ_TEST_FOLDER_MAX];
    sj_train_config c;
    sj_train_result result;
    make_folder(dir);
    read_shipped("glyphs-plain", tiny, &c);
    c.schedule.lr = 1e30;  // the loss becomes no number in the second iteration or soon after
    assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "epoch 0, iteration"));
    assert_non_null(strstr(err.message, "layer "));
    c.batch_size = 97;
    assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_CONFIG);
    assert_int_equal(remove(dir), 0);  // only an empty folder goes
}

// GradSamp: the third epoch sees no data, is one row of the ledger, and a step with weights alone.
static void skipped_epochs_are_told(void **state) {
    (void)state;
    static const char *const sets[] = {"data.train_images=96", "data.test_images=40", "batch_size=16", "epochs=4", "network.width=4", "trace.images=3", "trace.epochs=[2,3]",
                                       "method.gradsamp.schedule=periodic", "method.gradsamp.period=3", "method.gradsamp.fit=tensor", "method.gradsamp.norm=keep",
                                       "method.gradsamp.momentum=keep", NULL};
    char dir[SJ_TEST_FOLDER_MAX];
    sj_train_config c;
    sj_train_result result;
    sj_trace *t;
    sj_ledger ledger;
    make_folder(dir);
    read_shipped("glyphs-plain", sets, &c);
    ok(train(&c, dir, NULL, &result));
    assert_int_equal(result.iterations, 18);
    ok(sj_trace_open(in(dir, "trace.h5"), &t, &err));
    ok(sj_trace_check(t, &err));
    assert_true(sj_trace_step_count(t) == 3 && sj_step_is_skipped(sj_trace_get_step(t, 0)) && !sj_step_is_skipped(sj_trace_get_step(t, 1)));
    assert_true(sj_trace_has(t, 0, 0, "w") && !sj_trace_has(t, 0, 0, "x"));
    ok(sj_trace_read_ledger(t, &ledger, &err));
    assert_int_equal(ledger.rows, 19);
    for (int64_t i = 0; i < ledger.rows; i++) {
        assert_int_equal(ledger.skipped[i], i == 12);
        assert_int_equal(ledger.epoch[i], i < 12 ? i / 6 : i == 12 ? 2 : 3);
        assert_int_equal(ledger.iteration[i], i <= 12 ? i : i + 5);
        assert_true((ledger.x_density[i * ledger.layers] > 0.0F) == (i != 12));
    }
    sj_ledger_free(&ledger);
    sj_trace_close(t);
    remove_folder(dir);
}

// What cannot be written is named, and no trace appears beside what is missing.
static void failed_writes_are_named(void **state) {
    (void)state;
    static const char *const blocked[] = {"checkpoint.bin", "metrics.csv"};
    for (int i = 0; i < 2; i++) {
        char dir[SJ_TEST_FOLDER_MAX], inside[700];
        sj_train_config c;
        sj_train_result result;
        make_folder(dir);
        assert_int_equal(mkdir(in(dir, blocked[i]), 0700), 0);
        (void)snprintf(inside, sizeof inside, "%s/full", in(dir, blocked[i]));
        assert_int_equal(mkdir(inside, 0700), 0);
        read_shipped("glyphs-plain", tiny, &c);
        assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_IO);
        assert_non_null(strstr(err.message, blocked[i]));
        assert_false(sj_path_exists(in(dir, "trace.h5")));
        assert_int_equal(rmdir(inside), 0);
        remove_folder(dir);
    }
}

// A line of /proc/self/status, in KiB; 0 where it is not there.
static int64_t process_kib(const char *word) {
    char line[256];
    long long value = 0;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0) {
            value = strtoll(line + strlen(word), NULL, 10);
        }
    }
    (void)fclose(f);
    return value;
}

// Terabytes are refused by a sum, before any of them is asked for: with both figures, and with nothing in the folder.
static void runs_that_cannot_fit_are_refused(void **state) {
    (void)state;
    static const char *const huge[] = {"data.train_images=8192", "data.test_images=40", "batch_size=8192", "network.width=4096", "network.model=resnet18", NULL};
    char dir[SJ_TEST_FOLDER_MAX];
    double need = 0.0, available = 0.0;
    sj_train_config c;
    sj_train_result result;
    make_folder(dir);
    read_shipped("glyphs-plain", huge, &c);
    const int64_t resident = process_kib("VmHWM:"), addressed = process_kib("VmPeak:");
    assert_true(resident > 0 && addressed > 0);
    assert_int_equal(train(&c, dir, NULL, &result), SJ_ERR_MEMORY);
    const char *figures = strstr(err.message, "needs about ");
    if (figures == NULL) {
        fail_msg("no figures in: %s", err.message);
    }
    assert_int_equal(sscanf(figures, "needs about %lf GiB of memory, and %lf GiB are available", &need, &available), 2);
    assert_true(need > 1024.0 && available > 0.0 && available < need);
    assert_non_null(strstr(err.message, "batch_size 8192"));
    assert_true(process_kib("VmHWM:") - resident < 256 * 1024 && process_kib("VmPeak:") - addressed < 1024 * 1024);
    assert_int_equal(remove(dir), 0);  // only an empty folder goes
}

// The kept channels of a step's layers, one after the other.
enum { KEPT_MAX = 512 };
static int read_kept(const char *dir, int step, int32_t kept[KEPT_MAX]) {
    sj_trace *t;
    int count = 0;
    ok(sj_trace_open(in(dir, "trace.h5"), &t, &err));
    const int layers = sj_trace_get_network(t)->layer_count;
    for (int l = 0; l < layers; l++) {
        if (sj_trace_has(t, step, l, "keep")) {
            sj_tensor keep;
            ok(sj_trace_read(t, step, l, "keep", SJ_TYPE_I32, &keep, &err));
            assert_true(count + keep.dims[0] <= KEPT_MAX);
            memcpy(kept + count, keep.data, (size_t)keep.dims[0] * sizeof *kept);
            count += (int)keep.dims[0];
            sj_tensor_free(&keep);
        }
    }
    sj_trace_close(t);
    return count;
}

// ssProp's control: other channels with another seed and in another iteration, the same ones with the same.
static void random_control_follows_the_seed(void **state) {
    (void)state;
    static const char *const sets[] = {"data.train_images=64", "data.test_images=40", "batch_size=16", "epochs=2", "network.width=8", "trace.images=3", "trace.iterations=[0,1]",
                                       "method.ssprop.select=random", NULL};
    int32_t kept[3][2][KEPT_MAX];
    int count = 0;
    sj_train_config c;
    sj_train_result result;
    read_shipped("glyphs-ssprop", sets, &c);
    for (int i = 0; i < 3; i++) {
        char dir[SJ_TEST_FOLDER_MAX];
        make_folder(dir);
        c.seed = i < 2 ? 11 : 12;
        ok(train(&c, dir, NULL, &result));
        for (int step = 0; step < 2; step++) {
            const int now = read_kept(dir, step, kept[i][step]);
            assert_true(now > 0 && (count == 0 || now == count));
            count = now;
        }
        remove_folder(dir);
    }
    const size_t bytes = (size_t)count * sizeof kept[0][0][0];
    for (int step = 0; step < 2; step++) {
        assert_memory_equal(kept[0][step], kept[1][step], bytes);
        assert_memory_not_equal(kept[0][step], kept[2][step], bytes);
    }
    assert_memory_not_equal(kept[0][0], kept[0][1], bytes);
}

// Adam's first step moves each weight that has a gradient by the learning rate. So does the first one behind a skipped epoch that clears Adam's state, and without clearing it does not.
static void adam_starts_anew_behind_a_reset(void **state) {
    (void)state;
    const double lr = 1e-3;
    for (int reset = 0; reset < 2; reset++) {
        const char *const sets[] = {"data.train_images=96", "data.test_images=40", "batch_size=16", "epochs=4", "network.width=8", "trace.images=3", "trace.epochs=[3]",
                                    "trace.iterations=[0,1]", "trace.dtype=float32", "optimizer={name=\"adam\";lr=1e-3;weight_decay=0;schedule=\"constant\";}",
                                    "method.gradsamp={schedule=\"periodic\";period=3;}", reset == 1 ? "method.gradsamp.momentum=reset" : "method.gradsamp.momentum=keep", NULL};
        char dir[SJ_TEST_FOLDER_MAX];
        sj_train_config c;
        sj_train_result result;
        sj_trace *t;
        sj_tensor before, after;
        make_folder(dir);
        read_shipped("glyphs-plain", sets, &c);
        ok(train(&c, dir, NULL, &result));
        assert_int_equal(result.iterations, 18);
        ok(sj_trace_open(in(dir, "trace.h5"), &t, &err));
        assert_true(sj_trace_get_step(t, 0)->iteration == 18 && sj_trace_get_step(t, 1)->iteration == 19);
        ok(sj_trace_read(t, 0, 0, "w", SJ_TYPE_F32, &before, &err));
        ok(sj_trace_read(t, 1, 0, "w", SJ_TYPE_F32, &after, &err));
        const int64_t count = sj_tensor_count(&before);
        int64_t whole = 0;
        for (int64_t i = 0; i < count; i++) {
            const double step = fabs((double)((const float *)after.data)[i] - (double)((const float *)before.data)[i]) / lr;
            whole += step > 0.98 && step < 1.001 ? 1 : 0;
        }
        print_message("momentum %s: %lld of %lld weights moved by the learning rate\n", reset == 1 ? "reset" : "keep", (long long)whole, (long long)count);
        assert_true(reset == 1 ? 10 * whole >= 9 * count : 2 * whole < count);
        sj_tensor_free(&before);
        sj_tensor_free(&after);
        sj_trace_close(t);
        remove_folder(dir);
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
                                       cmocka_unit_test(interrupted_runs_go_on), cmocka_unit_test(runs_without_numbers_stop), cmocka_unit_test(skipped_epochs_are_told),
                                       cmocka_unit_test(failed_writes_are_named), cmocka_unit_test(runs_that_cannot_fit_are_refused), cmocka_unit_test(random_control_follows_the_seed),
                                       cmocka_unit_test(adam_starts_anew_behind_a_reset), cmocka_unit_test(glyphs_is_hard)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
