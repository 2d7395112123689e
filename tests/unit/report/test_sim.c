// SPDX-License-Identifier: Apache-2.0
// Do sim and report do what their help says, on a trace of one convolution?
#include "commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_sim.h"

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
    assert_int_equal(COUNT(last, "seed"), 5);
    assert_string_equal(json_string_value(DIG(last, "accel")), "edge16");
    assert_true(json_is_null(DIG(json_array_get(rows, 0), "accuracy")));
    const double base = json_real_value(DIG(json_array_get(rows, 5), "energy_pj")), own = json_real_value(DIG(last, "energy_pj")),
                 gate = json_real_value(DIG(json_array_get(rows, 10), "energy_pj"));
    assert_true(own < base);
    assert_true(fabs(json_real_value(DIG(last, "saving_vs_baseline")) - (1.0 - own / base)) < 1e-12);
    assert_true(fabs(json_real_value(DIG(last, "saving_vs_gate")) - (1.0 - own / gate)) < 1e-12);
    static const char *const savings[] = {"saving_vs_gate", "saving_vs_baseline"};
    for (int i = 0; i < 2; i++) {
        char low[64], high[64];
        snprintf(low, sizeof low, "%s_low", savings[i]);
        snprintf(high, sizeof high, "%s_high", savings[i]);
        assert_true(json_real_value(DIG(last, low)) < json_real_value(DIG(last, savings[i])) && json_real_value(DIG(last, savings[i])) < json_real_value(DIG(last, high)));
    }
    assert_true(json_is_null(DIG(last, "asic_ratio")));  // this metrics.csv has no such column
    json_decref(root);
    static const char *const formats[] = {"report a/run b/run", "report a/run b/run --format csv", "report b/run/stats.json --format md"};
    for (size_t i = 0; i < 3; i++) {
        works(sj_cmd_report, formats[i]);
        char *text = output();
        assert_non_null(strstr(text, i == 1 ? "0.875" : "87.5%"));
        assert_non_null(strstr(text, "edge16"));
        assert_non_null(strstr(text, "seed"));
        free(text);
    }
}

static void metrics_with(const char *path, const char *ratio) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "epoch,test_accuracy,macro_f1,asic_ratio,skipped\n0,0.5,0.5,0.99,0\n1,0.75,0.75,%s,0\n", ratio);
    fclose(f);
}

// EAT's metric stands beside the energy, and where both runs have it the report says why they differ, with the first run's own shares.
static void report_sets_asic_ratio_beside_the_energy(void **state) {
    assert_int_equal(mkdir("c", 0777), 0);
    assert_int_equal(mkdir("d", 0777), 0);
    write_trace("c/trace.h5", "plain", 0.0f);
    write_trace("d/trace.h5", "eat", 0.6f);
    metrics_with("c/metrics.csv", "0.9");
    metrics_with("d/metrics.csv", "");
    works(sj_cmd_sim, "sim c/trace.h5 --accel edge16 --batch 1 -o c/run -q");
    works(sj_cmd_sim, "sim d/trace.h5 --accel edge16 --batch 1 -o d/run -q");
    free(output());
    works(sj_cmd_report, "report c/run d/run");
    char *text = output();
    assert_non_null(strstr(text, "0.9000"));
    assert_null(strstr(text, "asic_ratio counts nonzeros"));  // the second run did not count it
    free(text);
    metrics_with("d/metrics.csv", "0.8");
    works(sj_cmd_report, "report c/run d/run");
    text = output();
    assert_non_null(strstr(text, "d/run: asic_ratio 0.8000 against 0.9000 saves 11.1%; skip/bitmask saves "));
    assert_non_null(strstr(text, "asic_ratio counts nonzeros"));
    double shares[5];
    const char *at = strstr(text, "Of the first run's energy there, ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "Of the first run's energy there, %lf%% is MACs, %lf%% pads and accumulators, %lf%% buffer and bus, %lf%% DRAM accesses, %lf%% passes with time.", &shares[0], &shares[1],
                            &shares[2], &shares[3], &shares[4]), 5);
    json_t *root = json_load_file("c/run/stats.json", 0, NULL);
    const json_t *e = DIG(DIG(DIG(DIG(root, "variants"), "skip/bitmask"), "total"), "energy_pj");
    const double total = json_real_value(DIG(e, "total")), mac = json_real_value(DIG(e, "mac")), dram = json_real_value(DIG(e, "dram"));
    const double standing = json_real_value(DIG(e, "leakage")) + json_real_value(DIG(e, "dram_standby")) + json_real_value(DIG(e, "clock"));
    assert_true(fabs(shares[0] - 100.0 * mac / total) < 0.051 && fabs(shares[3] - 100.0 * dram / total) < 0.051 && fabs(shares[4] - 100.0 * standing / total) < 0.051);
    json_decref(root);
    free(text);
    metrics_with("d/metrics.csv", "x");
    refused(sj_cmd_report, "report c/run d/run", SJ_ERR_FORMAT, "asic_ratio");
}

static void report_says_which_tech_file_was_used(void **state) {
    assert_int_equal(mkdir("e", 0777), 0);
    write_trace("e/trace.h5", "plain", 0.0f);
    works(sj_cmd_sim, "sim e/trace.h5 --accel edge16 --batch 1 -o e/one -q");
    works(sj_cmd_sim, "sim e/trace.h5 --accel edge16 --batch 1 --tech 16nm -o e/two -q");
    free(output());
    static const struct {
        const char *call, *words[3];
    } cases[] = {{"report e/one e/one", {", tech 45nm\n"}},
                 {"report e/one e/two", {", tech by run: below\n", "e/one: tech 45nm\n", "e/two: tech 16nm, derived\n"}},
                 {"report e/one e/two --format md", {", tech by run: below\n", "e/two: tech 16nm, derived\n"}},
                 {"report e/one e/two --format csv", {",tech,penalty\n", ",45nm,\n", ",\"16nm, derived\",\n"}},
                 {"report e/one e/two --format json", {"\"tech\": \"45nm\"", "\"tech\": \"16nm, derived\""}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        works(sj_cmd_report, cases[i].call);
        char *text = output();
        for (int w = 0; w < 3 && cases[i].words[w] != NULL; w++) {
            if (strstr(text, cases[i].words[w]) == NULL) {
                fail_msg("%s: no \"%s\" in:\n%s", cases[i].call, cases[i].words[w], text);
            }
        }
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

// The run "one" with a key set, as a folder of its own.
static void with_key(const char *folder, const char *key, const char *value) {
    char path[64];
    json_t *root = json_load_file("one/stats.json", 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_set_new(root, key, json_string(value)), 0);
    assert_int_equal(mkdir(folder, 0777), 0);
    snprintf(path, sizeof path, "%s/stats.json", folder);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
}

static void report_tells_what_a_method_did_in_the_step(void **state) {
    write_trace("t.h5", "ssprop", 0.3f);
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 -o one -q");
    free(output());
    with_key("two", "method_state", "ssprop keep=0.2");
    with_key("three", "method_state", "eat lambda=0.5");
    with_key("skipped", "method_state", "gradsamp skipped p=2");
    static const struct {
        const char *words, *told;
    } cases[] = {{"report one two", "\ntwo: the step is ssprop keep=0.2; of a schedule that alternates, the whole run tells (sim --whole-run)\n"},
                 {"report one two --format md", "\ntwo: the step is ssprop keep=0.2; of a schedule that alternates, the whole run tells (sim --whole-run)\n"},
                 {"report one three", "\nthree: the step is eat lambda=0.5\n"},
                 {"report one two --format csv", ",ssprop keep=0.2,"},
                 {"report one two --format json", "\"method_state\": \"ssprop keep=0.2\""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        works(sj_cmd_report, cases[i].words);
        char *text = output();
        assert_non_null(strstr(text, cases[i].told));
        assert_null(strstr(text, "one: the step"));
        free(text);
    }
    refused(sj_cmd_report, "report one skipped", SJ_ERR_RANGE, "a skipped epoch");
}

// Energies with and without the penalty's own work do not stand beside each other without a word.
static void report_tells_whose_penalty_is_left_out(void **state) {
    write_trace("t.h5", "eat", 0.3f);
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 -o one -q");
    char *text = output();
    assert_null(strstr(text, "lower bound"));  // an inference
    free(text);
    with_key("charged", "penalty", "charged");
    with_key("without", "penalty", "left out");
    with_key("other", "penalty", "left");
    static const struct {
        const char *words, *told;
    } cases[] = {{"report charged one without", "\nwithout: a lower bound: the trace does not say which outputs bear the penalty of this training step"},
                 {"report charged one without --format md", "\nwithout: a lower bound: the trace does not say which outputs bear the penalty of this training step"},
                 {"report charged one without --format csv", ",left out\n"},
                 {"report charged one without --format csv", ",charged\n"},
                 {"report charged one without --format csv", "45nm,\n"},
                 {"report charged one without --format json", "\"penalty\": \"left out\""},
                 {"report charged one without --format json", "\"penalty\": \"charged\""},
                 {"report charged one without --format json", "\"penalty\": \"\""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        works(sj_cmd_report, cases[i].words);
        text = output();
        const char *told = strstr(text, cases[i].told), *first = strstr(text, "a lower bound");
        assert_non_null(told);
        assert_null(first != NULL ? strstr(first + 1, "a lower bound") : NULL);  // once a run, not once a row
        free(text);
    }
    refused(sj_cmd_report, "report one other", SJ_ERR_FORMAT, "other/stats.json: key \"penalty\" is \"left\"; it must be \"charged\" or \"left out\"");
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

// Energy of the only layer, and the file's.
static void the_timeline_has_the_energy_of_the_run(void **state) {
    static const struct {
        const char *words, *variant, *machine;
    } cases[] = {{"", "skip/bitmask", "edge16 skip/bitmask"},
                 {" --timeline-variant gate/none", "gate/none", "edge16 gate/none"},
                 {" --codecs rle --timeline-variant skip/rle --timeline-layer conv1", "skip/rle", "edge16 skip/rle"},
                 {" --fidelity systemc --timeline-layer conv1:forward", "skip/bitmask", "edge16 skip/bitmask"}};
    write_trace("t.h5", "plain", 0.4f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[256];
        snprintf(words, sizeof words, "sim t.h5 --accel edge16 --batch 3 --json -q --timeline t.json%s", cases[i].words);
        json_t *run = json_of(sj_cmd_sim, words), *drawn = json_load_file("t.json", 0, NULL);
        assert_non_null(drawn);
        const json_t *total = DIG(run, "variants", cases[i].variant, "total");
        assert_string_equal(json_string_value(DIG(drawn, "otherData", "machine")), cases[i].machine);
        assert_int_equal(COUNT(drawn, "otherData", "cycles"), COUNT(total, "cycles"));
        const double energy = json_real_value(DIG(total, "energy_pj", "total"));
        assert_true(fabs(json_real_value(DIG(drawn, "otherData", "energy_pj")) - energy) <= 1e-12 * energy);
        json_decref(run);
        json_decref(drawn);
        remove("t.json");
    }
}

static void a_timeline_that_cannot_be_is_refused(void **state) {
    write_trace("t.h5", "plain", 0.4f);
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --timeline t.json", SJ_ERR_USAGE, "choose one with --batch");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.json --timeline-layer conv2", SJ_ERR_USAGE, "--timeline-layer conv2");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.json --timeline-layer conv1:update", SJ_ERR_RANGE, "conv1:update");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.json --timeline-variant skip/rle", SJ_ERR_USAGE, "skip/bitmask");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.json --variants gate", SJ_ERR_USAGE, "skip/bitmask: it is not simulated");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline absent/t.json", SJ_ERR_IO, "absent/t.json");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.h5", SJ_ERR_EXISTS, "t.h5");
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.json -q");
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1 --timeline t.json --force -q");
    free(output());
}

static void explained_mappings_are_those_of_the_products(void **state) {
    write_trace("t.h5", "plain", 0.4f);
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 4 --explain-mapping");
    char *text = output();
    assert_non_null(strstr(text, "conv1 forward: O[144 x 16] = A[144 x 72] B[72 x 16]"));
    assert_non_null(strstr(text, "chosen"));
    assert_null(strstr(text, "skip/bitmask"));
    free(text);
}

static void no_fuse_and_quantise_need_their_machine(void **state) {
    write_trace("t.h5", "plain", 0.4f);
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --quantise -o run", SJ_ERR_USAGE, "dtype \"bf16\"");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --set dtype=int8 --batch 1 -o run", SJ_ERR_UNSUPPORTED, "--quantise");
    json_t *root = json_of(sj_cmd_sim, "sim t.h5 --accel edge16 --set dtype=int8 --quantise --batch 4 --json");
    assert_true(json_is_true(DIG(root, "quantised")));
    const json_t *layer = json_array_get(DIG(root, "variants", "skip/none", "layers"), 0);
    assert_int_equal(COUNT(layer, "quantised_zeros", "a"), 6);
    assert_int_equal(COUNT(layer, "quantised_zeros", "b"), 0);
    const double lost = json_real_value(DIG(layer, "density_before", "a")) - json_real_value(DIG(layer, "density", "a"));
    assert_true(fabs(lost - 6.0 / (2 * 6 * 6 * 8)) < 1e-12);
    json_decref(root);
    root = json_of(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 4 --json");
    assert_null(json_object_get(root, "quantised"));
    assert_null(json_object_get(json_array_get(DIG(root, "variants", "skip/none", "layers"), 0), "quantised_zeros"));
    json_decref(root);
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --set dtype=int8 --quantise --batch 4");
    char *text = output();
    assert_non_null(strstr(text, ", quantised\n"));
    assert_non_null(strstr(text, "Quantising to int8 made zeros, which are no method's merit: 6 stored values as operands a, 0 as b"));
    free(text);
}

static void the_wave_is_of_the_chosen_job(void **state) {
    static const struct {
        const char *words, *content;
    } cases[] = {{" --wave-cycles 0:20", "conv1 forward skip 0 20\n"}, {" --wave-layer conv1:forward --wave-job 1 --wave-cycles 5:5 --wave-variant gate/none", "conv1 forward gate 5 5\n"}};
    write_trace("t.h5", "plain", 0.4f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[256], *text;
        size_t bytes;
        snprintf(words, sizeof words, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave w.fst%s", cases[i].words);
        works(sj_cmd_sim, words);
        free(output());
        assert_int_equal(sj_read_file("w.fst", &text, &bytes, &err), SJ_OK);
        assert_string_equal(text, cases[i].content);
        free(text);
        remove("w.fst");
    }
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave w.fst --wave-job 2", SJ_ERR_RANGE, "have 1 products");
    // What is recorded ends with the job; a window behind its end is refused.
    char *text;
    size_t bytes;
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave w.fst");
    free(output());
    assert_int_equal(sj_read_file("w.fst", &text, &bytes, &err), SJ_OK);
    int last = 0;
    assert_int_equal(sscanf(text, "conv1 forward skip 0 %d", &last), 1);
    free(text);
    remove("w.fst");
    assert_in_range(last, 21, 9998);
    char words[160], takes[64];
    snprintf(words, sizeof words, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave w.fst --wave-cycles %d:%d", last + 1, last + 9);
    snprintf(takes, sizeof takes, "takes %d cycles", last + 1);
    refused(sj_cmd_sim, words, SJ_ERR_RANGE, takes);
    snprintf(words, sizeof words, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave w.fst --wave-cycles %d:%d", last, last + 9);
    works(sj_cmd_sim, words);
    free(output());
    remove("w.fst");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave no/such/w.fst", SJ_ERR_IO, "no/such/w.fst");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --fidelity rtl -q --wave w.fst", SJ_ERR_USAGE, "--batch");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave w.fst --wave-layer conv1:update", SJ_ERR_RANGE, "--wave-layer conv1:update");
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 3 --fidelity rtl -q --wave t.h5", SJ_ERR_EXISTS, "t.h5");
}

static void an_interrupted_run_leaves_nothing(void **state) {
    write_trace("t.h5", "plain", 0.4f);
    for (int after = 0; after < 6; after++) {
        test_interrupt_after = after;
        refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 2 --timeline t.json -o run -q", SJ_ERR_INTERRUPTED, "interrupted");
    }
    test_interrupt_after = 6;  // one job on six variants
    works(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 2 --timeline t.json -o run -q");
    test_interrupt_after = -1;
    free(output());
}

// Lines of stderr that a command leaves, here of the stand-in for rtl that says what it builds.
static int lines_on_stderr(const char *words) {
    fflush(stderr);
    const int saved = dup(STDERR_FILENO);
    FILE *f = fopen("stderr.txt", "w+");
    assert_non_null(f);
    assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
    const sj_status status = run(sj_cmd_sim, words);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    assert_int_equal(status, SJ_OK);
    free(output());
    int lines = 0, met = 0;
    char line[256];
    for (rewind(f); fgets(line, sizeof line, f) != NULL; lines++) {
        met += strcmp(line, "Verilating\n") == 0;
    }
    fclose(f);
    remove("stderr.txt");
    assert_int_equal(met, lines);
    return lines;
}

static void an_array_built_on_demand_is_told_of(void **state) {
    write_trace("t.h5", "plain", 0.4f);
    assert_int_equal(lines_on_stderr("sim t.h5 --accel edge16 --batch 1 --fidelity rtl --variants skip,gate --codecs none"), 2);
    assert_int_equal(lines_on_stderr("sim t.h5 --accel edge16 --batch 1 --fidelity rtl --variants skip,gate --codecs none -q"), 0);
    assert_int_equal(lines_on_stderr("sim t.h5 --accel edge16 --batch 1 --variants skip,gate --codecs none"), 0);
}

#define SAMPLES SJ_SOURCE_DIR "/traces/samples/"

static void unfused_layers_stand_apart(void **state) {
    json_t *fused = json_of(sj_cmd_sim, "sim " SAMPLES "cnn8-eval.h5 --accel edge16 --batch 1 --codecs none --json -q");
    json_t *apart = json_of(sj_cmd_sim, "sim " SAMPLES "cnn8-eval.h5 --accel edge16 --batch 1 --codecs none --no-fuse --json -q");
    assert_true(json_is_true(DIG(apart, "no_fuse")));
    assert_true(json_array_size(DIG(apart, "variants", "skip/none", "layers")) > json_array_size(DIG(fused, "variants", "skip/none", "layers")));
    assert_true(COUNT(apart, "variants", "skip/none", "total", "cycles") > COUNT(fused, "variants", "skip/none", "total", "cycles"));
    assert_int_equal(COUNT(apart, "variants", "skip/none", "total", "macs", "total"), COUNT(fused, "variants", "skip/none", "total", "macs", "total"));
    json_decref(fused);
    json_decref(apart);
    refused(sj_cmd_sim, "sim " SAMPLES "cnn8-train.h5 --accel edge16 --no-fuse", SJ_ERR_USAGE, "a training step, which fuses nothing");
}

// A result records the trace's whole path, never a part of it.
static void a_path_too_long_to_be_recorded_is_refused(void **state) {
    char deep[1200] = "";
    write_trace("t.h5", "plain", 0.3f);
    for (int i = 0; i < 5; i++) {
        const size_t used = strlen(deep);
        snprintf(deep + used, sizeof deep - used, "%s%0200d", i > 0 ? "/" : "", i);
        assert_int_equal(mkdir(deep, 0777), 0);
    }
    strcat(deep, "/a_trace_of_a_name_that_is_not_short.h5");
    assert_int_equal(rename("t.h5", deep), 0);
    assert_int_equal(symlink(deep, "t.h5"), 0);
    refused(sj_cmd_sim, "sim t.h5 --accel edge16 --batch 1", SJ_ERR_RANGE, "t.h5: its whole path has ");
}

// Names of 10 bytes; every list of up to 256 has a text of its own, whole where it fits.
static void lists_of_layers_that_differ_have_texts_that_differ(void **state) {
    static char names[256][11];
    static char whole[sizeof ((sj_stats *)0)->selection], other[sizeof whole];
    static sj_sim_options o;
    for (int i = 0; i < 256; i++) {
        snprintf(names[i], sizeof names[i], "layer_%04d", i);
        o.layers[i] = names[i];
    }
    for (int phase = -1; phase <= SJ_PHASE_GRAD_WEIGHT; phase += 3) {
        o.phase = phase;
        o.layer_count = 1;
        sj_sim_describe_selection(&o, whole, sizeof whole);
        assert_string_equal(whole, phase < 0 ? "layer layer_0000" : "layer layer_0000 phase grad_weight");
        for (o.layer_count = 2; o.layer_count <= 256; o.layer_count++) {
            const size_t length = 6 + 11 * (size_t)o.layer_count - 1 + (phase < 0 ? 0 : strlen(" phase grad_weight"));
            sj_sim_describe_selection(&o, whole, sizeof whole);
            assert_true(strncmp(whole, "layer layer_0000,layer_0001", 27) == 0);
            assert_true((strstr(whole, ",... (") == NULL) == (length < sizeof whole));
            assert_true(length >= sizeof whole || strlen(whole) == length);
            assert_true(phase < 0 || strcmp(strrchr(whole, ' '), " grad_weight") == 0);
            o.layers[o.layer_count - 1] = "last_layer";
            sj_sim_describe_selection(&o, other, sizeof other);
            o.layers[o.layer_count - 1] = names[o.layer_count - 1];
            assert_string_not_equal(whole, other);
        }
    }
    o.phase = SJ_PHASE_GRAD_WEIGHT;
    o.layer_count = 0;
    sj_sim_describe_selection(&o, whole, sizeof whole);
    assert_string_equal(whole, "phase grad_weight");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sim_writes_a_whole_run_and_report_reads_it),
        TEST(report_sets_asic_ratio_beside_the_energy),
        TEST(report_says_which_tech_file_was_used),
        TEST(report_compares_like_with_like_alone),
        TEST(report_tells_what_a_method_did_in_the_step),
        TEST(report_tells_whose_penalty_is_left_out),
        TEST(sim_names_what_the_trace_lacks),
        TEST(a_path_too_long_to_be_recorded_is_refused),
        TEST(lists_of_layers_that_differ_have_texts_that_differ),
        TEST(the_timeline_has_the_energy_of_the_run),
        TEST(a_timeline_that_cannot_be_is_refused),
        TEST(explained_mappings_are_those_of_the_products),
        TEST(no_fuse_and_quantise_need_their_machine),
        TEST(the_wave_is_of_the_chosen_job),
        TEST(an_interrupted_run_leaves_nothing),
        TEST(an_array_built_on_demand_is_told_of),
        TEST(unfused_layers_stand_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
