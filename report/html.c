// SPDX-License-Identifier: Apache-2.0
// The report as one HTML page that fetches nothing: its policy (default-src 'none') makes browsers refuse to. The data stand in it once, as the JSON report; charts, CSV files and hints are made of that by the page's scripts.
#include <stdlib.h>
#include <string.h>

#include "html_internal.h"

static const sj_asset *find_asset(const char *name, const char *ending) {
    for (const sj_asset *a = sj_assets; a->name != NULL; a++) {
        const size_t length = strlen(name);
        if (strncmp(a->name, name, length) == 0 && strcmp(a->name + length, ending) == 0) {
            return a;
        }
    }
    return NULL;
}

static sj_status put_asset(FILE *f, const char *name, sj_error *err) {
    const sj_asset *a = find_asset(name, "");
    if (a == NULL) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "the file %s of the report's page is not in this program", name);
    }
    fwrite(a->data, 1, (size_t)(a->end - a->data), f);
    return SJ_OK;
}

static sj_status put_script(FILE *f, const char *name, sj_error *err) {
    fputs("<script>\n", f);
    SJ_TRY(put_asset(f, name, err));
    fputs("</script>\n", f);
    return SJ_OK;
}

static sj_status put_paragraph(FILE *f, const char *class, const char *text, sj_error *err) {
    fprintf(f, "<p class=\"%s\">", class);
    SJ_TRY(sj_html_text(f, text, err));
    fputs("</p>\n", f);
    return SJ_OK;
}

static sj_status put_head(FILE *f, const sj_report *r, sj_error *err) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"Skipjoule\">\n<link rel=\"icon\" href=\"data:,\">\n<title>", f);
    SJ_TRY(sj_html_text(f, sj_report_title(r), err));
    fputs("</title>\n<style>\n", f);
    SJ_TRY(put_asset(f, "page.css", err));
    fputs("</style>\n</head>\n<body>\n<div class=\"page\">\n<header>\n<h1>", f);
    SJ_TRY(sj_html_text(f, sj_report_title(r), err));
    fputs("</h1>\n", f);
    for (int i = 0; i < sj_report_note_count(r); i++) {
        SJ_TRY(put_paragraph(f, "note", sj_report_note_at(r, i), err));
    }
    fputs("<div class=\"tools\"><button id=\"theme\" type=\"button\">Light / dark</button></div>\n</header>\n", f);
    return SJ_OK;
}

static sj_status put_contents(FILE *f, const sj_selection *s, sj_error *err) {
    fputs("<nav aria-label=\"Contents\"><ol>\n", f);
    for (int i = 0; i < s->count; i++) {
        fprintf(f, "<li><a href=\"#%s\">", sj_table_key(s->tables[i].table));
        SJ_TRY(sj_html_text(f, sj_table_title(s->tables[i].table), err));
        fputs("</a></li>\n", f);
    }
    fputs("</ol></nav>\n", f);
    return SJ_OK;
}

static sj_status put_section(FILE *f, const sj_selected *s, sj_error *err) {
    const sj_report_table *t = s->table;
    const char *key = sj_table_key(t), *chart = sj_table_rows(t) > 0 ? sj_table_chart(t) : NULL;
    fprintf(f, "<section id=\"%s\">\n<h2>", key);
    SJ_TRY(sj_html_text(f, sj_table_title(t), err));
    fputs("</h2>\n", f);
    if (chart != NULL) {
        fprintf(f, "<div class=\"chart\" data-table=\"%s\" data-chart=\"%s\"><p class=\"note caption\"></p><div class=\"controls\"></div><div class=\"view\"></div></div>\n", key, chart);
    }
    for (int i = 0; i < sj_table_note_count(t); i++) {
        SJ_TRY(put_paragraph(f, "note", sj_table_note_at(t, i), err));
    }
    SJ_TRY(sj_html_table(f, s, err));
    fprintf(f, "<div class=\"actions\"><button type=\"button\" data-csv=\"%s\">CSV</button>", key);
    fprintf(f, chart != NULL ? "<button type=\"button\" data-svg=\"%s\">SVG</button></div>\n</section>\n" : "</div>\n</section>\n", key);
    return SJ_OK;
}

// The specification of a chart and of what it builds on, each once.
static sj_status put_specification(FILE *f, const sj_selection *s, int index, sj_error *err) {
    const char *chart = sj_table_chart(s->tables[index].table);
    if (chart == NULL) {
        return SJ_OK;
    }
    for (int before = 0; before < index; before++) {
        const char *other = sj_table_chart(s->tables[before].table);
        if (other != NULL && strcmp(other, chart) == 0) {
            return SJ_OK;
        }
    }
    fprintf(f, "<script type=\"application/json\" id=\"chart-%s\">\n", chart);
    SJ_TRY(put_asset(f, find_asset(chart, ".json")->name, err));
    fputs("</script>\n", f);
    return SJ_OK;
}

static sj_status put_scripts(FILE *f, const sj_report *r, const sj_selection *s, sj_error *err) {
    static const char *const scripts[] = {"modules.js", "vega.js", "theme.js", "tables.js", "chart_style.js", "chart_controls.js", "chart_parallel.js", "charts.js"};
    fputs("<div id=\"hint\" role=\"status\"></div>\n<script type=\"application/json\" id=\"report\">\n", f);
    SJ_TRY(sj_report_write_json(f, r, NULL, err));  // "<" stands there as \u003c
    fputs("</script>\n<script type=\"application/json\" id=\"chart-interval_bars\">\n", f);
    SJ_TRY(put_asset(f, "interval_bars.json", err));
    fputs("</script>\n", f);
    for (int i = 0; i < s->count; i++) {
        SJ_TRY(put_specification(f, s, i, err));
    }
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        SJ_TRY(put_script(f, scripts[i], err));
    }
    return SJ_OK;
}

static sj_status check_charts(const sj_selection *s, sj_error *err) {
    for (int i = 0; i < s->count; i++) {
        const char *chart = sj_table_chart(s->tables[i].table);
        if (chart != NULL && find_asset(chart, ".json") == NULL) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "table %s names the chart %s, which there is not", sj_table_key(s->tables[i].table), chart);
        }
    }
    return SJ_OK;
}

static sj_status put_page(FILE *f, const sj_report *r, const sj_selection *s, sj_error *err) {
    SJ_TRY(put_head(f, r, err));
    SJ_TRY(put_contents(f, s, err));
    fputs("<main>\n", f);
    for (int i = 0; i < s->count; i++) {
        SJ_TRY(put_section(f, &s->tables[i], err));
    }
    fputs("</main>\n</div>\n", f);
    SJ_TRY(put_scripts(f, r, s, err));
    fputs("</body>\n</html>\n", f);
    return SJ_OK;
}

sj_status sj_report_write_html(FILE *f, const sj_report *r, sj_error *err) {
    sj_selection s;
    SJ_TRY(sj_report_select(r, NULL, &s, err));
    sj_status status = check_charts(&s, err);
    status = status != SJ_OK ? status : put_page(f, r, &s, err);
    sj_selection_free(&s);
    return status != SJ_OK ? status : sj_report_written(f, err);
}
