// SPDX-License-Identifier: Apache-2.0
// The four formats say the same numbers, whatever the names hold and however many points there are.
#include <jansson.h>

#include "test_analysis_tables.h"

// ---- Sweeps

static const char *const nasty[] = {"say \"ddr4\", please", "a|b", "<script>", "two\nlines", "*bold* [x](y) `z` \\ &amp;"};

// Numbers of many digits over three axes; some points invalid.
static void make(sweep *s, sj_random *r, const char *const *texts, int text_count) {
    static const char *const volts[] = {"0.1", "0.30000000000000004", "1.5"};
    *s = (sweep){0};
    add_numbers(s, "array.rows", (int)sj_test_between(r, 1, 10));
    add_axis(s, "tech.volt", 3, volts);
    add_axis(s, texts == nasty ? "odd, \"name\"|<b>" : "dram.type", text_count, texts);
    fill(s);
    static const double sizes[SJ_SWEEP_VALUE_COUNT] = {3e9, 2e9, 4e9, 5e6, 0.01, 2.0, 3e7, 1e5};
    for (int64_t i = 0; i < s->count; i++) {
        for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
            s->points[i].values[v] = sizes[v] * (0.2 + 5.0 * sj_random_unit(r));
        }
        if (sj_random_below(r, 4) == 0) {
            s->points[i].values[SJ_SWEEP_dram_bytes] = 0.0;
        }
        if (i > 0 && sj_random_below(r, 6) == 0) {
            set_invalid(&s->points[i], "a \"reason\" | with <signs>, and 5 more");
        }
    }
    s->about.objective_count = 3;
    s->about.objectives[0] = SJ_SWEEP_energy_pj;
    s->about.objectives[1] = SJ_SWEEP_cycles;
    s->about.objectives[2] = SJ_SWEEP_dram_bytes;
}

// ---- json and csv

static void assert_same(const char *csv, const json_t *json) {
    if (json_is_null(json)) {
        assert_string_equal(csv, "");
    } else if (json_is_string(json)) {
        assert_string_equal(csv, json_string_value(json));
    } else if (json_is_boolean(json)) {
        assert_string_equal(csv, json_is_true(json) ? "1" : "0");
    } else {
        assert_true(json_is_number(json));
        char *rest;
        assert_true(strtod(csv, &rest) == json_number_value(json));
        assert_true(rest != csv && *rest == '\0');
    }
}

static void compare_points(const sweep *s, const sj_analysis *a, sj_analysis_part part, const json_t *root) {
    char *csv = written_part(a, part, SJ_ANALYSIS_CSV, 1);  // top is for people alone
    table t = read_csv(csv);
    const json_t *list = json_object_get(root, sj_analysis_part_names[part]);
    assert_int_equal(json_array_size(list), t.rows - 1);
    const int first = part == SJ_PART_BEST ? 2 : 1;
    for (int row = 1; row < t.rows; row++) {
        const json_t *point = json_array_get(list, (size_t)(row - 1));
        assert_int_equal(json_object_size(point) + (size_t)s->space.axis_count - 1, t.columns);
        for (int c = 0; c < t.columns; c++) {
            const bool is_axis = c >= first && c < first + s->space.axis_count;
            const json_t *value = json_object_get(is_axis ? json_object_get(point, "axes") : point, field(&t, 0, c));
            assert_non_null(value);
            assert_same(field(&t, row, c), value);
        }
        const sj_point_result *p = NULL;
        for (int64_t i = 0; i < s->count; i++) {
            p = s->points[i].id == strtoull(field(&t, row, first - 1), NULL, 10) ? &s->points[i] : p;
        }
        assert_non_null(p);
        for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
            assert_true(strtod(field(&t, row, column(&t, sj_sweep_value_names[v])), NULL) == p->values[v]);
        }
    }
    free_table(&t);
    free(csv);
}

static void compare_sensitivities(const sj_analysis *a, const json_t *root) {
    char *csv = written_part(a, SJ_PART_SENSITIVITY, SJ_ANALYSIS_CSV, 0);
    table t = read_csv(csv);
    const json_t *list = json_object_get(root, "sensitivity");
    int row = 1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *of = json_array_get(list, i), *values = json_object_get(of, "values");
        char mean[64];
        snprintf(mean, sizeof mean, "mean_%s", json_string_value(json_object_get(of, "objective")));
        for (size_t v = 0; v < json_array_size(values); v++, row++) {
            static const char *const shared[] = {"objective", "axis", "scale", "effect_ratio", "share"};
            for (size_t k = 0; k < sizeof shared / sizeof *shared; k++) {
                assert_same(field(&t, row, column(&t, shared[k])), json_object_get(of, shared[k]));
            }
            assert_same(field(&t, row, column(&t, "value")), json_object_get(json_array_get(values, v), "value"));
            assert_same(field(&t, row, column(&t, "points")), json_object_get(json_array_get(values, v), "points"));
            assert_same(field(&t, row, column(&t, "mean")), json_object_get(json_array_get(values, v), mean));
        }
    }
    assert_int_equal(row, t.rows);
    free_table(&t);
    free(csv);
}

static void test_csv_and_json_agree_to_the_last_digit(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(4));
    for (int round = 0; round < 20; round++) {
        sweep s;
        make(&s, &r, nasty, 5);
        sj_analysis a;
        analyse(&s, &a);
        char *text = written(&a, every_part, SJ_ANALYSIS_JSON, 1);
        json_error_t error;
        json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (root == NULL) {
            fail_msg("%s at line %d of\n%s", error.text, error.line, text);
        }
        assert_string_equal(json_string_value(json_object_get(root, "format")), "skipjoule-sweep");
        assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
        assert_int_equal(json_integer_value(json_object_get(root, "points_in_space")), s.space.size);
        assert_int_equal(json_integer_value(json_object_get(root, "points_looked_at")), a.points);
        assert_int_equal(json_integer_value(json_object_get(root, "points_valid")), a.valid);
        assert_int_equal(json_integer_value(json_object_get(root, "points_within_limits")), a.within);
        const json_t *axis = json_array_get(json_object_get(root, "axes"), 2), *values = json_object_get(axis, "values");
        assert_string_equal(json_string_value(json_object_get(axis, "name")), s.space.axes[2].name);
        for (size_t v = 0; v < 5; v++) {
            assert_string_equal(json_string_value(json_array_get(values, v)), nasty[v]);
        }
        if (a.reason_count > 0) {
            assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(root, "invalid_reasons"), 0), "reason")), "a \"reason\" | with <signs>, and 5 more");
        }
        compare_points(&s, &a, SJ_PART_PARETO, root);
        compare_points(&s, &a, SJ_PART_POINTS, root);
        compare_points(&s, &a, SJ_PART_BEST, root);
        compare_sensitivities(&a, root);
        json_decref(root);
        free(text);
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

// ---- text and md

// A head such as "energy (mJ)": the value in base units that a cell's 1 stands for.
static double size_of_unit(const char *head, int value) {
    static const struct {
        const char *name;
        double size;
    } units[] = {{"(pJ)", 1}, {"(nJ)", 1e3}, {"(uJ)", 1e6}, {"(mJ)", 1e9}, {"(J)", 1e12}, {"(B)", 1}, {"(KiB)", 1024}, {"(MiB)", 1048576}, {"(M)", 1e6}};
    assert_int_equal(strncmp(head, sj_value_titles[value], strlen(sj_value_titles[value])), 0);
    const char *unit = strchr(head, '(');
    for (size_t i = 0; unit != NULL && i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].name, unit) == 0) {
            return units[i].size;
        }
    }
    assert_null(unit);
    return 1.0;
}

// Reads 1,234.5 and says how far it may be off by its last digit.
static double read_cell(const char *cell, double *half_digit) {
    char plain[64];
    size_t length = 0;
    for (; *cell != '\0'; cell++) {
        if (*cell != ',') {
            plain[length++] = *cell;
        }
    }
    plain[length] = '\0';
    char *rest;
    const double v = strtod(plain, &rest);
    assert_true(rest != plain && *rest == '\0');
    const char *point = strchr(plain, '.');
    *half_digit = 0.5000001 * pow(10.0, point != NULL ? -(double)strlen(point + 1) : 0.0);
    return v;
}

// A table of points for people: the ids and values of csv's, in the same order.
static void compare_people(const sj_analysis *a, const table *people, const table *csv) {
    const int id = column(people, "id"), axes = a->about->space->axis_count;
    assert_int_equal(people->rows, csv->rows);
    for (int row = 1; row < csv->rows; row++) {
        for (int i = 0; i <= axes; i++) {
            assert_string_equal(field(people, row, id + i), field(csv, row, column(csv, "id") + i));
        }
        for (int o = 0; o < a->objective_count; o++) {
            const int c = id + 1 + axes + 2 * o, value = a->objectives[o];
            double half;
            const double shown = read_cell(field(people, row, c), &half), size = size_of_unit(field(people, 0, c), value), true_value = strtod(field(csv, row, column(csv, sj_sweep_value_names[value])), NULL);
            assert_near(shown * size, true_value, half * size);
            if (true_value > 0.0 && size > 1.0) {
                assert_near(shown * size, true_value, 1e-3 * true_value);  // at least four digits
            }
            char over[64];
            snprintf(over, sizeof over, "%s_over_best", sj_sweep_value_names[value]);
            const char *ratio = field(csv, row, column(csv, over));
            if (ratio[0] == '\0') {
                assert_string_equal(field(people, row, c + 1), "-");
            } else {
                assert_near(read_cell(field(people, row, c + 1), &half), strtod(ratio, NULL), 0.00051);
            }
        }
    }
}

static void compare_tables(const table *a, const table *b) {
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->columns, b->columns);
    for (int i = 0; i < a->rows * a->columns; i++) {
        assert_string_equal(a->fields[i], b->fields[i]);
    }
}

static void test_people_read_the_numbers_of_csv(void **state) {
    static const char *const types[] = {"ddr4", "lpddr5"};
    static const sj_analysis_part parts[] = {SJ_PART_PARETO, SJ_PART_POINTS, SJ_PART_BEST};
    sj_random r = sj_random_seed(sj_test_seed(5));
    for (int round = 0; round < 20; round++) {
        sweep s;
        make(&s, &r, types, 2);
        sj_analysis a;
        analyse(&s, &a);
        for (int p = 0; p < 3; p++) {
            char *csv = written_part(&a, parts[p], SJ_ANALYSIS_CSV, 0), *text = written_part(&a, parts[p], SJ_ANALYSIS_TEXT, 0), *md = written_part(&a, parts[p], SJ_ANALYSIS_MD, 0);
            table of_csv = read_csv(csv), of_text = read_text(text, 0), of_md = read_md(md, 0);
            compare_people(&a, &of_text, &of_csv);
            compare_tables(&of_text, &of_md);
            free_table(&of_csv);
            free_table(&of_text);
            free_table(&of_md);
            free(csv);
            free(text);
            free(md);
        }
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

static void test_sensitivities_for_people(void **state) {
    static const char *const types[] = {"ddr4", "lpddr5"};
    sj_random r = sj_random_seed(sj_test_seed(6));
    for (int round = 0; round < 20; round++) {
        sweep s;
        make(&s, &r, types, 2);
        sj_analysis a;
        analyse(&s, &a);
        char *md = written_part(&a, SJ_PART_SENSITIVITY, SJ_ANALYSIS_MD, 0);
        for (int o = 0; o < a.objective_count; o++) {
            table t = read_md(md, o);
            assert_int_equal(t.rows, s.space.axis_count + 1);
            for (int row = 1; row < t.rows; row++) {
                const sj_sensitivity *of = &a.sensitivities[o * s.space.axis_count + row - 1];
                const sj_axis *axis = &s.space.axes[of->axis];
                assert_string_equal(field(&t, row, 0), axis->name);
                if (isinf(of->effect)) {
                    assert_string_equal(field(&t, row, 1), "from 0");
                } else {
                    assert_near(strtod(field(&t, row, 1), NULL), of->effect, 0.00051);
                }
                assert_near(strtod(field(&t, row, 2), NULL), 100.0 * of->share, 0.051);
                const bool moves = of->share > 0.0;
                assert_string_equal(field(&t, row, 3), moves ? axis->labels[of->least] : "-");
                assert_string_equal(field(&t, row, 5), moves ? axis->labels[of->most] : "-");
                const char *each = field(&t, row, 7);
                for (int v = 0; v < axis->value_count && axis->value_count <= 8; v++) {
                    each = strstr(each, axis->labels[v]);
                    assert_non_null(each);
                }
                assert_int_equal(strcmp(field(&t, row, 7), "(9 values)") == 0, axis->value_count == 9);
            }
            free_table(&t);
        }
        assert_int_equal(strstr(md, "Interactions of axes") != NULL, a.full_grid);
        assert_has(md, a.full_grid ? "the shares of an objective sum to at most 100 %" : "and shares may overlap");
        free(md);
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

static void test_names_are_escaped_in_md_and_plain_in_text(void **state) {
    sj_random r = sj_random_seed(1);
    sweep s;
    make(&s, &r, nasty, 5);
    s.about.name = "a|b <i>";
    set_invalid(&s.points[0], "rows | 4 < 8\tand *more*");
    sj_analysis a;
    analyse(&s, &a);
    char *md = written(&a, every_part, SJ_ANALYSIS_MD, 0), *text = written(&a, every_part, SJ_ANALYSIS_TEXT, 0);
    assert_int_equal(strncmp(md, "## Sweep a\\|b &lt;i&gt;\n\n- trace: ", 34), 0);
    assert_has(md, "odd, \"name\"\\|&lt;b&gt;");
    assert_has(md, "a\\|b");
    assert_has(md, "&lt;script&gt;");
    assert_has(md, "\\*bold\\* \\[x\\](y) \\`z\\` \\\\ &amp;amp;");
    assert_has(md, "two lines");
    assert_has(md, "rows \\| 4 &lt; 8 and \\*more\\*");
    assert_has_not(md, "<");
    assert_has(text, "<script>");
    assert_has(text, "*bold* [x](y) `z` \\ &amp;");
    assert_has(text, "two lines");
    assert_has(text, "a|b <i>");
    free(md);
    free(text);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void test_a_path_that_is_no_utf8_makes_json(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 1);
    fill(&s);
    s.trace.path = "tr\xe4""ce \"1\".h5";
    sj_analysis a;
    analyse(&s, &a);
    char *text = written_part(&a, SJ_PART_SUMMARY, SJ_ANALYSIS_JSON, 0);
    json_t *root = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(root, "traces"), 0), "path")), "tr?ce \"1\".h5");
    json_decref(root);
    free(text);
    sj_analysis_free(&a);
    sweep_free(&s);
}

// A hundred thousand points in every format: nothing quadratic, and lists as long as they must be.
static void test_many_points(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(7));
    sweep s = {0};
    add_numbers(&s, "a", 100);
    add_numbers(&s, "b", 100);
    add_numbers(&s, "c", 10);
    fill(&s);
    for (int64_t i = 0; i < s.count; i++) {
        s.points[i].values[SJ_SWEEP_energy_pj] = 1e9 + 1e9 * sj_random_unit(&r);
        s.points[i].values[SJ_SWEEP_cycles] = 1e15 / s.points[i].values[SJ_SWEEP_energy_pj];  // all of them on the front
        s.points[i].values[SJ_SWEEP_dram_bytes] = (double)sj_random_below(&r, 1000);
    }
    sj_analysis a;
    analyse(&s, &a);
    for (int format = 0; format < SJ_ANALYSIS_FORMAT_COUNT; format++) {
        char *text = written_part(&a, format % 2 == 0 ? SJ_PART_PARETO : SJ_PART_POINTS, (sj_analysis_format)format, 0);
        int64_t lines = 0;
        for (const char *c = text; *c != '\0'; c++) {
            lines += *c == '\n';
        }
        assert_true(lines > 100000 && lines < 100030);
        free(text);
    }
    sj_analysis_free(&a);
    sweep_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_and_json_agree_to_the_last_digit),
        cmocka_unit_test(test_people_read_the_numbers_of_csv),
        cmocka_unit_test(test_sensitivities_for_people),
        cmocka_unit_test(test_names_are_escaped_in_md_and_plain_in_text),
        cmocka_unit_test(test_a_path_that_is_no_utf8_makes_json),
        cmocka_unit_test(test_many_points),
    };
    return cmocka_run_group_tests_name("analysis-write", tests, NULL, NULL);
}
