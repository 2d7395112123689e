// SPDX-License-Identifier: Apache-2.0
// Where the results come from: the resolved configurations, line by line, and the provenance.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "views_internal.h"

static const sj_column config_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    {"file", "file", SJ_QUANTITY_TEXT, NULL, "of that folder", false},
    {"line", "line", SJ_QUANTITY_INTEGER, NULL, "from 1", false},
    {"text", "text", SJ_QUANTITY_TEXT, NULL, "as it stands there", false},
};

static void add_lines(sj_report_table *t, const char *label, const char *file, char *text) {
    uint64_t line = 1;
    for (char *at = text; *at != '\0'; line++) {
        const size_t length = strcspn(at, "\n");
        const bool more = at[length] == '\n';
        at[length] = '\0';
        sj_table_text(t, label);
        sj_table_text(t, file);
        sj_table_integer(t, line);
        sj_table_text(t, at);
        at += length + more;
    }
}

// A file that is not there is none of the report's: results alone are a RUN, too.
static sj_status add_file(sj_report_table *t, const sj_view_run *run, const char *name, sj_error *err) {
    char *path = sj_view_file(run->path, name), *text = NULL;
    size_t bytes;
    sj_status status = path != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", run->path);
    if (status == SJ_OK && sj_path_exists(path)) {
        status = sj_read_file(path, &text, &bytes, err);
    } else if (status == SJ_OK) {
        sj_table_note(t, "%s has no %s.", run->label, name);
    }
    if (text != NULL) {
        add_lines(t, run->label, name, text);
    }
    free(text);
    free(path);
    return status;
}

sj_status sj_view_config(const sj_views *v, sj_error *err) {
    sj_report_table *t = sj_report_add(v->report, "config", "Configurations, resolved", NULL);
    SJ_VIEW_COLUMNS(t, config_columns);
    for (int r = 0; r < v->run_count; r++) {
        SJ_TRY(add_file(t, &v->runs[r], "config.cfg", err));
        SJ_TRY(add_file(t, &v->runs[r], "tech.cfg", err));
    }
    return SJ_OK;
}

// ---- provenance

static const sj_column provenance_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    {"key", "key", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"value", "value", SJ_QUANTITY_TEXT, NULL, NULL, false},
};

static void put(sj_report_table *t, const char *label, const char *key, const char *value) {
    if (value[0] != '\0') {
        sj_table_text(t, label);
        sj_table_text(t, key);
        sj_table_text(t, value);
    }
}

static void add_provenance(sj_report_table *t, const sj_view_run *run, const sj_provenance *p, double wall_seconds) {
    char number[40] = "";
    put(t, run->label, "folder", run->path);
    put(t, run->label, "version", p->version);
    put(t, run->label, "input", p->input);
    put(t, run->label, "input_hash", p->input_hash);
    if (p->has_seed) {
        snprintf(number, sizeof number, "%" PRId64, p->seed);
        put(t, run->label, "seed", number);
    }
    put(t, run->label, "accel_file", p->accel_file);
    put(t, run->label, "tech_file", p->tech_file);
    put(t, run->label, "check", p->check);
    put(t, run->label, "host", p->host);
    snprintf(number, sizeof number, "%.3f", wall_seconds);
    put(t, run->label, "wall_seconds", number);
}

sj_status sj_view_provenance(const sj_views *v, sj_error *err) {
    (void)err;
    sj_report_table *t = sj_report_add(v->report, "provenance", "Where the results come from", NULL);
    SJ_VIEW_COLUMNS(t, provenance_columns);
    for (int r = 0; r < v->run_count; r++) {
        const sj_view_run *run = &v->runs[r];
        double wall_seconds = 0.0;
        for (int i = 0; run->steps != NULL && i < run->steps->count; i++) {
            wall_seconds += run->steps->runs[i].provenance.wall_seconds;
        }
        add_provenance(t, run, run->steps != NULL ? &run->steps->runs[0].provenance : &run->whole->provenance, run->steps != NULL ? wall_seconds : run->whole->provenance.wall_seconds);
    }
    return SJ_OK;
}
