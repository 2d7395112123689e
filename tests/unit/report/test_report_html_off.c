// SPDX-License-Identifier: Apache-2.0
// What stands in place of the HTML page where the program is built without Vega.
#define sj_report_write_html write_html_without_vega
#include "../../../report/html_off.c"

#include "report_fixture.h"

static sj_status write_page(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err) {
    (void)view;
    return write_html_without_vega(f, r, err);
}

static void says_what_is_missing(void **state) {
    sj_report *r = sj_report_new("report");
    const char *message = refused(write_page, r, NULL, SJ_ERR_UNSUPPORTED);
    assert_has(message, "libjs-vega");
    assert_has(message, "text, md, csv or json");
    sj_report_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_is_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
