// SPDX-License-Identifier: Apache-2.0
// Do gemm, sim and report do what their help says, and refuse what they must, leaving nothing behind?
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sj_bf16.h"
#include "sj_cli.h"
#include "sj_file.h"
#include "sj_trace.h"

static sj_error err;
static char folder[64];

static int enter(void **state) {
    strcpy(folder, "/tmp/sj-test-XXXXXX");
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave(void **state) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") != 0 || system(command) != 0;
}

static int entries(void) {
    int count = 0;
    DIR *dir = opendir(".");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

// Runs a command given as words in one text; its stdout goes to the file "out" beside the scratch folder.
static sj_status run(sj_command command, const char *words) {
    char text[1024], *argv[64];
    int argc = 0;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    char out[96];
    snprintf(out, sizeof out, "%s.out", folder);
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_non_null(freopen(out, "w", stdout));
    err.message[0] = '\0';
    const sj_status status = command(argc, argv, &err);
    fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    return status;
}

static char *output(void) {
    char out[96], *text;
    size_t bytes;
    snprintf(out, sizeof out, "%s.out", folder);
    sj_error e;
    assert_int_equal(sj_read_file(out, &text, &bytes, &e), SJ_OK);
    remove(out);
    return text;
}

static void works(sj_command command, const char *words) {
    if (run(command, words) != SJ_OK) {
        fail_msg("%s: %s", words, err.message);
    }
}

static json_t *json_of(sj_command command, const char *words) {
    works(command, words);
    char *text = output();
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    free(text);
    return root;
}

static void refused(sj_command command, const char *words, sj_status status, const char *message) {
    const int before = entries();
    const sj_status met = run(command, words);
    free(output());
    if (met != status || strstr(err.message, message) == NULL) {
        fail_msg("%s: status %s, \"%s\"; wanted %s, \"%s\"", words, sj_status_name(met), err.message, sj_status_name(status), message);
    }
    assert_int_equal(entries(), before);
}

static const json_t *dig(const json_t *o, const char *const *keys) {
    for (; *keys != NULL; keys++) {
        o = json_object_get(o, *keys);
        if (o == NULL) {
            fail_msg("no key %s", *keys);
        }
    }
    return o;
}

#define DIG(o, ...) dig(o, (const char *const[]){__VA_ARGS__, NULL})
#define COUNT(o, ...) ((long long)json_integer_value(DIG(o, __VA_ARGS__)))

static void gemm_counts_what_the_densities_say(void **state) {
    static const char *const machines[] = {"dense/none", "gate/none", "skip/none", "dense/bitmask", "gate/bitmask", "skip/bitmask"};
    static const double densities[] = {0.0, 0.3, 1.0};
    for (int d = 0; d < 3; d++) {
        char words[160];
        snprintf(words, sizeof words, "gemm 21 37 19 --density-a %g --accel edge16 --json", densities[d]);
        json_t *root = json_of(sj_cmd_gemm, words);
        assert_string_equal(json_string_value(DIG(root, "mode")), "gemm");
        for (size_t v = 0; v < sizeof machines / sizeof machines[0]; v++) {
            const json_t *total = DIG(root, "variants", machines[v], "total");
            const long long all = COUNT(total, "macs", "total"), active = COUNT(total, "macs", "active");
            assert_int_equal(all, 21 * 37 * 19);
            assert_int_equal(active + COUNT(total, "macs", "zero") + COUNT(total, "macs", "gated") + COUNT(total, "macs", "skipped"), all);
            assert_int_equal(COUNT(total, "counts", "mac.active"), active);
            assert_true(d == 0 ? active == 0 : d == 2 ? active == all : active > 0 && active < all);
            const json_t *layer = json_array_get(DIG(root, "variants", machines[v], "layers"), 0);
            assert_string_equal(json_string_value(DIG(layer, "name")), "gemm");
            assert_string_equal(json_string_value(DIG(layer, "phase")), "forward");
            assert_true(json_equal(DIG(layer, "counts"), DIG(total, "counts")));
        }
        json_decref(root);
    }
}

static void gemm_masks_nest_and_energy_falls(void **state) {
    double before = 0.0;
    long long active_before = -1;
    for (int d = 0; d <= 10; d++) {
        char words[160];
        snprintf(words, sizeof words, "gemm 64 64 32 --density-a %g --seed 9 --accel edge16 --variants skip --codecs none --json", d / 10.0);
        json_t *root = json_of(sj_cmd_gemm, words);
        const double energy = json_real_value(DIG(root, "variants", "skip/none", "total", "energy_pj", "total"));
        const long long active = COUNT(root, "variants", "skip/none", "total", "macs", "active");
        assert_true(energy > before && active > active_before);
        before = energy;
        active_before = active;
        json_decref(root);
    }
}

static void gemm_is_the_same_at_another_fidelity_and_checks_results(void **state) {
    json_t *fast = json_of(sj_cmd_gemm, "gemm 20 30 10 --density-a 0.4 --density-b 0.7 --accel edge256 --json");
    json_t *other = json_of(sj_cmd_gemm, "gemm 20 30 10 --density-a 0.4 --density-b 0.7 --accel edge256 --fidelity systemc --json");
    assert_string_equal(json_string_value(DIG(other, "provenance", "check")), "results equal the reference product");
    assert_false(json_equal(fast, other));
    json_object_del(fast, "provenance");
    json_object_del(other, "provenance");
    json_object_del(fast, "fidelity");
    json_object_del(other, "fidelity");
    assert_true(json_equal(fast, other));
    json_decref(fast);
    json_decref(other);
    works(sj_cmd_gemm, "gemm 20 30 10 --accel edge16 --set dtype=int8 --fidelity systemc");
    char *text = output();
    assert_non_null(strstr(text, "results equal the reference product"));
    free(text);
    refused(sj_cmd_gemm, "gemm 20 30 10 --accel edge16 --fidelity rtl", SJ_ERR_INTERNAL, "result [19][9]");
}

static void any_codecs_can_be_chosen(void **state) {
    json_t *root = json_of(sj_cmd_gemm, "gemm 200 256 64 --density-a 0.1 --accel edge16 --codecs rle,none,bitmask --json");
    assert_int_equal(json_object_size(DIG(root, "variants")), 9);
    const long long plain = COUNT(root, "variants", "skip/none", "total", "dram_bytes", "read"), coded = COUNT(root, "variants", "skip/rle", "total", "dram_bytes", "read");
    assert_true(coded < plain);
    assert_true(COUNT(root, "variants", "skip/rle", "total", "counts", "codec.decode") > 0);
    assert_true(json_real_value(DIG(root, "variants", "skip/rle", "total", "energy_pj", "codec")) > 0.0);
    json_decref(root);
    root = json_of(sj_cmd_gemm, "gemm 8 8 8 --accel edge16 --codecs rle --variants gate,skip --json");
    assert_int_equal(json_object_size(DIG(root, "variants")), 2);
    DIG(root, "variants", "gate/rle");
    json_decref(root);
    root = json_of(sj_cmd_gemm, "gemm 8 8 8 --accel edge16 --json");  // the default
    assert_int_equal(json_object_size(DIG(root, "variants")), 6);
    assert_null(json_object_get(DIG(root, "variants"), "skip/rle"));
    json_decref(root);
    root = json_of(sj_cmd_gemm, "gemm 8 8 8 --accel edge16 --set dram.codec=rle --json");  // an accelerator's own codec joins it
    assert_int_equal(json_object_size(DIG(root, "variants")), 9);
    assert_string_equal(json_string_value(DIG(root, "codec")), "rle");
    json_decref(root);
    works(sj_cmd_gemm, "gemm 8 8 8 --accel edge16 --codecs rle,bitmask");
    char *text = output();
    assert_non_null(strstr(text, "skip/rle"));
    assert_non_null(strstr(text, "cycles, bitmask"));
    free(text);
}

static void array_only_moves_nothing_to_dram(void **state) {
    json_t *root = json_of(sj_cmd_gemm, "gemm 20 30 10 --accel edge16 --array-only --json");
    assert_int_equal(COUNT(root, "variants", "skip/bitmask", "total", "dram_bytes", "read"), 0);
    assert_int_equal(COUNT(root, "variants", "dense/none", "total", "counts", "dram.write"), 0);
    json_decref(root);
}

static void wrong_calls_are_named(void **state) {
    refused(sj_cmd_gemm, "gemm 4 4", SJ_ERR_USAGE, "three are needed");
    refused(sj_cmd_gemm, "gemm 0 4 4 --accel edge16", SJ_ERR_USAGE, "M 0");
    refused(sj_cmd_gemm, "gemm 4 4 4", SJ_ERR_USAGE, "--accel is missing");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge61", SJ_ERR_IO, "did you mean edge16");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --tech 54nm", SJ_ERR_IO, "did you mean 45nm");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --density-a 1.5", SJ_ERR_USAGE, "--density-a 1.5");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --variants skip,gat", SJ_ERR_USAGE, "did you mean gate");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --variants skip,skip", SJ_ERR_USAGE, "twice");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --variants skip,", SJ_ERR_USAGE, "not one of");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --codecs rlc", SJ_ERR_USAGE, "none, bitmask, rle; did you mean rle");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --fidelity fats", SJ_ERR_USAGE, "did you mean fast");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --set array.rows=0", SJ_ERR_CONFIG, "array.rows");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --set array.rosw=4", SJ_ERR_CONFIG, "array.rosw");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --set tech.mac_bf16_active.low=-1", SJ_ERR_CONFIG, "mac_bf16_active.low");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --set tech.mac_bf16_activ.low=1", SJ_ERR_CONFIG, "did you mean \"mac_bf16_active\"");
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --wave x.fst", SJ_ERR_USAGE, "unknown option --wave");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --wave x.fst", SJ_ERR_USAGE, "unknown option --wave");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --timeline x.json", SJ_ERR_USAGE, "unknown option --timeline");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --no-fuse", SJ_ERR_USAGE, "unknown option --no-fuse");
    refused(sj_cmd_sim, "sim --accel edge16", SJ_ERR_USAGE, "one is needed");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --step 1 --all-steps", SJ_ERR_USAGE, "exclude");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --batch 0", SJ_ERR_USAGE, "--batch 0");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --phase foward", SJ_ERR_USAGE, "did you mean forward");
    refused(sj_cmd_sim, "sim absent.h5 --accel edge16 -o run", SJ_ERR_IO, "absent.h5");
    refused(sj_cmd_report, "report", SJ_ERR_USAGE, "no run given");
    refused(sj_cmd_report, "report a -o x.html", SJ_ERR_USAGE, "unknown option -o");
    refused(sj_cmd_report, "report a --format htm", SJ_ERR_USAGE, "text, json, csv, md");
    refused(sj_cmd_report, "report absent", SJ_ERR_IO, "absent");
}

static void set_reaches_both_files(void **state) {
    json_t *root = json_of(sj_cmd_gemm, "gemm 8 8 8 --accel edge16 --set clock_mhz=250.0 --set tech.vector_op.typical=4.0 --json");
    assert_true(json_number_value(DIG(root, "clock_mhz")) == 250.0);
    json_decref(root);
}

// ---- sim on a trace of one convolution: 2 stored images of 6 x 6 x 8, 16 filters of 3 x 3

static void write_trace(const char *path, const char *method, float zero_below) {
    sj_layer_info layer = {"conv1", SJ_KIND_CONV, 1, {-1}, {6, 6, 8}, {6, 6, 16}, 3, 3, 1, 1, 1, false, false};
    sj_network net = {"one", 1, &layer};
    sj_trace_meta meta = {"test", "one", "made-up", "", 5, 4, 2};
    snprintf(meta.method, sizeof meta.method, "%s", method);
    static float x[2 * 6 * 6 * 8], w[16 * 3 * 3 * 8];
    int64_t nonzero = 0;
    for (int i = 0; i < 2 * 6 * 6 * 8; i++) {
        const float v = (float)(i * 7 % 11) / 11.0f;
        x[i] = v < zero_below ? 0.0f : v + 0.5f;
        nonzero += x[i] != 0.0f;
    }
    for (int i = 0; i < 16 * 3 * 3 * 8; i++) {
        w[i] = (float)(i % 5) - 2.5f;
    }
    const sj_tensor tx = {SJ_TYPE_F32, 4, {2, 6, 6, 8}, x, 1.0f, nonzero, 2 * 6 * 6 * 8}, tw = {SJ_TYPE_F32, 4, {16, 3, 3, 8}, w, 1.0f, 16 * 72, 16 * 72};
    const sj_step_info step = {.number = 3, .mode = SJ_MODE_EVAL, .epoch = 1, .iteration = 3};
    sj_trace_writer *writer;
    if (sj_trace_create(path, &meta, &net, &writer, &err) != SJ_OK || sj_trace_begin_step(writer, &step, &err) != SJ_OK ||
        sj_trace_write(writer, 0, "x", &tx, SJ_TYPE_BF16, &err) != SJ_OK || sj_trace_write(writer, 0, "w", &tw, SJ_TYPE_BF16, &err) != SJ_OK ||
        sj_trace_commit(writer, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static void sim_writes_a_whole_run_and_report_reads_it(void **state) {
    assert_int_equal(mkdir("a", 0777), 0);
    assert_int_equal(mkdir("b", 0777), 0);
    write_trace("a/trace.h5", "plain", 0.0f);
    write_trace("b/trace.h5", "eat", 0.6f);
    FILE *f = fopen("b/metrics.csv", "w");
    assert_non_null(f);
    fputs("epoch,train_loss,test_accuracy,macro_f1\n0,1.0,0.5,0.4\n1,0.5,0.875,0.75\n", f);
    fclose(f);
    works(sj_cmd_sim, "sim a/trace.h5 --accel edge16 -o a/run -q");
    free(output());
    works(sj_cmd_sim, "sim b/trace.h5 --accel edge16 -o b/run/ -q");
    free(output());
    static const char *const files[] = {"config.cfg", "tech.cfg", "provenance.json", "stats.json", "layers.csv", "stats.txt"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "b/run/%s", files[i]);
        assert_true(sj_path_exists(path));
    }
    assert_int_equal(entries(), 2);
    refused(sj_cmd_sim, "sim a/trace.h5 --accel edge16 -o a/run -q", SJ_ERR_EXISTS, "a/run");
    works(sj_cmd_sim, "sim a/trace.h5 --accel a/run/config.cfg --tech a/run/tech.cfg -o a/run --force -q");  // a run can be repeated from its own files
    free(output());

    json_t *root = json_of(sj_cmd_report, "report a/run b/run --format json");
    const json_t *groups = DIG(root, "groups");
    assert_int_equal(json_array_size(groups), 2);  // batches 1 and 128
    const json_t *rows = DIG(json_array_get(groups, 1), "rows");
    assert_int_equal(COUNT(json_array_get(groups, 1), "batch"), 128);
    assert_int_equal(json_array_size(rows), 12);
    const json_t *last = json_array_get(rows, 11);
    assert_string_equal(json_string_value(DIG(last, "method")), "eat");
    assert_string_equal(json_string_value(DIG(last, "variant")), "skip/bitmask");
    assert_true(json_real_value(DIG(last, "accuracy")) == 0.875);
    assert_int_equal(COUNT(last, "epochs"), 2);
    assert_true(json_is_null(DIG(json_array_get(rows, 0), "accuracy")));
    const double base = json_real_value(DIG(json_array_get(rows, 5), "energy_pj")), own = json_real_value(DIG(last, "energy_pj")),
                 gate = json_real_value(DIG(json_array_get(rows, 10), "energy_pj"));
    assert_true(own < base);
    assert_true(fabs(json_real_value(DIG(last, "saving_vs_baseline")) - (1.0 - own / base)) < 1e-12);
    assert_true(fabs(json_real_value(DIG(last, "saving_vs_gate")) - (1.0 - own / gate)) < 1e-12);
    json_decref(root);
    static const char *const formats[] = {"report a/run b/run", "report a/run b/run --format csv", "report b/run/stats.json --format md"};
    for (size_t i = 0; i < 3; i++) {
        works(sj_cmd_report, formats[i]);
        char *text = output();
        assert_non_null(strstr(text, i == 1 ? "0.875" : "87.5%"));
        free(text);
    }
}

static void report_compares_like_with_like_alone(void **state) {
    write_trace("t.h5", "plain", 0.3f);
    works(sj_cmd_sim, "sim t.h5 --accel edge16 -o all -q");
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 -o one -q");
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --phase forward -o part -q");
    free(output());
    refused(sj_cmd_report, "report all one", SJ_ERR_RANGE, "batch 128");
    refused(sj_cmd_report, "report one part", SJ_ERR_RANGE, "only phase forward");
    works(sj_cmd_report, "report one all");
    free(output());
    FILE *f = fopen("metrics.csv", "w");
    assert_non_null(f);
    fputs("epoch,train_loss\n0,1.0\n", f);
    fclose(f);
    refused(sj_cmd_report, "report one", SJ_ERR_FORMAT, "test_accuracy");
}

static void sim_names_what_the_trace_lacks(void **state) {
    write_trace("t.h5", "plain", 0.3f);
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --layer conv2 -o run", SJ_ERR_USAGE, "did you mean conv1");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --step 4 -o run", SJ_ERR_RANGE, "it has 3");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --step last -o run", SJ_ERR_USAGE, "last-train or last-eval");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --step last-train -o run", SJ_ERR_RANGE, "no train step");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --phase update -o run", SJ_ERR_RANGE, "the phases there are forward");
    json_t *root = json_of(sj_cmd_sim, "sim t.h5 --accel edge16 --layer conv1 --step 3 --batch 5 --json");
    assert_string_equal(json_string_value(DIG(root, "selection")), "layer conv1");
    assert_int_equal(COUNT(root, "batch"), 5);
    assert_int_equal(COUNT(root, "images"), 2);
    // 5 images x 16 outputs x 8 channels x (16 whole 3x3 windows + 16 edge windows of 6 + 4 corner windows of 4 taps)
    assert_int_equal(COUNT(root, "variants", "gate/none", "total", "macs", "total"), 5 * 16 * 8 * (16 * 9 + 16 * 6 + 4 * 4));
    json_decref(root);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        TEST(gemm_counts_what_the_densities_say), TEST(gemm_masks_nest_and_energy_falls), TEST(gemm_is_the_same_at_another_fidelity_and_checks_results),
        TEST(any_codecs_can_be_chosen), TEST(array_only_moves_nothing_to_dram),   TEST(wrong_calls_are_named),            TEST(set_reaches_both_files),
        TEST(sim_writes_a_whole_run_and_report_reads_it), TEST(report_compares_like_with_like_alone), TEST(sim_names_what_the_trace_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
