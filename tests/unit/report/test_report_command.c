// SPDX-License-Identifier: Apache-2.0
// The command report on runs of the command sim: every table in every format, the page, a difference; and the same in a sanitized build.
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const tables = "summary,machines,comparison,saving_sources,savings,layers,components,joules,density,roofline,config,provenance";

static void simulate_two(void) {
    write_trace("x.h5", "plain", 0.5F);
    works(sj_cmd_sim, "sim x.h5 --accel edge16 -o a -q");
    free(output());
    works(sj_cmd_sim, "sim x.h5 --accel edge16 --set array.slots=2 -o b -q");
    free(output());
}

static void remove_all(void) {
    static const char *const folders[] = {"a", "b"}, *const files[] = {"config.cfg", "tech.cfg", "provenance.json", "stats.json", "layers.csv", "stats.txt"};
    char path[64];
    for (int i = 0; i < 2; i++) {
        for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
            snprintf(path, sizeof path, "%s/%s", folders[i], files[f]);
            assert_int_equal(remove(path), 0);
        }
        assert_int_equal(rmdir(folders[i]), 0);
    }
    assert_int_equal(remove("x.h5"), 0);
}

static void every_table_is_written(void **state) {
    char words[512];
    simulate_two();
    static const char *const formats[] = {"text --width 60", "text", "md --sort -energy_pj --top 3", "json"};
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        snprintf(words, sizeof words, "report a b --part %s --format %s", tables, formats[f]);
        works(sj_cmd_report, words);
        char *text = output();
        assert_true(strlen(text) > 2000);
        free(text);
    }
    snprintf(words, sizeof words, "report a b --part %s --format json", tables);
    json_t *root = json_of(sj_cmd_report, words);
    double sum = 0.0;
    size_t i;
    const json_t *row;
    assert_int_equal(json_object_size(DIG(root, "tables")), 12);
    assert_int_equal(json_array_size(DIG(root, "tables", "machines", "rows")), 2 * 2 * 6);  // two runs, each at two batches
    json_array_foreach(DIG(root, "tables", "joules", "rows"), i, row) {
        sum += json_number_value(json_array_get(row, json_array_size(row) - 1));
    }
    assert_true(sum > 24.0 - 1e-9 && sum < 24.0 + 1e-9);  // shares
    json_decref(root);
    works(sj_cmd_report, "report a --part layers --format csv");
    free(output());
    remove_all();
}

static void differences_and_pages(void **state) {
    simulate_two();
    works(sj_cmd_report, "report a b --diff");
    char *text = output();
    assert_non_null(strstr(text, "config.cfg array.slots: 8 -> 2"));
    free(text);
    works(sj_cmd_report, "report a a --diff");
    text = output();
    assert_non_null(strstr(text, "\nno difference in what is compared (not: "));
    free(text);
    if (run(sj_cmd_report, "report a b -o page.html") == SJ_OK) {
        free(output());
        assert_int_equal(access("page.html", R_OK), 0);
        refused(sj_cmd_report, "report a b -o page.html", SJ_ERR_EXISTS, "--force replaces it");
        works(sj_cmd_report, "report a b -o page.html --force");
        assert_int_equal(remove("page.html"), 0);
    } else {
        assert_int_equal(err.status, SJ_ERR_UNSUPPORTED);
    }
    free(output());
    refused(sj_cmd_report, "report a b --part whole", SJ_ERR_USAGE, "it needs a whole run");
    refused(sj_cmd_report, "report a b --part layers --sort nothing_like_it", SJ_ERR_USAGE, "nothing_like_it");
    refused(sj_cmd_report, "report a b --part layers,machines --format csv", SJ_ERR_USAGE, "machines");
    remove_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(every_table_is_written), TEST(differences_and_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
