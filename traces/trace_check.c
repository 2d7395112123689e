// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_internal.h"

typedef struct visit {
    sj_trace *trace;
    int step, layer;
    int64_t tensors;
    bool read;  // false: only count
    sj_error *err;
    sj_status status;
} visit;

static sj_status fail_at(const visit *v, const char *sentence, const char *name) {
    return SJ_FAIL(v->err, SJ_ERR_FORMAT, "%s: step %" PRId64 ", layer \"%s\", tensor \"%s\": %s", v->trace->path, v->trace->steps[v->step].number,
                   v->trace->net.layers[v->layer].name, name, sentence);
}

static bool belongs_to_training(const char *name) { return strncmp(name, "dy", 2) == 0 || strcmp(name, "keep") == 0 || strcmp(name, "mask") == 0; }

static herr_t visit_tensor(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    (void)group;
    (void)info;
    visit *v = context;
    v->tensors++;
    if (!v->read) {
        return 0;
    }
    if (v->trace->steps[v->step].mode == SJ_MODE_EVAL && belongs_to_training(name) && v->trace->net.layers[v->layer].kind != SJ_KIND_OPAQUE) {
        v->status = fail_at(v, "an eval step must not have it", name);
        return -1;
    }
    if (sj_step_is_skipped(&v->trace->steps[v->step]) && strcmp(name, "w") != 0) {
        v->status = fail_at(v, "a skipped step (\"gradsamp skipped\") has \"w\" alone", name);
        return -1;
    }
    if (strlen(name) >= SJ_NAME_MAX) {
        v->status = fail_at(v, "its name is too long", name);
        return -1;
    }
    sj_tensor tensor;
    v->status = sj_trace_read(v->trace, v->step, v->layer, name, SJ_TYPE_F32, &tensor, v->err);
    sj_tensor_free(&tensor);
    return v->status == SJ_OK ? 0 : -1;
}

static int find_layer(const sj_network *net, const char *name) {
    for (int i = 0; i < net->layer_count; i++) {
        if (strcmp(net->layers[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static herr_t visit_layer(hid_t step, const char *name, const H5L_info_t *info, void *context) {
    (void)info;
    visit *v = context;
    v->layer = find_layer(&v->trace->net, name);
    const hid_t group = v->layer >= 0 ? H5Gopen2(step, name, H5P_DEFAULT) : H5I_INVALID_HID;
    if (group < 0) {
        v->status = SJ_FAIL(v->err, SJ_ERR_FORMAT, "%s: step %" PRId64 ": \"%s\" is not the group of a layer", v->trace->path, v->trace->steps[v->step].number, name);
        return -1;
    }
    hsize_t index = 0;
    const herr_t result = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, visit_tensor, v);
    H5Gclose(group);
    return result;
}

// Every tensor that stands in a step.
static sj_status visit_step(visit *v, int step_index) {
    v->step = step_index;
    v->status = SJ_OK;
    char place[48];
    snprintf(place, sizeof place, "steps/%" PRId64, v->trace->steps[step_index].number);
    const hid_t step = H5Gopen2(v->trace->file, place, H5P_DEFAULT);
    hsize_t index = 0;
    const bool listed = step >= 0 && H5Literate(step, H5_INDEX_NAME, H5_ITER_INC, &index, visit_layer, v) >= 0;
    if (step >= 0) {
        H5Gclose(step);
    }
    if (!listed && v->status == SJ_OK) {
        v->status = SJ_FAIL(v->err, SJ_ERR_FORMAT, "%s: step %" PRId64 " cannot be read: the file is damaged", v->trace->path, v->trace->steps[step_index].number);
    }
    return v->status;
}

static sj_status check_needed(visit *v) {
    for (v->layer = 0; v->layer < v->trace->net.layer_count; v->layer++) {
        const sj_layer_info *l = &v->trace->net.layers[v->layer];
        const char *name;
        for (int i = 0; (name = sj_trace_needed(l, &v->trace->steps[v->step], i)) != NULL; i++) {
            if (!sj_trace_has(v->trace, v->step, v->layer, name)) {
                return fail_at(v, "it is missing", name);
            }
        }
    }
    return SJ_OK;
}

static sj_status check_penalties(const visit *v) {
    for (int i = SJ_INPUT_NETWORK; i < v->trace->net.layer_count; i++) {
        sj_penalty_kind ignored;
        SJ_TRY(sj_trace_read_penalty(v->trace, v->step, i, &ignored, v->err));
    }
    return SJ_OK;
}

// Where the layer keeps its i-th input.
static const char *input_name(const sj_layer_info *l, int i, char name[8]) {
    snprintf(name, 8, l->input_count > 1 ? "x%d" : "x", i);
    return name;
}

// What several layers read, and what a layer makes and another one reads, is one object in the file.
static sj_status check_links_of(visit *v, int maker) {
    uint64_t first = maker >= 0 ? sj_trace_object_id(v->trace, v->step, maker, "y") : 0;
    for (v->layer = maker + 1; v->layer < v->trace->net.layer_count; v->layer++) {
        const sj_layer_info *l = &v->trace->net.layers[v->layer];
        for (int i = 0; i < l->input_count; i++) {
            char name[8];
            const uint64_t id = l->inputs[i] == maker ? sj_trace_object_id(v->trace, v->step, v->layer, input_name(l, i, name)) : 0;
            if (id != 0 && first != 0 && id != first) {
                return fail_at(v, "the same tensor is stored a second time; it must be a hard link", name);
            }
            first = id != 0 ? id : first;
        }
    }
    return SJ_OK;
}

static sj_status check_ledger(sj_trace *t, sj_error *err) {
    sj_ledger l;
    SJ_TRY(sj_trace_read_ledger(t, &l, err));
    sj_status status = SJ_OK;
    for (int64_t i = 0; i < l.rows * l.layers && status == SJ_OK; i++) {
        const float shares[3] = {l.x_density[i], l.dy_density[i], l.kept_fraction[i]};
        for (int k = 0; k < 3 && status == SJ_OK; k++) {
            if (!isnan(shares[k]) && !(shares[k] >= 0.0f && shares[k] <= 1.0f)) {
                status = SJ_FAIL(err, SJ_ERR_FORMAT, "%s: ledger: row %" PRId64 ", layer \"%s\": a share of %g; it must lie between 0 and 1, or be NaN where there is none", t->path,
                                 i / l.layers, t->net.layers[i % l.layers].name, (double)shares[k]);
            }
        }
    }
    sj_ledger_free(&l);
    return status;
}

sj_status sj_trace_check(sj_trace *t, sj_error *err) {
    visit v = {.trace = t, .read = true, .err = err};
    for (int i = 0; i < t->step_count; i++) {
        v.step = i;
        SJ_TRY(check_needed(&v));
        SJ_TRY(check_penalties(&v));
        SJ_TRY(visit_step(&v, i));
        for (int maker = -1; maker < t->net.layer_count; maker++) {
            SJ_TRY(check_links_of(&v, maker));
        }
    }
    return check_ledger(t, err);
}

int64_t sj_trace_tensor_count(sj_trace *t) {
    sj_error ignored;
    visit v = {.trace = t, .err = &ignored};
    for (int i = 0; i < t->step_count; i++) {
        visit_step(&v, i);
    }
    return v.tensors;
}
