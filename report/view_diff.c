// SPDX-License-Identifier: Apache-2.0
// What differs between two runs, as text for a code review.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"
#include "sj_table.h"
#include "view_diff.h"

void sj_diff_name(FILE *f, const char *name) {
    for (; *name != '\0'; name++) {
        fputc((unsigned char)*name < 0x20 || *name == 0x7f ? ' ' : *name, f);
    }
}

// ---- the head of a result

static void text_line(sj_diff *d, const char *what, const char *before, const char *after) {
    if (strcmp(before, after) != 0) {
        fprintf(d->f, "  %s: ", what);
        sj_diff_name(d->f, before[0] != '\0' ? before : "(none)");
        fputs(" -> ", d->f);
        sj_diff_name(d->f, after[0] != '\0' ? after : "(none)");
        fputc('\n', d->f);
        d->differences++;
    }
}

static void number_line(sj_diff *d, const char *what, int64_t before, int64_t after) {
    char texts[2][24];
    snprintf(texts[0], sizeof texts[0], "%" PRId64, before);
    snprintf(texts[1], sizeof texts[1], "%" PRId64, after);
    text_line(d, what, texts[0], texts[1]);
}

static void provenance_lines(sj_diff *d, const sj_provenance *a, const sj_provenance *b) {
    text_line(d, "input_hash", a->input_hash, b->input_hash);
    text_line(d, "version", a->version, b->version);
    text_line(d, "check", a->check, b->check);
    if (a->has_seed || b->has_seed) {
        number_line(d, "seed", a->has_seed ? a->seed : -1, b->has_seed ? b->seed : -1);
    }
}

// A figure of a head: NAN is none.
static void figure_line(sj_diff *d, const char *what, double before, double after) {
    if (before == after || (isnan(before) && isnan(after))) {
        return;
    }
    char texts[2][32];
    d->differences++;
    if (fabs(after - before) <= d->threshold * fmax(fabs(before), fabs(after))) {
        d->hidden++;
        return;
    }
    for (int i = 0; i < 2; i++) {
        const double v = i == 0 ? before : after;
        snprintf(texts[i], sizeof texts[i], isnan(v) ? "(none)" : "%.6g", v);
    }
    fprintf(d->f, "  %s: %s -> %s\n", what, texts[0], texts[1]);
}

// Steps and whole runs name these alike.
#define COMMON_HEAD(d, a, b)                                                                                     \
    do {                                                                                                         \
        text_line(d, "network", (a)->network, (b)->network);                                                     \
        text_line(d, "dataset", (a)->dataset, (b)->dataset);                                                     \
        text_line(d, "method", (a)->method, (b)->method);                                                        \
        text_line(d, "accel", (a)->accel, (b)->accel);                                                           \
        text_line(d, "tech", (a)->tech, (b)->tech);                                                              \
        text_line(d, "fidelity", (a)->fidelity, (b)->fidelity);                                                  \
        text_line(d, "penalty", sj_penalty_work_names[(a)->penalty], sj_penalty_work_names[(b)->penalty]);       \
        text_line(d, "quantised", (a)->quantised ? "true" : "false", (b)->quantised ? "true" : "false");         \
        number_line(d, "images", (a)->images, (b)->images);                                                      \
        provenance_lines(d, &(a)->provenance, &(b)->provenance);                                                 \
    } while (0)

static void stats_head(sj_diff *d, const sj_stats *a, const sj_stats *b) {
    COMMON_HEAD(d, a, b);
    text_line(d, "method_state", a->method_state, b->method_state);
    text_line(d, "no_fuse", a->no_fuse ? "true" : "false", b->no_fuse ? "true" : "false");
    number_line(d, "step", a->step, b->step);
    number_line(d, "rows", a->rows, b->rows);
    number_line(d, "lanes", a->lanes, b->lanes);
    figure_line(d, "clock_mhz", a->clock_mhz, b->clock_mhz);
    for (int m = 0; m < 3; m++) {
        static const char *const ends[SJ_BOUND_COUNT] = {[SJ_LOW] = ".low", [SJ_TYPICAL] = "", [SJ_HIGH] = ".high"};
        for (int e = 0; e < SJ_BOUND_COUNT; e++) {
            char what[48];
            snprintf(what, sizeof what, "area_mm2.%s%s", sj_machine_name((sj_machine)m), ends[e]);
            figure_line(d, what, a->has_area[m] ? a->area[m].total_mm2[e] : (double)NAN, b->has_area[m] ? b->area[m].total_mm2[e] : (double)NAN);
        }
    }
}

static void trained_head(sj_diff *d, const sj_compared *a, const sj_compared *b) {
    figure_line(d, "accuracy", a->accuracy, b->accuracy);
    figure_line(d, "macro_f1", a->macro_f1, b->macro_f1);
    figure_line(d, "asic_ratio", a->asic_ratio, b->asic_ratio);
}

// Of each epoch what the training did; of each variant what interpolating was wrong by.
static void whole_figures(sj_diff *d, const sj_whole_run *a, const sj_whole_run *b) {
    for (int e = 0; e < a->epoch_count && e < b->epoch_count; e++) {
        const sj_run_epoch *x = &a->epochs[e], *y = &b->epochs[e];
        const struct {
            const char *key;
            double before, after;
        } figures[] = {{"loss", x->loss, y->loss}, {"test_accuracy", x->test_accuracy, y->test_accuracy}, {"macro_f1", x->macro_f1, y->macro_f1}, {"x_density", x->x_density, y->x_density},
                       {"dy_density", x->dy_density, y->dy_density}, {"kept_fraction", x->kept_fraction, y->kept_fraction}};
        for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
            char what[64];
            snprintf(what, sizeof what, "epoch %" PRId64 " %s", x->epoch, figures[i].key);
            figure_line(d, what, figures[i].before, figures[i].after);
        }
    }
    for (int i = 0; i < a->variant_count; i++) {
        const sj_run_variant *x = &a->variants[i], *y = sj_whole_run_find(b, x->variant.machine, x->variant.codec);
        char name[24], what[64];
        sj_variant_name(x->variant, name);
        snprintf(what, sizeof what, "%s error of interpolation", name);
        figure_line(d, what, x->error.total, y != NULL ? y->error.total : (double)NAN);
    }
}

static void whole_head(sj_diff *d, const sj_whole_run *a, const sj_whole_run *b) {
    COMMON_HEAD(d, a, b);
    text_line(d, "selection", a->selection, b->selection);
    number_line(d, "batch", a->batch, b->batch);
    number_line(d, "iterations", a->iterations, b->iterations);
    number_line(d, "traced_steps", a->traced_steps, b->traced_steps);
    number_line(d, "epochs", a->epoch_count, b->epoch_count);
}

// ---- configurations

typedef struct config_lines {
    sj_diff *d;
    const char *file;
} config_lines;

static bool config_line(void *context, const sj_config_change *change) {
    const config_lines *c = context;
    char what[SJ_CONFIG_PATH_MAX + 32];
    snprintf(what, sizeof what, "%s %s", c->file, change->path);
    text_line(c->d, what, change->a, change->b);
    return true;
}

static sj_status config_file(sj_diff *d, const sj_view_run *before, const sj_view_run *after, const char *file, sj_error *err) {
    char *a_path = sj_view_file(before->path, file), *b_path = sj_view_file(after->path, file);
    sj_config *a = NULL, *b = NULL;
    sj_status status = a_path != NULL && b_path != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", file);
    const bool has_a = status == SJ_OK && sj_path_exists(a_path), has_b = status == SJ_OK && sj_path_exists(b_path);
    if (has_a && has_b) {
        config_lines lines = {d, file};
        status = sj_config_open(a_path, &a, err);
        status = status == SJ_OK ? sj_config_open(b_path, &b, err) : status;
        if (status == SJ_OK) {
            sj_config_differences(a, b, config_line, &lines);
        }
    } else {
        text_line(d, file, has_a ? "there" : "", has_b ? "there" : "");
    }
    sj_config_close(a);
    sj_config_close(b);
    free(a_path);
    free(b_path);
    return status;
}

// ---- results of one against those of the other

static bool same_kind(const sj_stats *a, const sj_stats *b) { return strcmp(a->mode, b->mode) == 0 && a->batch == b->batch && strcmp(a->selection, b->selection) == 0; }

static void name_result(sj_diff *d, const sj_stats *s, const char *where) {
    fprintf(d->f, "%s, batch %" PRId64 "%s%s, step %" PRId64 "%s\n", strcmp(s->mode, "train") == 0 ? "training step" : strcmp(s->mode, "eval") == 0 ? "inference" : s->mode, s->batch,
            s->selection[0] != '\0' ? ", only " : "", s->selection, s->step, where);
}

static sj_status diff_steps(sj_diff *d, const sj_compared *a, const sj_compared *b, sj_error *err) {
    for (int i = 0; i < a->count; i++) {
        const sj_stats *other = sj_compared_partner(a, i, b, same_kind);
        if (other == NULL) {
            name_result(d, &a->runs[i], ": only in the first");
            d->differences++;
            continue;
        }
        const int64_t before = d->differences;
        name_result(d, &a->runs[i], "");
        stats_head(d, &a->runs[i], other);
        trained_head(d, a, b);
        SJ_TRY(sj_diff_stats(d, &a->runs[i], other, err));
        if (d->differences == before) {
            fputs("  no difference\n", d->f);
        }
    }
    for (int i = 0; i < b->count; i++) {
        if (sj_compared_partner(b, i, a, same_kind) == NULL) {
            name_result(d, &b->runs[i], ": only in the second");
            d->differences++;
        }
    }
    return SJ_OK;
}

sj_status sj_view_diff(FILE *f, const sj_view_run *before, const sj_view_run *after, const sj_diff_options *options, sj_error *err) {
    if ((before->steps == NULL) != (after->steps == NULL)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s and %s: a whole run and simulated steps have nothing to be told apart by", before->path, after->path);
    }
    sj_diff d = {.f = f, .threshold = options->threshold};
    fputs("first:  ", f);
    sj_diff_name(f, before->label);
    fputs("\nsecond: ", f);
    sj_diff_name(f, after->label);
    fputs("\nconfiguration\n", f);
    SJ_TRY(config_file(&d, before, after, "config.cfg", err));
    SJ_TRY(config_file(&d, before, after, "tech.cfg", err));
    if (d.differences == 0) {
        fputs("  no difference\n", f);
    }
    if (before->steps != NULL) {
        SJ_TRY(diff_steps(&d, before->steps, after->steps, err));
    } else {
        const int64_t so_far = d.differences;
        fputs(SJ_WHOLE_MODE "\n", f);
        whole_head(&d, before->whole, after->whole);
        whole_figures(&d, before->whole, after->whole);
        SJ_TRY(sj_diff_whole(&d, before->whole, after->whole, err));
        if (d.differences == so_far) {
            fputs("  no difference\n", f);
        }
    }
    if (d.differences == 0) {
        fprintf(f, "no difference in what is compared (not: %s)\n", before->steps != NULL ? "energy by component, which the counters give, wall time and host" : "energy by epoch, state, phase and component, wall time and host");
    } else if (d.hidden > 0) {
        fprintf(f, "%" PRId64 " more figures differ by no more than %g of themselves.\n", d.hidden, options->threshold);
    }
    return SJ_OK;
}
