// SPDX-License-Identifier: Apache-2.0
// Are the files of a run what other programs were promised, and do they come back as they were?
#include "stats_fixture.h"

static void a_run_has_the_promised_keys(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    char *text = json_text(&run, 1);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    KEYS(root, "format", "version", "accel", "tech", "clock_mhz", "array", "codec", "fidelity", "mode", "network", "method", "dataset", "step", "images", "batch", "area_mm2", "variants",
         "provenance");
    KEYS(at(root, "area_mm2"), "dense", "gate", "skip");
    KEYS(at(at(root, "area_mm2"), "skip"), "buffer", "mask_plane", "pe", "regfile", "mask_registers", "scan", "transposer", "vector", "total", "total_low", "total_high");
    assert_string_equal(json_string_value(at(root, "format")), "skipjoule-stats");
    assert_int_equal(json_integer_value(at(root, "version")), 1);
    const json_t *variants = at(root, "variants");
    KEYS(variants, "dense/none", "gate/none", "skip/none", "dense/bitmask", "gate/bitmask", "skip/bitmask", "dense/rle", "gate/rle", "skip/rle");
    const json_t *skip = at(variants, "skip/bitmask");
    KEYS(skip, "total", "layers");
    const json_t *accounts = at(at(skip, "total"), "accounts"), *fixed = at(accounts, "fixed_throughput");
    KEYS(accounts, "completion", "dynamic", "fixed_throughput");
    KEYS(fixed, "energy_pj", "energy_pj_low", "energy_pj_high", "cycles");
    uint64_t slowest = 0;
    for (int m = 0; m < 3; m++) {
        const uint64_t cycles = sj_stats_find(&run, (sj_machine)m, SJ_CODEC_BITMASK)->total.cycles;
        slowest = cycles > slowest ? cycles : slowest;
    }
    assert_int_equal(json_integer_value(at(fixed, "cycles")), slowest);
    assert_true(json_real_value(at(at(accounts, "completion"), "energy_pj")) == json_real_value(at(at(at(skip, "total"), "energy_pj"), "total")));
    assert_true(json_real_value(at(fixed, "energy_pj")) >= json_real_value(at(at(accounts, "completion"), "energy_pj")));
    assert_true(json_real_value(at(at(accounts, "dynamic"), "energy_pj")) < json_real_value(at(at(accounts, "completion"), "energy_pj")));
    const json_t *layer = json_array_get(at(skip, "layers"), 1);
    KEYS(layer, "name", "kind", "phase", "cycles", "bound", "busy", "macs", "uncompacted_macs", "counts", "energy_pj", "energy_pj_low", "energy_pj_high", "density", "utilization",
         "dram_bytes");
    KEYS(at(layer, "macs"), "total", "active", "zero", "gated", "skipped", "padding");
    KEYS(at(layer, "energy_pj"), "mac", "acc", "pads", "mask", "codec", "transpose", "buffer", "bus", "dram", "dram_standby", "vector", "rng", "clock", "leakage", "total");
    KEYS(at(layer, "density"), "a", "b", "out");
    KEYS(at(layer, "dram_bytes"), "read", "write");
    assert_int_equal(json_object_size(at(layer, "counts")), SJ_COUNTER_COUNT);
    assert_string_equal(json_string_value(at(layer, "phase")), "grad_weight");
    assert_true(json_is_null(at(at(layer, "density"), "out")));
    const sj_stat *s = &sj_stats_find(&run, SJ_MACHINE_SKIP, SJ_CODEC_BITMASK)->layers[1];
    assert_true(json_is_integer(at(layer, "cycles")));
    assert_int_equal(json_integer_value(at(at(layer, "dram_bytes"), "read")), 64 * s->counts.dram_read);
    assert_int_equal(json_integer_value(at(at(layer, "counts"), "b_pad.write")), s->counts.b_pad_write);
    const double share = (double)(s->macs_active + s->macs_zero + s->macs_gated) / ((double)s->cycles * 256.0);
    assert_true(json_real_value(at(layer, "utilization")) == share);
    json_decref(root);
    free(text);
    sj_stats_free(&run);
}

static void totals_are_the_sums(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    for (int v = 0; v < run.variant_count; v++) {
        const sj_stat *total = &run.variants[v].total, *layers = run.variants[v].layers;
        assert_int_equal(total->cycles, layers[0].cycles + layers[1].cycles + layers[2].cycles);
        assert_int_equal(total->counts.leakage, layers[0].counts.leakage + layers[1].counts.leakage + layers[2].counts.leakage);
        assert_int_equal(total->busy[SJ_LIMIT_DRAM], layers[0].busy[SJ_LIMIT_DRAM] + layers[1].busy[SJ_LIMIT_DRAM] + layers[2].busy[SJ_LIMIT_DRAM]);
        assert_int_equal(total->macs_total, total->macs_active + total->macs_zero + total->macs_gated + total->macs_skipped);
        assert_true(isnan(total->density_a));
        for (int b = 0; b < SJ_BOUND_COUNT; b++) {
            double components = 0.0;
            for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
                components += total->energy[b].component_pj[c];
            }
            assert_true(fabs(components - total->energy[b].total_pj) <= 1e-14 * components);
        }
        const double sum = layers[0].energy[SJ_TYPICAL].total_pj + layers[1].energy[SJ_TYPICAL].total_pj + layers[2].energy[SJ_TYPICAL].total_pj;
        assert_true(fabs(sum - total->energy[SJ_TYPICAL].total_pj) <= 1e-12 * sum);
        // Deviations of one source add up over layers and components, those of several in quadrature.
        for (int end = 0; end < 2; end++) {
            double squares = 0.0, widths = 0.0;
            const sj_bound bound = end == 0 ? SJ_LOW : SJ_HIGH;
            for (int s = 0; s < SOURCES; s++) {
                double all = 0.0;
                for (int i = 0; i < LAYERS; i++) {
                    sj_spread spread;
                    sj_price_spread(&run.prices[run.variants[v].variant.machine], &layers[i].counts, &spread);
                    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
                        all += spread.pj[s][c][end];
                    }
                }
                squares += all * all;
            }
            for (int i = 0; i < LAYERS; i++) {
                widths += fabs(layers[i].energy[bound].total_pj - layers[i].energy[SJ_TYPICAL].total_pj);
            }
            const double width = fabs(total->energy[bound].total_pj - sum);
            assert_true(fabs(width - sqrt(squares)) <= 1e-9 * width && width > 0.0);
            assert_true(width <= widths * (1.0 + 1e-12));  // a sum is known no worse than its parts
        }
    }
    sj_stats_free(&run);
}

static void a_run_comes_back_as_it_was_written(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats runs[2] = {random_run(&r), random_run(&r)};
    runs[1].batch = 128;
    for (int count = 1; count <= 2; count++) {
        char *text = json_text(runs, count);
        FILE *f = fopen("stats.json", "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
        sj_stats *back = NULL;
        int back_count = 0;
        OK(sj_stats_read("stats.json", &back, &back_count, &err));
        assert_int_equal(back_count, count);
        char *again = json_text(back, count);
        assert_string_equal(again, text);
        for (int i = 0; i < count; i++) {
            sj_stats_free(&back[i]);
        }
        free(back);
        free(again);
        free(text);
    }
    remove("stats.json");
    sj_stats_free(&runs[0]);
    sj_stats_free(&runs[1]);
}

static void zeros_of_quantising_stand_apart(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    run.quantised = run.no_fuse = true;
    for (int v = 0; v < run.variant_count; v++) {
        for (int i = 0; i < LAYERS; i++) {
            sj_stat *s = &run.variants[v].layers[i];
            s->quantised = true;
            s->quantised_zeros_a = 10u + (unsigned)i;
            s->quantised_zeros_b = 3;
            s->density_before_a = 2.0 * s->density_a;
            s->density_before_b = 1.0;
        }
    }
    char *text = json_text(&run, 1);
    json_t *root = json_loads(text, 0, NULL);
    const json_t *variant = at(at(root, "variants"), "gate/rle"), *layer = json_array_get(at(variant, "layers"), 2);
    assert_true(json_is_true(at(root, "quantised")) && json_is_true(at(root, "no_fuse")));
    KEYS(at(layer, "quantised_zeros"), "a", "b");
    assert_int_equal(json_integer_value(at(at(layer, "quantised_zeros"), "a")), 12);
    assert_true(json_real_value(at(at(layer, "density_before"), "a")) == 2.0 * run.variants[0].layers[2].density_a);
    assert_null(json_object_get(at(variant, "total"), "quantised_zeros"));
    assert_int_equal(json_dump_file(root, "quantised.json", 0), 0);
    json_decref(root);
    sj_stats *back;
    int count;
    OK(sj_stats_read("quantised.json", &back, &count, &err));
    char *again = json_text(back, 1);
    assert_string_equal(again, text);
    free(again);
    free(text);
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    OK(sj_stats_print(f, back, &err));
    fclose(f);
    assert_non_null(strstr(text, "33 stored values as operands a, 9 as b (a tensor counts in each product that takes it), on average 50.00 % and 0.00 % of a layer's nonzeros; most in conv0 forward, 50.00 %"));
    free(text);
    sj_stats_free(back);
    free(back);
    remove("quantised.json");
    sj_stats_free(&run);
}

// What of a penalty's work stands in the files and below the table: by what the run says, and nothing where it says nothing.
static void a_penalty_that_is_left_out_is_told(void **state) {
    static const struct {
        sj_penalty_work penalty;
        const char *word, *line;
        bool is_bound;
    } cases[] = {{SJ_PENALTY_WORK_NONE, NULL, NULL, false},
                 {SJ_PENALTY_WORK_CHARGED, "charged", "train.step40.batch64.penalty_charged 1 # ", false},
                 {SJ_PENALTY_WORK_LEFT_OUT, "left out", "train.step40.batch64.penalty_charged 0 # ", true}};
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run.penalty = cases[i].penalty;
        char *text = json_text(&run, 1);
        json_t *root = json_loads(text, 0, NULL);
        const json_t *word = json_object_get(root, "penalty");
        assert_int_equal(word != NULL, cases[i].word != NULL);
        assert_true(word == NULL || strcmp(json_string_value(word), cases[i].word) == 0);
        assert_int_equal(json_dump_file(root, "penalty.json", 0), 0);
        json_decref(root);
        free(text);
        sj_stats *back;
        int count;
        OK(sj_stats_read("penalty.json", &back, &count, &err));
        assert_int_equal(back->penalty, cases[i].penalty);
        size_t bytes = 0;
        FILE *f = open_memstream(&text, &bytes);
        sj_stats_write_text(f, back, 1);
        fclose(f);
        const char *line = strstr(text, "penalty_charged");
        assert_int_equal(line != NULL, cases[i].line != NULL);
        assert_true(line == NULL || strstr(text, cases[i].line) != NULL);
        free(text);
        f = open_memstream(&text, &bytes);
        OK(sj_stats_print(f, back, &err));
        fclose(f);
        assert_int_equal(strstr(text, "\nA lower bound: the trace does not say which outputs bear the penalty") != NULL, cases[i].is_bound);
        free(text);
        sj_stats_free(back);
        free(back);
    }
    remove("penalty.json");
    sj_stats_free(&run);
}

static void overflow_is_an_error_not_a_wrap(void **state) {
    sj_stat s;
    memset(&s, 0, sizeof s);
    sj_outcome o;
    memset(&o, 0, sizeof o);
    o.counts.mac_active = UINT64_MAX - 1;
    OK(sj_stat_add(&s, &o, 0, &err));
    o.counts.mac_active = 1;
    OK(sj_stat_add(&s, &o, 0, &err));
    assert_int_equal(sj_stat_add(&s, &o, 0, &err), SJ_ERR_RANGE);
    sj_random r = sj_random_seed(1);
    sj_stats run = random_run(&r);
    FILE *f = tmpfile();
    assert_non_null(f);
    run.variants[0].layers[0].counts.mac_gated = (uint64_t)INT64_MAX;
    OK(sj_stats_write_json(f, &run, 1, &err));
    run.variants[0].layers[0].counts.mac_gated = (uint64_t)INT64_MAX + 1;
    assert_int_equal(sj_stats_write_json(f, &run, 1, &err), SJ_ERR_RANGE);
    fclose(f);
    sj_stats_free(&run);
}

static void the_bound_is_the_largest_and_ties_go_in_order(void **state) {
    sj_stat s;
    memset(&s, 0, sizeof s);
    assert_int_equal(sj_stat_bound(&s), SJ_LIMIT_WORK);
    s.busy[SJ_LIMIT_DRAM] = s.busy[SJ_LIMIT_B] = 5;
    assert_int_equal(sj_stat_bound(&s), SJ_LIMIT_B);
    s.busy[SJ_LIMIT_DRAM] = 6;
    assert_int_equal(sj_stat_bound(&s), SJ_LIMIT_DRAM);
    s.busy[SJ_LIMIT_WORK] = s.busy[SJ_LIMIT_A] = 6;
    assert_int_equal(sj_stat_bound(&s), SJ_LIMIT_WORK);
}

static void lines_and_tables_have_what_they_promise(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    strcpy(run.variants[0].layers[0].name, "odd,\"name\"");
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    sj_stats_write_csv(f, &run, 1);
    fclose(f);
    int lines = 0, commas_head = 0, commas_last = 0;
    for (const char *line = text; *line != '\0'; lines++) {
        const char *end = strchr(line, '\n');
        int commas = 0;
        for (const char *p = line; p < end; p++) {
            commas += *p == ',';
        }
        commas_head = lines == 0 ? commas : commas_head;
        commas_last = commas;
        line = end + 1;
    }
    assert_int_equal(lines, 1 + SJ_VARIANTS_MAX * LAYERS);
    assert_int_equal(commas_head, commas_last);
    assert_non_null(strstr(text, "\"odd,\"\"name\"\"\""));
    free(text);
    f = open_memstream(&text, &bytes);
    sj_stats_write_text(f, &run, 1);
    fclose(f);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "train.step40.batch64.skip/bitmask.total.counts.mac.active %llu # ",
             (unsigned long long)sj_stats_find(&run, SJ_MACHINE_SKIP, SJ_CODEC_BITMASK)->total.counts.mac_active);
    assert_non_null(strstr(text, wanted));
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *mark = strstr(line, " # ");
        assert_true(mark != NULL && mark < end && end[-1] == ')');
    }
    free(text);
    f = open_memstream(&text, &bytes);
    OK(sj_stats_print(f, &run, &err));
    fclose(f);
    assert_non_null(strstr(text, "skip/bitmask"));
    assert_non_null(strstr(text, "Skipping saves"));
    free(text);
    sj_stats_free(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_has_the_promised_keys),
        cmocka_unit_test(totals_are_the_sums),
        cmocka_unit_test(a_run_comes_back_as_it_was_written), cmocka_unit_test(zeros_of_quantising_stand_apart),
        cmocka_unit_test(a_penalty_that_is_left_out_is_told),
        cmocka_unit_test(overflow_is_an_error_not_a_wrap),
        cmocka_unit_test(the_bound_is_the_largest_and_ties_go_in_order),
        cmocka_unit_test(lines_and_tables_have_what_they_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
