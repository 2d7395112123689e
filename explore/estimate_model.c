// SPDX-License-Identifier: Apache-2.0
// The file of a PRE model.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"
#include "sj_config.h"
#include "sj_estimate_pre.h"
#include "sj_file.h"

static json_t *numbers(const double *values, int count, sj_json_maker *m) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        sj_json_append(m, list, json_real(values[i]));
    }
    return list;
}

static json_t *features_json(const sj_pre_model *model, sj_json_maker *m) {
    json_t *list = json_array();
    for (int j = 0; j < model->features; j++) {
        sj_json_append(m, list, json_pack("{s:s, s:f, s:f, s:f, s:f}", "name", model->names[j], "mean", model->mean[j], "deviation", model->deviation[j], "low", model->low[j], "high", model->high[j]));
    }
    return list;
}

static json_t *runs_json(const sj_pre_model *model, sj_json_maker *m) {
    json_t *list = json_array();
    for (int i = 0; i < model->count; i++) {
        json_t *run = json_object();
        sj_json_put(m, run, "alpha", json_real(model->alpha[i]));
        sj_json_put(m, run, "z", numbers(model->z + (size_t)i * (size_t)model->features, model->features, m));
        sj_json_append(m, list, run);
    }
    return list;
}

sj_status sj_pre_write(FILE *f, const sj_pre_model *model, sj_error *err) {
    sj_json_maker m = {false, false};
    json_t *root = json_object();
    sj_json_put(&m, root, "format", json_string("skipjoule-pre"));
    sj_json_put(&m, root, "version", json_integer(1));
    sj_json_put(&m, root, "kernel", json_string("rbf"));
    sj_json_put(&m, root, "target", json_string(sj_pre_target_names[model->target]));
    sj_json_put(&m, root, "variant", json_string(model->variant));
    sj_json_put_text(&m, root, "workload", model->workload);
    sj_json_put(&m, root, "lambda", json_real(model->lambda));
    sj_json_put(&m, root, "gamma", json_real(model->gamma));
    sj_json_put(&m, root, "inner_rms", sj_json_number(model->inner_rms));
    sj_json_put(&m, root, "target_mean", json_real(model->target_mean));
    sj_json_put(&m, root, "trainings", json_integer(model->trainings));
    sj_json_put(&m, root, "networks", json_integer(model->networks));
    sj_json_put(&m, root, "machines", json_integer(model->machines));
    sj_json_put(&m, root, "features", features_json(model, &m));
    sj_json_put(&m, root, "runs", runs_json(model, &m));
    return sj_json_dump(f, root, &m, err);
}

static void read_features(sj_json_reader *r, const json_t *o, sj_pre_model *m) {
    const json_t *list = sj_json_array_at(r, o, "features");
    if (json_array_size(list) < 1 || json_array_size(list) > SJ_FEATURES_MAX) {
        sj_json_miss(r, "features", "a list of 1 to 64 features");
        return;
    }
    m->features = (int)json_array_size(list);
    for (int j = 0; j < m->features && r->status == SJ_OK; j++) {
        const json_t *feature = json_array_get(list, (size_t)j);
        sj_json_text_at(r, feature, "name", true, m->names[j], sizeof m->names[j]);
        m->mean[j] = sj_json_real_at(r, feature, "mean");
        m->deviation[j] = sj_json_real_at(r, feature, "deviation");
        m->low[j] = sj_json_real_at(r, feature, "low");
        m->high[j] = sj_json_real_at(r, feature, "high");
        if (m->deviation[j] < 0.0 || m->low[j] > m->high[j]) {
            sj_json_miss(r, "features", "a list of features, each with a deviation of at least 0 and low no more than high");
        }
    }
}

static void read_runs(sj_json_reader *r, const json_t *o, sj_pre_model *m) {
    const json_t *list = sj_json_array_at(r, o, "runs");
    const size_t count = json_array_size(list), features = (size_t)m->features;
    if (count < 1 || count > 1000000) {
        sj_json_miss(r, "runs", "a list of 1 to 1,000,000 runs");
    }
    m->z = sj_json_room(r, count * (features + 1), sizeof *m->z);
    m->count = m->z != NULL ? (int)count : 0;
    m->alpha = m->z != NULL ? m->z + count * features : NULL;
    for (size_t i = 0; i < count && r->status == SJ_OK; i++) {
        const json_t *run = json_array_get(list, i), *z = sj_json_array_at(r, run, "z");
        m->alpha[i] = sj_json_real_at(r, run, "alpha");
        for (size_t j = 0; j < features; j++) {
            if (json_array_size(z) != features || !json_is_number(json_array_get(z, j))) {
                sj_json_miss(r, "z", "a list of a number for each feature");
            }
            m->z[i * features + j] = json_number_value(json_array_get(z, j));
        }
    }
}

static void read_target(sj_json_reader *r, const json_t *o, sj_pre_model *m) {
    char target[16] = "";
    int i = 0;
    sj_json_text_at(r, o, "target", true, target, sizeof target);
    while (i < SJ_PRE_TARGET_COUNT && strcmp(target, sj_pre_target_names[i]) != 0) {
        i++;
    }
    if (i == SJ_PRE_TARGET_COUNT) {
        sj_json_miss(r, "target", "\"synthetic\", \"flop\", \"image\" or \"run\"");
        return;
    }
    m->target = (sj_pre_target)i;
}

static void read_model(sj_json_reader *r, const json_t *o, sj_pre_model *m) {
    char text[24] = "";
    sj_json_text_at(r, o, "format", true, text, sizeof text);
    if (strcmp(text, "skipjoule-pre") != 0) {
        sj_json_miss(r, "format", "\"skipjoule-pre\"");
    }
    if (sj_json_count_at(r, o, "version") != 1) {
        sj_json_miss(r, "version", "1, the one this program reads");
    }
    sj_json_text_at(r, o, "kernel", true, text, sizeof text);
    if (strcmp(text, "rbf") != 0) {
        sj_json_miss(r, "kernel", "\"rbf\"");
    }
    read_target(r, o, m);
    sj_json_text_at(r, o, "variant", true, m->variant, sizeof m->variant);
    sj_json_text_at(r, o, "workload", false, m->workload, sizeof m->workload);
    m->lambda = sj_json_real_at(r, o, "lambda");
    m->gamma = sj_json_real_at(r, o, "gamma");
    m->inner_rms = sj_json_number_at(r, o, "inner_rms");
    m->target_mean = sj_json_real_at(r, o, "target_mean");
    m->trainings = (int)sj_json_count_at(r, o, "trainings");
    m->networks = (int)sj_json_count_at(r, o, "networks");
    m->machines = (int)sj_json_count_at(r, o, "machines");
    if (!(m->gamma > 0.0) || !(m->lambda > 0.0)) {
        sj_json_miss(r, "gamma or lambda", "above 0");
    }
    read_features(r, o, m);
    read_runs(r, o, m);
}

sj_status sj_pre_read(const char *path, sj_pre_model *m, sj_error *err) {
    json_t *root;
    memset(m, 0, sizeof *m);
    SJ_TRY(sj_json_open(path, &root, err));
    sj_json_reader r = {path, err, SJ_OK};
    read_model(&r, root, m);
    json_decref(root);
    if (r.status != SJ_OK) {
        sj_pre_free(m);
    }
    return r.status;
}
