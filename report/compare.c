// SPDX-License-Identifier: Apache-2.0
#include "sj_compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_file.h"

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// The n-th field of a CSV line without quotes, as the trainer writes them.
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

static sj_status number_in(const char *path, const char *head, const char *line, const char *name, double *out, sj_error *err) {
    char field[64], *end = field;
    const int column = column_of(head, name);
    if (column < 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: no column %s", path, name);
    }
    if (field_at(line, column, field, sizeof field)) {
        *out = strtod(field, &end);
    }
    return end != field && *end == '\0' ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s: the last line has no number under %s", path, name);
}

// A column that older files lack, and that may be empty.
static sj_status optional_number_in(const char *path, const char *head, const char *line, const char *name, double *out, sj_error *err) {
    char field[64];
    const int column = column_of(head, name);
    return column >= 0 && field_at(line, column, field, sizeof field) ? number_in(path, head, line, name, out, err) : SJ_OK;
}

static sj_status read_metrics(const char *path, sj_compared *c, sj_error *err) {
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    const char *last = text;
    for (const char *line = strchr(text, '\n'); line != NULL && line[1] != '\0'; line = strchr(line + 1, '\n')) {
        last = line + 1;
        c->epochs++;
    }
    sj_status status = last == text ? SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it has no epoch", path) : SJ_OK;
    status = status == SJ_OK ? number_in(path, text, last, "test_accuracy", &c->accuracy, err) : status;
    status = status == SJ_OK ? number_in(path, text, last, "macro_f1", &c->macro_f1, err) : status;
    status = status == SJ_OK ? optional_number_in(path, text, last, "asic_ratio", &c->asic_ratio, err) : status;
    free(text);
    return status;
}

// metrics.csv in the folder of the trace, where there is one.
static sj_status find_metrics(sj_compared *c, sj_error *err) {
    char path[1100];
    snprintf(path, sizeof path, "%s", c->runs[0].provenance.input);
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return SJ_OK;
    }
    strcpy(slash + 1, "metrics.csv");  // provenance.input is shorter than 1024
    return sj_path_exists(path) ? read_metrics(path, c, err) : SJ_OK;
}

// A folder with a trace and no results: it was trained, and not simulated.
static bool is_only_trained(const char *path, const char *stats) {
    char trace[4096];
    return !sj_path_exists(stats) && snprintf(trace, sizeof trace, "%s/trace.h5", path) < (int)sizeof trace && sj_path_exists(trace);
}

sj_status sj_compared_open(const char *path, sj_compared *c, sj_error *err) {
    *c = (sj_compared){.path = strdup(path), .accuracy = (double)NAN, .macro_f1 = (double)NAN, .asic_ratio = (double)NAN};
    char *file = malloc(strlen(path) + 16);
    sj_status status = SJ_OK;
    if (c->path == NULL || file == NULL) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
    } else {
        sprintf(file, "%s%s", path, is_folder(path) ? "/stats.json" : "");
        status = is_only_trained(path, file) ? SJ_FAIL(err, SJ_ERR_IO, "%s: it has a trace and no results (stats.json): run skipjoule sim %s/trace.h5 -o FOLDER first", path, path)
                                             : sj_stats_read(file, &c->runs, &c->count, err);
    }
    free(file);
    status = status == SJ_OK ? find_metrics(c, err) : status;
    if (status != SJ_OK) {
        sj_compared_close(c);
    }
    return status;
}

void sj_compared_close(sj_compared *c) {
    for (int i = 0; i < c->count; i++) {
        sj_stats_free(&c->runs[i]);
    }
    free(c->runs);
    free(c->path);
    memset(c, 0, sizeof *c);
}

// A GradSamp epoch without data (traces/FORMAT.md) is one update and no step of training.
static bool is_skipped(const sj_stats *run) { return strncmp(run->method_state, "gradsamp skipped", strlen("gradsamp skipped")) == 0; }

static bool is_like(const sj_stats *a, const sj_stats *b) {
    return strcmp(a->mode, b->mode) == 0 && a->batch == b->batch && strcmp(a->network, b->network) == 0 && strcmp(a->dataset, b->dataset) == 0 &&
           strcmp(a->selection, b->selection) == 0 && is_skipped(a) == is_skipped(b);
}

// The result of c that is like the baseline's i-th: where several are (more than one step), the one of the same rank.
static const sj_stats *find_like(const sj_compared *baseline, int i, const sj_compared *c) {
    int rank = 0;
    for (int b = 0; b < i; b++) {
        rank += is_like(&baseline->runs[b], &baseline->runs[i]);
    }
    for (int r = 0; r < c->count; r++) {
        if (is_like(&baseline->runs[i], &c->runs[r]) && rank-- == 0) {
            return &c->runs[r];
        }
    }
    return NULL;
}

static sj_status not_alike(const sj_compared *baseline, const sj_stats *wanted, const sj_compared *c, sj_error *err) {
    const sj_stats *has = &c->runs[0];
    return SJ_FAIL(err, SJ_ERR_RANGE,
                   "%s: nothing to compare with %s: that has %s%s of %s on %s at batch %" PRId64 "%s%s; this has %s%s of %s on %s at batch %" PRId64 "%s%s%s", c->path, baseline->path,
                   wanted->mode, is_skipped(wanted) ? " (a skipped epoch)" : "", wanted->network, wanted->dataset, wanted->batch, wanted->selection[0] != '\0' ? ", only " : "", wanted->selection, has->mode,
                   is_skipped(has) ? " (a skipped epoch)" : "", has->network,
                   has->dataset, has->batch, has->selection[0] != '\0' ? ", only " : "", has->selection, c->count > 1 ? ", and others" : "");
}

static sj_saving saving(const sj_stats *run, const sj_stats_variant *before, const sj_stats *after_run, const sj_stats_variant *after) {
    if (before == NULL) {
        return (sj_saving){(double)NAN, (double)NAN, (double)NAN};
    }
    return sj_saving_between(sj_priced_total(run, before), sj_priced_total(after_run, after), SJ_ACCOUNT_COMPLETION);
}

static void add_rows(sj_comparison_list *l, int group, const sj_compared *c, const sj_stats *run, const sj_stats *base) {
    for (int v = 0; v < run->variant_count; v++) {
        const sj_stats_variant *variant = &run->variants[v];
        const sj_codec codec = variant->variant.codec;
        const sj_stats_variant *gate = variant->variant.machine == SJ_MACHINE_SKIP ? sj_stats_find(run, SJ_MACHINE_GATE, codec) : NULL;
        const sj_stats_variant *first = run != base ? sj_stats_find(base, variant->variant.machine, codec) : NULL;
        l->group[l->count] = group;
        l->rows[l->count++] = (sj_comparison){c, run, variant, saving(run, gate, run, variant), saving(base, first, run, variant)};
    }
}

sj_status sj_compare(const sj_compared *runs, int count, sj_comparison_list *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    const uint64_t most = (uint64_t)count * (uint64_t)runs[0].count * SJ_VARIANTS_MAX;
    void *rows, *group;
    SJ_TRY(sj_alloc(&rows, most, sizeof(sj_comparison), "the comparison", err));
    out->rows = rows;
    sj_status status = sj_alloc(&group, most, sizeof(int), "the comparison", err);
    out->group = status == SJ_OK ? group : NULL;
    for (int i = 0; i < runs[0].count && status == SJ_OK; i++) {
        for (int r = 0; r < count && status == SJ_OK; r++) {
            const sj_stats *like = find_like(&runs[0], i, &runs[r]);
            if (like == NULL) {
                status = not_alike(&runs[0], &runs[0].runs[i], &runs[r], err);
            } else {
                add_rows(out, i, &runs[r], like, &runs[0].runs[i]);
            }
        }
    }
    if (status != SJ_OK) {
        sj_comparison_free(out);
    }
    return status;
}

void sj_comparison_free(sj_comparison_list *l) {
    free(l->rows);
    free(l->group);
    memset(l, 0, sizeof *l);
}
