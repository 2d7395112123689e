// SPDX-License-Identifier: Apache-2.0
// What stands in a report: to the letter, cut at the top, where there is nothing to show, and where it cannot be written.
#include <jansson.h>

#include "test_analysis_tables.h"

// An axis is told to be one; what the file leaves open is as the program takes it.
static void what_was_fixed_is_told(void **state) {
    static const char *const machines[] = {"dense", "skip"}, *const codecs[] = {"none", "rle"};
    static const struct {
        const char *config, *wanted;
        int axes;
    } cases[] = {
        {"accel = \"mobile\"; tech = \"28nm\";", "machine skip; codec as the accelerator's file has it; accelerator mobile; technology 28nm", 0},
        {"accel = \"edge16\"; machine = \"gate\"; set = [\"array.rows=4\", \"dram.codec=none\", \"dram.channels=2\"];", "machine gate; codec none; accelerator edge16", 0},
        {"accel = \"edge16\";", "machine (an axis); codec (an axis); accelerator edge16", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sweep s = {0};
        add_numbers(&s, "array.rows", 2);
        if (cases[i].axes == 2) {
            add_axis(&s, "machine", 2, machines);
            add_axis(&s, "dram.codec", 2, codecs);
        }
        fill(&s);
        s.about.config = cases[i].config;
        char text[SJ_ANALYSIS_SETUP_MAX];
        sj_error err;
        assert_int_equal(sj_analysis_setup(&s.about, text, &err), SJ_OK);
        assert_string_equal(text, cases[i].wanted);
        s.about.config = "accel = ;";
        assert_int_equal(sj_analysis_setup(&s.about, text, &err), SJ_ERR_CONFIG);
        sweep_free(&s);
    }
}

static void test_summary(void **state) {
    sweep s = {0};
    static const char *const types[] = {"ddr4"};
    add_numbers(&s, "array.rows", 40);
    add_numbers(&s, "array.lanes", 40);
    add_axis(&s, "dram.type", 1, types);
    fill(&s);
    s.about.total = 1700;
    s.about.config = "accel = \"edge16\"; set = [\"dram.codec=rle\"];";
    for (int64_t i = 0; i < 1200; i++) {
        char reason[64];
        snprintf(reason, sizeof reason, "%c needs %d", 'a' + (int)(i < 1190 ? 0 : i - 1190), (int)i);
        set_invalid(&s.points[i], reason);
    }
    sj_analysis a;
    analyse(&s, &a);
    char *text = written_part(&a, SJ_PART_SUMMARY, SJ_ANALYSIS_TEXT, 0);
    assert_string_equal(text, "sweep     sizes\n"
                              "trace     resnet18.h5, weight 2: resnet18, plain on cifar10: train step 1171, batch 16\n"
                              "fixed     machine skip; codec rle; accelerator edge16\n"
                              "axis      array.rows: 40 values: 4 to 160\n"
                              "axis      array.lanes: 40 values: 4 to 160\n"
                              "axis      dram.type: 1 value: ddr4\n"
                              "points    1,600 looked at of 1,700 wanted; the space has 1,600\n"
                              "valid     400\n"
                              "invalid   1,200\n"
                              "reason    1,191 points, the first: a needs 0\n"
                              "reason    1 point: b needs 1191\n"
                              "reason    1 point: c needs 1192\n"
                              "reason    1 point: d needs 1193\n"
                              "reason    1 point: e needs 1194\n"
                              "reason    5 points for 5 other kinds of reasons\n");
    free(text);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void test_units_of_a_column(void **state) {
    static const struct {
        int value;
        double least, largest, shown;
        const char *unit, *text;
    } cases[] = {
        {SJ_SWEEP_energy_pj, 2.5e9, 999e9, 2.5e9, "mJ", "2.500"},
        {SJ_SWEEP_energy_pj, 2.5e9, 1e12, 2.5e9, "J", "0.002500"},
        {SJ_SWEEP_energy_pj, 1e9, 1e9, 1e9, "mJ", "1.000"},
        {SJ_SWEEP_energy_pj, 0.5, 0.5, 0.5, "pJ", "0.5000"},
        {SJ_SWEEP_cycles, 999, 999999999, 1234567, "", "1,234,567"},
        {SJ_SWEEP_cycles, 1e9, 1e9, 1e9, "M", "1000"},
        {SJ_SWEEP_cycles, 1, 2, 999.4, "", "999"},
        {SJ_SWEEP_seconds, 0.0123, 0.0456, 0.0123, "ms", "12.30"},
        {SJ_SWEEP_seconds, 3, 4, 3.5, "s", "3.500"},
        {SJ_SWEEP_area_mm2, 0.25, 12, 12, "mm2", "12.0000"},
        {SJ_SWEEP_edp_pj_s, 5e-4, 5e-4, 5e-4, "fJ s", "0.5000"},
        {SJ_SWEEP_dram_bytes, 0, 1023, 77, "B", "77"},
        {SJ_SWEEP_dram_bytes, 1024, 1024, 1024, "KiB", "1.000"},
        {SJ_SWEEP_dram_bytes, 1, 1048576, 0, "MiB", "0.000000"},
        {SJ_SWEEP_dram_bytes, 1048576, 1048576, 1048576, "MiB", "1.000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sj_unit unit = sj_value_unit_for(cases[i].value, cases[i].least, cases[i].largest);
        char text[64];
        sj_unit_format(text, cases[i].shown, unit);
        assert_string_equal(unit.name, cases[i].unit);
        assert_string_equal(text, cases[i].text);
    }
    char text[64];
    sj_count_format(text, 0);
    assert_string_equal(text, "0");
    sj_count_format(text, 999);
    assert_string_equal(text, "999");
    sj_count_format(text, UINT64_MAX);
    assert_string_equal(text, "18,446,744,073,709,551,615");
}

static void test_top_cuts_what_people_see_and_says_so(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 100);
    fill(&s);
    for (int64_t i = 0; i < 100; i++) {
        s.points[i].values[SJ_SWEEP_energy_pj] = (double)(100 + i);
        s.points[i].values[SJ_SWEEP_cycles] = (double)(200 - i);
    }
    sj_analysis a;
    analyse(&s, &a);
    for (int format = 0; format < 2; format++) {
        const sj_analysis_format f = format == 0 ? SJ_ANALYSIS_TEXT : SJ_ANALYSIS_MD;
        char *text = written_part(&a, SJ_PART_PARETO, f, 4);
        table t = format == 0 ? read_text(text, 0) : read_md(text, 0);
        assert_int_equal(t.rows, 5);
        for (int row = 1; row < 5; row++) {
            assert_int_equal(atoi(field(&t, row, 0)), 33 * (row - 1));
        }
        assert_has(text, "100 of 100 points, shown evenly along it; 96 are left out");
        free_table(&t);
        free(text);
        text = written_part(&a, SJ_PART_PARETO, f, 1);
        assert_has(text, "100 points, of which the first is shown; 99 are left out");
        free(text);
        text = written_part(&a, SJ_PART_POINTS, f, 4);
        assert_has(text, "Points by energy_pj: 100; the first 4 are shown, 96 are left out");
        free(text);
        text = written_part(&a, SJ_PART_POINTS, f, 100);
        assert_has_not(text, "left out");
        free(text);
    }
    sj_analysis_free(&a);
    sweep_free(&s);
}

// Columns, units and sentences, to the letter.
static void test_a_whole_report(void **state) {
    static const char *const types[] = {"ddr4", "hbm"};
    sweep s = {0};
    add_numbers(&s, "rows", 3);
    add_axis(&s, "dram", 2, types);
    fill(&s);
    s.about.objectives[1] = SJ_SWEEP_dram_bytes;
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){4e6, 8e6, 2e6, 4e6, 16e6, 32e6});
    set_values(&s, SJ_SWEEP_dram_bytes, (double[]){0, 0, 2048, 2048, 4096, 6144});
    sj_analysis a;
    analyse(&s, &a);
    char *text = written(&a, (bool[SJ_PART_COUNT]){false, true, true, true, false}, SJ_ANALYSIS_TEXT, 0);
    assert_string_equal(text, "Pareto front of energy_pj and dram_bytes: 2 of 6 points\n"
                              "id  rows  dram  energy (uJ)  x best  DRAM (KiB)  x best\n"
                              "-------------------------------------------------------\n"
                              " 2     8  ddr4        2.000   1.000       2.000       -\n"
                              " 0     4  ddr4        4.000   2.000       0.000   1.000\n"
                              "Of each of these no other point is as good in every objective and better in one. x best: over the least of all 6 points.\n"
                              "\n"
                              "Sensitivity of energy_pj: 2.000 to 32.000 uJ, 16.000 x\n"
                              "axis  effect (x)  share (%)  best value  mean (uJ)  worst value  mean (uJ)  mean at each value\n"
                              "----------------------------------------------------------------------------------------------------------\n"
                              "rows       8.000       86.2  8               2.828  12              22.627  4: 5.657; 8: 2.828; 12: 22.627\n"
                              "dram       2.000       13.8  ddr4            5.040  hbm             10.079  ddr4: 5.040; hbm: 10.079\n"
                              "Interactions of axes: 0.0 %.\n"
                              "\n"
                              "Sensitivity of dram_bytes: 0.000 to 6.000 KiB\n"
                              "axis  effect (x)  share (%)  best value  mean (KiB)  worst value  mean (KiB)  mean at each value\n"
                              "-----------------------------------------------------------------------------------------------------------\n"
                              "rows      from 0       92.7  4                0.000  12                5.000  4: 0.000; 8: 2.000; 12: 5.000\n"
                              "dram       1.333        2.4  ddr4             2.000  hbm               2.667  ddr4: 2.000; hbm: 2.667\n"
                              "Interactions of axes: 4.9 %.\n"
                              "\n"
                              "Mean: the geometric mean of the points that have the value. Effect: the largest of an axis's means over the least. Share: the part of the variance of the objective's logarithm that lies between "
                              "the axis's values (sum of squares between them over the total).\n"
                              "The points are the whole grid: the shares of an objective sum to at most 100 %, and the rest is interactions of axes.\n"
                              "An objective that is 0 at some point has no logarithm there: its means are arithmetic, and its shares are of the variance of the plain values.\n"
                              "\n"
                              "Best point of each objective\n"
                              "least   id  rows  dram  energy (uJ)  x best  DRAM (KiB)  x best\n"
                              "---------------------------------------------------------------\n"
                              "energy   2     8  ddr4        2.000   1.000       2.000       -\n"
                              "DRAM     0     4  ddr4        4.000   2.000       0.000   1.000\n");
    free(text);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void expect_empty(const sweep *s, const sj_analysis_options *options, const char *sentence) {
    sj_analysis a;
    analyse_with(s, options, &a);
    for (int format = 0; format < 2; format++) {
        char *text = written(&a, every_part, format == 0 ? SJ_ANALYSIS_TEXT : SJ_ANALYSIS_MD, 10);
        assert_has(text, sentence);
        free(text);
    }
    static const sj_analysis_part lists[] = {SJ_PART_PARETO, SJ_PART_SENSITIVITY, SJ_PART_BEST, SJ_PART_POINTS};
    char *text = written(&a, every_part, SJ_ANALYSIS_JSON, 0);
    json_t *root = json_loads(text, 0, NULL);
    for (int i = 0; i < 4; i++) {
        const json_t *list = json_object_get(root, sj_analysis_part_names[lists[i]]);
        assert_true(json_is_array(list) && json_array_size(list) == 0);
        char *csv = written_part(&a, lists[i], SJ_ANALYSIS_CSV, 0);
        assert_ptr_equal(strchr(csv, '\n'), csv + strlen(csv) - 1);  // the head alone
        free(csv);
    }
    json_decref(root);
    free(text);
    sj_analysis_free(&a);
}

static void test_nothing_to_show_is_said(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 3);
    fill(&s);
    sj_expr *limit;
    sj_error err;
    assert_int_equal(sj_expr_parse("area_mm2 < 1", &limit, &err), SJ_OK);
    expect_empty(&s, &(sj_analysis_options){.limit_count = 1, .limits = &limit}, "None of the 3 valid points is within the limits");
    for (int64_t i = 0; i < 3; i++) {
        set_invalid(&s.points[i], "too wide");
    }
    expect_empty(&s, &(sj_analysis_options){0}, "None of the 3 points is valid (most often: too wide)");
    s.count = 0;
    expect_empty(&s, &(sj_analysis_options){0}, "No point has been looked at yet");
    sj_expr_free(limit);
    sweep_free(&s);
}

static void test_an_objective_that_never_varies(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 3);
    fill(&s);
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){1e9, 2e9, 3e9});
    sj_analysis a;
    analyse(&s, &a);
    char *text = written_part(&a, SJ_PART_SENSITIVITY, SJ_ANALYSIS_TEXT, 0);
    assert_has(text, "Sensitivity of energy_pj: 1.000 to 3.000 mJ, 3.000 x");
    assert_has(text, "Sensitivity of cycles: 1 at every point: no axis moves it");
    assert_has(text, "Interactions of axes: 0.0 %.");
    int told = 0;
    for (const char *p = strstr(text, "Interactions"); p != NULL; p = strstr(p + 1, "Interactions")) {
        told++;
    }
    assert_int_equal(told, 1);  // of energy alone
    free(text);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void refused(const sj_analysis *a, const bool parts[SJ_PART_COUNT], const char *part) {
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    sj_error err;
    assert_int_equal(sj_analysis_write(f, a, parts, SJ_ANALYSIS_CSV, 0, &err), SJ_ERR_USAGE);
    assert_has(err.message, part);
    fclose(f);
    assert_string_equal(text, "");
    free(text);
}

static void test_what_csv_refuses(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 3);
    fill(&s);
    sj_analysis a;
    analyse(&s, &a);
    refused(&a, every_part, "csv takes one part of the results, not 5");
    refused(&a, (bool[SJ_PART_COUNT]){[SJ_PART_SUMMARY] = true}, "the summary is no table");
    refused(&a, (bool[SJ_PART_COUNT]){false}, "no part of the results is asked for");
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void test_a_full_disk_is_told(void **state) {
    FILE *f = fopen("/dev/full", "w");
    if (f == NULL) {
        skip();
    }
    sweep s = {0};
    add_numbers(&s, "a", 3);
    fill(&s);
    sj_analysis a;
    analyse(&s, &a);
    for (int format = 0; format < SJ_ANALYSIS_FORMAT_COUNT; format++) {
        sj_error err;
        assert_int_equal(sj_analysis_write(f, &a, (bool[SJ_PART_COUNT]){[SJ_PART_BEST] = true}, (sj_analysis_format)format, 0, &err), SJ_ERR_IO);
        assert_has(err.message, "cannot write the sweep's results");
    }
    fclose(f);
    sj_analysis_free(&a);
    sweep_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary),
        cmocka_unit_test(what_was_fixed_is_told),
        cmocka_unit_test(test_units_of_a_column),
        cmocka_unit_test(test_top_cuts_what_people_see_and_says_so),
        cmocka_unit_test(test_a_whole_report),
        cmocka_unit_test(test_nothing_to_show_is_said),
        cmocka_unit_test(test_an_objective_that_never_varies),
        cmocka_unit_test(test_what_csv_refuses),
        cmocka_unit_test(test_a_full_disk_is_told),
    };
    return cmocka_run_group_tests_name("analysis-report", tests, NULL, NULL);
}
