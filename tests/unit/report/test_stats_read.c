// SPDX-License-Identifier: Apache-2.0
// Which stats.json is read, and which is refused: keys that are missing, of another version, of another type.
#include "stats_fixture.h"

// Every key of a layer and of the head that is taken out is missed by its name.
static void a_missing_key_is_named(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    char *text = json_text(&run, 1);
    static const char *const head[] = {"format", "version", "accel", "tech", "clock_mhz", "array", "fidelity", "mode", "step", "batch", "variants"};
    static const char *const layer[] = {"name", "phase", "cycles", "busy", "macs", "counts", "energy_pj", "energy_pj_high", "density"};
    const int head_count = (int)(sizeof head / sizeof head[0]), all = head_count + (int)(sizeof layer / sizeof layer[0]);
    for (int i = 0; i < all; i++) {
        json_t *root = json_loads(text, 0, NULL);
        const char *key = i < head_count ? head[i] : layer[i - head_count];
        json_t *from = i < head_count ? root : json_array_get(json_object_get(json_object_get(json_object_get(root, "variants"), "gate/none"), "layers"), 2);
        assert_int_equal(json_object_del(from, key), 0);
        assert_int_equal(json_dump_file(root, "broken.json", 0), 0);
        json_decref(root);
        sj_stats *back;
        int count;
        assert_int_equal(sj_stats_read("broken.json", &back, &count, &err), SJ_ERR_FORMAT);
        assert_non_null(strstr(err.message, key));
        assert_non_null(strstr(err.message, "broken.json"));
        assert_null(back);
    }
    remove("broken.json");
    free(text);
    sj_stats_free(&run);
}

// Within version 1 keys are only added: what this program does not know passes, a component that an older file lacks is 0, but the sum must hold.
static void a_file_of_another_version_1_is_read(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    char *text = json_text(&run, 1);
    for (int with_sum = 0; with_sum < 2; with_sum++) {
        json_t *root = json_loads(text, 0, NULL), *total = json_object_get(json_object_get(json_object_get(root, "variants"), "skip/none"), "total");
        json_t *energy = json_object_get(total, "energy_pj");
        const double standby = json_real_value(json_object_get(energy, "dram_standby"));
        json_object_set_new(root, "later", json_true());
        json_object_set_new(json_object_get(total, "counts"), "later.counter", json_integer(3));
        json_object_del(energy, "dram_standby");
        json_object_set_new(energy, "later_component", json_real(with_sum ? standby : 2.0 * standby));
        assert_int_equal(json_dump_file(root, "later.json", 0), 0);
        json_decref(root);
        sj_stats *back;
        int count;
        const sj_status status = sj_stats_read("later.json", &back, &count, &err);
        if (with_sum) {
            assert_int_equal(status, SJ_OK);
            const sj_energy *e = &sj_stats_find(back, SJ_MACHINE_SKIP, SJ_CODEC_NONE)->total.energy[SJ_TYPICAL];
            assert_true(e->component_pj[SJ_COMPONENT_dram_standby] == 0.0);
            assert_true(e->total_pj == sj_stats_find(&run, SJ_MACHINE_SKIP, SJ_CODEC_NONE)->total.energy[SJ_TYPICAL].total_pj);
            sj_stats_free(back);
            free(back);
        } else {
            assert_int_equal(status, SJ_ERR_FORMAT);
            assert_non_null(strstr(err.message, "sum to their total"));
        }
    }
    remove("later.json");
    free(text);
    sj_stats_free(&run);
}

// Breaks the spread of one total, and expects the file to be refused by that key.
static void refused_spread(const char *text, const char *variant, const char *replacement, bool whole) {
    json_t *root = json_loads(text, 0, NULL), *total = json_object_get(json_object_get(json_object_get(root, "variants"), variant), "total");
    json_t *spread = replacement == NULL ? NULL : json_loads(replacement, JSON_DECODE_ANY, NULL);
    if (replacement == NULL) {
        assert_int_equal(json_object_del(total, "energy_pj_spread"), 0);
    } else if (whole) {
        assert_int_equal(json_object_set_new(total, "energy_pj_spread", spread), 0);
    } else {
        assert_int_equal(json_object_set_new(json_object_get(total, "energy_pj_spread"), "source1", spread), 0);
    }
    assert_int_equal(json_dump_file(root, "spread.json", 0), 0);
    json_decref(root);
    sj_stats *back;
    int count;
    assert_int_equal(sj_stats_read("spread.json", &back, &count, &err), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "\"energy_pj_spread\""));
    assert_null(back);
}

static void a_spread_that_does_not_fit_is_refused(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    char *text = json_text(&run, 1), many[4096] = "{";
    for (int i = 0; i <= SJ_SOURCE_MAX; i++) {
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s\"s%d\": {}", i > 0 ? ", " : "", i);
    }
    strcat(many, "}");
    refused_spread(text, "gate/none", NULL, true);  // the others have one
    refused_spread(text, "gate/none", "{\"source1\": {}, \"source0\": {}, \"source2\": {}}", true);
    refused_spread(text, "gate/none", "{\"source0\": {}}", true);
    refused_spread(text, "dense/none", many, true);
    refused_spread(text, "dense/none", "{\"a_name_of_one_and_thirty_letters\": {}}", true);
    refused_spread(text, "dense/none", "[]", true);
    refused_spread(text, "skip/rle", "5", false);
    refused_spread(text, "skip/rle", "{\"mac\": [1.0]}", false);
    refused_spread(text, "skip/rle", "{\"mac\": [1.0, 2.0, 3.0]}", false);
    refused_spread(text, "skip/rle", "{\"mac\": [1.0, \"2\"]}", false);
    // A file of before spreads were written has none at all.
    json_t *root = json_loads(text, 0, NULL), *variant;
    const char *name;
    json_object_foreach(json_object_get(root, "variants"), name, variant) {
        assert_int_equal(json_object_del(json_object_get(variant, "total"), "energy_pj_spread"), 0);
    }
    assert_int_equal(json_dump_file(root, "spread.json", 0), 0);
    json_decref(root);
    sj_stats *back;
    int count;
    OK(sj_stats_read("spread.json", &back, &count, &err));
    assert_int_equal(back->source_count, 0);
    sj_stats_free(back);
    free(back);
    remove("spread.json");
    free(text);
    sj_stats_free(&run);
}

static void what_is_not_ours_is_refused(void **state) {
    static const char *const texts[] = {"", "{", "[]", "{\"format\": \"other\"}", "{\"format\": \"skipjoule-stats\", \"version\": 2}",
                                        "{\"format\": \"skipjoule-stats-list\", \"version\": 1, \"runs\": []}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        FILE *f = fopen("other.json", "w");
        assert_non_null(f);
        fputs(texts[i], f);
        fclose(f);
        sj_stats *back;
        int count;
        assert_int_equal(sj_stats_read("other.json", &back, &count, &err), SJ_ERR_FORMAT);
    }
    remove("other.json");
    sj_stats *back;
    int count;
    assert_int_equal(sj_stats_read("absent.json", &back, &count, &err), SJ_ERR_IO);
}

// A good file with one value replaced.
static void a_value_of_another_type_is_refused(void **state) {
    static const struct {
        const char *key, *value, *wanted;
    } cases[] = {{"no_fuse", "1", "key \"no_fuse\" is missing or not true or false"},
                 {"quantised", "\"yes\"", "key \"quantised\" is missing or not true or false"},
                 {"no_fuse", "null", "key \"no_fuse\" is missing or not true or false"},
                 {"no_fuse", "false", NULL},
                 {"penalty", "\"charged\"", NULL},
                 {"penalty", "\"left out\"", NULL},
                 {"penalty", "\"left_out\"", "other.json: key \"penalty\" is \"left_out\"; it must be \"charged\" or \"left out\""},
                 {"penalty", "\"\"", "other.json: key \"penalty\" is \"\"; it must be \"charged\" or \"left out\""},
                 {"penalty", "null", "other.json: key \"penalty\" is missing or not a text"},
                 {"penalty", "true", "other.json: key \"penalty\" is missing or not a text"},
                 {"variants", "{}", "key \"variants\" is missing or not an object of 1 to 9 variants"}};
    sj_random r = sj_random_seed(2);
    sj_stats run = random_run(&r);
    FILE *f = fopen("good.json", "w");
    assert_non_null(f);
    OK(sj_stats_write_json(f, &run, 1, &err));
    fclose(f);
    sj_stats_free(&run);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *root = json_load_file("good.json", 0, NULL);
        assert_non_null(root);
        assert_int_equal(json_object_set_new(root, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL)), 0);
        assert_int_equal(json_dump_file(root, "other.json", 0), 0);
        json_decref(root);
        sj_stats *back;
        int count;
        const sj_status status = sj_stats_read("other.json", &back, &count, &err);
        assert_int_equal(status, cases[i].wanted != NULL ? SJ_ERR_FORMAT : SJ_OK);
        if (status == SJ_OK) {
            sj_stats_free(back);
            free(back);
        } else {
            assert_non_null(strstr(err.message, cases[i].wanted));
        }
    }
    remove("good.json");
    remove("other.json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_key_is_named),
        cmocka_unit_test(a_file_of_another_version_1_is_read),
        cmocka_unit_test(a_spread_that_does_not_fit_is_refused),
        cmocka_unit_test(what_is_not_ours_is_refused),
        cmocka_unit_test(a_value_of_another_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
