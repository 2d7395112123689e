// SPDX-License-Identifier: Apache-2.0
// SRAM arrays between the rows of the table, the arrays of a machine, arrays that are too slow or too large, tables that are wrong.
#include <math.h>

#include "edited_tech.h"
#include "sj_random.h"
#include "sj_tech_keys.h"

static sj_tech *tech;
static sj_random draws;

static int open_tech(void **state) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 45u;
    printf("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    draws = sj_random_seed(seed);
    return sj_tech_open(tech_path, NULL, 0, &tech, &err) == SJ_OK ? 0 : -1;
}

static int close_tech(void **state) {
    sj_tech_close(tech);
    return 0;
}

// The figures of an array, to go over them all.
enum { FIGURES = 5 };
static void figures_of(const sj_sram_array *a, double out[FIGURES]) {
    memcpy(out, (const double[FIGURES]){a->read_pj, a->write_pj, a->leakage_mw, a->area_mm2, a->cycle_ns}, FIGURES * sizeof(double));
}

static void assert_figures(const sj_sram_array *a, const double want[FIGURES]) {
    double got[FIGURES];
    figures_of(a, got);
    for (int i = 0; i < FIGURES; i++) {
        if (!(fabs(got[i] - want[i]) <= 1e-12 * want[i])) {
            fail_msg("figure %d of %g B x %g bits: %.17g, expected %.17g", i, a->capacity_bytes, a->width_bits, got[i], want[i]);
        }
    }
}

static void a_row_is_itself(void **state) {
    assert_int_equal(tech->sram.row_count, 69);
    assert_int_equal(tech->sram.width_count, 5);
    for (int r = 0; r < tech->sram.row_count; r++) {
        const sj_sram_array *row = &tech->sram.rows[r];
        const sj_sram_array a = sj_sram_array_of(&tech->sram, row->capacity_bytes, row->width_bits);
        assert_memory_equal(&a, row, sizeof a);
    }
}

// Halfway between two rows, on a logarithmic scale, is their geometric mean: in capacity, and in width.
static void between_rows_is_their_power_law(void **state) {
    const sj_sram *s = &tech->sram;
    for (int w = 0; w < s->width_count; w++) {
        for (int r = s->first_row[w]; r + 1 < s->first_row[w + 1]; r++) {
            double low[FIGURES], high[FIGURES];
            figures_of(&s->rows[r], low);
            figures_of(&s->rows[r + 1], high);
            for (int i = 0; i < FIGURES; i++) {
                low[i] = sqrt(low[i] * high[i]);
            }
            const sj_sram_array a = sj_sram_array_of(s, sqrt(s->rows[r].capacity_bytes * s->rows[r + 1].capacity_bytes), s->rows[r].width_bits);
            assert_figures(&a, low);
        }
    }
    double narrow[FIGURES], wide[FIGURES];
    const sj_sram_array a = sj_sram_array_of(s, 8192, 64), b = sj_sram_array_of(s, 8192, 128), mean = sj_sram_array_of(s, 8192, sqrt(64.0 * 128.0));
    figures_of(&a, narrow);
    figures_of(&b, wide);
    for (int i = 0; i < FIGURES; i++) {
        narrow[i] = sqrt(narrow[i] * wide[i]);
    }
    assert_figures(&mean, narrow);
}

// Any size lies within the figures of the four rows around it.
static void any_size_lies_among_the_rows_around_it(void **state) {
    const sj_sram *s = &tech->sram;
    for (int round = 0; round < 2000; round++) {
        const double bytes = 1024.0 + (double)sj_random_below(&draws, (4u << 20) - 1024), bits = 16.0 + (double)sj_random_below(&draws, 241);
        double least[FIGURES], most[FIGURES], got[FIGURES];
        for (int i = 0; i < FIGURES; i++) {
            least[i] = INFINITY;
            most[i] = 0.0;
        }
        for (int r = 0; r < s->row_count; r++) {
            const sj_sram_array *row = &s->rows[r];
            if (row->capacity_bytes > bytes / 2 && row->capacity_bytes < bytes * 2 && row->width_bits > bits / 2 && row->width_bits < bits * 2) {
                figures_of(row, got);
                for (int i = 0; i < FIGURES; i++) {
                    least[i] = fmin(least[i], got[i]);
                    most[i] = fmax(most[i], got[i]);
                }
            }
        }
        const sj_sram_array a = sj_sram_array_of(s, bytes, bits);
        figures_of(&a, got);
        for (int i = 0; i < FIGURES; i++) {
            if (!(got[i] >= least[i] * (1.0 - 1e-12) && got[i] <= most[i] * (1.0 + 1e-12))) {
                fail_msg("figure %d of %g B x %g bits: %g is not in %g to %g", i, bytes, bits, got[i], least[i], most[i]);
            }
        }
    }
}

static void wider_is_side_by_side_and_narrower_as_wide_as_the_narrowest(void **state) {
    const sj_sram *s = &tech->sram;
    static const struct {
        double bits, arrays;
    } cases[] = {{257, 2}, {512, 2}, {513, 3}, {2048, 8}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const double n = cases[c].arrays;
        const sj_sram_array one = sj_sram_array_of(s, 65536 / n, cases[c].bits / n), all = sj_sram_array_of(s, 65536, cases[c].bits);
        assert_figures(&all, (const double[FIGURES]){n * one.read_pj, n * one.write_pj, n * one.leakage_mw, n * one.area_mm2, one.cycle_ns});
    }
    const sj_sram_array narrow = sj_sram_array_of(s, 3000, 3), narrowest = sj_sram_array_of(s, 3000, 16);
    double want[FIGURES];
    figures_of(&narrowest, want);
    assert_figures(&narrow, want);
    // Below the smallest row of 256 bits, by hand: 1 KiB and 2 KiB read 3.78477 and 3.99644 pJ.
    const sj_sram_array small = sj_sram_array_of(s, 512, 256);
    assert_true(fabs(small.read_pj - 3.78477 * 3.78477 / 3.99644) < 1e-12);
    // To a quarter of the smallest row, and no further.
    const sj_sram_array quarter = sj_sram_array_of(s, 128, 16), tiny = sj_sram_array_of(s, 8, 16), above = sj_sram_array_of(s, 129, 16);
    double least[FIGURES];
    figures_of(&quarter, least);
    assert_figures(&tiny, least);
    assert_true(above.read_pj > tiny.read_pj && tiny.read_pj / 16.0 > 0.007 && tiny.read_pj / 16.0 < 0.011);  // a register's: 0.009 pJ/bit
    assert_true(sj_sram_capacity_limit(s, 256) == 4194304.0 && sj_sram_capacity_limit(s, 100) == 4194304.0 && sj_sram_capacity_limit(s, 512) == 2 * 4194304.0 && sj_sram_capacity_limit(s, 1) == 4194304.0);
}

static sj_accel edge16(const char *override) {
    sj_accel accel;
    sj_config *c;
    assert_int_equal(sj_config_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &c, &err), SJ_OK);
    assert_int_equal(override == NULL ? SJ_OK : sj_config_override(c, override, &err), SJ_OK);
    sj_accel_read(c, &accel);
    assert_int_equal(sj_config_finish(c, &err), SJ_OK);
    sj_config_close(c);
    return accel;
}

static void a_machine_is_made_of_its_arrays(void **state) {
    static const double want[SJ_STORE_COUNT][3] = {[SJ_STORE_buffer] = {16, 32768, 256}, [SJ_STORE_mask_plane] = {16, 2048, 64}, [SJ_STORE_a_pad] = {32, 1024, 16},
                                                   [SJ_STORE_b_pad] = {32, 2048, 256},   [SJ_STORE_accumulators] = {32, 512, 512}, [SJ_STORE_transposer] = {1, 8192, 256}};
    const sj_accel accel = edge16(NULL);
    sj_store skip[SJ_STORE_COUNT], dense[SJ_STORE_COUNT];
    sj_stores_of(&accel, SJ_MACHINE_SKIP, skip);
    sj_stores_of(&accel, SJ_MACHINE_DENSE, dense);
    for (int i = 0; i < SJ_STORE_COUNT; i++) {
        assert_true((double)skip[i].count == want[i][0] && skip[i].capacity_bytes == want[i][1] && skip[i].width_bits == want[i][2]);
        assert_int_equal(dense[i].count, i == SJ_STORE_mask_plane ? 0 : skip[i].count);
    }
    const sj_accel odd = edge16("buffer.kib=33");  // two banks of 16.5 KiB
    sj_stores_of(&odd, SJ_MACHINE_SKIP, skip);
    assert_true(skip[SJ_STORE_buffer].count == 2 && skip[SJ_STORE_buffer].capacity_bytes == 16896.0);
}

static void an_array_slower_than_the_clock_is_refused_with_both_times(void **state) {
    static const struct {
        const char *bank, *at, *above, *words[3];
    } cases[] = {{"buffer.bank_kib=32", "clock_mhz=1089.3", "clock_mhz=1089.5", {"a bank of the buffer (32 KiB, 256 bits)", "takes 0.918 ns", "a cycle 0.918 ns (clock_mhz = 1089.5)"}},
                 {"buffer.bank_kib=64", "clock_mhz=734.3", "clock_mhz=734.4", {"a bank of the buffer (64 KiB, 256 bits)", "takes 1.36 ns", "allowed: clock_mhz up to 734"}},
                 {"buffer.bank_kib=512", "clock_mhz=360", "clock_mhz=500", {"(512 KiB, 256 bits)", "takes 2.77 ns", "a cycle 2 ns"}}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (int slow = 0; slow < 2; slow++) {
            sj_accel accel = edge16(cases[c].bank);
            accel.clock_mhz = atof(strchr(slow == 0 ? cases[c].at : cases[c].above, '=') + 1);
            sj_prices p;
            const sj_status status = sj_tech_prices(tech, &accel, SJ_MACHINE_SKIP, &p, &err);
            assert_int_equal(status, slow == 0 ? SJ_OK : SJ_ERR_UNSUPPORTED);
            for (int w = 0; w < 3 && slow == 1; w++) {
                if (strstr(err.message, cases[c].words[w]) == NULL) {
                    fail_msg("no \"%s\" in: %s", cases[c].words[w], err.message);
                }
            }
        }
    }
    const sj_accel large = edge16("buffer={kib=8192;bank_kib=8192;line_bytes=32;a_banks=4;}");
    sj_prices p;
    assert_int_equal(sj_tech_prices(tech, &large, SJ_MACHINE_DENSE, &p, &err), SJ_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "has 8192 KiB, and the largest array of 256 bits that " SJ_SOURCE_DIR "/configs/tech/45nm.cfg knows has 4096 KiB"));
}

// One mistake, one message.
static void assert_refused_once(const char *from, const char *to, const char *word) {
    REFUSED(from, to, word);
    if (strchr(err.message, '\n') != NULL) {
        fail_msg("one message expected: %s", err.message);
    }
}

static void wrong_tables_are_refused_with_their_line(void **state) {
    assert_refused_once("(16, 512, 0.349055,", "(16, 512, -0.349055,", "sram.rows.[0].[2]");
    assert_refused_once("(16, 512, 0.349055,", "(16, 512, 0.0,", "sram.rows.[0].[2]");
    assert_refused_once("(16, 1024, 0.573844,", "(16, 1024, \"0.57 pJ\",", "sram.rows.[1].[2]");
    assert_refused_once("(16, 1024, 0.573844, 0.574876,", "(16, 1024, 0.573844,", "sram.rows.[1]: 6 numbers; required: 7");
    assert_refused_once("(16, 2048,", "(16, 1024,", "sram.rows.[2]: 16 bits, 1024 B behind 16 bits, 1024 B");
    assert_refused_once("(16, 1024,", "(15, 1024,", "sram.rows.[1]: 15 bits, 1024 B behind 16 bits, 512 B");
    assert_refused_once("(16, 4194304,", "(17, 4194304,", "the only row of 17 bits");
    assert_refused_once("\"read pJ\", \"write pJ\"", "\"read nJ\", \"write pJ\"", "sram.columns.[2]: \"read nJ\"; required: \"read pJ\"");
    assert_refused_once("\"area mm2\", \"cycle ns\"]", "\"area mm2\"]", "sram.columns: 6 entries; required: 7");
    assert_refused_once("  rows = (\n    (16, 512", "  rwos = (\n    (16, 512", "did you mean \"rows\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_itself),
        cmocka_unit_test(between_rows_is_their_power_law),
        cmocka_unit_test(any_size_lies_among_the_rows_around_it),
        cmocka_unit_test(wider_is_side_by_side_and_narrower_as_wide_as_the_narrowest),
        cmocka_unit_test(a_machine_is_made_of_its_arrays),
        cmocka_unit_test(an_array_slower_than_the_clock_is_refused_with_both_times),
        cmocka_unit_test(wrong_tables_are_refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, open_tech, close_tech);
}
