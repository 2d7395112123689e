// SPDX-License-Identifier: Apache-2.0
// The identities of the energy model on random jobs of every kind, machine and codec, priced with both shipped sets of 45 nm figures: in the calibrated one a change of a lane has a price of its own.
#include <math.h>

#include "exactness.h"
#include "sj_price.h"

static sj_tech *tech;

static int open_tech(const char *path) {
    sj_error err = {0};
    print_message("%s\n", path);
    return sj_tech_open(path, NULL, 0, &tech, &err) == SJ_OK ? 0 : -1;
}

static int open_literature(void **state) {
    (void)state;
    return open_tech(SJ_SOURCE_DIR "/configs/tech/45nm.cfg");
}

static int open_calibrated(void **state) {
    (void)state;
    return open_tech(SJ_SOURCE_DIR "/configs/tech/45nm-calibrated.cfg");
}

static int close_tech(void **state) {
    (void)state;
    sj_tech_close(tech);
    return 0;
}

static sj_outcome run(const exact_case *c, sj_variant variant) {
    sj_error err = {0};
    sj_outcome out = {0};
    if (sj_fast_run(&c->accel, variant, c->job, &out, &err) != SJ_OK) {
        fail_msg("%s; %s", err.message, exact_describe(c));
    }
    return out;
}

static sj_prices prices_of(const exact_case *c, sj_machine machine) {
    sj_error err = {0};
    sj_prices prices;
    if (sj_tech_prices(tech, &c->accel, machine, &prices, &err) != SJ_OK) {
        fail_msg("%s; %s", err.message, exact_describe(c));
    }
    return prices;
}

static double total_pj(const exact_case *c, sj_variant variant, const sj_outcome *o) {
    const sj_prices prices = prices_of(c, variant.machine);
    return sj_price(&prices, &o->counts, SJ_TYPICAL).total_pj;
}

static uint64_t count_at(const sj_outcome *o, int i) {
    uint64_t count = 0;
    memcpy(&count, (const char *)&o->counts + sj_counter_table[i].offset, sizeof count);
    return count;
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)); }

typedef struct brute {
    uint64_t total, active;
} brute;

static void add_pairs(const sj_job *j, const sj_operand *a_side, const sj_operand *b_side, brute *n) {
    for (int64_t m = 0; m < j->m; m++) {
        for (int64_t k = 0; k < j->k; k++) {
            const int64_t a = sj_operand_offset(a_side, m, k);
            for (int64_t i = 0; a != SJ_PADDING && i < j->n; i++) {
                const int64_t b = sj_operand_offset(b_side, i, k);
                n->total += b != SJ_PADDING;
                n->active += b != SJ_PADDING && sj_values_nonzero(&a_side->values, a) && sj_values_nonzero(&b_side->values, b);
            }
        }
    }
}

static brute count_pairs(const sj_job *j) {
    brute n = {0};
    for (int64_t i = 0; i < sj_job_instances(j); i++) {
        const sj_operand a = sj_operand_instance(&j->a, i);
        const sj_operand b = sj_operand_instance(&j->b, i);
        add_pairs(j, &a, &b, &n);
    }
    return n;
}

static void macs_are_the_pairs_and_components_sum(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(41));
    for (int i = 0; i < 180; i++) {
        exact_case c = exact_case_make(&r, NULL, i % EXACT_KINDS);
        const brute expected = c.job->is_product ? count_pairs(c.job) : (brute){0, 0};
        for (int v = 0; v < 3 * SJ_CODEC_COUNT; v++) {
            const sj_variant variant = {(sj_machine)(v / SJ_CODEC_COUNT), (sj_codec)(v % SJ_CODEC_COUNT)};
            const sj_outcome o = run(&c, variant);
            assert_int_equal(o.macs_active, expected.active);
            assert_int_equal(o.macs_total, expected.total);
            assert_int_equal(o.macs_active + o.macs_zero + o.macs_gated + o.macs_skipped, o.macs_total);
            if (c.job->is_product) {
                assert_int_equal(o.macs_total + o.macs_padding, (uint64_t)(exact_result_count(c.job) * c.job->k));
            }
            sj_prices prices = prices_of(&c, variant.machine);
            const sj_energy once = sj_price(&prices, &o.counts, SJ_TYPICAL);
            double sum = 0.0;
            for (int p = 0; p < SJ_COMPONENT_COUNT; p++) {
                sum += once.component_pj[p];
            }
            assert_true(near(sum, once.total_pj));
            for (int p = 0; p < SJ_COUNTER_COUNT; p++) {
                prices.pj[p][SJ_TYPICAL] *= 2.0;
            }
            assert_true(near(sj_price(&prices, &o.counts, SJ_TYPICAL).total_pj, 2.0 * once.total_pj));
        }
        exact_case_free(&c);
    }
}

// What a machine that skips may do more than one that does not, when there is nothing to skip.
static bool is_overhead(const char *name) {
    static const char *const overheads[] = {"mask.scan", "mask.read", "mask.write", "bus.a", "bus.b", "buffer.write", "clock", "leakage", "dram.background", "dram.refresh"};
    for (size_t i = 0; i < sizeof overheads / sizeof overheads[0]; i++) {
        if (strcmp(name, overheads[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void fill_dense(sj_random *r, const sj_values *v, int64_t count) {
    sj_bf16 *wide = (sj_bf16 *)(uintptr_t)v->data;
    int8_t *narrow = (int8_t *)(uintptr_t)v->data;
    for (int64_t i = 0; i < count; i++) {
        if (v->dtype == SJ_DTYPE_BF16) {
            wide[i] = sj_test_small(r, 2.0);
        } else {
            narrow[i] = (int8_t)sj_test_between(r, 1, 127);
        }
    }
}

static int64_t source_values(const sj_operand *o) {
    if (o->kind != SJ_OPERAND_WEIGHT) {
        return o->stored_images * o->source_h * o->source_w * o->source_c;
    }
    int64_t highest = -1;
    for (int64_t u = 0; u < o->u_count; u++) {
        for (int64_t k = 0; k < sj_operand_k_count(o); k++) {
            highest = sj_max64(highest, sj_operand_offset(o, u, k));
        }
    }
    return highest + 1;
}

// With both operands dense and no codec, skip and dense do the same work: every other counter is equal, so the difference of their energies is that of the overheads (and of
// the machines' own prices for equal counts: a larger die has longer wires).
static void nothing_to_skip_costs_the_overheads_alone(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(43));
    for (int i = 0; i < 120; i++) {
        exact_case c = exact_case_make(&r, NULL, i % EXACT_INSTANCES);  // products of one instance: their tensors are filled whole
        c.accel.issue_padding = false;
        fill_dense(&r, &c.job->a.values, source_values(&c.job->a));
        fill_dense(&r, &c.job->b.values, source_values(&c.job->b));
        const sj_variant dense = {SJ_MACHINE_DENSE, SJ_CODEC_NONE};
        const sj_variant skip = {SJ_MACHINE_SKIP, SJ_CODEC_NONE};
        const sj_outcome d = run(&c, dense);
        const sj_outcome s = run(&c, skip);
        const sj_prices dense_prices = prices_of(&c, SJ_MACHINE_DENSE);
        const sj_prices skip_prices = prices_of(&c, SJ_MACHINE_SKIP);
        double difference = 0.0;
        for (int p = 0; p < SJ_COUNTER_COUNT; p++) {
            const double more = (double)count_at(&s, p) - (double)count_at(&d, p);
            if (more != 0.0 && !is_overhead(sj_counter_table[p].name)) {
                fail_msg("%s: %llu against %llu; %s", sj_counter_table[p].name, (unsigned long long)count_at(&s, p), (unsigned long long)count_at(&d, p), exact_describe(&c));
            }
            assert_true(more >= 0.0);
            difference += more * skip_prices.pj[p][SJ_TYPICAL] + (double)count_at(&d, p) * (skip_prices.pj[p][SJ_TYPICAL] - dense_prices.pj[p][SJ_TYPICAL]);
        }
        const double energies = total_pj(&c, skip, &s) - total_pj(&c, dense, &d);
        assert_true(fabs(difference - energies) <= 1e-9 * total_pj(&c, skip, &s));
        exact_case_free(&c);
    }
}

// A nested mask: some values become zero, none becomes nonzero.
static void thin_out(sj_random *r, const sj_job *j, const sj_operand *side) {
    const int64_t bytes = side->values.dtype == SJ_DTYPE_BF16 ? 2 : 1;
    for (int64_t i = 0; i < sj_job_instances(j); i++) {
        const sj_operand view = sj_operand_instance(side, i);
        const int64_t all = sj_operand_u_count(&view) * sj_operand_k_count(&view);
        for (int64_t at = 0; at < all; at++) {
            const int64_t offset = sj_operand_offset(&view, at / sj_operand_k_count(&view), at % sj_operand_k_count(&view));
            if (offset != SJ_PADDING && sj_random_below(r, 8) == 0) {
                memset((char *)(uintptr_t)view.values.data + offset * bytes, 0, (size_t)bytes);
            }
        }
    }
}

static void fewer_nonzeros_never_cost_more(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(47));
    int64_t fell = 0;
    for (int i = 0; i < 150; i++) {
        exact_case c = exact_case_make(&r, NULL, i % EXACT_ELEMENTWISE);
        const sj_operand *side = sj_random_below(&r, 2) == 0 ? &c.job->a : &c.job->b;
        sj_outcome before[3 * SJ_CODEC_COUNT];
        for (int v = 0; v < 3 * SJ_CODEC_COUNT; v++) {
            before[v] = run(&c, (sj_variant){(sj_machine)(v / SJ_CODEC_COUNT), (sj_codec)(v % SJ_CODEC_COUNT)});
        }
        thin_out(&r, c.job, side);
        for (int v = 0; v < 3 * SJ_CODEC_COUNT; v++) {
            const sj_variant variant = {(sj_machine)(v / SJ_CODEC_COUNT), (sj_codec)(v % SJ_CODEC_COUNT)};
            const sj_outcome after = run(&c, variant);
            const double more = total_pj(&c, variant, &before[v]);
            const double less = total_pj(&c, variant, &after);
            if (less > more * (1.0 + 1e-12)) {
                fail_msg("%s/%s: %.17g pJ became %.17g with more zeros; %s", sj_machine_name(variant.machine), sj_codec_name(variant.codec), more, less, exact_describe(&c));
            }
            fell += less < more;
        }
        exact_case_free(&c);
    }
    assert_true(fell > 300);
}

// Time alone: cycles in which nothing happens cost the clock and leakage, and DRAM standby where the machine has DRAM; and on skip an array of zeros multiplies nothing.
static void an_empty_machine_costs_leakage_and_clock_only(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(53));
    int products = 0;
    for (int i = 0; i < 120; i++) {
        exact_case c = exact_case_make(&r, NULL, i % EXACT_KINDS);
        for (int m = 0; m < 3; m++) {
            const sj_prices prices = prices_of(&c, (sj_machine)m);
            sj_counters counts;
            memset(&counts, 0, sizeof counts);
            counts.clock = counts.leakage = 1 + sj_random_below(&r, 1u << 30);
            for (int bound = 0; bound < SJ_BOUND_COUNT; bound++) {
                const sj_energy e = sj_price(&prices, &counts, (sj_bound)bound);
                for (int p = 0; p < SJ_COMPONENT_COUNT; p++) {
                    const bool time_alone = p == SJ_COMPONENT_clock || p == SJ_COMPONENT_leakage;
                    assert_true(time_alone ? e.component_pj[p] >= 0.0 && (bound == SJ_LOW || e.component_pj[p] > 0.0) : e.component_pj[p] == 0.0);
                }
            }
        }
        if (i % EXACT_KINDS < EXACT_INSTANCES) {  // products of one instance: their tensors are emptied whole
            c.accel.issue_padding = false;
            memset((void *)(uintptr_t)c.job->a.values.data, 0, (size_t)source_values(&c.job->a) * (c.job->a.values.dtype == SJ_DTYPE_BF16 ? 2 : 1));
            const sj_outcome o = run(&c, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_NONE});
            assert_true(o.counts.mac_active == 0 && o.counts.mac_zero == 0 && o.counts.mac_gated == 0 && o.counts.mac_idle == 0 && o.counts.a_pad_read == 0 && o.counts.b_pad_read == 0);
            products++;
        }
        exact_case_free(&c);
    }
    assert_true(products > 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(macs_are_the_pairs_and_components_sum), cmocka_unit_test(nothing_to_skip_costs_the_overheads_alone),
                                       cmocka_unit_test(fewer_nonzeros_never_cost_more), cmocka_unit_test(an_empty_machine_costs_leakage_and_clock_only)};
    const int failed = cmocka_run_group_tests_name("literature", tests, open_literature, close_tech);
    return failed + cmocka_run_group_tests_name("calibrated", tests, open_calibrated, close_tech);
}
