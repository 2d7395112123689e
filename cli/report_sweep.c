// SPDX-License-Identifier: Apache-2.0
// `report` on a sweep: what of its results is shown.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_file.h"
#include "sj_shell.h"
#include "sj_sweep_cli.h"

sj_sweep_view sj_sweep_view_default(void) {
    sj_sweep_view v = {.format = SJ_ANALYSIS_TEXT, .top = 20, .point = -1};
    v.parts[SJ_PART_SUMMARY] = v.parts[SJ_PART_PARETO] = v.parts[SJ_PART_SENSITIVITY] = v.parts[SJ_PART_BEST] = true;
    return v;
}

void sj_sweep_view_free(sj_sweep_view *v) {
    for (int i = 0; i < v->limit_count; i++) {
        sj_expr_free(v->limits[i]);
    }
    v->limit_count = 0;
}

static int count_names(const char *const *names) {
    int count = 0;
    while (names[count] != NULL) {
        count++;
    }
    return count;
}

sj_status sj_sweep_view_parts(sj_sweep_view *v, const char *list, sj_error *err) {
    int indexes[SJ_PART_COUNT], count;
    SJ_TRY(sj_cli_names("--part", list, sj_analysis_part_names, count_names(sj_analysis_part_names), indexes, &count, err));
    memset(v->parts, 0, sizeof v->parts);
    v->parts_given = true;
    for (int i = 0; i < count; i++) {
        v->parts[indexes[i]] = true;
    }
    return SJ_OK;
}

sj_status sj_sweep_view_objectives(sj_sweep_view *v, const char *list, sj_error *err) {
    return sj_cli_names("--objectives", list, sj_sweep_value_names, count_names(sj_sweep_value_names), v->objectives, &v->objective_count, err);
}

sj_status sj_sweep_view_limit(sj_sweep_view *v, const char *text, sj_error *err) {
    if (v->limit_count == SJ_SWEEP_LIMITS_MAX) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--limit stands there more than %d times", SJ_SWEEP_LIMITS_MAX);
    }
    if (sj_expr_parse(text, &v->limits[v->limit_count], err) != SJ_OK) {
        sj_error_prefix(err, "--limit");
        err->status = SJ_ERR_USAGE;
        return SJ_ERR_USAGE;
    }
    v->limit_count++;
    return SJ_OK;
}

static void store_path(const char *path, char *out, size_t size) { snprintf(out, size, "%s/results.sqlite", path); }

bool sj_sweep_is_here(const char *path) {
    char inside[4200];
    store_path(path, inside, sizeof inside);
    const size_t length = strlen(path);
    return sj_path_exists(inside) || (length > 7 && strcmp(path + length - 7, ".sqlite") == 0);
}

static sj_status analyse(sj_store *store, const sj_sweep_view *view, sj_analysis *a, sj_error *err) {
    sj_analysis_options options = {.objective_count = view->objective_count, .limit_count = view->limit_count, .limits = view->limits};
    memcpy(options.objectives, view->objectives, sizeof options.objectives);
    return sj_analyse(store, &options, a, err);
}

static sj_status print_store(sj_store *store, const sj_sweep_view *view, sj_error *err) {
    sj_analysis a;
    SJ_TRY(analyse(store, view, &a, err));
    const sj_status status = sj_analysis_write(stdout, &a, view->parts, view->format, view->top, err);
    sj_analysis_free(&a);
    return status;
}

static sj_status open_store(const char *path, sj_store **store, sj_error *err) {
    char inside[4200];
    store_path(path, inside, sizeof inside);
    return sj_store_open(sj_path_exists(inside) ? inside : path, NULL, store, err);
}

sj_status sj_sweep_report(const char *path, const sj_sweep_view *view, sj_report **out, sj_error *err) {
    sj_store *store;
    sj_analysis a;
    *out = NULL;
    SJ_TRY(open_store(path, &store, err));
    sj_status status = analyse(store, view, &a, err);
    if (status == SJ_OK) {
        status = sj_analysis_report(&a, out, err);
        sj_analysis_free(&a);
    }
    sj_store_close(store);
    return status;
}

// CSV has one table: all points, where nothing else is asked for, straight out of the store.
sj_status sj_sweep_print(const char *path, const sj_sweep_view *view, sj_error *err) {
    sj_store *store;
    SJ_TRY(open_store(path, &store, err));
    const bool all_points = view->format == SJ_ANALYSIS_CSV && !view->parts_given && view->limit_count == 0 && view->objective_count == 0;
    const sj_status status = all_points ? sj_store_write_csv(store, stdout, err) : print_store(store, view, err);
    sj_store_close(store);
    return status;
}

// ---- one point

static void print_values(const sj_space *space, const sj_point_result *r) {
    char text[2048];
    sj_space_describe(space, r->id, text, sizeof text);
    printf("point %llu: %s\n", (unsigned long long)r->id, text);
    if (!r->valid) {
        printf("invalid: %s\n", r->reason);
        return;
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        printf("%-16s %.17g %s  # %s\n", sj_sweep_value_names[v], r->values[v], sj_sweep_value_units[v], sj_sweep_value_meanings[v]);
    }
}

// The base files are those of now: are they still those that the sweep was run with?
static sj_status print_commands(const char *config_path, const sj_sweep_about *about, uint64_t id, sj_error *err) {
    sj_sweep_config config;
    sj_builder *builder = NULL;
    char command[8192], identity[17] = "";
    SJ_TRY(sj_sweep_config_open(config_path, NULL, 0, &config, err));
    sj_status status = sj_builder_open(&config, sj_cli_find_config, &builder, err);
    status = status == SJ_OK ? sj_builder_command(builder, id, command, sizeof command, err) : status;
    status = status == SJ_OK ? sj_sweep_identify(builder, about->traces, about->trace_count, sj_version, identity, err) : status;
    if (status == SJ_OK && strcmp(identity, about->identity) != 0) {
        status = SJ_FAIL(err, SJ_ERR_CONFIG, "%s: the accelerator's or technology's file, or the program, has changed since the sweep began: no command gives the same figures now", config_path);
    }
    for (int t = 0; t < about->trace_count && status == SJ_OK; t++) {
        fputs("skipjoule sim ", stdout);
        sj_shell_quote(stdout, about->traces[t].path);
        printf(" %s\n", command);
    }
    sj_builder_close(builder);
    sj_sweep_config_close(&config);
    return status;
}

sj_status sj_sweep_print_point(const char *path, int64_t id, sj_error *err) {
    char file[4200];
    sj_store *store;
    sj_point_result r = {0};
    bool found = false;
    store_path(path, file, sizeof file);
    if (!sj_path_exists(file)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --point wants the sweep's folder, where config.cfg stands beside results.sqlite; %s is none", path);
    }
    SJ_TRY(sj_store_open(file, NULL, &store, err));
    const sj_sweep_about *about = sj_store_about(store);
    sj_status status = sj_store_get(store, (uint64_t)id, &r, &found, err);
    if (status == SJ_OK && !found) {
        status = SJ_FAIL(err, SJ_ERR_RANGE, "%s: no point %lld; the space has 0 to %llu, and not all may be looked at", path, (long long)id, (unsigned long long)about->space->size - 1);
    }
    if (status == SJ_OK) {
        print_values(about->space, &r);
        snprintf(file, sizeof file, "%s/config.cfg", path);
        status = r.valid ? print_commands(file, about, r.id, err) : SJ_OK;
    }
    sj_store_close(store);
    return status;
}
