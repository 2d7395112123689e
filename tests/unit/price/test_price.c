// SPDX-License-Identifier: Apache-2.0
// Do the prices add up, and does each counter cost what docs/energy.md says?
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

#include "sj_config.h"
#include "sj_file.h"
#include "sj_price.h"
#include "sj_random.h"

static sj_error err;

#define OK(expr)                                    \
    do {                                            \
        if ((expr) != SJ_OK) {                      \
            fail_msg("%s: %s", #expr, err.message); \
        }                                           \
    } while (0)

static void assert_near(double a, double b, double relative) {
    if (!(fabs(a - b) <= relative * fmax(fabs(a), fabs(b)))) {
        fail_msg("%.17g and %.17g differ by more than %g of them", a, b, relative);
    }
}

static sj_accel accel_from(const char *name, const char *override) {
    char path[512];
    snprintf(path, sizeof path, "%s/configs/accel/%s.cfg", SJ_SOURCE_DIR, name);
    sj_config *c;
    sj_accel accel;
    OK(sj_config_open(path, &c, &err));
    if (override != NULL) {
        OK(sj_config_override(c, override, &err));
    }
    sj_accel_read(c, &accel);
    OK(sj_config_finish(c, &err));
    sj_config_close(c);
    return accel;
}

static sj_tech *tech_of(const char *name, const char *const *overrides, int count) {
    char path[512];
    snprintf(path, sizeof path, "%s/configs/tech/%s.cfg", SJ_SOURCE_DIR, name);
    sj_tech *t;
    OK(sj_tech_open(path, overrides, count, &t, &err));
    return t;
}

static sj_tech *tech_with(const char *const *overrides, int count) { return tech_of("45nm", overrides, count); }

static sj_prices prices_of(const sj_tech *t, const sj_accel *accel, sj_machine machine) {
    sj_prices p;
    OK(sj_tech_prices(t, accel, machine, &p, &err));
    return p;
}

static uint64_t test_seed(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20240611u;
    printf("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static sj_counters random_counts(sj_random *r) {
    sj_counters counts;
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        *(uint64_t *)((char *)&counts + sj_counter_table[i].offset) = sj_random_below(r, 1u << 20);
    }
    return counts;
}

static int counter_index(const char *name) {
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        if (strcmp(sj_counter_table[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("no counter %s", name);
    return -1;
}

// The root of the sum over the sources of squared deviations, with its sign.
static double off_by(const sj_prices *p, const sj_counters *counts, int bound) {
    double squares = 0.0;
    for (int s = 0; s < p->source_count && bound != SJ_TYPICAL; s++) {
        double all = 0.0;
        for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
            all += (double)*(const uint64_t *)((const char *)counts + sj_counter_table[i].offset) * p->deviation_pj[s][i][bound == SJ_HIGH];
        }
        squares += all * all;
    }
    return bound == SJ_HIGH ? sqrt(squares) : -sqrt(squares);
}

static int source_index(const sj_prices *p, const char *name) {
    for (int s = 0; s < p->source_count; s++) {
        if (strcmp(p->source_names[s], name) == 0) {
            return s;
        }
    }
    fail_msg("no source of error %s", name);
    return -1;
}

// A file in which the source's entries have their ends as typical figures has the prices that a deviation says; no other source moves them.
static void a_source_moves_its_own_entries_together(void **state) {
    static const struct {
        const char *source, *low[8], *high[8];
    } cases[] = {
        {"mac", {"mac_bf16_active.typical=1.1", "mac_bf16_zero.typical=0.014", "mac_bf16_gated.typical=0.001", "mac_bf16_idle.typical=0.0"},
         {"mac_bf16_active.typical=17.8", "mac_bf16_zero.typical=4.6", "mac_bf16_gated.typical=2.1", "mac_bf16_idle.typical=0.534"}},
        {"sram", {"sram_energy.typical=0.8", "regfile_energy.typical=0.25"}, {"sram_energy.typical=3.16", "regfile_energy.typical=3.0"}},
        {"area", {"sram_area.typical=0.94", "regfile_area.typical=0.6", "area_flipflop.typical=0.0000008", "area_bf16_pe.typical=0.0028", "area_scan_bit.typical=0.000006", "area_vector_lane.typical=0.006"},
         {"sram_area.typical=1.5", "regfile_area.typical=2.0", "area_flipflop.typical=0.000009", "area_bf16_pe.typical=0.0114", "area_scan_bit.typical=0.000048", "area_vector_lane.typical=0.025"}},
        {"mac_bf16_change", {NULL}, {"mac_bf16_change.typical=0.45"}},  // its low figure is its typical one, 0
        {"wire", {"wire.typical=0.08"}, {"wire.typical=0.5"}},
        {"dram_io", {"dram.ddr4-3200-4x16.io.typical=1.5"}, {"dram.ddr4-3200-4x16.io.typical=5.0"}}};
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", "dram.type=ddr4-3200-4x16");
    const sj_prices p = prices_of(t, &accel, SJ_MACHINE_SKIP);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const int source = source_index(&p, cases[c].source);
        for (int end = 0; end < 2; end++) {
            const char *const *sets = end == 0 ? cases[c].low : cases[c].high;
            int count = 0, touched = 0;
            while (count < 8 && sets[count] != NULL) {
                count++;
            }
            sj_tech *moved = tech_with(sets, count);
            const sj_prices q = prices_of(moved, &accel, SJ_MACHINE_SKIP);
            for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                const double deviation = p.deviation_pj[source][i][end];
                if (!(fabs(p.pj[i][SJ_TYPICAL] + deviation - q.pj[i][SJ_TYPICAL]) <= 1e-12 * q.pj[i][SJ_TYPICAL])) {
                    fail_msg("%s, %s: %g + %g, and the file says %g", cases[c].source, sj_counter_table[i].name, p.pj[i][SJ_TYPICAL], deviation, q.pj[i][SJ_TYPICAL]);
                }
                assert_true(end == 0 ? deviation <= 0.0 : deviation >= 0.0);
                touched += deviation != 0.0;
            }
            assert_true((touched > 0) == (count > 0));
            sj_tech_close(moved);
        }
    }
    sj_tech_close(t);
}

static void a_counter_names_the_entries_that_price_it(void **state) {
    static const struct {
        const char *counter, *skip, *dense;
    } cases[] = {{"mac.active", "mac_bf16_active", "mac_bf16_active"},
                 {"mac.change", "mac_bf16_change", "mac_bf16_change"},
                 {"mask.scan", "mask_scan", ""},
                 {"buffer.read", "sram_energy, sram_area, wire", "sram_energy, sram_area, wire"},
                 {"a_pad.read", "regfile_energy", "regfile_energy"},
                 {"bus.a", "regfile_area, wire, area_flipflop, area_bf16_pe, area_scan_bit", "regfile_area, wire, area_bf16_pe"},
                 {"dram.read", "dram.read_burst, dram.io", "dram.read_burst, dram.io"},
                 {"clock", "regfile_area, clock_bf16_pe, clock_mask_bit, clock_mask_store, control_row, clock_wire, area_flipflop, area_bf16_pe, area_scan_bit", "regfile_area, clock_bf16_pe, control_row, clock_wire, area_bf16_pe"}};
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", NULL);
    sj_price_entries skip, dense;
    OK(sj_tech_price_entries(t, &accel, SJ_MACHINE_SKIP, &skip, &err));
    OK(sj_tech_price_entries(t, &accel, SJ_MACHINE_DENSE, &dense, &err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int c = counter_index(cases[i].counter);
        assert_string_equal(skip.of[c], cases[i].skip);
        assert_string_equal(dense.of[c], cases[i].dense);
    }
    for (int c = 0; c < SJ_COUNTER_COUNT; c++) {
        assert_true(skip.of[c][0] != '\0' && strlen(skip.of[c]) < SJ_ENTRIES_MAX - 1);  // nothing is free, and no list is cut
    }
    sj_tech_close(t);
}

// By hand: sources of 3 and 4 make 5; each component has its source's share of it.
static void components_have_their_part_of_the_deviation(void **state) {
    static sj_spread spread;
    sj_energy typical;
    memset(&typical, 0, sizeof typical);
    typical.component_pj[SJ_COMPONENT_mac] = 10.0;
    typical.component_pj[SJ_COMPONENT_bus] = 20.0;
    typical.component_pj[SJ_COMPONENT_clock] = 5.0;
    typical.total_pj = 35.0;
    spread.pj[0][SJ_COMPONENT_mac][0] = -3.0;
    spread.pj[1][SJ_COMPONENT_bus][0] = -4.0;
    spread.pj[0][SJ_COMPONENT_mac][1] = 6.0;
    spread.pj[2][SJ_COMPONENT_bus][1] = 5.0;
    spread.pj[2][SJ_COMPONENT_clock][1] = 3.0;
    const sj_energy low = sj_energy_end(&typical, &spread, SJ_LOW), high = sj_energy_end(&typical, &spread, SJ_HIGH);
    assert_near(low.total_pj, 30.0, 1e-14);
    assert_near(low.component_pj[SJ_COMPONENT_mac], 10.0 - 9.0 / 5.0, 1e-14);
    assert_near(low.component_pj[SJ_COMPONENT_bus], 20.0 - 16.0 / 5.0, 1e-14);
    assert_near(low.component_pj[SJ_COMPONENT_clock], 5.0, 1e-14);
    assert_near(high.total_pj, 45.0, 1e-14);  // 6 and 5 + 3
    assert_near(high.component_pj[SJ_COMPONENT_mac], 10.0 + 36.0 / 10.0, 1e-14);
    assert_near(high.component_pj[SJ_COMPONENT_bus], 20.0 + 5.0 * 8.0 / 10.0, 1e-14);
    assert_near(high.component_pj[SJ_COMPONENT_clock], 5.0 + 3.0 * 8.0 / 10.0, 1e-14);
}

// By hand: leakage of 10 is off by 9 and by 6, so by 10.8 in all; 0.8 of it is taken from the clock's 5. Alone, it ends at zero.
static void no_end_is_below_zero(void **state) {
    static sj_spread spread;
    sj_energy typical;
    memset(&typical, 0, sizeof typical);
    typical.component_pj[SJ_COMPONENT_leakage] = 10.0;
    typical.component_pj[SJ_COMPONENT_clock] = 5.0;
    typical.total_pj = 15.0;
    spread.pj[0][SJ_COMPONENT_leakage][0] = -9.0;
    spread.pj[1][SJ_COMPONENT_leakage][0] = -6.0;
    const double off = sqrt(117.0);
    sj_energy low = sj_energy_end(&typical, &spread, SJ_LOW);
    assert_near(low.total_pj, 15.0 - off, 1e-14);
    assert_true(fabs(low.component_pj[SJ_COMPONENT_leakage]) < 1e-14);
    assert_near(low.component_pj[SJ_COMPONENT_clock], 15.0 - off, 1e-14);
    typical.component_pj[SJ_COMPONENT_clock] = 0.0;
    typical.total_pj = 10.0;
    low = sj_energy_end(&typical, &spread, SJ_LOW);
    assert_true(low.total_pj >= 0.0 && low.total_pj < 1e-14 && low.component_pj[SJ_COMPONENT_leakage] >= 0.0);
}

static void an_entry_without_a_group_is_a_source_of_its_own(void **state) {
    static const char *const sets[] = {"vector_op.group=mac", "rng_sample.group=own_name_2"};
    sj_tech *t = tech_with(NULL, 0), *grouped = tech_with(sets, 2);
    const sj_accel accel = accel_from("edge16", NULL);
    const sj_prices p = prices_of(t, &accel, SJ_MACHINE_SKIP), q = prices_of(grouped, &accel, SJ_MACHINE_SKIP);
    const int op = counter_index("vector.op"), active = counter_index("mac.active");
    assert_true(p.deviation_pj[source_index(&p, "vector_op")][op][1] > 0.0 && p.deviation_pj[source_index(&p, "vector_op")][active][1] == 0.0);
    assert_true(q.deviation_pj[source_index(&q, "mac")][op][1] > 0.0 && q.deviation_pj[source_index(&q, "mac")][active][1] > 0.0);
    assert_int_equal(q.source_count, p.source_count - 1);
    (void)source_index(&q, "own_name_2");
    sj_tech_close(t);
    sj_tech_close(grouped);
    static const char *const wrong[] = {"wire.group=\"\"", "wire.group=Wire", "wire.group=a_name_of_more_than_31_characters"};
    for (int i = 0; i < 3; i++) {
        sj_tech *none;
        assert_int_equal(sj_tech_open(SJ_SOURCE_DIR "/configs/tech/45nm.cfg", &wrong[i], 1, &none, &err), SJ_ERR_CONFIG);
        assert_non_null(strstr(err.message, "wire.group"));
        assert_non_null(strstr(err.message, "1 to 31 of a-z, 0-9 and _"));
    }
}

static void components_sum_to_the_total(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", NULL);
    sj_random r = sj_random_seed(test_seed());
    for (int round = 0; round < 50; round++) {
        const sj_counters counts = random_counts(&r);
        for (int m = 0; m < 3; m++) {
            const sj_prices p = prices_of(t, &accel, (sj_machine)m);
            double before = 0.0;
            for (int b = 0; b < SJ_BOUND_COUNT; b++) {
                const sj_energy e = sj_price(&p, &counts, (sj_bound)b);
                double sum = 0.0, from_counts = 0.0;
                for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
                    sum += e.component_pj[c];
                }
                for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                    from_counts += (double)*(const uint64_t *)((const char *)&counts + sj_counter_table[i].offset) * p.pj[i][SJ_TYPICAL];
                }
                assert_true(sum == e.total_pj);
                assert_near(from_counts + off_by(&p, &counts, b), e.total_pj, 1e-12);
                assert_true(e.total_pj > before);
                before = e.total_pj;
            }
        }
    }
    sj_tech_close(t);
}

// On the skip machine nothing is free. (The literature's set has no figure for mac.change.)
static void zero_counters_cost_nothing_and_each_counter_costs_alone(void **state) {
    sj_tech *t = tech_of("45nm-calibrated", NULL, 0);
    const sj_accel accel = accel_from("edge256", NULL);
    const sj_prices p = prices_of(t, &accel, SJ_MACHINE_SKIP);
    sj_counters counts;
    memset(&counts, 0, sizeof counts);
    assert_true(sj_price(&p, &counts, SJ_HIGH).total_pj == 0.0);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        uint64_t *count = (uint64_t *)((char *)&counts + sj_counter_table[i].offset);
        *count = 3;
        const sj_energy e = sj_price(&p, &counts, SJ_TYPICAL);
        *count = 0;
        assert_true(p.pj[i][SJ_TYPICAL] > 0.0);
        assert_true(e.total_pj == 3.0 * p.pj[i][SJ_TYPICAL]);
        assert_true(e.component_pj[sj_counter_component(i)] == e.total_pj);
    }
    sj_tech_close(t);
}

// Every energy and power of the file times 2: the totals double, exactly. Areas stay: they set lengths.
static void doubled_energies_double_the_totals(void **state) {
    char *text;
    size_t bytes;
    OK(sj_read_file(SJ_SOURCE_DIR "/configs/tech/45nm.cfg", &text, &bytes, &err));
    char *doubled = malloc(2 * bytes + 4096);
    size_t at = 0;
    for (const char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        double low, typical, high;
        char key[64];
        if (strstr(line, "mm2\"") == NULL && strstr(line, "\"mm2/bit\"") == NULL && strncmp(line, "sram_area", 9) != 0 && strncmp(line, "regfile_area", 12) != 0 &&
            sscanf(line, " %63[a-z0-9_] = { low = %lf; typical = %lf; high = %lf;", key, &low, &typical, &high) == 4) {
            at += (size_t)sprintf(doubled + at, "%s = { low = %.17e; typical = %.17e; high = %.17e; %s\n", key, 2.0 * low, 2.0 * typical, 2.0 * high, strstr(line, "unit ="));
        } else if (strstr(line, "leakage_logic") != NULL) {
            at += (size_t)sprintf(doubled + at, "leakage_logic = { low = 0.116; typical = 40.2; high = 656.0; unit = \"mW/mm2\"; group = \"leakage\"; source = \"test\"; };\n");
        } else {
            at += (size_t)sprintf(doubled + at, "%s\n", line);
        }
    }
    FILE *f = fopen("doubled.cfg", "w");
    assert_non_null(f);
    fputs(doubled, f);
    fclose(f);
    free(doubled);
    free(text);
    sj_tech *once = tech_with(NULL, 0), *twice;
    OK(sj_tech_open("doubled.cfg", NULL, 0, &twice, &err));
    const sj_accel accel = accel_from("edge16", NULL);
    sj_random r = sj_random_seed(test_seed());
    for (int m = 0; m < 3; m++) {
        const sj_counters counts = random_counts(&r);
        const sj_prices p1 = prices_of(once, &accel, (sj_machine)m), p2 = prices_of(twice, &accel, (sj_machine)m);
        for (int b = 0; b < SJ_BOUND_COUNT; b++) {
            assert_near(2.0 * sj_price(&p1, &counts, (sj_bound)b).total_pj, sj_price(&p2, &counts, (sj_bound)b).total_pj, 1e-13);
        }
    }
    sj_tech_close(once);
    sj_tech_close(twice);
    remove("doubled.cfg");
}

static void skip_alone_pays_for_masks_and_its_own_clock_and_leakage(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", NULL);
    const sj_prices dense = prices_of(t, &accel, SJ_MACHINE_DENSE), gate = prices_of(t, &accel, SJ_MACHINE_GATE), skip = prices_of(t, &accel, SJ_MACHINE_SKIP);
    assert_memory_equal(&dense, &gate, sizeof dense);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const char *name = sj_counter_table[i].name;
        const double d = dense.pj[i][SJ_TYPICAL], s = skip.pj[i][SJ_TYPICAL];
        if (strncmp(name, "mask.", 5) == 0) {
            assert_true(d == 0.0 && s > 0.0);
        } else if (strncmp(name, "bus.", 4) == 0 || strncmp(name, "buffer.", 7) == 0 || strcmp(name, "clock") == 0 || strcmp(name, "leakage") == 0) {
            assert_true(s > d && s < 1.5 * d);  // longer wires, more silicon
        } else {
            assert_true(s == d);
        }
    }
    sj_tech_close(t);
}

// Worked by hand from the file's own numbers, for edge16: the formulas of docs/energy.md section 4.
static void prices_follow_the_documented_formulas(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", NULL);
    const sj_prices p = prices_of(t, &accel, SJ_MACHINE_DENSE);
    const sj_floorplan f = sj_tech_floorplan(t, &accel, SJ_MACHINE_DENSE);
    // The arrays of edge16, from the rows of the file: 16 banks of 32 KiB x 256 bits; 32 halves of A pads of 1 KiB x 16 bits, of B pads of 2 KiB x 256 bits; 32 accumulator banks of 512 B x 512 bits,
    // each two of 256 B x 256 bits, two octaves below the smallest row of that width; a tile of 8 KiB x 256 bits.
    const double acc_mm2 = 2 * 0.0105716 * pow(0.0134934 / 0.0105716, -2.0), acc_mw = 2 * 0.0939556 * pow(0.171625 / 0.0939556, -2.0);
    const double buffer_mm2 = 16 * 0.103446, pads_mm2 = 32 * (0.00337668 + 0.0134934 + acc_mm2);
    assert_near(f.buffer_mm2, buffer_mm2, 1e-12);
    assert_near(f.regfile_mm2, pads_mm2, 1e-12);
    assert_near(f.array_mm2, 256 * 0.0057 + pads_mm2, 1e-12);
    assert_near(f.transposer_mm2, 0.0308153, 1e-12);
    const double line_wire = 256 * 0.325 * 0.75 * sqrt(buffer_mm2), side = sqrt(256 * 0.0057 + pads_mm2);
#define PJ(name) p.pj[counter_index(name)][SJ_TYPICAL]
    assert_near(PJ("mac.active"), 2.06, 1e-15);
    assert_near(PJ("acc.read"), 2 * 3.78477 * pow(3.99644 / 3.78477, -2.0), 1e-12);
    assert_near(PJ("a_pad.write"), 0.574876, 1e-12);
    assert_near(PJ("b_pad.read"), 3.99644, 1e-12);
    assert_near(PJ("buffer.read"), 13.2671 + line_wire, 1e-12);
    assert_near(PJ("buffer.write"), 20.9309 + line_wire, 1e-12);
    assert_near(PJ("bus.a"), 512 * 0.325 * side / 2, 1e-12);
    assert_near(PJ("bus.b"), 256 * 0.325 * side, 1e-12);
    assert_near(PJ("dram.read"), 2975.6 + 512 * 3.0, 1e-12);
    assert_near(PJ("dram.write"), 2685.3 + 512 * 3.0, 1e-12);
    assert_near(PJ("dram.background"), 537.6, 1e-12);  // 268.8 mW x 2 ns
    assert_near(PJ("transpose"), 256 * (5.27146 + 10.6876), 1e-12);
    assert_near(PJ("clock"), 256 * 0.196 + 0.32 * 1.5 * side * 15 + 16 * 0.16, 1e-12);
    assert_near(PJ("leakage"), 2.0 * (16 * 2.07977 + 32 * (0.0984698 + 0.171625 + acc_mw) + 0.58964 + (256 * 0.0057 + 16 * 0.0125) * 20.1), 1e-12);
#undef PJ
    const sj_prices skip = prices_of(t, &accel, SJ_MACHINE_SKIP);
    const double skip_side = sqrt(sj_tech_floorplan(t, &accel, SJ_MACHINE_SKIP).array_mm2), mask_bits = 4 * 16 * (8 * 64 + 64 + 8 * 10 + 8);
    assert_near(skip.pj[counter_index("mask.scan")][SJ_TYPICAL], 64 * 0.00625, 1e-12);
    assert_near(skip.pj[counter_index("mask.write")][SJ_TYPICAL], 64 * (0.009 + 0.0044), 1e-12);
    assert_near(skip.pj[counter_index("clock")][SJ_TYPICAL], 256 * 0.196 + 0.32 * 1.5 * skip_side * 15 + 16 * 0.16 + 16 * 64 * 0.002 + mask_bits * 0.000125, 1e-12);
    sj_tech_close(t);
}

// edge16 by hand: 16 banks of buffer, 256 PEs, pads and accumulators (and on skip four steps' masks in flip-flops), 16 vector lanes, one tile of the transposer.
static void silicon_is_the_sum_of_its_parts(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", NULL);
    const sj_area dense = sj_tech_area(t, &accel, SJ_MACHINE_DENSE), skip = sj_tech_area(t, &accel, SJ_MACHINE_SKIP);
    const double pads_mm2 = 32 * (0.00337668 + 0.0134934 + 2 * 0.0105716 * pow(0.0134934 / 0.0105716, -2.0));
    assert_near(dense.component_mm2[SJ_AREA_buffer], 16 * 0.103446, 1e-12);
    assert_near(dense.component_mm2[SJ_AREA_pe], 256 * 0.0057, 1e-12);
    assert_near(dense.component_mm2[SJ_AREA_regfile], pads_mm2, 1e-12);
    assert_near(dense.component_mm2[SJ_AREA_vector], 16 * 0.0125, 1e-12);
    assert_true(dense.component_mm2[SJ_AREA_mask_plane] == 0.0 && dense.component_mm2[SJ_AREA_scan] == 0.0 && dense.component_mm2[SJ_AREA_mask_registers] == 0.0);
    const double sram_mm2 = 16 * 0.103446 + 0.0308153;
    assert_near(dense.total_mm2[SJ_LOW], 0.94 * sram_mm2 + 256 * 0.0028 + 0.6 * pads_mm2 + 16 * 0.006, 1e-12);
    assert_near(dense.total_mm2[SJ_TYPICAL], sram_mm2 + 256 * 0.0057 + pads_mm2 + 16 * 0.0125, 1e-12);
    assert_near(dense.total_mm2[SJ_HIGH], 1.5 * sram_mm2 + 256 * 0.0114 + 2.0 * pads_mm2 + 16 * 0.025, 1e-12);
    assert_near(skip.component_mm2[SJ_AREA_mask_plane], 16 * 0.00754275, 1e-12);  // 2 KiB x 64 bits beside each bank: a bit for each 16-bit value
    assert_near(skip.component_mm2[SJ_AREA_scan], 16 * 64 * 0.000016, 1e-12);
    assert_near(skip.component_mm2[SJ_AREA_mask_registers], 4 * 16 * (8 * 64 + 64 + 8 * 10 + 8) * 0.000006, 1e-12);  // masks, flags, ten bits of offset and one of work a slot
    assert_near(skip.component_mm2[SJ_AREA_regfile], pads_mm2, 1e-12);
    sj_tech_close(t);
}

static void power_is_energy_over_time(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel slow = accel_from("edge16", "clock_mhz=250.0"), fast = accel_from("edge16", NULL);
    const sj_prices p = prices_of(t, &slow, SJ_MACHINE_SKIP), q = prices_of(t, &fast, SJ_MACHINE_SKIP);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const char *name = sj_counter_table[i].name;
        const double factor = strcmp(name, "leakage") == 0 || strcmp(name, "dram.background") == 0 ? 2.0 : 1.0;
        assert_near(p.pj[i][SJ_TYPICAL], factor * q.pj[i][SJ_TYPICAL], 1e-14);
    }
    sj_tech_close(t);
}

static void lines_of_any_width_have_a_price_that_grows(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const int read = counter_index("buffer.read");
    double before = 0.0;
    static const struct {
        int bytes;
        double bank_pj;
    } cases[] = {{1, 4.26832}, {2, 4.26832}, {4, 6.10142}, {8, 7.23311}, {16, 10.7246}, {32, 13.2671}, {64, 2 * 9.84772}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char set[64];
        snprintf(set, sizeof set, "buffer.line_bytes=%d", cases[i].bytes);
        const sj_accel accel = accel_from("edge16", set);
        const sj_prices p = prices_of(t, &accel, SJ_MACHINE_DENSE);
        const sj_floorplan f = sj_tech_floorplan(t, &accel, SJ_MACHINE_DENSE);
        assert_near(p.pj[read][SJ_TYPICAL], cases[i].bank_pj + 8.0 * cases[i].bytes * 0.325 * f.buffer_wire_mm, 1e-12);
        assert_true(p.pj[read][SJ_TYPICAL] > before);
        before = p.pj[read][SJ_TYPICAL];
    }
    sj_tech_close(t);
}

static void int8_uses_its_own_entries(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", "dtype=\"int8\"");
    const sj_prices p = prices_of(t, &accel, SJ_MACHINE_GATE);
    assert_near(p.pj[counter_index("mac.active")][SJ_TYPICAL], 0.99, 1e-15);
    assert_near(p.pj[counter_index("mac.gated")][SJ_TYPICAL], 0.032, 1e-15);
    assert_near(p.pj[counter_index("a_pad.read")][SJ_TYPICAL], 0.349055, 1e-12);  // 512 B, as wide as the narrowest array: 16 bits
    assert_near(p.pj[counter_index("clock")][SJ_TYPICAL], 256 * 0.094 + 0.32 * sj_tech_floorplan(t, &accel, SJ_MACHINE_GATE).clock_tree_mm + 16 * 0.16, 1e-12);
    sj_tech_close(t);
}

static void a_change_costs_its_entry_on_every_machine(void **state) {
    static const char *const sets[] = {"mac_bf16_change.typical=0.25", "mac_int8_change.typical=0.125"};
    sj_tech *t = tech_with(sets, 2), *literature = tech_with(NULL, 0);
    const int change = counter_index("mac.change");
    for (int type = 0; type < 2; type++) {
        const sj_accel accel = accel_from("edge16", type == 0 ? NULL : "dtype=\"int8\"");
        for (int m = 0; m < 3; m++) {
            const sj_prices p = prices_of(t, &accel, (sj_machine)m), q = prices_of(literature, &accel, (sj_machine)m);
            assert_near(p.pj[change][SJ_TYPICAL], type == 0 ? 0.25 : 0.125, 1e-15);
            assert_true(q.pj[change][SJ_LOW] == 0.0 && q.pj[change][SJ_TYPICAL] == 0.0);
            assert_near(q.pj[change][SJ_HIGH], type == 0 ? 0.45 : 0.18, 1e-15);
            for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                assert_true(i == change || p.pj[i][SJ_TYPICAL] == q.pj[i][SJ_TYPICAL]);
            }
            sj_counters counts;
            memset(&counts, 0, sizeof counts);
            counts.mac_change = 1000;
            const sj_energy e = sj_price(&p, &counts, SJ_TYPICAL);
            assert_near(e.total_pj, type == 0 ? 250.0 : 125.0, 1e-14);
            assert_true(e.component_pj[SJ_COMPONENT_mac] == e.total_pj);
        }
    }
    sj_tech_close(literature);
    sj_tech_close(t);
}

static void a_lane_costs_less_the_less_it_does(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    for (int type = 0; type < 2; type++) {
        const sj_accel accel = accel_from("edge16", type == 0 ? NULL : "dtype=\"int8\"");
        const sj_prices p = prices_of(t, &accel, SJ_MACHINE_SKIP);
        for (int b = 0; b < SJ_BOUND_COUNT; b++) {
            assert_true(p.pj[counter_index("mac.active")][b] > p.pj[counter_index("mac.zero")][b]);
            assert_true(p.pj[counter_index("mac.zero")][b] > p.pj[counter_index("mac.gated")][b]);
            assert_true(p.pj[counter_index("mac.gated")][b] >= p.pj[counter_index("mac.idle")][b]);
        }
    }
    sj_tech_close(t);
}

static void the_other_dram_has_its_own_entries(void **state) {
    sj_tech *t = tech_with(NULL, 0);
    const sj_accel accel = accel_from("edge16", "dram.type=\"ddr4-2400-4x16\"");
    const sj_prices p = prices_of(t, &accel, SJ_MACHINE_GATE);
    assert_near(p.pj[counter_index("dram.activate")][SJ_TYPICAL], 8242.9, 1e-15);
    sj_tech_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_sum_to_the_total),
        cmocka_unit_test(zero_counters_cost_nothing_and_each_counter_costs_alone),
        cmocka_unit_test(doubled_energies_double_the_totals),
        cmocka_unit_test(a_source_moves_its_own_entries_together),
        cmocka_unit_test(components_have_their_part_of_the_deviation),
        cmocka_unit_test(no_end_is_below_zero),
        cmocka_unit_test(a_counter_names_the_entries_that_price_it),
        cmocka_unit_test(an_entry_without_a_group_is_a_source_of_its_own),
        cmocka_unit_test(skip_alone_pays_for_masks_and_its_own_clock_and_leakage),
        cmocka_unit_test(prices_follow_the_documented_formulas),
        cmocka_unit_test(silicon_is_the_sum_of_its_parts),
        cmocka_unit_test(power_is_energy_over_time),
        cmocka_unit_test(lines_of_any_width_have_a_price_that_grows),
        cmocka_unit_test(int8_uses_its_own_entries),
        cmocka_unit_test(a_change_costs_its_entry_on_every_machine),
        cmocka_unit_test(a_lane_costs_less_the_less_it_does),
        cmocka_unit_test(the_other_dram_has_its_own_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
