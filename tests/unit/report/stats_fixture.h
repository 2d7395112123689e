// SPDX-License-Identifier: Apache-2.0
// Random runs with their prices, and JSON, for the tests of what a run writes and of what is read back.
#ifndef STATS_FIXTURE_H
#define STATS_FIXTURE_H

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

static inline uint64_t test_seed(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 77001u;
    printf("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

#define SOURCES 3

// Each counter's price depends on one source of error.
static inline sj_prices random_prices(sj_random *r) {
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

static inline sj_outcome random_outcome(sj_random *r) {
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

static inline sj_stats random_run(sj_random *r) {
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

static inline char *json_text(const sj_stats *runs, int count) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    OK(sj_stats_write_json(f, runs, count, &err));
    fclose(f);
    return text;
}

static inline void assert_keys(const json_t *o, const char *const *keys) {
    size_t count = 0;
    for (; keys[count] != NULL; count++) {
        if (json_object_get(o, keys[count]) == NULL) {
            fail_msg("no key %s", keys[count]);
        }
    }
    assert_int_equal(json_object_size(o), count);
}

#define KEYS(o, ...) assert_keys(o, (const char *const[]){__VA_ARGS__, NULL})

static inline const json_t *at(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v == NULL) {
        fail_msg("no key %s", key);
    }
    return v;
}

#endif
