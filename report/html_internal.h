// SPDX-License-Identifier: Apache-2.0
// Between the files that write the HTML page.
#ifndef SJ_HTML_INTERNAL_H
#define SJ_HTML_INTERNAL_H

#include "report_internal.h"

// A file of report/page or report/charts, or the bundle of Vega, that is part of the program (cmake/EmbedFiles.cmake).
typedef struct sj_asset {
    const char *name;  // "page.css", "machines.json"; NULL behind the last
    const char *data;
    const char *end;
} sj_asset;
extern const sj_asset sj_assets[];

// Text of a user's in HTML, as text or between the quotes of an attribute. Control characters become blanks.
sj_status sj_html_text(FILE *f, const char *text, sj_error *err);
// <table>: of long tables the first rows; totals at the foot.
sj_status sj_html_table(FILE *f, const sj_selected *selected, sj_error *err);
bool sj_html_table_opens(const sj_report_table *t);  // few rows: they are seen at once

#endif
