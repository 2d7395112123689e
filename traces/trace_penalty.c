// SPDX-License-Identifier: Apache-2.0
// Which outputs of a training step bear a penalty: the attribute "penalty" of a layer's group, and "input_penalty" of the step's for the network's input, which has no group.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sj_config.h"
#include "trace_internal.h"

enum { PLACE_MAX = SJ_NAME_MAX + 48 };

static const char *const penalty_names[] = {[SJ_PENALTY_EAT] = "eat", [SJ_PENALTY_L1] = "l1"};
enum { PENALTY_COUNT = sizeof penalty_names / sizeof *penalty_names };

const char *sj_penalty_name(sj_penalty_kind kind) { return kind != SJ_PENALTY_NONE ? penalty_names[kind] : "none"; }

static bool from_name(const char *name, sj_penalty_kind *kind) {
    for (int i = SJ_PENALTY_NONE + 1; i < PENALTY_COUNT; i++) {
        if (strcmp(name, penalty_names[i]) == 0) {
            *kind = (sj_penalty_kind)i;
            return true;
        }
    }
    return false;
}

static const char *attribute_of(int layer) { return layer < 0 ? "input_penalty" : "penalty"; }

bool sj_kind_is_module(sj_kind kind) {
    switch (kind) {
        case SJ_KIND_CONV:
        case SJ_KIND_BN:
        case SJ_KIND_RELU:
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL:
        case SJ_KIND_LINEAR: return true;
        default: return false;
    }
}

// May this output bear a penalty in this step?
static sj_status allowed(const sj_network *net, const sj_step_info *step, int layer, sj_error *err) {
    const char *name = attribute_of(layer);
    if (step->mode == SJ_MODE_EVAL) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\": an eval step must not have it", name);
    }
    if (sj_step_is_skipped(step)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\": a skipped step (\"gradsamp skipped\") has \"w\" alone", name);
    }
    if (layer >= 0 && !sj_kind_is_module(net->layers[layer].kind)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\": a layer of kind %s bears no penalty; allowed are conv, bn, relu, maxpool, avgpool and linear", name,
                       sj_kind_name(net->layers[layer].kind));
    }
    return SJ_OK;
}

static sj_status located(const char *path, const sj_network *net, int64_t step, int layer, sj_error *err) {
    return layer < 0 ? sj_error_prefix(err, "%s: step %" PRId64, path, step) : sj_error_prefix(err, "%s: step %" PRId64 ", layer \"%s\"", path, step, net->layers[layer].name);
}

// ---- writing

sj_status sj_trace_put_penalty(hid_t step, const char *layer, const char *word, sj_error *err) {
    if (layer == NULL) {
        return sj_h5_put_string(step, attribute_of(-1), word, err);
    }
    SJ_TRY(sj_trace_make_layer_group(step, layer, err));
    const hid_t group = H5Gopen2(step, layer, H5P_DEFAULT);
    const sj_status status = group >= 0 ? sj_h5_put_string(group, attribute_of(0), word, err) : SJ_FAIL(err, SJ_ERR_IO, "cannot write its group");
    if (group >= 0) {
        H5Gclose(group);
    }
    return status;
}

static bool has_attribute(hid_t step, const char *layer, const char *name) {
    return (layer == NULL || sj_h5_exists(step, layer)) && H5Aexists_by_name(step, layer != NULL ? layer : ".", name, H5P_DEFAULT) > 0;
}

static sj_status write_checked(sj_trace_writer *w, int layer, sj_penalty_kind kind, sj_error *err) {
    const char *name = layer < 0 ? NULL : w->net.layers[layer].name;
    SJ_TRY(allowed(&w->net, &w->steps[w->step_count - 1].info, layer, err));
    if (has_attribute(w->step, name, attribute_of(layer))) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "attribute \"%s\": it was written before", attribute_of(layer));
    }
    SJ_TRY(sj_trace_put_penalty(w->step, name, penalty_names[kind], err));
    return sj_trace_note_act(w, layer, attribute_of(layer), SJ_ACT_PENALTY, penalty_names[kind], err);
}

sj_status sj_trace_write_penalty(sj_trace_writer *w, int layer, sj_penalty_kind kind, sj_error *err) {
    if (w->step < 0 || layer < SJ_INPUT_NETWORK || layer >= w->net.layer_count) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: a penalty on layer number %d: there is no such layer, or no step was begun", w->path, layer);
    }
    if (kind == SJ_PENALTY_NONE) {
        return SJ_OK;
    }
    return write_checked(w, layer, kind, err) == SJ_OK ? SJ_OK : located(w->path, &w->net, w->steps[w->step_count - 1].info.number, layer, err);
}

sj_status sj_trace_redo_penalty(sj_trace_writer *w, int layer, const char *word, sj_error *err) {
    sj_penalty_kind kind;
    if (!from_name(word, &kind)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is damaged: its list of tensors has the penalty \"%s\"", word);
    }
    return sj_trace_write_penalty(w, layer, kind, err);
}

// ---- reading

static sj_status read_word(const sj_trace *t, const char *place, int layer, sj_penalty_kind *out, sj_error *err) {
    char word[SJ_NAME_MAX];
    const hid_t group = H5Gopen2(t->file, place, H5P_DEFAULT);
    const sj_status status = group >= 0 ? sj_h5_get_string(group, attribute_of(layer), word, sizeof word, err) : SJ_FAIL(err, SJ_ERR_FORMAT, "it is not a group");
    if (group >= 0) {
        H5Gclose(group);
    }
    if (status != SJ_OK || from_name(word, out)) {
        return status;
    }
    const char *nearest = sj_nearest_name(word, &penalty_names[1], PENALTY_COUNT - 1);
    return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\" is \"%s\"; it must be \"eat\" or \"l1\"%s%s%s", attribute_of(layer), word, nearest != NULL ? "; did you mean \"" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

sj_status sj_trace_read_penalty(const sj_trace *t, int step_index, int layer, sj_penalty_kind *out, sj_error *err) {
    *out = SJ_PENALTY_NONE;
    const sj_step_info *step = sj_trace_get_step(t, step_index);
    if (step == NULL || layer < SJ_INPUT_NETWORK || layer >= t->net.layer_count) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: there is no layer number %d in step number %d", t->path, layer, step_index);
    }
    char place[PLACE_MAX];
    snprintf(place, sizeof place, "steps/%" PRId64 "%s%s", step->number, layer < 0 ? "" : "/", layer < 0 ? "" : t->net.layers[layer].name);
    if (!has_attribute(t->file, place, attribute_of(layer))) {
        return SJ_OK;
    }
    sj_status status = allowed(&t->net, step, layer, err);
    if (status == SJ_OK) {
        status = read_word(t, place, layer, out, err);
    }
    return status == SJ_OK ? SJ_OK : located(t->path, &t->net, step->number, layer, err);
}
