// SPDX-License-Identifier: Apache-2.0
// JSON is written directly: a table may have millions of rows, and doubles keep their shortest form.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"

void sj_exact_double(char text[32], double v) {
    if (v == 0.0) {
        snprintf(text, 32, "%s", signbit(v) ? "-0.0" : "0");  // "-0" would be the integer 0 to many readers
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            return;
        }
    }
}

void sj_json_text(FILE *f, const char *text) {
    static const char escaped[] = "\"\\\b\f\n\r\t", as[] = "\"\\bfnrt";
    if (text == NULL) {
        fputs("null", f);
        return;
    }
    fputc('"', f);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        const char *escape = strchr(escaped, c);
        if (escape != NULL) {
            fprintf(f, "\\%c", as[escape - escaped]);
        } else if (c < 0x20 || c == 0x7f || c == '<') {
            fprintf(f, "\\u%04x", c);
        } else {
            fputc(c, f);
        }
    }
    fputc('"', f);
}

void sj_json_cell(FILE *f, const sj_report_cell *cell) {
    char number[32];
    switch (cell->kind) {
        case SJ_CELL_TEXT: sj_json_text(f, cell->text); return;
        case SJ_CELL_INTEGER: fprintf(f, "%" PRIu64, cell->integer); return;
        case SJ_CELL_NUMBER:
            sj_exact_double(number, cell->number);
            fputs(number, f);
            return;
        default: fputs("null", f);
    }
}

const char *sj_quantity_name(sj_quantity quantity) {
    static const char *const names[] = {[SJ_QUANTITY_TEXT] = "text",     [SJ_QUANTITY_INTEGER] = "integer", [SJ_QUANTITY_NUMBER] = "number",
                                        [SJ_QUANTITY_SHARE] = "share",   [SJ_QUANTITY_ENERGY_PJ] = "energy", [SJ_QUANTITY_SECONDS] = "time",
                                        [SJ_QUANTITY_BYTES] = "bytes",   [SJ_QUANTITY_CYCLES] = "cycles",   [SJ_QUANTITY_OTHER] = "other"};
    return names[quantity];
}

const char *sj_column_unit(const sj_column *column) {
    switch (column->quantity) {
        case SJ_QUANTITY_ENERGY_PJ: return "pJ";
        case SJ_QUANTITY_SECONDS: return "s";
        case SJ_QUANTITY_BYTES: return "B";
        case SJ_QUANTITY_CYCLES: return "cycles";
        default: return column->unit;
    }
}

// "notes": ["...", "..."]
static void write_notes(FILE *f, const void *of, int count, const char *(*at)(const void *of, int index)) {
    fputs("\"notes\": [", f);
    for (int i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", f);
        sj_json_text(f, at(of, i));
    }
    fputc(']', f);
}

static const char *report_note(const void *r, int index) { return sj_report_note_at(r, index); }
static const char *table_note(const void *t, int index) { return sj_table_note_at(t, index); }

static void write_column(FILE *f, const sj_column *c) {
    fprintf(f, "{\"key\": \"%s\", \"title\": ", c->key);
    sj_json_text(f, c->title);
    fprintf(f, ", \"quantity\": \"%s\", \"unit\": ", sj_quantity_name(c->quantity));
    sj_json_text(f, sj_column_unit(c));
    fputs(", \"meaning\": ", f);
    sj_json_text(f, c->meaning);
    fprintf(f, ", \"total\": %s}", c->total ? "true" : "false");
}

static void write_row(FILE *f, const sj_report_table *t, int64_t row) {
    fputc('[', f);
    for (int c = 0; c < sj_table_columns(t); c++) {
        fputs(c > 0 ? ", " : "", f);
        sj_json_cell(f, sj_table_cell_at(t, row, c));
    }
    fputc(']', f);
}

static void write_table(FILE *f, const sj_selected *s) {
    const sj_report_table *t = s->table;
    fprintf(f, "\n \"%s\": {\"title\": ", sj_table_key(t));
    sj_json_text(f, sj_table_title(t));
    fputs(", \"chart\": ", f);
    sj_json_text(f, sj_table_chart(t));
    fputs(", ", f);
    write_notes(f, t, sj_table_note_count(t), table_note);
    fputs(",\n  \"columns\": [", f);
    for (int c = 0; c < sj_table_columns(t); c++) {
        fputs(c > 0 ? ",\n   " : "\n   ", f);
        write_column(f, sj_table_column_at(t, c));
    }
    fputs("],\n  \"rows\": [", f);
    for (int64_t i = 0; i < s->count; i++) {
        fputs(i > 0 ? ",\n   " : "\n   ", f);
        write_row(f, t, s->rows[i]);
    }
    fputs("]}", f);
}

sj_status sj_report_write_json(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err) {
    sj_selection s;
    SJ_TRY(sj_report_select(r, view, &s, err));
    fputs("{\"format\": \"skipjoule-report\", \"version\": 1, \"title\": ", f);
    sj_json_text(f, sj_report_title(r));
    fputs(",\n", f);
    write_notes(f, r, sj_report_note_count(r), report_note);
    fputs(",\n\"tables\": {", f);
    for (int i = 0; i < s.count; i++) {
        fputs(i > 0 ? "," : "", f);
        write_table(f, &s.tables[i]);
    }
    fputs("}}\n", f);
    sj_selection_free(&s);
    return sj_report_written(f, err);
}
