// SPDX-License-Identifier: Apache-2.0
// A report as Markdown (GitHub's tables).
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"
#include "report_utf8.h"

void sj_md_text(FILE *f, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
            case '<': fputs("&lt;", f); break;
            case '>': fputs("&gt;", f); break;
            case '&': fputs("&amp;", f); break;
            default: fprintf(f, strchr("\\|*_`[]#~$", *text) != NULL ? "\\%c" : "%c", *text);
        }
    }
}

// A paragraph. What would begin a list, a rule or code at its start is escaped or left out.
static sj_status paragraph(FILE *f, const char *before, const char *text, sj_error *err) {
    char *printable = sj_utf8_printable(text);
    if (printable == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's text");
    }
    const char *at = printable + strspn(printable, " ");
    const size_t digits = strspn(at, "0123456789");
    fprintf(f, "%s%.*s", before, (int)digits, at);
    at += digits;
    fputs((digits == 0 && strchr("-+=", *at) != NULL && *at != '\0') || (digits > 0 && (*at == '.' || *at == ')')) ? "\\" : "", f);
    sj_md_text(f, at);
    fputs("\n\n", f);
    free(printable);
    return SJ_OK;
}

static void write_row(FILE *f, char *const *cells, int columns) {
    for (int c = 0; c < columns; c++) {
        fputs("| ", f);
        sj_md_text(f, cells[c]);
        fputs(" ", f);
    }
    fputs("|\n", f);
}

static sj_status write_grid(FILE *f, const sj_selected *s, bool shares, sj_error *err) {
    sj_people p;
    SJ_TRY(sj_people_make(s, shares, &p, err));
    write_row(f, p.heads, p.columns);
    for (int c = 0; c < p.columns; c++) {
        fputs(p.left[c] ? "|---" : "|--:", f);
    }
    fputs("|\n", f);
    int64_t left_out = 0;
    for (int64_t i = 0; i < p.rows; i++) {
        if (p.kinds[i] == SJ_ROW_MORE && !sj_table_has_totals(s->table)) {
            left_out = s->count - s->shown;  // no row of the table: it has no figures
        } else {
            write_row(f, &p.cells[i * p.columns], p.columns);
        }
    }
    fputc('\n', f);
    if (left_out > 0) {
        fprintf(f, "%lld more row%s.\n\n", (long long)left_out, left_out == 1 ? "" : "s");
    }
    sj_people_free(&p);
    return SJ_OK;
}

static sj_status write_table(FILE *f, const sj_selected *s, bool shares, sj_error *err) {
    SJ_TRY(paragraph(f, "## ", sj_table_title(s->table), err));
    if (sj_table_columns(s->table) > 0) {
        SJ_TRY(write_grid(f, s, shares, err));
    }
    for (int i = 0; i < sj_table_note_count(s->table); i++) {
        SJ_TRY(paragraph(f, "", sj_table_note_at(s->table, i), err));
    }
    return SJ_OK;
}

static sj_status write_all(FILE *f, const sj_report *r, const sj_selection *s, bool shares, sj_error *err) {
    SJ_TRY(paragraph(f, "# ", sj_report_title(r), err));
    for (int i = 0; i < sj_report_note_count(r); i++) {
        SJ_TRY(paragraph(f, "", sj_report_note_at(r, i), err));
    }
    for (int i = 0; i < s->count; i++) {
        SJ_TRY(write_table(f, &s->tables[i], shares, err));
    }
    return sj_report_written(f, err);
}

sj_status sj_report_write_md(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err) {
    sj_selection s;
    SJ_TRY(sj_report_select(r, view, &s, err));
    const sj_status status = write_all(f, r, &s, view != NULL && view->shares, err);
    sj_selection_free(&s);
    return status;
}
