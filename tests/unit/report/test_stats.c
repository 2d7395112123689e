// SPDX-License-Identifier: Apache-2.0
// Are the files of a run what other programs were promised, and do they come back as they were?
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sj_config.h"
#include "sj_file.h"
#include "sj_random.h"
#include "sj_stats.h"

static sj_error err;

#define OK(expr)                                    \
    do {                                            \
        if ((expr) != SJ_OK) {                      \
            fail_msg("%s: %s", #expr, err.message); \
        }                                           \
    } while (0)

static uint64_t test_seed(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 77001u;
    printf("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

#define SOURCES 3

// Each counter's price depends on one source of error.
static sj_prices random_prices(sj_random *r) {
    sj_prices p;
    memset(&p, 0, sizeof p);
    p.source_count = SOURCES;
    for (int i = 0; i < SOURCES; i++) {
        snprintf(p.source_names[i], sizeof p.source_names[i], "source%d", i);
    }
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const double typical = 0.1 + sj_random_unit(r);
        const uint64_t source = sj_random_below(r, SOURCES);
        p.deviation_pj[source][i][0] = -typical * sj_random_unit(r);
        p.deviation_pj[source][i][1] = 4.0 * typical * sj_random_unit(r);
        p.pj[i][SJ_LOW] = typical + p.deviation_pj[source][i][0];
        p.pj[i][SJ_TYPICAL] = typical;
        p.pj[i][SJ_HIGH] = typical + p.deviation_pj[source][i][1];
    }
    return p;
}

static sj_outcome random_outcome(sj_random *r) {
    sj_outcome o;
    memset(&o, 0, sizeof o);
    o.cycles = 1 + sj_random_below(r, 100000);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        *(uint64_t *)((char *)&o.counts + sj_counter_table[i].offset) = sj_random_below(r, 1u << 24);
    }
    o.macs_active = sj_random_below(r, 1000);
    o.macs_zero = sj_random_below(r, 1000);
    o.macs_gated = sj_random_below(r, 1000);
    o.macs_skipped = sj_random_below(r, 1000);
    o.macs_total = o.macs_active + o.macs_zero + o.macs_gated + o.macs_skipped;
    o.macs_padding = sj_random_below(r, 1000);
    o.busy_work = sj_random_below(r, 1000);
    o.busy_a = sj_random_below(r, 1000);
    o.busy_b = sj_random_below(r, 1000);
    o.busy_drain = sj_random_below(r, 1000);
    o.busy_dram = sj_random_below(r, 1000);
    return o;
}

#define LAYERS 3

static sj_stats random_run(sj_random *r) {
    sj_stats run;
    memset(&run, 0, sizeof run);
    strcpy(run.accel, "edge16");
    strcpy(run.tech, "45nm");
    strcpy(run.fidelity, "fast");
    strcpy(run.mode, "train");
    strcpy(run.network, "cnn8");
    strcpy(run.method, "plain");
    strcpy(run.dataset, "glyphs");
    run.step = 40;
    run.images = 8;
    run.batch = 64;
    run.clock_mhz = 500.0;
    run.rows = 16;
    run.lanes = 16;
    run.codec = SJ_CODEC_BITMASK;
    strcpy(run.provenance.version, "0.1.0");
    strcpy(run.provenance.input, "/data/\"odd\" name.h5");
    run.provenance.wall_seconds = 1.25;
    run.provenance.has_seed = true;
    run.provenance.seed = INT64_MAX;
    static sj_prices prices[3];
    for (int m = 0; m < 3; m++) {
        run.has_area[m] = true;
        for (int c = 0; c < SJ_AREA_COUNT; c++) {
            run.area[m].component_mm2[c] = sj_random_unit(r);
            run.area[m].total_mm2[SJ_TYPICAL] += run.area[m].component_mm2[c];
        }
        run.area[m].total_mm2[SJ_LOW] = 0.5 * run.area[m].total_mm2[SJ_TYPICAL];
        run.area[m].total_mm2[SJ_HIGH] = 2.0 * run.area[m].total_mm2[SJ_TYPICAL];
        prices[m] = random_prices(r);
    }
    run.prices = prices;
    run.source_count = prices[0].source_count;
    memcpy(run.source_names, prices[0].source_names, sizeof run.source_names);
    for (int v = 0; v < SJ_VARIANTS_MAX; v++) {
        sj_stats_variant *variant = &run.variants[run.variant_count++];
        variant->variant = (sj_variant){(sj_machine)(v % 3), (sj_codec)(v / 3)};
        variant->layers = calloc(LAYERS, sizeof *variant->layers);
        variant->layer_count = LAYERS;
        for (int i = 0; i < LAYERS; i++) {
            sj_stat *s = &variant->layers[i];
            snprintf(s->name, sizeof s->name, "conv%d", i);
            strcpy(s->kind, "conv");
            s->phase = i == 0 ? SJ_PHASE_FORWARD : SJ_PHASE_GRAD_WEIGHT;
            s->density_a = 0.1 * (i + 1) / 3.0;
            s->density_b = 1.0;
            s->density_out = (double)NAN;
            const sj_outcome first = random_outcome(r), second = random_outcome(r);
            OK(sj_stat_add(s, &first, 100, &err));
            OK(sj_stat_add(s, &second, 11, &err));
            assert_int_equal(s->cycles, first.cycles + second.cycles);
            assert_int_equal(s->macs_uncompacted, 111);
            sj_stat_price(s, &prices[variant->variant.machine]);
        }
    }
    OK(sj_stats_total(&run, &err));
    return run;
}

static char *json_text(const sj_stats *runs, int count) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    OK(sj_stats_write_json(f, runs, count, &err));
    fclose(f);
    return text;
}

static void assert_keys(const json_t *o, const char *const *keys) {
    size_t count = 0;
    for (; keys[count] != NULL; count++) {
        if (json_object_get(o, keys[count]) == NULL) {
            fail_msg("no key %s", keys[count]);
        }
    }
    assert_int_equal(json_object_size(o), count);
}

#define KEYS(o, ...) assert_keys(o, (const char *const[]){__VA_ARGS__, NULL})

static const json_t *at(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v == NULL) {
        fail_msg("no key %s", key);
    }
    return v;
}

static void a_run_has_the_promised_keys(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_stats run = random_run(&r);
    char *text = json_text(&run, 1);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    KEYS(root, "format", "version", "accel", "tech", "clock_mhz", "array", "codec", "fidelity", "mode", "network", "method", "dataset", "step", "images", "batch", "area_mm2", "variants",
         "provenance");
    KEYS(at(root, "area_mm2"), "dense", "gate", "skip");
    KEYS(at(at(root, "area_mm2"), "skip"), "buffer", "mask_plane", "pe", "regfile", "scan", "vector", "total", "total_low", "total_high");
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
        cmocka_unit_test(a_run_comes_back_as_it_was_written),
        cmocka_unit_test(a_missing_key_is_named),
        cmocka_unit_test(a_file_of_another_version_1_is_read),
        cmocka_unit_test(a_spread_that_does_not_fit_is_refused), cmocka_unit_test(zeros_of_quantising_stand_apart),
        cmocka_unit_test(what_is_not_ours_is_refused),
        cmocka_unit_test(a_value_of_another_type_is_refused),
        cmocka_unit_test(overflow_is_an_error_not_a_wrap),
        cmocka_unit_test(the_bound_is_the_largest_and_ties_go_in_order),
        cmocka_unit_test(lines_and_tables_have_what_they_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
