// SPDX-License-Identifier: Apache-2.0
// In place of html.c where the program is built without Vega.
#include "sj_report.h"

sj_status sj_report_write_html(FILE *f, const sj_report *r, sj_error *err) {
    (void)f;
    (void)r;
    return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "this skipjoule was built without Vega, which draws the charts of an HTML report; install Debian's package libjs-vega and build again, or take text, md, csv or json");
}
