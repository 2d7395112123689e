// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_cli.h"
#include "sj_estimate_cli.h"
#include "sj_estimate_sweep.h"
#include "sj_file.h"
#include "sj_sweep_cli.h"

static sj_status open_run(const char *path, const sj_estimate_choice *choice, sj_estimate_data *data, sj_error *err) {
    struct stat info;
    char file[4200], stats[4200];
    const bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    snprintf(file, sizeof file, "%s%s", path, folder ? "/run.json" : "");
    snprintf(stats, sizeof stats, "%s/stats.json", path);
    if (sj_sweep_is_here(path)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s is a sweep, of steps and not of whole runs: 'skipjoule estimate pre' alone takes one, by itself", path);
    }
    if (folder && !sj_path_exists(file)) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: it has no run.json%s", path,
                       sj_path_exists(stats) ? ": it is a simulated step; estimators want whole runs, 'skipjoule sim TRACE --whole-run -o FOLDER'" : ": 'skipjoule sim TRACE --whole-run -o FOLDER' makes one");
    }
    if (!folder && strlen(path) > 3 && strcmp(path + strlen(path) - 3, ".h5") == 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s is a trace; estimators want whole runs, the folders of 'skipjoule sim TRACE --whole-run -o FOLDER'", path);
    }
    sj_whole_run w;
    SJ_TRY(sj_whole_run_read(file, &w, err));
    const sj_status status = sj_estimate_data_add(data, path, &w, choice, err);
    sj_whole_run_free(&w);
    return status;
}

static sj_status open_sweep(const char *path, sj_estimate_data *data, sj_error *err) {
    char file[4200];
    sj_store *store;
    snprintf(file, sizeof file, "%s/results.sqlite", path);
    SJ_TRY(sj_store_open(sj_path_exists(file) ? file : path, NULL, &store, err));
    const sj_status status = sj_estimate_data_add_sweep(data, store, err);
    sj_store_close(store);
    return status;
}

sj_status sj_estimate_open(const sj_estimate_options *o, sj_estimate_data *data, bool *sweep, sj_error *err) {
    *data = (sj_estimate_data){0};
    *sweep = (o->task == SJ_TASK_TRAIN || o->task == SJ_TASK_PREDICT) && o->run_count == 1 && sj_sweep_is_here(o->runs[0]);
    sj_status status = SJ_OK;
    if (*sweep && o->variant_given) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre: --variant goes with whole runs; %s is a sweep, whose points have the machine and codec that it gave them", o->runs[0]);
    }
    if (!*sweep && o->points_given) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre train: --points goes with a sweep, given by itself");
    }
    for (int i = 0; i < o->run_count && status == SJ_OK && !*sweep; i++) {
        status = open_run(o->runs[i], &o->choice, data, err);
    }
    status = status == SJ_OK && !*sweep ? sj_estimate_data_finish(data, err) : status;
    status = status == SJ_OK && *sweep ? open_sweep(o->runs[0], data, err) : status;
    if (status != SJ_OK) {
        sj_estimate_data_free(data);
    }
    return status;
}

// The model's own variant is that of the runs it predicts.
static sj_status check_variant(const sj_estimate_options *o, const sj_pre_model *model, bool sweep, sj_error *err) {
    char variant[24] = "own";
    if (!o->choice.any) {
        sj_variant_name(o->choice.variant, variant);
    }
    if (sweep || strcmp(model->variant, "sweep") == 0 || strcmp(variant, model->variant) == 0) {
        return SJ_OK;  // of sweeps the features tell
    }
    const bool own = strcmp(model->variant, "own") == 0;
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s was trained on %s; %s", o->model, own ? "skip with each accelerator's own codec" : model->variant, own ? "leave --variant out" : "name it with --variant");
}

static sj_status predict(const sj_estimate_options *o, sj_report *r, sj_error *err) {
    sj_estimate_data data;
    sj_pre_model model;
    bool sweep;
    SJ_TRY(sj_pre_read(o->model, &model, err));
    sj_estimate_options with = *o;
    with.choice.needs_synthetic = model.target == SJ_PRE_PER_SYNTHETIC;
    with.choice.takes_plans = true;
    sj_status status = sj_estimate_open(&with, &data, &sweep, err);
    if (status == SJ_OK) {
        status = check_variant(o, &model, sweep, err);
        status = status == SJ_OK ? sj_pre_fits(o->model, &model, &data, err) : status;
        status = status == SJ_OK ? sj_estimate_show_predict(o, &model, &data, sweep, r, err) : status;
        sj_estimate_data_free(&data);
    }
    sj_pre_free(&model);
    return status;
}

static void tell_of(const sj_estimate_data *d, sj_report *r) {
    int left_out = 0;
    for (int i = 0; i < d->count; i++) {
        left_out += d->runs[i].penalty_left_out;
    }
    if (left_out > 0) {
        sj_report_note(r, "%d of %d runs leave the work of their penalty out (their trace does not say who bears it): their energy is a lower bound.", left_out, d->count);
    }
}

static sj_status fill(const sj_estimate_options *o, sj_report *r, sj_error *err) {
    sj_estimate_data data;
    sj_status status = SJ_OK;
    bool sweep;
    if (o->task == SJ_TASK_PREDICT) {
        return predict(o, r, err);
    }
    SJ_TRY(sj_estimate_open(o, &data, &sweep, err));
    switch (o->task) {
        case SJ_TASK_STEP: status = sj_estimate_show_step(o, &data, r, err); break;
        case SJ_TASK_TRAIN: status = sj_estimate_show_train(o, &data, sweep, r, err); break;
        case SJ_TASK_BASELINES: status = sj_estimate_show_baselines(o, &data, r, err); break;
        case SJ_TASK_PAIRS: status = sj_estimate_show_pairs(o, &data, r, err); break;
        default: status = sj_estimate_show_compare(o, &data, r, err); break;
    }
    tell_of(&data, r);
    sj_estimate_data_free(&data);
    return status;
}

static sj_status write_report(const sj_estimate_options *o, const sj_report *r, sj_error *err) {
    static const char *const errors[] = {"errors", "errors_networks"};
    sj_report_view view = {.tables = o->part_count > 0 ? o->part_names : NULL, .table_count = o->part_count};
    if (o->task == SJ_TASK_COMPARE && o->part_count == 0 && (o->format == SJ_REPORT_TEXT || o->format == SJ_REPORT_MD)) {
        view.tables = errors;
        view.table_count = sj_report_find(r, errors[1]) != NULL ? 2 : 1;
    }
    switch (o->format) {
        case SJ_REPORT_JSON: return sj_report_write_json(stdout, r, &view, err);
        case SJ_REPORT_CSV: return sj_report_write_csv(stdout, r, &view, err);
        case SJ_REPORT_MD: return sj_report_write_md(stdout, r, &view, err);
        default: return sj_report_write_text(stdout, r, &view, err);
    }
}

static sj_status run(const sj_estimate_options *o, sj_error *err) {
    static const char *const titles[SJ_TASK_COUNT] = {[SJ_TASK_STEP] = "STEP: the energy of whole runs from their first epochs",
                                                      [SJ_TASK_TRAIN] = "PRE: a model of energies",
                                                      [SJ_TASK_PREDICT] = "PRE: what a model tells of runs",
                                                      [SJ_TASK_BASELINES] = "Baselines, with the constants that fit these runs best",
                                                      [SJ_TASK_COMPARE] = "Estimators of the energy of whole runs against full integration",
                                                      [SJ_TASK_PAIRS] = "Networks and accelerators by the energy of a training"};
    sj_report *r = sj_report_new(titles[o->task]);
    sj_status status = fill(o, r, err);
    status = status == SJ_OK ? write_report(o, r, err) : status;
    sj_report_free(r);
    return status;
}

sj_status sj_cmd_estimate(int argc, char **argv, sj_error *err) {
    sj_estimate_options o;
    sj_status status = sj_estimate_parse(argc, argv, &o, err);
    if (status == SJ_OK && o.help) {
        fputs(sj_estimate_help, stdout);
    } else if (status == SJ_OK) {
        status = run(&o, err);
    }
    free(o.parts);
    return status;
}
