// SPDX-License-Identifier: Apache-2.0
// The tables of a report hold what the runs hold: parts add up to wholes, like is compared with like, and nothing that a run has is lost unsaid.
#include "views_fixture.h"

static void parts_add_up_to_wholes(void **state) {
    sj_random r = sj_random_seed(test_seed());
    for (int repeat = 0; repeat < 10; repeat++) {
        sj_compared a = random_steps(&r, 1), b = random_steps(&r, 1);
        const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .steps = &a}, {.label = "<script>|\"b\"", .path = "nowhere", .steps = &b}};
        sj_report *report = report_with(runs, 2, &no_options);
        const sj_report_table *machines = table_of(report, "machines"), *layers = table_of(report, "layers"), *components = table_of(report, "components"), *joules = table_of(report, "joules");
        assert_int_equal(sj_table_rows(machines), 2 * SJ_VARIANTS_MAX);
        assert_int_equal(sj_table_rows(layers), 2 * SJ_VARIANTS_MAX * LAYERS);
        for (int64_t i = 0; i < sj_table_rows(layers); i++) {
            NEAR(sum_like(components, layers, i, WORDS("run", "mode", "variant", "layer", "phase")), number(layers, i, "energy_pj"));
        }
        for (int64_t i = 0; i < sj_table_rows(machines); i++) {
            const double energy_pj = number(machines, i, "energy_pj");
            const sj_stats_variant *v = &(i < SJ_VARIANTS_MAX ? &a : &b)->runs[0].variants[i % SJ_VARIANTS_MAX];
            assert_true(energy_pj == v->total.energy[SJ_TYPICAL].total_pj);
            assert_int_equal(cell(machines, i, "cycles")->integer, v->total.cycles);
            NEAR(sum_like(layers, machines, i, WORDS("run", "mode", "variant")), energy_pj);
            NEAR(sum_like(joules, machines, i, WORDS("run", "mode", "variant")), energy_pj);
            NEAR(number(machines, i, "power_w") * number(machines, i, "seconds"), energy_pj * 1e-12);
            assert_true(number(machines, i, "energy_low_pj") <= energy_pj && energy_pj <= number(machines, i, "energy_high_pj"));
        }
        double shares = 0.0;
        for (int64_t i = 0; i < sj_table_rows(joules); i++) {
            shares += number(joules, i, "share");
        }
        NEAR(shares, (double)sj_table_rows(machines));  // 1 each
        sj_report_free(report);
        sj_compared_close(&a);
        sj_compared_close(&b);
    }
}

// The saving of `after` against `before`, from the table machines.
static double saving_of(const sj_report_table *machines, const char *before, const char *after) {
    double energies[2] = {0.0, 0.0};
    for (int64_t i = 0; i < sj_table_rows(machines); i++) {
        energies[0] = strcmp(word(machines, i, "variant"), before) == 0 ? number(machines, i, "energy_pj") : energies[0];
        energies[1] = strcmp(word(machines, i, "variant"), after) == 0 ? number(machines, i, "energy_pj") : energies[1];
    }
    return 1.0 - energies[1] / energies[0];
}

static void savings_are_those_of_the_energies(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 1);
    const sj_view_run run = {.label = "a", .path = "nowhere", .steps = &a};
    sj_report *report = report_with(&run, 1, &no_options);
    const sj_report_table *machines = table_of(report, "machines"), *sources = table_of(report, "saving_sources"), *savings = table_of(report, "savings");
    int completions = 0, totals = 0;
    for (int64_t i = 0; i < sj_table_rows(sources); i++) {
        if (strcmp(word(sources, i, "account"), "completion") == 0) {
            NEAR(number(sources, i, "saving"), saving_of(machines, word(sources, i, "before"), word(sources, i, "after")));
            assert_true(number(sources, i, "saving_low") <= number(sources, i, "saving") && number(sources, i, "saving") <= number(sources, i, "saving_high"));
            completions++;
        }
    }
    assert_int_equal(completions, 3 * 2 + 2);  // gating and skipping at each codec, and two codecs against none
    for (int64_t i = 0; i < sj_table_rows(savings); i++) {
        char gate[24], skip[24];
        snprintf(gate, sizeof gate, "gate/%s", word(savings, i, "codec"));
        snprintf(skip, sizeof skip, "skip/%s", word(savings, i, "codec"));
        if (strcmp(word(savings, i, "phase"), "total") == 0 && strcmp(word(savings, i, "account"), "completion") == 0) {
            NEAR(number(savings, i, "saving"), saving_of(machines, gate, skip));
            assert_true(has_number(savings, i, "saving_low"));
            totals++;
        } else if (strcmp(word(savings, i, "phase"), "total") != 0) {
            assert_false(has_number(savings, i, "saving_low"));  // there is no config.cfg to price phases by
        }
    }
    assert_int_equal(totals, 3);
    sj_report_free(report);
    sj_compared_close(&a);
}

// Of several steps the last with data is shown, and "steps" has all.
static void several_steps_show_the_last_with_data(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 4);
    strcpy(a.runs[3].method_state, "gradsamp skipped");
    const sj_view_run run = {.label = "a", .path = "nowhere", .steps = &a};
    sj_report *report = report_with(&run, 1, &no_options);
    assert_true(any_note(report, "a has 4 results of mode train at batch 64; all but the tables steps and density show one, step 30"));
    assert_int_equal(sj_table_rows(table_of(report, "machines")), SJ_VARIANTS_MAX);
    assert_true(number(table_of(report, "machines"), 0, "energy_pj") == a.runs[2].variants[0].total.energy[SJ_TYPICAL].total_pj);
    assert_int_equal(cell(table_of(report, "summary"), 0, "step")->integer, 30);
    const sj_report_table *steps = table_of(report, "steps");
    assert_int_equal(sj_table_rows(steps), 4 * SJ_VARIANTS_MAX);
    for (int64_t i = 0; i < sj_table_rows(steps); i++) {
        const sj_stats *s = &a.runs[i / SJ_VARIANTS_MAX];
        assert_int_equal(cell(steps, i, "step")->integer, (uint64_t)s->step);
        assert_true(number(steps, i, "energy_pj") == s->variants[i % SJ_VARIANTS_MAX].total.energy[SJ_TYPICAL].total_pj);
    }
    const sj_report_table *density = table_of(report, "density");  // one forward layer a step, but none of the skipped one
    assert_int_equal(sj_table_rows(density), 3);
    sj_report_free(report);
    for (int i = 0; i < 4; i++) {
        strcpy(a.runs[i].method_state, "gradsamp skipped");
    }
    report = report_with(&run, 1, &no_options);
    assert_int_equal(cell(table_of(report, "summary"), 0, "step")->integer, 40);
    assert_null(sj_report_find(report, "density"));
    sj_report_free(report);
    sj_compared_close(&a);
}

static void a_single_step_has_no_table_of_steps(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 2);
    strcpy(a.runs[1].mode, "eval");
    const sj_view_run run = {.label = "a", .path = "nowhere", .steps = &a};
    sj_report *report = report_with(&run, 1, &no_options);
    assert_null(sj_report_find(report, "steps"));
    assert_int_equal(sj_table_rows(table_of(report, "machines")), 2 * SJ_VARIANTS_MAX);
    const sj_report_table *accuracy = table_of(report, "accuracy_energy");  // of the training step
    assert_int_equal(sj_table_rows(accuracy), SJ_VARIANTS_MAX);
    assert_true(number(accuracy, 0, "energy_pj") == a.runs[0].variants[0].total.energy[SJ_TYPICAL].total_pj);
    assert_non_null(strstr(sj_table_note_at(accuracy, 0), "one training step at batch 64"));
    sj_report_free(report);
    sj_compared_close(&a);
}

static void unlike_runs_are_not_compared_and_told(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 1), b = random_steps(&r, 1);
    strcpy(b.runs[0].network, "vgg16");
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .steps = &a}, {.label = "b", .path = "nowhere", .steps = &b}};
    sj_report *report = report_with(runs, 2, &no_options);
    assert_null(sj_report_find(report, "comparison"));
    assert_true(any_note(report, "comparison is left out") && any_note(report, "vgg16"));
    assert_int_equal(sj_table_rows(table_of(report, "machines")), 2 * SJ_VARIANTS_MAX);
    assert_non_null(sj_report_find(report, "accuracy_energy"));
    sj_report_free(report);
    strcpy(b.runs[0].dataset, "cifar10");
    report = report_with(runs, 2, &no_options);
    assert_null(sj_report_find(report, "accuracy_energy"));
    assert_true(any_note(report, "different data sets"));
    sj_report_free(report);
    strcpy(b.runs[0].network, "cnn8");
    strcpy(b.runs[0].dataset, "glyphs");
    report = report_with(runs, 2, &no_options);
    assert_int_equal(sj_table_rows(table_of(report, "comparison")), 2 * SJ_VARIANTS_MAX);
    assert_false(any_note(report, "left out"));
    sj_report_free(report);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

// Products alone, beneath both roofs where the counts are those of a machine; what is calculated from them holds for any.
static void roofline_is_work_over_bytes_and_time(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 1);
    memset(&a.runs[0].variants[0].layers[1].macs_total, 0, sizeof(uint64_t));  // no product
    const sj_view_run run = {.label = "a", .path = "nowhere", .steps = &a};
    sj_report *report = report_with(&run, 1, &no_options);
    const sj_report_table *t = table_of(report, "roofline");
    assert_int_equal(sj_table_rows(t), SJ_VARIANTS_MAX * LAYERS - 1);
    const sj_stat *s = &a.runs[0].variants[0].layers[0];
    NEAR(number(t, 0, "macs_per_byte"), (double)s->macs_active / (64.0 * (double)(s->counts.dram_read + s->counts.dram_write)));
    NEAR(number(t, 0, "macs_per_second"), (double)s->macs_active / sj_stat_seconds(&a.runs[0], s));
    NEAR(number(t, 0, "peak_macs_per_second"), 16.0 * 16.0 * 500e6);
    assert_false(has_number(t, 0, "bytes_per_second_peak"));  // without a config.cfg
    assert_non_null(strstr(sj_table_note_at(t, 1), "not known"));
    sj_report_free(report);
    sj_compared_close(&a);
}

static void every_key_is_a_table_and_every_table_a_key(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 2);
    sj_whole_run w = random_whole(&r);
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .steps = &a}, {.label = "w", .path = "nowhere", .whole = &w}};
    sj_report *report = report_with(runs, 2, &(sj_view_options){400.0, 0.2});
    assert_true(sj_view_key_count <= SJ_VIEW_KEYS_MAX);
    assert_int_equal(sj_report_table_count(report), sj_view_key_count);
    for (int i = 0; i < sj_view_key_count; i++) {
        assert_string_equal(sj_table_key(sj_report_table_at(report, i)), sj_view_keys[i].key);
    }
    sj_report_free(report);
    sj_compared_close(&a);
    sj_whole_run_free(&w);
}

static void parts_of_a_step_stand_beside_no_accuracy(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 1), b = random_steps(&r, 1);
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .steps = &a}, {.label = "b", .path = "nowhere", .steps = &b}};
    strcpy(b.runs[0].selection, "layer conv4");
    sj_report *report = report_with(runs, 2, &no_options);
    assert_int_equal(sj_table_rows(table_of(report, "accuracy_energy")), SJ_VARIANTS_MAX);
    assert_true(table_says(table_of(report, "accuracy_energy"), "b is left out: it is only layer conv4."));
    assert_true(table_says(table_of(report, "machines"), "b: only layer conv4, not the whole step.") && !table_says(table_of(report, "machines"), "a: only"));
    sj_report_free(report);
    strcpy(a.runs[0].selection, "layer conv4");
    report = report_with(runs, 2, &no_options);
    assert_null(sj_report_find(report, "accuracy_energy"));
    sj_report_free(report);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

// Two tech files have sources of error of their own, whatever these are called.
static void savings_across_tech_files_have_no_interval(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 1), b = random_steps(&r, 1);
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .steps = &a}, {.label = "b", .path = "nowhere", .steps = &b}};
    for (int other = 0; other < 2; other++) {
        strcpy(b.runs[0].tech, other ? "16nm" : "45nm");
        sj_report *report = report_with(runs, 2, &no_options);
        const sj_report_table *t = table_of(report, "comparison");
        int intervals = 0, savings = 0, own = 0;
        for (int64_t i = 0; i < sj_table_rows(t); i++) {
            savings += has_number(t, i, "saving_vs_first");
            intervals += has_number(t, i, "saving_vs_first_low") + has_number(t, i, "saving_vs_first_high");
            own += strcmp(word(t, i, "run"), "b") == 0 && has_number(t, i, "saving_vs_gate_low");
        }
        assert_int_equal(savings, SJ_VARIANTS_MAX);
        assert_int_equal(intervals, other ? 0 : 2 * SJ_VARIANTS_MAX);
        assert_int_equal(own, 3);  // within a run there is one tech file
        assert_true(table_says(t, "different tech files") == (other == 1));
        sj_report_free(report);
    }
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void states_of_steps_stand_under_their_savings(void **state) {
    static const char *const tables[] = {"comparison", "savings", "saving_sources", "machines"};
    sj_random r = sj_random_seed(test_seed());
    sj_compared a = random_steps(&r, 1), b = random_steps(&r, 1);
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .steps = &a}, {.label = "b", .path = "nowhere", .steps = &b}};
    a.runs[0].method_state[0] = '\0';
    strcpy(b.runs[0].method_state, "ssprop keep=0.2");
    sj_report *report = report_with(runs, 2, &no_options);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        assert_true(table_says(table_of(report, tables[i]), "b: the step is ssprop keep=0.2; of a schedule that alternates"));
        assert_false(table_says(table_of(report, tables[i]), "a: the step"));
    }
    sj_report_free(report);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static bool any_two(const sj_stats *a, const sj_stats *b) { return a->batch == b->batch; }

// Steps that both have are compared with each other, the rest in their order; a repeated folder of more steps is no shift.
static void steps_are_compared_with_the_same_steps(void **state) {
    static const struct {
        int64_t a[4], b[4];   // steps, from 1
        int64_t partner[4];   // of each of a's: the step in b; 0: none
    } cases[] = {{{3}, {1, 2, 3}, {3}}, {{1, 2, 3}, {3}, {0, 0, 3}}, {{1, 10, 20}, {1, 12, 24}, {1, 12, 24}}, {{5, 7}, {6, 8}, {6, 8}}, {{1, 5}, {5, 9}, {9, 5}}};
    sj_random r = sj_random_seed(test_seed());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_compared a = random_steps(&r, 3), b = random_steps(&r, 3);
        const int allocated = 3;
        for (a.count = 0; cases[i].a[a.count] != 0; a.count++) {
            a.runs[a.count].step = cases[i].a[a.count];
        }
        for (b.count = 0; cases[i].b[b.count] != 0; b.count++) {
            b.runs[b.count].step = cases[i].b[b.count];
        }
        for (int s = 0; s < a.count; s++) {
            const sj_stats *partner = sj_compared_partner(&a, s, &b, any_two);
            assert_int_equal(partner != NULL ? partner->step : 0, cases[i].partner[s]);
        }
        a.count = b.count = allocated;
        sj_compared_close(&a);
        sj_compared_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_add_up_to_wholes),
        cmocka_unit_test(savings_are_those_of_the_energies),
        cmocka_unit_test(several_steps_show_the_last_with_data),
        cmocka_unit_test(a_single_step_has_no_table_of_steps),
        cmocka_unit_test(unlike_runs_are_not_compared_and_told),
        cmocka_unit_test(roofline_is_work_over_bytes_and_time),
        cmocka_unit_test(every_key_is_a_table_and_every_table_a_key),
        cmocka_unit_test(parts_of_a_step_stand_beside_no_accuracy), cmocka_unit_test(savings_across_tech_files_have_no_interval),
        cmocka_unit_test(states_of_steps_stand_under_their_savings), cmocka_unit_test(steps_are_compared_with_the_same_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
