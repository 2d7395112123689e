// SPDX-License-Identifier: Apache-2.0
// A difference of runs: nothing for equal ones, every change of a count found, those within the threshold counted alone, the largest change of energy first.
#include "views_fixture.h"

// Inlined, GCC 12 takes what it returns for the address of its own `text`.
static __attribute__((noinline)) char *diff_of(sj_compared *a, sj_compared *b, double threshold) {
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    const sj_view_run before = {.label = "a", .path = "nowhere", .steps = a}, after = {.label = "b", .path = "nowhere", .steps = b};
    OK(sj_view_diff(f, &before, &after, &(sj_diff_options){threshold}, &err));
    fclose(f);
    return text;
}

static void assert_diff(sj_compared *a, sj_compared *b, double threshold, const char *part, bool has) {
    char *text = diff_of(a, b, threshold);
    if ((strstr(text, part) != NULL) != has) {
        fail_msg("\"%s\" is %s:\n%s", part, has ? "not in" : "in", text);
    }
    free(text);
}

// The same seed makes the same run.
static void make_two(uint64_t seed, sj_compared *a, sj_compared *b) {
    sj_random r = sj_random_seed(seed), same = sj_random_seed(seed);
    *a = random_steps(&r, 1);
    *b = random_steps(&same, 1);
}

static void equal_runs_have_none(void **state) {
    sj_compared a, b;
    make_two(test_seed(), &a, &b);
    b.runs[0].provenance.wall_seconds = 99.0;
    char *text = diff_of(&a, &b, 0.0);
    assert_string_equal(text, "first:  a\nsecond: b\nconfiguration\n  no difference\ntraining step, batch 64, step 10\n  no difference\n"
                              "no difference in what is compared (not: energy by component, which the counters give, wall time and host)\n");
    free(text);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void any_count_that_changes_by_one_is_told(void **state) {
    const uint64_t seed = test_seed();
    sj_random r = sj_random_seed(seed + 1);
    for (int counter = 0; counter < SJ_COUNTER_COUNT; counter++) {
        sj_compared a, b;
        char line[128];
        make_two(seed, &a, &b);
        sj_stat *s = &b.runs[0].variants[sj_random_below(&r, SJ_VARIANTS_MAX)].layers[sj_random_below(&r, LAYERS)];
        uint64_t *count = (uint64_t *)((char *)&s->counts + sj_counter_table[counter].offset);
        snprintf(line, sizeof line, "    %s %llu -> %llu", sj_counter_table[counter].name, (unsigned long long)*count, (unsigned long long)*count + 1);
        ++*count;
        assert_diff(&a, &b, 0.0, line, true);
        assert_diff(&a, &b, 0.5, line, false);
        assert_diff(&a, &b, 0.5, "1 more figures differ by no more than 0.5", true);
        assert_diff(&a, &b, 0.5, "\nno difference", false);
        sj_compared_close(&a);
        sj_compared_close(&b);
    }
}

static void the_threshold_has_two_sides(void **state) {
    sj_compared a, b;
    make_two(test_seed(), &a, &b);
    sj_stat *x = &a.runs[0].variants[0].layers[0], *y = &b.runs[0].variants[0].layers[0];
    x->counts.bus_a = 990;
    y->counts.bus_a = 1000;  // 1 % of the larger
    assert_diff(&a, &b, 0.0100001, "bus.a 990 -> 1000", false);
    assert_diff(&a, &b, 0.0099999, "bus.a 990 -> 1000", true);
    x->energy[SJ_TYPICAL].total_pj = 1000.0;
    y->energy[SJ_TYPICAL].total_pj = 1002.0;
    assert_diff(&a, &b, 0.001, "energy 1 -> 1.002 nJ", true);
    assert_diff(&a, &b, 0.003, "energy 1 -> 1.002 nJ", false);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void the_largest_change_of_energy_comes_first(void **state) {
    sj_compared a, b;
    make_two(test_seed(), &a, &b);
    sj_stat *before = a.runs[0].variants[2].layers, *after = b.runs[0].variants[2].layers;
    static const double changes[LAYERS] = {0.3, -0.8, 0.5};
    for (int i = 0; i < LAYERS; i++) {
        before[i].energy[SJ_TYPICAL].total_pj = 1000.0;
        after[i].energy[SJ_TYPICAL].total_pj = 1000.0 * (1.0 + changes[i]);
    }
    char *text = diff_of(&a, &b, 0.0);
    const char *at = strstr(text, "skip/none conv1 grad_weight");
    at = at != NULL ? strstr(at, "skip/none conv2 grad_weight") : NULL;
    assert_non_null(at != NULL ? strstr(at, "skip/none conv0 forward") : NULL);
    free(text);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void what_only_one_has_is_told(void **state) {
    sj_compared a, b;
    make_two(test_seed(), &a, &b);
    strcpy(a.runs[0].variants[1].layers[2].name, "evil\x1b[31m\n");
    assert_diff(&a, &b, 0.001, "gate/none evil [31m  grad_weight\n    only in the first", true);
    assert_diff(&a, &b, 0.001, "gate/none conv2 grad_weight\n    only in the second", true);
    b.runs[0].variant_count--;
    assert_diff(&a, &b, 0.001, "skip/rle: only in the first", true);
    b.runs[0].variant_count++;
    strcpy(b.runs[0].mode, "eval");
    assert_diff(&a, &b, 0.001, "training step, batch 64, step 10: only in the first", true);
    assert_diff(&a, &b, 0.001, "inference, batch 64, step 10: only in the second", true);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void heads_are_compared(void **state) {
    sj_compared a, b;
    make_two(test_seed(), &a, &b);
    strcpy(b.runs[0].method_state, "ssprop keep=0.2");
    b.runs[0].quantised = true;
    b.runs[0].provenance.has_seed = false;
    assert_diff(&a, &b, 0.001, "  method_state: (none) -> ssprop keep=0.2\n", true);
    assert_diff(&a, &b, 0.001, "  quantised: false -> true\n", true);
    assert_diff(&a, &b, 0.001, "  seed: 9223372036854775807 -> -1\n", true);
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void whole_runs_differ_by_layers(void **state) {
    const uint64_t seed = test_seed();
    sj_random r = sj_random_seed(seed), same = sj_random_seed(seed);
    sj_whole_run a = random_whole(&r), b = random_whole(&same);
    const sj_view_run before = {.label = "a", .path = "nowhere", .whole = &a}, after = {.label = "b", .path = "nowhere", .whole = &b};
    sj_compared steps = random_steps(&r, 1);
    const sj_view_run step = {.label = "s", .path = "nowhere", .steps = &steps};
    for (int changed = 0; changed < 2; changed++) {
        char *text = NULL;
        size_t bytes;
        FILE *f = open_memstream(&text, &bytes);
        b.variants[1].layers[2].energy_pj *= 1.0 + 0.5 * changed;
        OK(sj_view_diff(f, &before, &after, &(sj_diff_options){0.001}, &err));
        fclose(f);
        assert_true((strstr(text, "\nno difference in what is compared (not: ") == NULL) == (changed == 1));
        assert_true((strstr(text, "skip/bitmask layer2 grad_weight") != NULL) == (changed == 1));
        free(text);
    }
    FILE *f = tmpfile();
    assert_int_equal(sj_view_diff(f, &before, &step, &(sj_diff_options){0.001}, &err), SJ_ERR_RANGE);
    fclose(f);
    sj_compared_close(&steps);
    sj_whole_run_free(&a);
    sj_whole_run_free(&b);
}

// Each figure of a step, and of a whole run, once: a change of it is printed by its name.
static void any_figure_that_changes_is_told(void **state) {
    const uint64_t seed = test_seed();
    sj_random r = sj_random_seed(seed), same = sj_random_seed(seed);
    sj_compared a = random_steps(&r, 1), b = random_steps(&same, 1);
    sj_stats *run = &b.runs[0];
    sj_stat *layer = &run->variants[0].layers[0], *total = &run->variants[0].total;
    run->has_area[0] = a.runs[0].has_area[0] = true;
    const struct {
        double *figure;
        const char *name;
    } figures[] = {{&b.accuracy, "  accuracy: "}, {&b.macro_f1, "  macro_f1: "}, {&b.asic_ratio, "  asic_ratio: (none) -> 7"}, {&run->clock_mhz, "  clock_mhz: "},
                   {&run->area[0].total_mm2[SJ_TYPICAL], "  area_mm2.dense: "}, {&run->area[0].total_mm2[SJ_LOW], "  area_mm2.dense.low: "}, {&run->area[0].total_mm2[SJ_HIGH], "  area_mm2.dense.high: "},
                   {&layer->density_a, "    density.a "}, {&layer->density_b, "    density.b "}, {&layer->density_out, "    density.out "},
                   {&layer->energy[SJ_TYPICAL].total_pj, "    energy "}, {&layer->energy[SJ_LOW].total_pj, "    energy.low "}, {&total->energy[SJ_HIGH].total_pj, "    energy.high "}};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        const double was = *figures[i].figure;
        assert_diff(&a, &b, 0.001, figures[i].name, false);
        *figures[i].figure = isnan(was) || was == 0.0 ? 7.0 : 1.5 * was;
        assert_diff(&a, &b, 0.001, figures[i].name, true);
        *figures[i].figure = was;
    }
    uint64_t *const counts[] = {&layer->macs_total, &layer->macs_active, &layer->macs_zero, &layer->macs_gated, &layer->macs_skipped, &layer->macs_padding, &layer->macs_uncompacted, &layer->cycles, &layer->busy[0], &layer->busy[SJ_LIMIT_COUNT - 1]};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_diff(&a, &b, 0.0, "no difference in what", true);
        ++*counts[i];
        assert_diff(&a, &b, 0.0, "no difference in what", false);
        --*counts[i];
    }
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void any_figure_of_a_whole_run_is_told(void **state) {
    const uint64_t seed = test_seed();
    sj_random r = sj_random_seed(seed), same = sj_random_seed(seed);
    sj_whole_run a = random_whole(&r), b = random_whole(&same);
    const sj_view_run before = {.label = "a", .path = "nowhere", .whole = &a}, after = {.label = "b", .path = "nowhere", .whole = &b};
    const struct {
        double *figure;
        const char *name;
    } figures[] = {{&b.epochs[1].loss, "  epoch 1 loss: "}, {&b.epochs[2].test_accuracy, "  epoch 2 test_accuracy: "}, {&b.epochs[2].macro_f1, "  epoch 2 macro_f1: "}, {&b.epochs[0].x_density, "  epoch 0 x_density: "},
                   {&b.epochs[0].dy_density, "  epoch 0 dy_density: "}, {&b.epochs[0].kept_fraction, "  epoch 0 kept_fraction: "}, {&b.variants[1].error.total, "  skip/bitmask error of interpolation: "},
                   {&b.variants[1].low_pj, "    energy.low "}, {&b.variants[0].high_pj, "    energy.high "}, {&b.variants[0].layers[1].cycles, "    cycles "}};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        const double was = *figures[i].figure;
        for (int changed = 0; changed < 2; changed++) {
            char *text = NULL;
            size_t bytes;
            FILE *f = open_memstream(&text, &bytes);
            *figures[i].figure = changed ? was + 100.0 + was : was;
            OK(sj_view_diff(f, &before, &after, &(sj_diff_options){0.001}, &err));
            fclose(f);
            if ((strstr(text, figures[i].name) != NULL) != (changed == 1)) {
                fail_msg("\"%s\" is %s:\n%s", figures[i].name, changed ? "not in" : "in", text);
            }
            free(text);
        }
        *figures[i].figure = was;
    }
    sj_whole_run_free(&a);
    sj_whole_run_free(&b);
}

// A folder of all steps beside one of its last: the same step, not the first of either.
static void steps_are_matched_by_their_numbers(void **state) {
    sj_compared a, b;
    const uint64_t seed = test_seed();
    sj_random r = sj_random_seed(seed), same = sj_random_seed(seed);
    a = random_steps(&r, 3);
    b = random_steps(&same, 3);
    sj_stats first = b.runs[0], last = b.runs[2];
    b.runs[0] = last;
    b.count = 1;
    char *text = diff_of(&a, &b, 0.0);
    assert_non_null(strstr(text, "step 10: only in the first\ntraining step, batch 64, step 20: only in the first\ntraining step, batch 64, step 30\n  no difference\n"));
    assert_null(strstr(text, "only in the second"));
    free(text);
    b.runs[0].step = 31;  // no step of the other: in their order
    assert_diff(&a, &b, 0.0, "training step, batch 64, step 10\n", true);
    assert_diff(&a, &b, 0.0, "  step: 10 -> 31\n", true);
    b.runs[0] = first;
    b.count = 3;
    sj_compared_close(&a);
    sj_compared_close(&b);
}

static void what_is_equal_stands_not_beside_what_differs(void **state) {
    const uint64_t seed = test_seed();
    sj_random r = sj_random_seed(seed), same = sj_random_seed(seed);
    sj_whole_run a = random_whole(&r), b = random_whole(&same);
    const sj_view_run before = {.label = "a", .path = "nowhere", .whole = &a}, after = {.label = "b", .path = "nowhere", .whole = &b};
    for (int changed = 0; changed < 2; changed++) {
        char *text = NULL;
        size_t bytes;
        FILE *f = open_memstream(&text, &bytes);
        a.variants[1].total.cycles = 1234567.75;
        b.variants[1].total.cycles = changed ? 2469135.5 : 1234567.75;
        b.variants[1].total.energy_pj = 1.5 * a.variants[1].total.energy_pj;
        OK(sj_view_diff(f, &before, &after, &(sj_diff_options){0.001}, &err));
        fclose(f);
        assert_non_null(strstr(text, "(+50 %)"));
        assert_true((strstr(text, "cycles 1234568 -> 2469136 (+100 %)") != NULL) == (changed == 1));
        assert_true((strstr(text, "cycles") != NULL) == (changed == 1));
        free(text);
    }
    sj_whole_run_free(&a);
    sj_whole_run_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_runs_have_none),       cmocka_unit_test(any_count_that_changes_by_one_is_told), cmocka_unit_test(the_threshold_has_two_sides),
        cmocka_unit_test(the_largest_change_of_energy_comes_first), cmocka_unit_test(what_only_one_has_is_told), cmocka_unit_test(heads_are_compared),
        cmocka_unit_test(whole_runs_differ_by_layers), cmocka_unit_test(steps_are_matched_by_their_numbers), cmocka_unit_test(any_figure_that_changes_is_told), cmocka_unit_test(any_figure_of_a_whole_run_is_told),
        cmocka_unit_test(what_is_equal_stands_not_beside_what_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
