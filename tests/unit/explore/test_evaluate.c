// SPDX-License-Identifier: Apache-2.0
// Many machines evaluated together against each simulated alone, as `sim` does it: every cycle, byte and picojoule equal, on a training step and an inference of the sample trace.
#include "sj_test.h"

#include <math.h>

#include "sj_evaluate.h"
#include "sj_fast_shared.h"
#include "sj_lower.h"
#include "sj_price.h"
#include "sj_stats.h"

enum { POINTS = 24 };

static const char train_path[] = SJ_SOURCE_DIR "/traces/samples/cnn8-train.h5", eval_path[] = SJ_SOURCE_DIR "/traces/samples/cnn8-eval.h5";

static void ok(sj_status status, const sj_error *err) {
    if (status != SJ_OK) {
        fail_msg("%s", err->message);
    }
}

static int64_t one_of(sj_random *r, const int64_t *values, uint64_t count) { return values[sj_random_below(r, count)]; }

// Machines near each other, so that they share; some cannot hold a tile.
static void make_accel(sj_random *r, const sj_accel *base, sj_accel *out) {
    static const int64_t rows[] = {4, 8, 16}, lanes[] = {8, 16, 24}, slots[] = {1, 4, 8}, kib[] = {2, 128, 256, 384, 512, 1024}, banks[] = {1, 2, 4}, k_tiles[] = {32, 64};
    *out = *base;
    out->rows = one_of(r, rows, 3);
    out->lanes = one_of(r, lanes, 3);
    out->slots = one_of(r, slots, 3);
    out->buffer_kib = one_of(r, kib, 6);
    out->a_banks = one_of(r, banks, 3);
    out->k_tile = one_of(r, k_tiles, 2);
    out->codec = (sj_codec)sj_random_below(r, SJ_CODEC_COUNT);
    out->dram = sj_dram_find(sj_random_below(r, 2) == 0 ? "ddr4-3200-4x16" : "ddr4-2400-4x16");
    out->bank_kib = sj_random_below(r, 2) == 0 ? 32 : 16;  // prices alone
    // Each of these in some machines: whatever two machines share must not hide the difference.
    int64_t *const sizes[] = {&out->a_bytes, &out->b_bytes, &out->o_bytes, &out->line_bytes, &out->vector_lanes};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        *sizes[i] = sj_random_below(r, 4) == 0 ? 2 * *sizes[i] : *sizes[i];
    }
    out->acc_banks = sj_random_below(r, 4) == 0 ? 3 : out->acc_banks;
    out->clock_mhz = sj_random_below(r, 4) == 0 ? 400.0 : out->clock_mhz;
    out->swap = (sj_swap)sj_random_below(r, 3);
    out->issue_padding = sj_random_below(r, 4) == 0;
}

typedef struct machines {
    sj_tech *tech;
    sj_eval_point points[POINTS];
    sj_prices *prices;
} machines;

static void make_machines(sj_random *r, int64_t batch, machines *m) {
    sj_accel base;
    sj_error err;
    ok(sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &base, &err), &err);
    ok(sj_tech_open(SJ_SOURCE_DIR "/configs/tech/45nm.cfg", NULL, 0, &m->tech, &err), &err);
    m->prices = calloc(POINTS, sizeof *m->prices);
    assert_non_null(m->prices);
    for (int i = 0; i < POINTS; i++) {
        sj_eval_point *p = &m->points[i];
        if (i % 4 == 3) {
            *p = m->points[i - 1];  // the same cycles, at other prices
            p->accel.bank_kib = p->accel.bank_kib == 32 ? 16 : 32;
            p->machine = p->machine == SJ_MACHINE_SKIP ? p->machine : (sj_machine)(SJ_MACHINE_GATE - p->machine);
        } else {
            make_accel(r, &base, &p->accel);
            p->machine = (sj_machine)sj_random_below(r, 3);
            p->batch = sj_random_below(r, 3) == 0 ? batch + 1 : 0;
        }
        ok(sj_tech_prices(m->tech, &p->accel, p->machine, &m->prices[i], &err), &err);
        p->prices = &m->prices[i];
        p->area_mm2 = sj_tech_area(m->tech, &p->accel, p->machine).total_mm2[SJ_TYPICAL];
    }
}

// One machine as `sim` runs it: unit by unit, job by job, nothing shared.
static sj_status alone(sj_trace *trace, int step, const sj_eval_point *p, int64_t batch, sj_stats *run, sj_error *err) {
    const sj_lower_options options = {.batch = p->batch > 0 ? p->batch : batch, .fuse = true};
    sj_lowering *lowering;
    SJ_TRY(sj_lowering_open(trace, step, &p->accel, &options, &lowering, err));
    const int units = sj_lowering_unit_count(lowering);
    run->variants[0].layers = calloc((size_t)units, sizeof(sj_stat));
    run->variants[0].layer_count = units;
    run->variants[0].variant = (sj_variant){p->machine, p->accel.codec};
    run->variant_count = 1;
    sj_status status = SJ_OK;
    for (int u = 0; u < units && status == SJ_OK; u++) {
        sj_job *const *jobs;
        int count = 0;
        sj_densities densities;
        status = sj_lowering_jobs(lowering, u, &jobs, &count, &densities, err);
        for (int j = 0; j < count && status == SJ_OK; j++) {
            sj_outcome outcome;
            status = sj_fast_run(&p->accel, run->variants[0].variant, jobs[j], &outcome, err);
            status = status == SJ_OK ? sj_stat_add(&run->variants[0].layers[u], &outcome, 0, err) : status;
        }
        sj_stat_price(&run->variants[0].layers[u], p->prices);
    }
    sj_lowering_close(lowering);
    return status;
}

static void compare(const sj_evaluator *e, const sj_eval_point *p, const sj_point_result *got, sj_stats *want, const sj_prices *by_machine) {
    sj_error err;
    want->prices = by_machine;
    want->source_count = p->prices->source_count;
    ok(sj_stats_total(want, &err), &err);
    const sj_stat *total = &want->variants[0].total;
    assert_true(got->valid && got->unit_count == want->variants[0].layer_count && got->unit_count == sj_evaluator_unit_total(e));
    assert_true(got->values[SJ_SWEEP_cycles] == (double)total->cycles);
    assert_true(got->values[SJ_SWEEP_energy_pj] == total->energy[SJ_TYPICAL].total_pj);
    assert_true(got->values[SJ_SWEEP_energy_low_pj] == total->energy[SJ_LOW].total_pj);
    assert_true(got->values[SJ_SWEEP_energy_high_pj] == total->energy[SJ_HIGH].total_pj);
    assert_true(got->values[SJ_SWEEP_dram_bytes] == 64.0 * (double)(total->counts.dram_read + total->counts.dram_write));
    assert_true(got->values[SJ_SWEEP_area_mm2] == p->area_mm2);
    assert_true(got->values[SJ_SWEEP_seconds] == (double)total->cycles / (p->accel.clock_mhz * 1e6));
    for (int64_t u = 0; u < got->unit_count; u++) {
        const sj_stat *layer = &want->variants[0].layers[u];
        assert_true(got->units[u].cycles == layer->cycles && got->units[u].energy_pj == layer->energy[SJ_TYPICAL].total_pj);
        assert_true(got->units[u].dram_bytes == 64 * (layer->counts.dram_read + layer->counts.dram_write));
    }
}

static void together_equals_alone(const char *trace_path, const char *step, int64_t batch, uint64_t seed) {
    static machines m;
    static sj_point_result results[POINTS];
    const char *const traces[] = {trace_path};
    const double weights[] = {1.0};
    const sj_evaluator_options options = {.trace_count = 1, .traces = traces, .weights = weights, .step = step, .selection = {0, NULL, -1}, .batch = batch, .fuse = true};
    sj_random rng = sj_random_seed(seed);
    sj_evaluator *e;
    sj_trace *trace;
    sj_error err;
    int index = 0, invalid = 0;
    make_machines(&rng, batch, &m);
    ok(sj_evaluator_open(&options, &e, &err), &err);
    for (int i = 0; i < POINTS; i++) {
        results[i].units = calloc((size_t)sj_evaluator_unit_total(e), sizeof(sj_unit_result));
    }
    ok(sj_evaluator_run(e, m.points, POINTS, results, &err), &err);
    ok(sj_trace_open(trace_path, &trace, &err), &err);
    ok(sj_selection_step("step", trace, step, &index, &err), &err);
    for (int i = 0; i < POINTS; i++) {
        sj_stats want = {.clock_mhz = m.points[i].accel.clock_mhz};
        const sj_prices *p = m.points[i].prices;
        sj_prices *by_machine = calloc(3, sizeof *by_machine);
        by_machine[m.points[i].machine] = *p;
        const sj_status status = alone(trace, index, &m.points[i], batch, &want, &err);
        if (status == SJ_OK) {
            compare(e, &m.points[i], &results[i], &want, by_machine);
        } else {
            assert_int_equal(status, SJ_ERR_RANGE);
            assert_false(results[i].valid);
            assert_string_equal(results[i].reason, err.message);
            assert_true(results[i].unit_count == 0 && results[i].values[SJ_SWEEP_energy_pj] == 0.0 && results[i].values[SJ_SWEEP_area_mm2] > 0.0);
            invalid++;
        }
        sj_stats_free(&want);
        free(by_machine);
        free(results[i].units);
        results[i].units = NULL;
    }
    assert_true(invalid > 0 && invalid < POINTS / 2);
    sj_trace_close(trace);
    sj_evaluator_close(e);
    sj_tech_close(m.tech);
    free(m.prices);
}

static void training_step(void **state) {
    (void)state;
    together_equals_alone(train_path, "last-train", 3, sj_test_seed(61));
}

static void inference(void **state) {
    (void)state;
    together_equals_alone(eval_path, "last-eval", 2, sj_test_seed(62));
}

// Weights multiply; two traces add up.
static void traces_add_up(void **state) {
    (void)state;
    static machines m;
    const char *const traces[] = {train_path, eval_path};
    const double weights[2][2] = {{1.0, 1.0}, {0.25, 3.0}};
    sj_random rng = sj_random_seed(sj_test_seed(63));
    double each[2][SJ_SWEEP_VALUE_COUNT];
    sj_error err;
    make_machines(&rng, 2, &m);
    m.points[0].accel.buffer_kib = 512;
    for (int set = 0; set < 3; set++) {
        sj_evaluator_options options = {.trace_count = 1, .traces = &traces[set % 2], .weights = weights[0], .selection = {0, NULL, -1}, .batch = 2, .fuse = true};
        if (set == 2) {
            options.traces = traces;
            options.trace_count = 2;
            options.weights = weights[1];
        }
        sj_evaluator *e;
        sj_point_result r = {0};
        ok(sj_evaluator_open(&options, &e, &err), &err);
        ok(sj_evaluator_run(e, m.points, 1, &r, &err), &err);
        assert_true(r.valid);
        if (set < 2) {
            memcpy(each[set], r.values, sizeof r.values);
            sj_evaluator_close(e);
            continue;
        }
        static const int linear[] = {SJ_SWEEP_energy_pj, SJ_SWEEP_cycles, SJ_SWEEP_seconds, SJ_SWEEP_dram_bytes};
        for (int i = 0; i < 4; i++) {
            const double want = 0.25 * each[0][linear[i]] + 3.0 * each[1][linear[i]];
            assert_true(fabs(r.values[linear[i]] - want) <= 1e-12 * want);
        }
        assert_true(r.values[SJ_SWEEP_edp_pj_s] == r.values[SJ_SWEEP_energy_pj] * r.values[SJ_SWEEP_seconds]);
        // Sources of error are common to both traces: the interval of the sum is as wide as theirs together.
        const double low = 0.25 * (each[0][SJ_SWEEP_energy_pj] - each[0][SJ_SWEEP_energy_low_pj]) + 3.0 * (each[1][SJ_SWEEP_energy_pj] - each[1][SJ_SWEEP_energy_low_pj]);
        assert_true(r.values[SJ_SWEEP_energy_pj] - r.values[SJ_SWEEP_energy_low_pj] <= 1.0000001 * low && r.values[SJ_SWEEP_energy_pj] - r.values[SJ_SWEEP_energy_low_pj] >= 0.9 * low);
        sj_evaluator_close(e);
    }
    sj_tech_close(m.tech);
    free(m.prices);
}

static void wrong_requests(void **state) {
    (void)state;
    const char *const traces[] = {train_path}, *const inferences[] = {eval_path}, *const layers[] = {"conv9"};
    const double weights[] = {1.0};
    const sj_evaluator_options good = {.trace_count = 1, .traces = traces, .weights = weights, .selection = {0, NULL, -1}, .fuse = true};
    sj_evaluator_options wrong = good;
    sj_evaluator *e = NULL;
    sj_error err;
    wrong.traces = inferences;
    assert_int_equal(sj_evaluator_open(&wrong, &e, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "whose batch must be said"));
    wrong = good;
    wrong.step = "latest";
    assert_int_equal(sj_evaluator_open(&wrong, &e, &err), SJ_ERR_USAGE);
    assert_non_null(strstr(err.message, "step latest"));
    wrong = good;
    wrong.selection = (sj_selection){1, layers, -1};
    assert_int_equal(sj_evaluator_open(&wrong, &e, &err), SJ_ERR_USAGE);
    assert_non_null(strstr(err.message, "conv9"));
    wrong = good;
    wrong.fuse = false;
    assert_int_equal(sj_evaluator_open(&wrong, &e, &err), SJ_ERR_CONFIG);
    assert_null(e);
}

static bool stop_at_once(void *context) { return context == NULL; }

static void an_interrupt_ends_it(void **state) {
    (void)state;
    static machines m;
    const char *const traces[] = {train_path};
    const double weights[] = {1.0};
    const sj_evaluator_options options = {.trace_count = 1, .traces = traces, .weights = weights, .selection = {0, NULL, -1}, .batch = 1, .fuse = true, .stopped = stop_at_once};
    sj_random rng = sj_random_seed(1);
    sj_evaluator *e;
    sj_point_result r[4] = {0};
    sj_error err;
    make_machines(&rng, 1, &m);
    ok(sj_evaluator_open(&options, &e, &err), &err);
    assert_int_equal(sj_evaluator_run(e, m.points, 4, r, &err), SJ_ERR_INTERRUPTED);
    sj_evaluator_close(e);
    sj_tech_close(m.tech);
    free(m.prices);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(training_step), cmocka_unit_test(inference), cmocka_unit_test(traces_add_up), cmocka_unit_test(wrong_requests), cmocka_unit_test(an_interrupt_ends_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
