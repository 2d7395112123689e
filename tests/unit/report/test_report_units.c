// SPDX-License-Identifier: Apache-2.0
// Numbers for people: in a unit that fits the column, and a rounding of the exact one.
#include "report_fixture.h"
#include "sj_units.h"

static uint64_t seed;

static void units_change_at_their_limits(void **state) {
    static const struct {
        sj_scale scale;
        double largest;
        const char *name;
    } cases[] = {{SJ_SCALE_ENERGY_PJ, 0.0, "pJ"},        {SJ_SCALE_ENERGY_PJ, 999.9, "pJ"},  {SJ_SCALE_ENERGY_PJ, 1e3, "nJ"},   {SJ_SCALE_ENERGY_PJ, 1e6, "uJ"},     {SJ_SCALE_ENERGY_PJ, 1e9, "mJ"},
                 {SJ_SCALE_ENERGY_PJ, 1e12, "J"},        {SJ_SCALE_ENERGY_PJ, 1e15, "kJ"},   {SJ_SCALE_ENERGY_PJ, 1e18, "MJ"},  {SJ_SCALE_ENERGY_PJ, 9.99e20, "MJ"}, {SJ_SCALE_ENERGY_PJ, 1e21, "GJ"},
                 {SJ_SCALE_ENERGY_PJ, 1e30, "GJ"},       {SJ_SCALE_SECONDS, 1e-12, "ns"},    {SJ_SCALE_SECONDS, 1e-6, "us"},    {SJ_SCALE_SECONDS, 0.9, "ms"},       {SJ_SCALE_SECONDS, 1.0, "s"},
                 {SJ_SCALE_SECONDS, 599.0, "s"},         {SJ_SCALE_SECONDS, 600.0, "min"},   {SJ_SCALE_SECONDS, 7199.0, "min"}, {SJ_SCALE_SECONDS, 7200.0, "h"},     {SJ_SCALE_BYTES, 1023.0, "B"},
                 {SJ_SCALE_BYTES, 1024.0, "KiB"},        {SJ_SCALE_BYTES, 0x1p50, "PiB"},    {SJ_SCALE_CYCLES, 999999999.0, ""}, {SJ_SCALE_CYCLES, 1e9, "M"},         {SJ_SCALE_CYCLES, 1e12, "G"},
                 {SJ_SCALE_NONE, 1e30, ""},              {SJ_SCALE_PER_CENT, 1e30, "%"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(sj_unit_for(cases[i].scale, cases[i].largest).name, cases[i].name);
    }
}

static void columns_show_what_their_values_need(void **state) {
    static const struct {
        sj_scale scale;
        double least, largest, value;
        const char *text;
    } cases[] = {{SJ_SCALE_ENERGY_PJ, 1.2e6, 410.2e6, 410.2e6, "410.2"},
                 {SJ_SCALE_ENERGY_PJ, 0.052e6, 410.2e6, 0.052e6, "0.052"},
                 {SJ_SCALE_ENERGY_PJ, 1e-3, 410.2e6, 1e-3, "1e-09"},  // not 0.000
                 {SJ_SCALE_ENERGY_PJ, 1e-3, 410.2e6, 0.0, "0.000"},
                 {SJ_SCALE_ENERGY_PJ, 1e9, 1e9, 1e9, "1.000"},
                 {SJ_SCALE_ENERGY_PJ, 0.5, 0.5, -0.5, "-0.5000"},
                 {SJ_SCALE_ENERGY_PJ, 1e-6, 1e-6, 1.23456e-6, "1.235e-06"},
                 {SJ_SCALE_PER_CENT, 0.001, 0.5, 0.1934, "19.3"},
                 {SJ_SCALE_PER_CENT, 0.0004, 0.5, 0.0004, "0.04"},
                 {SJ_SCALE_PER_CENT, 0.001, 1.0, -0.0004, "-0.04"},
                 {SJ_SCALE_PER_CENT, 0.000501, 0.5, 0.000501, "0.1"},  // one decimal tells it from 0
                 {SJ_SCALE_PER_CENT, 0.0005, 0.5, 0.0005, "0.05"},
                 {SJ_SCALE_PER_CENT, 0.0005, 0.5, 0.5, "50.00"},  // one precision a column
                 {SJ_SCALE_PER_CENT, 0.000085, 0.003, 0.000085, "0.009"},
                 {SJ_SCALE_PER_CENT, 0.000085, 0.003, 0.003, "0.300"},
                 {SJ_SCALE_PER_CENT, 0.0000001, 0.5, 0.5, "50.000"},  // three at most
                 {SJ_SCALE_PER_CENT, 0.0000001, 0.5, 0.0000001, "1e-05"},
                 {SJ_SCALE_CYCLES, 1, 999999999, 1234567, "1,234,567"},
                 {SJ_SCALE_CYCLES, 1, 999999999, -1234567.6, "-1,234,568"},
                 {SJ_SCALE_CYCLES, 0.25, 999, 0.25, "0.25"},
                 {SJ_SCALE_CYCLES, 5e8, 2.5e9, 2.5e9, "2500"},
                 {SJ_SCALE_NONE, 0.0, 0.0, 0.0, "0"},
                 {SJ_SCALE_NONE, 0.0, 0.0, -0.0, "0"},
                 {SJ_SCALE_NONE, 0.123456, 0.123456, 0.123456, "0.1235"},
                 {SJ_SCALE_NONE, 1.0, 1.23456e12, 1.23456e12, "1.235e+12"},
                 {SJ_SCALE_NONE, 1.0, 2.0, NAN, "-"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        sj_unit_format(text, cases[i].value, sj_unit_for_column(cases[i].scale, cases[i].least, cases[i].largest));
        assert_string_equal(text, cases[i].text);
    }
}

static void what_is_shown_is_a_rounding(void **state) {
    sj_random r = sj_random_seed(seed);
    for (int i = 0; i < 200000; i++) {
        const double largest = pow(10.0, sj_random_unit(&r) * 48.0 - 18.0), ratio = pow(10.0, -12.0 * sj_random_unit(&r) * sj_random_unit(&r));
        const double value = (sj_random_below(&r, 2) == 0 ? largest : largest * (ratio + (1.0 - ratio) * sj_random_unit(&r))) * (sj_random_below(&r, 4) == 0 ? -1.0 : 1.0);
        const sj_unit unit = sj_unit_for_column((sj_scale)sj_random_below(&r, SJ_SCALE_COUNT), largest * ratio, largest);
        char text[64];
        sj_unit_format(text, value, unit);
        assert_true(strlen(text) <= 26);
        assert_rounding(text, value / unit.size);
        if (fabs(value) == largest && !unit.grouped && unit.size != 0.01) {  // the largest has three digits at the least
            double half;
            const double shown = read_shown(text, &half);
            if (half > 0.5e-2 * fabs(shown) * (1.0 + 1e-9)) {
                fail_msg("%.17g %s was shown as %s", value / unit.size, unit.name, text);
            }
        }
    }
}

int main(void) {
    seed = sj_test_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_change_at_their_limits),
        cmocka_unit_test(columns_show_what_their_values_need),
        cmocka_unit_test(what_is_shown_is_a_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
