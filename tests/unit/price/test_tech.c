// SPDX-License-Identifier: Apache-2.0
// Is a wrong tech file refused, with its line and the nearest key?
#include "edited_tech.h"
#include "sj_config.h"

static int unused_line;

static void the_shipped_file_is_right(void **state) {
    sj_tech *t;
    assert_int_equal(sj_tech_open(tech_path, NULL, 0, &t, &err), SJ_OK);
    assert_string_equal(sj_tech_name(t), "45nm");
    assert_non_null(strstr(sj_tech_text(t), "mac_bf16_active"));
    sj_tech_close(t);
}

static void negative_energy(void **state) {
    REFUSED("mac_bf16_zero   = { low = 0.014", "mac_bf16_zero   = { low = -0.014", "mac_bf16_zero.low", "-0.014");
    REFUSED("io          = { low = 1.5; typical = 3.0", "io          = { low = 1.5; typical = -3.0", "dram.ddr4-3200-4x16.io.typical", "-3");
}

static void unordered_numbers(void **state) {
    REFUSED("sram_energy    = { low = 0.8", "sram_energy    = { low = 1.2", "sram_energy.typical", "low <= typical <= high", "1.2");
    REFUSED("wire = { low = 0.08; typical = 0.325; high = 0.5", "wire = { low = 0.08; typical = 0.325; high = 0.3", "wire.high", "low <= typical <= high");
    REFUSED("wire = { low = 0.08; typical = 0.325; high = 0.5", "wire = { low = 0.08; typical = 0.325; high = 0.0", "wire.high", "low <= typical <= high");
    REFUSED("wire = { low = 0.08; typical = 0.325", "wire = { low = 0.08; typical = 0.0", "wire.typical", "low <= typical <= high");
    REFUSED("name = \"45nm\"", "name = \" \"", "name: empty");
    assert_int_equal(open_edited("wire = { low = 0.08; typical = 0.325; high = 0.5", "wire = { low = 0.325; typical = 0.325; high = 0.325", &unused_line), SJ_OK);
}

static void unknown_key_names_the_nearest(void **state) {
    REFUSED("mac_bf16_gated ", "mac_bf16_gatd ", "mac_bf16_gatd", "did you mean \"mac_bf16_gated\"");
    REFUSED("vector_op  = { low", "vector_op  = { lwo", "lwo", "did you mean \"low\"");
    REFUSED("  ddr4-2400-4x16", "  ddr5-2400-4x16", "did you mean \"ddr4-2400-4x16\"");
}

static void an_empty_entry(void **state) {
    assert_int_equal(open_edited("rng_sample = { low = 5.0", "rng_sample = { }; rng2 = { low = 5.0", &unused_line), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "rng_sample"));
}

static void wrong_unit(void **state) { REFUSED("unit = \"pJ/bit/mm\"", "unit = \"pJ/bit\"", "wire.unit", "pJ/bit/mm"); }

static void missing_or_empty_source(void **state) {
    REFUSED("source = \"typical: [A] wire; low: estimate, 0.2 pF/mm x (0.9 V)^2 / 2; high: estimate, typical x 1.5\"", "source = \" \"", "wire.source");
    assert_int_equal(open_edited("source = \"estimate: as clock_bf16_pe\";", "", &unused_line), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "clock_int8_pe.source"));
}

static void wrong_type(void **state) { REFUSED("rng_sample = { low = 5.0", "rng_sample = { low = \"5.0\"", "rng_sample.low"); }

static void an_override_is_checked_too(void **state) {
    sj_tech *t = NULL;
    const char *good[] = {"wire.typical=0.4"}, *bad[] = {"wire.typical=0.6"}, *unknown[] = {"wier.typical=0.4"};
    assert_int_equal(sj_tech_open(tech_path, good, 1, &t, &err), SJ_OK);
    assert_non_null(strstr(sj_tech_text(t), "0.4"));
    sj_tech_close(t);
    assert_int_equal(sj_tech_open(tech_path, bad, 1, &t, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "wire.high"));
    assert_int_equal(sj_tech_open(tech_path, unknown, 1, &t, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "did you mean \"wire\""));
}

static void dram_without_a_group(void **state) {
    char *text;
    size_t bytes;
    assert_int_equal(sj_read_file(tech_path, &text, &bytes, &err), SJ_OK);
    char *dram = strstr(text, "dram = {");
    assert_non_null(dram);
    *dram = '\0';
    FILE *f = fopen("nodram.cfg", "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(text);
    sj_tech *t;
    assert_int_equal(sj_tech_open("nodram.cfg", NULL, 0, &t, &err), SJ_OK);
    sj_accel accel;
    assert_int_equal(sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err), SJ_OK);
    sj_prices p;
    assert_int_equal(sj_tech_prices(t, &accel, SJ_MACHINE_SKIP, &p, &err), SJ_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "dram.ddr4-3200-4x16"));
    sj_tech_close(t);
    remove("nodram.cfg");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_file_is_right),    cmocka_unit_test(negative_energy), cmocka_unit_test(unordered_numbers),
        cmocka_unit_test(unknown_key_names_the_nearest), cmocka_unit_test(wrong_unit), cmocka_unit_test(an_empty_entry),      cmocka_unit_test(missing_or_empty_source),
        cmocka_unit_test(wrong_type),                    cmocka_unit_test(an_override_is_checked_too), cmocka_unit_test(dram_without_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
