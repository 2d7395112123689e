// SPDX-License-Identifier: Apache-2.0
// Do columns line up, and do numbers keep three digits and their unit?
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_table.h"

static void columns_line_up(void **state) {
    sj_table *t = sj_table_new(3, 1);
    sj_table_span(t, 1, "");
    sj_table_span(t, 2, "wider than both");
    sj_table_cell(t, "name");
    sj_table_cell(t, "n");
    sj_table_cell(t, "%s", "");
    sj_table_rule(t);
    sj_table_cell(t, "x");
    sj_table_cell(t, "%d", 12345);
    sj_table_cell(t, "%d", 7);
    sj_table_gap(t, 1);
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    sj_error err;
    assert_int_equal(sj_table_print(t, f, &err), SJ_OK);
    fclose(f);
    assert_string_equal(text, "       wider than both\n"
                              "name       n\n"
                              "----------------------\n"
                              "x      12345         7\n");
    free(text);
}

static void no_memory_is_an_error(void **state) {
    sj_error err;
    sj_table_cell(NULL, "x");
    assert_int_equal(sj_table_print(NULL, stdout, &err), SJ_ERR_MEMORY);
}

static void numbers_keep_three_digits(void **state) {
    char text[24];
    static const struct {
        double count;
        const char *text;
    } counts[] = {{0, "0"}, {999999, "999999"}, {1000000, "1.00M"}, {9994999, "9.99M"}, {99949999, "99.9M"}, {999499999, "999M"}, {999500000, "1.00G"}, {1.8e19, "18.0E"}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        sj_format_count(text, counts[i].count);
        assert_string_equal(text, counts[i].text);
    }
    const sj_energy_unit nano = sj_energy_unit_for(999999.0), micro = sj_energy_unit_for(1e6);
    assert_string_equal(nano.name, "nJ");
    assert_string_equal(micro.name, "uJ");
    assert_string_equal(sj_energy_unit_for(0.0).name, "pJ");
    assert_string_equal(sj_energy_unit_for(3e15).name, "kJ");
    sj_format_energy(text, 123456.0, nano);
    assert_string_equal(text, "123");
    sj_format_energy(text, 1234.5, nano);
    assert_string_equal(text, "1.23");
    sj_format_seconds(text, 0.0123);
    assert_string_equal(text, "12.3 ms");
    sj_format_seconds(text, 0.0);
    assert_string_equal(text, "0.00 ns");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns_line_up), cmocka_unit_test(no_memory_is_an_error), cmocka_unit_test(numbers_keep_three_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
