// SPDX-License-Identifier: Apache-2.0
// Does gemm do what its help says, and do all commands refuse what they must, leaving nothing behind?
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    refused(sj_cmd_gemm, "gemm 4 4 4 --accel edge16 --tech 45mn", SJ_ERR_IO, "did you mean 45nm");
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
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --wave x.fst", SJ_ERR_USAGE, "it goes with --fidelity rtl, not fast");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --wave-job 2", SJ_ERR_USAGE, "--wave-job goes with --wave");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --fidelity rtl --wave x.fst --wave-cycles 7", SJ_ERR_USAGE, "FIRST:LAST");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --fidelity rtl --wave x.fst --wave-cycles 8:7", SJ_ERR_USAGE, "behind the last");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --fidelity rtl --wave x.fst --wave-cycles 8:x", SJ_ERR_USAGE, "whole number");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --fidelity rtl --wave x.fst --wave-job 0", SJ_ERR_USAGE, "--wave-job 0");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --fidelity rtl --wave x.fst --all-steps", SJ_ERR_USAGE, "one step");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --timeline-layer conv1", SJ_ERR_USAGE, "--timeline-layer goes with --timeline");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --timeline-variant skip/none", SJ_ERR_USAGE, "--timeline-variant goes with --timeline");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --timeline t.json --timeline-layer :forward", SJ_ERR_USAGE, "NAME:PHASE");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --timeline t.json --timeline-layer conv1:foward", SJ_ERR_USAGE, "did you mean forward");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --timeline t.json --all-steps", SJ_ERR_USAGE, "one step");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --explain-mapping --json", SJ_ERR_USAGE, "simulates nothing");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --explain-mapping -o run", SJ_ERR_USAGE, "-o exclude");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --quantise", SJ_ERR_USAGE, "dtype");
    refused(sj_cmd_sim, "sim --accel edge16", SJ_ERR_USAGE, "one is needed");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --step 1 --all-steps", SJ_ERR_USAGE, "exclude");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --batch 0", SJ_ERR_USAGE, "--batch 0");
    refused(sj_cmd_sim, "sim x.h5 --accel edge16 --phase foward", SJ_ERR_USAGE, "did you mean forward");
    refused(sj_cmd_sim, "sim absent.h5 --accel edge16 -o run", SJ_ERR_IO, "absent.h5");
    refused(sj_cmd_report, "report", SJ_ERR_USAGE, "no run given");
    refused(sj_cmd_report, "report a -o x.pdf", SJ_ERR_USAGE, "its name must end in .html");
    refused(sj_cmd_report, "report a --format htm", SJ_ERR_USAGE, "text, json, csv, md");
    refused(sj_cmd_report, "report absent", SJ_ERR_IO, "absent");
}

static void a_trained_folder_is_told_from_a_simulated_one(void **state) {
    assert_int_equal(mkdir("run", 0777), 0);
    refused(sj_cmd_sim, "sim run --accel edge16", SJ_ERR_IO, "run: cannot read: Is a directory");
    refused(sj_cmd_report, "report run", SJ_ERR_IO, "run: it holds no results");
    write_trace("run/trace.h5", "plain", 0.5F);
    refused(sj_cmd_sim, "sim run --accel edge16", SJ_ERR_IO, "run: it is a folder; its trace is run/trace.h5");
    refused(sj_cmd_report, "report run", SJ_ERR_IO, "run skipjoule sim run/trace.h5 -o FOLDER first");
    assert_int_equal(remove("run/trace.h5"), 0);
    assert_int_equal(rmdir("run"), 0);
}

// More names than a message holds: 300, of which the last in the order of names is looked for.
static void all_shipped_names_are_candidates(void **state) {
    char path[64], *found;
    assert_int_equal(mkdir("configs", 0777) | mkdir("configs/many", 0777), 0);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "configs/many/number-%03d-of-all.cfg", i);
        fclose(fopen(path, "w"));
    }
    assert_int_equal(setenv("SJ_SHARE", ".", 1), 0);
    assert_int_equal(sj_cli_find_config("many", "numbr-299-of-all", &found, &err), SJ_ERR_IO);
    assert_null(found);
    const char *list = strstr(err.message, "nor a shipped name; did you mean number-299-of-all? (many: number-000-of-all, number-001-of-all, "), *more = strstr(err.message, "-of-all and ");
    assert_non_null(list);
    assert_non_null(more);
    const int listed = atoi(more - 3) + 1;  // whole names, and the rest counted
    snprintf(path, sizeof path, "-of-all and %d more)", 300 - listed);
    assert_true(listed > 9 && listed < 300);
    assert_string_equal(more, path);
    for (int i = 3; i < 300; i++) {
        snprintf(path, sizeof path, "configs/many/number-%03d-of-all.cfg", i);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(sj_cli_find_config("many", "x", &found, &err), SJ_ERR_IO);
    assert_string_equal(err.message, "x: no such file, nor a shipped name (many: number-000-of-all, number-001-of-all, number-002-of-all)");
    assert_int_equal(sj_cli_find_config("none", "x", &found, &err), SJ_ERR_IO);
    assert_string_equal(err.message, "x: no such file, nor a shipped name (none: none)");
    assert_int_equal(unsetenv("SJ_SHARE"), 0);
}

static void set_reaches_both_files(void **state) {
    json_t *root = json_of(sj_cmd_gemm, "gemm 8 8 8 --accel edge16 --set clock_mhz=250.0 --set tech.vector_op.typical=4.0 --json");
    assert_true(json_number_value(DIG(root, "clock_mhz")) == 250.0);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(gemm_counts_what_the_densities_say), TEST(gemm_masks_nest_and_energy_falls), TEST(gemm_is_the_same_at_another_fidelity_and_checks_results),
        TEST(any_codecs_can_be_chosen),           TEST(array_only_moves_nothing_to_dram), TEST(wrong_calls_are_named),
        TEST(a_trained_folder_is_told_from_a_simulated_one), TEST(all_shipped_names_are_candidates),
        TEST(set_reaches_both_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
