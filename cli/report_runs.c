// SPDX-License-Identifier: Apache-2.0
// `report` on runs: the comparison, tables of a report, its page, or what differs between two.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sj_cli.h"
#include "sj_file.h"
#include "sj_report_cli.h"
#include "sj_views.h"

enum { PLAIN_WIDTH = 120 };

typedef struct opened_runs {
    int count, whole_count;
    sj_compared *steps;     // [run], open where it holds steps
    sj_whole_run *wholes;   // [run], open where it is a whole run
    sj_view_run *views;
    char **labels;
} opened_runs;

// ---- opening

static bool ends_in(const char *path, const char *name) {
    const size_t length = strlen(path), end = strlen(name);
    return length >= end && strcmp(path + length - end, name) == 0 && (length == end || path[length - end - 1] == '/');
}

// run.json of a RUN, where it is a whole run: NULL otherwise, and without memory, which opening it as steps then tells. Caller frees.
static char *whole_file(const char *path) {
    const size_t size = strlen(path) + 16;
    char *file = malloc(size);
    if (file != NULL && ends_in(path, "run.json")) {
        snprintf(file, size, "%s", path);
        return file;
    }
    if (file != NULL) {
        snprintf(file, size, "%s/run.json", path);
        if (sj_path_exists(file)) {
            return file;
        }
    }
    free(file);
    return NULL;
}

static bool has_stats(const char *path) {
    char file[4096];
    return snprintf(file, sizeof file, "%s/stats.json", path) < (int)sizeof file && sj_path_exists(file);
}

static sj_status open_one(opened_runs *r, int i, const char *path, sj_error *err) {
    char *file = whole_file(path);
    sj_status status;
    if (file != NULL && has_stats(path)) {
        status = SJ_FAIL(err, SJ_ERR_USAGE, "%s: it holds a whole run and simulated steps; name one: %s/run.json or %s/stats.json", path, path, path);
    } else if (file != NULL) {
        status = sj_whole_run_read(file, &r->wholes[i], err);
        r->views[i].whole = status == SJ_OK ? &r->wholes[i] : NULL;
        r->whole_count += status == SJ_OK;
    } else {
        status = sj_compared_open(path, &r->steps[i], err);
        r->views[i].steps = status == SJ_OK ? &r->steps[i] : NULL;
    }
    free(file);
    return status;
}

static sj_status allocate(opened_runs *r, int count, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof(sj_compared), "the runs", err));
    r->steps = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof(sj_whole_run), "the runs", err));
    r->wholes = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof(sj_view_run), "the runs", err));
    r->views = memory;
    r->count = count;
    return SJ_OK;
}

static sj_status open_runs(opened_runs *r, char **paths, int count, sj_error *err) {
    SJ_TRY(allocate(r, count, err));
    for (int i = 0; i < count; i++) {
        SJ_TRY(open_one(r, i, paths[i], err));
    }
    SJ_TRY(sj_view_labels((const char *const *)paths, count, &r->labels, err));
    for (int i = 0; i < count; i++) {
        r->views[i].path = paths[i];
        r->views[i].label = r->labels[i];
    }
    return SJ_OK;
}

static void close_runs(opened_runs *r) {
    for (int i = 0; i < r->count; i++) {
        if (r->views[i].steps != NULL) {
            sj_compared_close(&r->steps[i]);
        }
        if (r->views[i].whole != NULL) {
            sj_whole_run_free(&r->wholes[i]);
        }
        if (r->labels != NULL) {
            free(r->labels[i]);
        }
    }
    free(r->labels);
    free(r->steps);
    free(r->wholes);
    free(r->views);
}

// ---- tables

// Those that are shown where none is named.
static int default_parts(const opened_runs *r, const sj_report *report, const char **parts) {
    static const char *const of_steps[] = {"comparison"}, *const of_whole[] = {"summary", "comparison", "whole", "target", "states"};
    const char *const *wanted = r->whole_count > 0 ? of_whole : of_steps;
    const int wanted_count = r->whole_count > 0 ? (int)(sizeof of_whole / sizeof of_whole[0]) : 1;
    int count = 0;
    for (int i = 0; i < wanted_count; i++) {
        if (sj_report_find(report, wanted[i]) != NULL) {
            parts[count++] = wanted[i];
        }
    }
    return count;
}

// The tables that were named, each of which the runs must give.
static sj_status named_parts(const char *list, const sj_report *report, const char **parts, int *count, sj_error *err) {
    const char *names[SJ_VIEW_KEYS_MAX];
    int indexes[SJ_VIEW_KEYS_MAX];
    for (int i = 0; i < sj_view_key_count; i++) {
        names[i] = sj_view_keys[i].key;
    }
    SJ_TRY(sj_cli_names("--part", list, names, sj_view_key_count, indexes, count, err));
    for (int i = 0; i < *count; i++) {
        parts[i] = names[indexes[i]];
        if (sj_report_find(report, parts[i]) == NULL) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--part: these runs give no table %s; it needs %s", parts[i], sj_view_keys[indexes[i]].needs);
        }
    }
    return SJ_OK;
}

static int text_width(const sj_report_options *o) {
    struct winsize size;
    if (o->width >= 0) {
        return (int)o->width;
    }
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= SJ_REPORT_WIDTH_MIN ? size.ws_col : PLAIN_WIDTH;
}

// Of steps the comparison is all that is shown where nothing is named; it is missing where they are not alike.
static sj_status why_no_comparison(const opened_runs *r, sj_error *err) {
    sj_comparison_list list = {NULL, 0, NULL};
    SJ_TRY(sj_compare(r->steps, r->count, &list, err));
    sj_comparison_free(&list);
    return SJ_FAIL(err, SJ_ERR_INTERNAL, "report: the runs give no comparison");
}

static sj_status write_tables(const sj_report_options *o, const opened_runs *r, const sj_report *report, sj_error *err) {
    const char *parts[SJ_VIEW_KEYS_MAX];
    int count = 0;
    if (o->part != NULL) {
        SJ_TRY(named_parts(o->part, report, parts, &count, err));
    } else if (o->format != SJ_REPORT_JSON) {
        count = default_parts(r, report, parts);
        if (count == 0) {
            return why_no_comparison(r, err);
        }
    }
    const sj_report_view view = {.tables = count > 0 ? parts : NULL, .table_count = count, .sort = o->sort, .top = o->top > 0 ? o->top : 0, .width = text_width(o)};
    switch (o->format) {
        case SJ_REPORT_JSON: return sj_report_write_json(stdout, report, &view, err);
        case SJ_REPORT_CSV: return sj_report_write_csv(stdout, report, &view, err);
        case SJ_REPORT_MD: return sj_report_write_md(stdout, report, &view, err);
        default: return sj_report_write_text(stdout, report, &view, err);
    }
}

// "Energy of plain, eat and 3 more"
static sj_report *new_report(const opened_runs *r) {
    char title[512] = "Energy of ";
    for (int i = 0; i < r->count && i < 4; i++) {
        const size_t used = strlen(title);
        snprintf(title + used, sizeof title - used, "%s%.80s", i == 0 ? "" : i == r->count - 1 ? " and " : ", ", r->labels[i]);
    }
    if (r->count > 4) {
        const size_t used = strlen(title);
        snprintf(title + used, sizeof title - used, " and %d more", r->count - 4);
    }
    return sj_report_new(title);
}

static sj_status write_report(const sj_report_options *o, const opened_runs *r, sj_error *err) {
    const sj_view_options options = {o->gco2_per_kwh, o->target_accuracy};
    sj_report *report = new_report(r);
    sj_status status = sj_views_add(report, r->views, r->count, &options, err);
    if (status == SJ_OK) {
        status = o->page != NULL ? sj_report_write_page(o, report, err) : write_tables(o, r, report, err);
    }
    sj_report_free(report);
    return status;
}

// ---- the comparison, and all of it

static sj_status write_comparison(const sj_report_options *o, const opened_runs *r, sj_error *err) {
    sj_comparison_list list = {NULL, 0, NULL};
    SJ_TRY(sj_compare(r->steps, r->count, &list, err));
    const sj_status status = sj_comparison_write(stdout, &list, o->format, err);
    sj_comparison_free(&list);
    return status;
}

static sj_status show(const sj_report_options *o, const opened_runs *r, sj_error *err) {
    if (r->whole_count == 0 && (!isnan(o->gco2_per_kwh) || !isnan(o->target_accuracy))) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: %s goes with whole runs (sim --whole-run), and none was given", !isnan(o->gco2_per_kwh) ? "--gco2-per-kwh" : "--target-accuracy");
    }
    if (o->diff) {
        return sj_view_diff(stdout, &r->views[0], &r->views[1], &(sj_diff_options){o->threshold}, err);
    }
    const bool tables = o->page != NULL || o->part != NULL || o->sort != NULL || o->top >= 0 || o->width >= 0 || r->whole_count > 0;
    return tables ? write_report(o, r, err) : write_comparison(o, r, err);
}

sj_status sj_report_runs(const sj_report_options *o, char **paths, int count, sj_error *err) {
    opened_runs runs;
    memset(&runs, 0, sizeof runs);
    if (o->of_sweeps != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: %s goes with a sweep; %s holds none", o->of_sweeps, paths[0]);
    }
    if (o->diff && count != 2) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --diff takes two runs; %d %s given", count, count == 1 ? "was" : "were");
    }
    if (o->page != NULL) {
        SJ_TRY(sj_report_check_page(o, err));
    }
    sj_status status = open_runs(&runs, paths, count, err);
    status = status == SJ_OK ? show(o, &runs, err) : status;
    close_runs(&runs);
    return status;
}
