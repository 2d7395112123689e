// SPDX-License-Identifier: Apache-2.0
#include "sj_compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_file.h"
#include "sj_metrics_csv.h"
#include "sj_trace.h"

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// Its last epoch, which is always tested.
static sj_status read_metrics(const char *path, sj_compared *c, sj_error *err) {
    sj_metrics_csv m;
    SJ_TRY(sj_metrics_csv_read(path, &m, err));
    c->epochs = m.count;
    const sj_metrics_row *last = &m.rows[m.count - 1];
    c->accuracy = last->test_accuracy;
    c->macro_f1 = last->macro_f1;
    c->asic_ratio = last->asic_ratio;
    sj_metrics_csv_free(&m);
    const char *missing = isnan(c->accuracy) ? "test_accuracy" : isnan(c->macro_f1) ? "macro_f1" : NULL;
    return missing == NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s: the last line has no number under %s", path, missing);
}

// metrics.csv in the folder of the trace, where there is one.
static sj_status find_metrics(sj_compared *c, sj_error *err) {
    char path[SJ_METRICS_PATH_MAX];
    return sj_metrics_csv_beside(c->runs[0].provenance.input, path) ? read_metrics(path, c, err) : SJ_OK;
}

// A folder with a trace and no results: it was trained, and not simulated.
static bool is_only_trained(const char *path, const char *stats) {
    char trace[4096];
    return !sj_path_exists(stats) && snprintf(trace, sizeof trace, "%s/trace.h5", path) < (int)sizeof trace && sj_path_exists(trace);
}

static sj_status check_results(const char *path, const char *stats, sj_error *err) {
    if (is_only_trained(path, stats)) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: it has a trace and no results (stats.json): run skipjoule sim %s/trace.h5 -o FOLDER first", path, path);
    }
    if (is_folder(path) && !sj_path_exists(stats)) {
        char unfinished[SJ_UNFINISHED_MAX];
        sj_trace_unfinished(path, unfinished);
        return SJ_FAIL(err, SJ_ERR_IO, "%s: it holds no results: there is no stats.json, run.json or results.sqlite in it%s", path, unfinished);
    }
    return SJ_OK;
}

sj_status sj_compared_open(const char *path, sj_compared *c, sj_error *err) {
    *c = (sj_compared){.path = strdup(path), .accuracy = (double)NAN, .macro_f1 = (double)NAN, .asic_ratio = (double)NAN};
    char *file = malloc(strlen(path) + 16);
    sj_status status = SJ_OK;
    if (c->path == NULL || file == NULL) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
    } else {
        sprintf(file, "%s%s", path, is_folder(path) ? "/stats.json" : "");
        status = check_results(path, file, err);
        status = status == SJ_OK ? sj_stats_read(file, &c->runs, &c->count, err) : status;
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

static const sj_stats *of_same_step(const sj_compared *c, const sj_stats *s, sj_alike alike) {
    for (int i = 0; i < c->count; i++) {
        if (c->runs[i].step == s->step && alike(&c->runs[i], s)) {
            return &c->runs[i];
        }
    }
    return NULL;
}

const sj_stats *sj_compared_partner(const sj_compared *a, int i, const sj_compared *b, sj_alike alike) {
    const sj_stats *s = &a->runs[i], *same = of_same_step(b, s, alike);
    int rank = 0;
    if (same != NULL) {
        return same;
    }
    for (int j = 0; j < i; j++) {
        rank += alike(&a->runs[j], s) && of_same_step(b, &a->runs[j], alike) == NULL;
    }
    for (int j = 0; j < b->count; j++) {
        if (alike(&b->runs[j], s) && of_same_step(a, &b->runs[j], alike) == NULL && rank-- == 0) {
            return &b->runs[j];
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
        sj_comparison row = {c, run, variant, saving(run, gate, run, variant), saving(base, first, run, variant), first != NULL && strcmp(base->tech, run->tech) != 0};
        if (row.other_tech) {
            row.vs_baseline.low = row.vs_baseline.high = (double)NAN;
        }
        l->rows[l->count++] = row;
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
            const sj_stats *like = sj_compared_partner(&runs[0], i, &runs[r], is_like);
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
