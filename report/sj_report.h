// SPDX-License-Identifier: Apache-2.0
// A report: tables of typed cells, from which every format is written, so that text, md, CSV, JSON and the HTML page cannot disagree. CSV, JSON and HTML hold the shortest decimal that reads back as
// the same double; text and md the same number rounded, in a unit that fits the column.
#ifndef SJ_REPORT_H
#define SJ_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_report sj_report;
typedef struct sj_report_table sj_report_table;

typedef enum sj_quantity {  // how people see a number, and what a chart's axis is called
    SJ_QUANTITY_TEXT,       // a cell of text
    SJ_QUANTITY_INTEGER,    // uint64, exact in every format: "12,345" for people
    SJ_QUANTITY_NUMBER,     // a double without a unit; four digits of a column's largest
    SJ_QUANTITY_SHARE,      // 0.193: "19.3 %"
    SJ_QUANTITY_ENERGY_PJ,  // in pJ: for people in one unit a column, pJ to GJ; KEY_low_pj, KEY_high_pj and KEY_cumulative_pj in that of KEY_pj
    SJ_QUANTITY_SECONDS,    // likewise, ns to h
    SJ_QUANTITY_BYTES,      // likewise, B to PiB; cells of integers or of doubles
    SJ_QUANTITY_CYCLES,     // whole for people up to 999,999,999, then in M or G; cells of integers or of doubles
    SJ_QUANTITY_OTHER       // a double in the unit that the column names
} sj_quantity;

typedef struct sj_column {
    const char *key;        // of JSON, CSV and charts, unit in the name: "energy_pj". Unique in its table; [a-z0-9_]+
    const char *title;      // for people, without unit: "energy"
    sj_quantity quantity;
    const char *unit;       // of SJ_QUANTITY_OTHER: "GMAC/s"; else NULL
    const char *meaning;    // one sentence, shown as a hint (HTML) and in JSON; may be NULL
    bool total;             // numbers: a row of totals is written (text, md, HTML), and shares of the column's sum where a view asks for them; never in CSV and JSON
} sj_column;                // all texts are copied

// NULL without memory, which all functions take; writing then fails with SJ_ERR_MEMORY. What is built wrongly (a key that is none or stands twice, a cell of another type, a row that is not full)
// is told when it is written: SJ_ERR_INTERNAL names table and column. Of all texts each byte that is no UTF-8 becomes U+FFFD.
sj_report *sj_report_new(const char *title);
void sj_report_free(sj_report *r);
// A sentence that stands under the title (below: under the table): what is compared, caveats. Formatted as printf.
void sj_report_note(sj_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

// key: [a-z0-9_]+, unique. chart: the name of a chart (report/charts/NAME.json) that draws it in the HTML page, or NULL.
sj_report_table *sj_report_add(sj_report *r, const char *key, const char *title, const char *chart);
void sj_table_note(sj_report_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sj_table_column(sj_report_table *t, sj_column column);  // all columns before the first cell
// Cells row by row. The type must be the column's (SJ_ERR_INTERNAL at writing otherwise). Text may be anything a user named: <script>, control characters.
void sj_table_text(sj_report_table *t, const char *text);
void sj_table_number(sj_report_table *t, double value);      // NAN: none (empty in CSV, null in JSON, "-" for people); infinite: SJ_ERR_NUMERIC at writing
void sj_table_integer(sj_report_table *t, uint64_t value);
void sj_table_none(sj_report_table *t);

int sj_report_table_count(const sj_report *r);
const sj_report_table *sj_report_table_at(const sj_report *r, int index);
const sj_report_table *sj_report_find(const sj_report *r, const char *key);  // NULL: there is none
const char *sj_table_key(const sj_report_table *t);
int64_t sj_table_rows(const sj_report_table *t);

typedef struct sj_report_view {
    const char *const *tables;  // keys of the tables that are wanted, in this order; NULL: all, in their own
    int table_count;
    const char *sort;           // a column's key, "-KEY" for falling order; NULL: as built. Of tables that have the column; SJ_ERR_USAGE with the nearest key where none has. None-cells last.
    int64_t top;                // text, md: at most so many rows of a table, and a row "N more" with their sums where columns have totals (md: a sentence below where none has); 0: all
    int width;                  // text: characters of a line; columns that do not fit are folded into further blocks that repeat the first column. 0: unlimited; at least SJ_REPORT_WIDTH_MIN otherwise
    bool shares;                // text, md: beside every column with a total the share of it that each row has
} sj_report_view;
enum { SJ_REPORT_WIDTH_MIN = 40 };

// view NULL: everything as built. Nothing is written where they fail by anything but SJ_ERR_IO and SJ_ERR_MEMORY.
// text: titles, aligned tables; control characters are blanks, long names are shortened in the middle ("...") where a table does not fit. md: the same as Markdown, names whole and escaped.
// csv: one table (SJ_ERR_USAGE names the tables there are otherwise): keys, then rows, RFC 4180 with line feeds; no value is an empty field, an empty text is "". It neutralises nothing: a text that a
// spreadsheet would take for a formula stands as it is.
// json: {"format": "skipjoule-report", "version": 1, "title", "notes": [...], "tables": {KEY: {"title", "chart", "notes": [...], "columns": [{"key", "title", "quantity", "unit", "meaning", "total"}],
// "rows": [[...]]}}}; quantity: "text", "integer", "number", "share", "energy", "time", "bytes", "cycles" or "other"; unit: "pJ", "s", "B", "cycles", what "other" names, or null. No "<" stands in it, so
// that it may stand in a page's <script>. Integers have all their digits, also past 2^53 and 2^63, where readers may round or refuse them.
sj_status sj_report_write_text(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err);
sj_status sj_report_write_md(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err);
sj_status sj_report_write_csv(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err);
sj_status sj_report_write_json(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err);
// One page that needs nothing else: styles, scripts, Vega, data. SJ_ERR_UNSUPPORTED where the program was built without Vega.
sj_status sj_report_write_html(FILE *f, const sj_report *r, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
