// SPDX-License-Identifier: Apache-2.0
#include "sj_metrics_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

// The n-th field of a CSV line without quotes, as the trainer writes them. false: it is empty or not there.
static bool field_at(const char *line, int n, char *out, size_t size) {
    for (; n > 0 && *line != '\0' && *line != '\n'; line++) {
        n -= *line == ',';
    }
    const size_t length = strcspn(line, ",\r\n");
    if (n > 0 || length == 0 || length >= size) {
        return false;
    }
    memcpy(out, line, length);
    out[length] = '\0';
    return true;
}

static int column_of(const char *head, const char *name) {
    char field[64];
    for (int n = 0; field_at(head, n, field, sizeof field); n++) {
        if (strcmp(field, name) == 0) {
            return n;
        }
    }
    return -1;
}

typedef enum column { COLUMN_EPOCH, COLUMN_ACCURACY, COLUMN_F1, COLUMN_RATIO, COLUMN_COUNT } column;
static const char *const column_names[COLUMN_COUNT] = {"epoch", "test_accuracy", "macro_f1", "asic_ratio"};

typedef struct table {
    const char *path;
    int columns[COLUMN_COUNT];  // -1: the file has none
    int fields;                 // of the first line
} table;

// NAN where the field is empty.
static sj_status number_in(const table *t, const char *line, int64_t number, column c, double *out, sj_error *err) {
    char field[64], *end = field;
    *out = (double)NAN;
    if (t->columns[c] < 0 || !field_at(line, t->columns[c], field, sizeof field)) {
        return SJ_OK;
    }
    *out = strtod(field, &end);
    return end != field && *end == '\0' ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: \"%s\" under %s is not a number", t->path, (long long)number, field, column_names[c]);
}

static int fields_of(const char *line) {
    int fields = 1;
    for (; *line != '\0' && *line != '\n'; line++) {
        fields += *line == ',';
    }
    return fields;
}

// A row that ends in the middle: its writer was killed, or the file was copied in part.
static sj_status check_whole(const table *t, const char *line, int64_t number, sj_error *err) {
    const int fields = fields_of(line);
    if (fields != t->fields) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: the row is torn: it has %d fields, and the first line %d", t->path, (long long)number, fields, t->fields);
    }
    return strchr(line, '\n') != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: the row is torn: its line has no end", t->path, (long long)number);
}

static sj_status read_row(const table *t, const char *line, int64_t number, sj_metrics_row *row, sj_error *err) {
    double epoch;
    SJ_TRY(check_whole(t, line, number, err));
    SJ_TRY(number_in(t, line, number, COLUMN_EPOCH, &epoch, err));
    if (!(epoch >= 0.0 && epoch < 0x1p53)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: no epoch's number under epoch", t->path, (long long)number);
    }
    row->epoch = (int64_t)epoch;
    SJ_TRY(number_in(t, line, number, COLUMN_ACCURACY, &row->test_accuracy, err));
    SJ_TRY(number_in(t, line, number, COLUMN_F1, &row->macro_f1, err));
    return number_in(t, line, number, COLUMN_RATIO, &row->asic_ratio, err);
}

static sj_status read_head(table *t, const char *text, sj_error *err) {
    t->fields = fields_of(text);
    for (int c = 0; c < COLUMN_COUNT; c++) {
        t->columns[c] = column_of(text, column_names[c]);
        if (t->columns[c] < 0 && c != COLUMN_RATIO) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: no column %s", t->path, column_names[c]);
        }
    }
    return SJ_OK;
}

static const char *line_after(const char *line) {
    const char *end = strchr(line, '\n');
    return end != NULL && end[1] != '\0' ? end + 1 : NULL;
}

static sj_status read_rows(const table *t, const char *text, sj_metrics_csv *out, sj_error *err) {
    int64_t lines = 0;
    for (const char *line = line_after(text); line != NULL; line = line_after(line)) {
        lines++;
    }
    if (lines == 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it has no epoch", t->path);
    }
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)lines, sizeof *out->rows, "the metrics of a training run", err));
    out->rows = memory;
    for (const char *line = line_after(text); line != NULL; line = line_after(line)) {
        SJ_TRY(read_row(t, line, out->count + 2, &out->rows[out->count], err));
        if (out->count > 0 && out->rows[out->count].epoch <= out->rows[out->count - 1].epoch) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: epoch %lld does not come after epoch %lld of the line before it", t->path, (long long)out->count + 2, (long long)out->rows[out->count].epoch,
                           (long long)out->rows[out->count - 1].epoch);
        }
        out->count++;
    }
    return SJ_OK;
}

sj_status sj_metrics_csv_read(const char *path, sj_metrics_csv *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    table t = {.path = path};
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    sj_status status = read_head(&t, text, err);
    status = status == SJ_OK ? read_rows(&t, text, out, err) : status;
    free(text);
    if (status != SJ_OK) {
        sj_metrics_csv_free(out);
    }
    return status;
}

void sj_metrics_csv_free(sj_metrics_csv *m) {
    free(m->rows);
    memset(m, 0, sizeof *m);
}

bool sj_metrics_csv_beside(const char *trace, char path[SJ_METRICS_PATH_MAX]) {
    const char *slash = strrchr(trace, '/');
    return slash != NULL && snprintf(path, SJ_METRICS_PATH_MAX, "%.*s/metrics.csv", (int)(slash - trace), trace) < SJ_METRICS_PATH_MAX && sj_path_exists(path);
}
