// SPDX-License-Identifier: Apache-2.0
// The tables of whole training runs: sums over epochs, states, layers and components, emissions, and what it takes to reach an accuracy.
#include "views_fixture.h"

static void parts_add_up_to_the_whole(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole(&r);
    const sj_view_run run = {.label = "w", .path = "nowhere", .whole = &w};
    sj_report *report = report_with(&run, 1, &no_options);
    const sj_report_table *whole = table_of(report, "whole"), *machines = table_of(report, "machines");
    assert_int_equal(sj_table_rows(whole), 2);
    for (int64_t i = 0; i < 2; i++) {
        const double energy_pj = w.variants[i].total.energy_pj;
        assert_true(number(whole, i, "energy_pj") == energy_pj);
        NEAR(number(whole, i, "energy_kwh"), energy_pj / 3.6e18);
        NEAR(number(whole, i, "seconds"), w.variants[i].total.cycles / 500e6);
        static const char *const parts[] = {"epochs", "states", "layers", "components", "joules"};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            NEAR(sum_like(table_of(report, parts[p]), whole, i, WORDS("run", "variant")), energy_pj);
        }
        assert_true(number(machines, i, "energy_pj") == energy_pj);
        assert_string_equal(word(machines, i, "mode"), "whole run");
    }
    NEAR(number(whole, 1, "saving_vs_gate"), 1.0 - w.variants[1].total.energy_pj / w.variants[0].total.energy_pj);
    assert_false(has_number(whole, 0, "saving_vs_gate"));
    assert_false(has_number(whole, 1, "saving_vs_first"));
    NEAR(number(whole, 0, "accuracy"), 0.1 * (RUN_EPOCHS - 1));  // the last epoch was not tested
    assert_int_equal(sj_table_column_find(whole, "gco2e_g"), -1);
    const sj_report_table *epochs = table_of(report, "epochs");
    assert_int_equal(sj_table_rows(epochs), 2 * RUN_EPOCHS);
    NEAR(number(epochs, RUN_EPOCHS - 1, "energy_cumulative_pj"), w.variants[0].total.energy_pj);
    NEAR(number(epochs, RUN_EPOCHS, "energy_cumulative_pj"), number(epochs, RUN_EPOCHS, "energy_pj"));
    assert_string_equal(word(epochs, 1, "method_state"), "ssprop keep=0.2");
    double share = 0.0;
    for (int64_t i = 0; i < 2; i++) {
        share += number(table_of(report, "states"), i, "share");
    }
    NEAR(share, 1.0);
    sj_report_free(report);
    sj_whole_run_free(&w);
}

static void density_has_a_row_a_layer_and_epoch(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole(&r);
    const sj_view_run run = {.label = "w", .path = "nowhere", .whole = &w};
    w.x_density[0] = NAN;  // conv1's dy is none: of epoch 0 nothing is left
    sj_report *report = report_with(&run, 1, &no_options);
    const sj_report_table *t = table_of(report, "density");
    assert_int_equal(sj_table_rows(t), 2 * RUN_EPOCHS - 1);
    assert_string_equal(word(t, 0, "layer"), "<script>alert(1)</script>");
    assert_true(number(t, 0, "x_density") == (double)w.x_density[1]);
    assert_false(has_number(t, 1, "dy_density"));
    assert_int_equal(cell(t, 1, "epoch")->integer, 1);
    sj_report_free(report);
    for (int i = 0; i < 2 * RUN_EPOCHS; i++) {
        w.x_density[i] = w.dy_density[i] = NAN;
    }
    report = report_with(&run, 1, &no_options);
    assert_null(sj_report_find(report, "density"));
    sj_report_free(report);
    sj_whole_run_free(&w);
}

static void emissions_are_kwh_times_intensity(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole(&r);
    const sj_view_run run = {.label = "w", .path = "nowhere", .whole = &w};
    sj_report *report = report_with(&run, 1, &(sj_view_options){412.5, (double)NAN});
    const sj_report_table *whole = table_of(report, "whole");
    NEAR(number(whole, 0, "gco2e_g"), 412.5 * number(whole, 0, "energy_kwh"));
    assert_null(sj_report_find(report, "target"));
    sj_report_free(report);
    sj_whole_run_free(&w);
}

static void the_target_is_reached_or_never(void **state) {
    static const double targets[] = {0.0, 0.1, 0.1000001, 0.35, 0.5, 0.5000001, 1.0};
    static const int reached[] = {0, 0, 1, 3, 4, -1, -1};  // epoch e has the accuracy 0.1 (e + 1), the last none
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole(&r);
    const sj_view_run run = {.label = "w", .path = "nowhere", .whole = &w};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        sj_report *report = report_with(&run, 1, &(sj_view_options){(double)NAN, targets[i]});
        const sj_report_table *t = table_of(report, "target");
        assert_int_equal(sj_table_rows(t), 2);
        assert_string_equal(word(t, 0, "reached"), reached[i] >= 0 ? "yes" : "never");
        assert_int_equal(sj_table_note_count(t), reached[i] >= 0 ? 1 : 2);
        if (reached[i] >= 0) {
            assert_int_equal(cell(t, 0, "epoch")->integer, (uint64_t)reached[i]);
            NEAR(number(t, 0, "energy_pj"), w.variants[0].total.energy_pj * (reached[i] + 1) / RUN_EPOCHS);
            NEAR(number(t, 0, "seconds"), w.variants[0].total.cycles * (reached[i] + 1) / RUN_EPOCHS / 500e6);
        } else {
            assert_false(has_number(t, 0, "epoch") || has_number(t, 0, "energy_pj") || has_number(t, 0, "seconds"));
            NEAR(number(t, 0, "test_accuracy"), 0.5);
        }
        sj_report_free(report);
    }
    sj_whole_run_free(&w);
}

static void later_runs_are_compared_with_the_first_like_them(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run a = random_whole(&r), b = random_whole(&r), c = random_whole(&r);
    strcpy(c.network, "vgg16");
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .whole = &a}, {.label = "b", .path = "nowhere", .whole = &b}, {.label = "c", .path = "nowhere", .whole = &c}};
    sj_report *report = report_with(runs, 3, &no_options);
    const sj_report_table *whole = table_of(report, "whole");
    NEAR(number(whole, 3, "saving_vs_first"), 1.0 - b.variants[1].total.energy_pj / a.variants[1].total.energy_pj);
    assert_false(has_number(whole, 1, "saving_vs_first") || has_number(whole, 5, "saving_vs_first"));
    assert_null(sj_report_find(report, "comparison"));
    assert_int_equal(sj_table_rows(table_of(report, "accuracy_energy")), 6);
    sj_report_free(report);
    sj_whole_run_free(&a);
    sj_whole_run_free(&b);
    sj_whole_run_free(&c);
}

// What is only some layers stands beside no accuracy, and is told wherever its energy stands.
static void parts_of_a_run_are_not_the_whole(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run a = random_whole(&r), b = random_whole(&r);
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .whole = &a}, {.label = "b", .path = "nowhere", .whole = &b}};
    const sj_view_options options = {(double)NAN, 0.3};
    static const char *const told[] = {"whole", "epochs", "states", "machines"};
    for (int parts = 0; parts <= 2; parts++) {  // of the runs, the last ones
        strcpy(b.selection, parts > 0 ? "layer conv4" : "");
        strcpy(a.selection, parts > 1 ? "layer conv4" : "");
        sj_report *report = report_with(runs, 2, &options);
        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
            const sj_report_table *t = table_of(report, told[i]);
            assert_true(table_says(t, "b: only layer conv4, not the whole training.") == (parts > 0));
            assert_true(table_says(t, "a: only layer conv4, not the whole training.") == (parts > 1));
        }
        if (parts == 2) {
            assert_null(sj_report_find(report, "accuracy_energy"));
            assert_null(sj_report_find(report, "target"));
        } else {
            static const char *const beside[] = {"accuracy_energy", "target"};
            for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
                const sj_report_table *t = table_of(report, beside[i]);
                assert_int_equal(sj_table_rows(t), 2 * (2 - parts));
                assert_true(table_says(t, "b is left out: it is only layer conv4.") == (parts == 1));
                assert_string_equal(word(t, sj_table_rows(t) - 1, "run"), parts == 0 ? "b" : "a");
            }
        }
        sj_report_free(report);
    }
    sj_whole_run_free(&a);
    sj_whole_run_free(&b);
}

static void without_accuracies_a_target_is_unknown(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run a = random_whole(&r), b = random_whole(&r);
    const sj_view_run runs[] = {{.label = "a", .path = "nowhere", .whole = &a}, {.label = "b", .path = "nowhere", .whole = &b}};
    for (int e = 0; e < RUN_EPOCHS; e++) {
        b.epochs[e].test_accuracy = b.epochs[e].macro_f1 = (double)NAN;
    }
    sj_report *report = report_with(runs, 2, &(sj_view_options){(double)NAN, 0.9});
    const sj_report_table *t = table_of(report, "target");
    assert_string_equal(word(t, 0, "reached"), "never");
    assert_string_equal(word(t, 2, "reached"), "unknown");
    assert_true(table_says(t, "a never reaches it."));
    assert_true(table_says(t, "b: whether it reaches it is not known") && !table_says(t, "b never"));
    assert_false(has_number(t, 2, "test_accuracy") || has_number(t, 2, "energy_pj"));
    assert_true(table_says(table_of(report, "accuracy_energy"), "b is left out: its accuracy is not known."));
    sj_report_free(report);
    sj_whole_run_free(&a);
    sj_whole_run_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_add_up_to_the_whole),      cmocka_unit_test(density_has_a_row_a_layer_and_epoch),
        cmocka_unit_test(emissions_are_kwh_times_intensity), cmocka_unit_test(the_target_is_reached_or_never),
        cmocka_unit_test(later_runs_are_compared_with_the_first_like_them), cmocka_unit_test(parts_of_a_run_are_not_the_whole),
        cmocka_unit_test(without_accuracies_a_target_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
