// SPDX-License-Identifier: Apache-2.0
// Saving what a writer has so far, and going on from such a file. A saved file is a trace with one group more: /saved has the numbers of the steps in the order of writing, and for each step
// what was written in which order. A resumed writer writes the same again: so the final file does not depend on how often a run ended.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_internal.h"

enum { PLACE_MAX = 2 * SJ_NAME_MAX + 2, FROM_MAX = PLACE_MAX + 48 };

// The numbers and names of a step's acts as columns.
typedef struct act_columns {
    int64_t *layers;             // (count, 2): layer, from_layer
    char *names, *from_names;    // (count, SJ_NAME_MAX)
} act_columns;

static sj_status alloc_columns(int64_t count, act_columns *out, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, 2 * sizeof(int64_t) + 2 * SJ_NAME_MAX, "the list of what was written", err));
    *out = (act_columns){memory, (char *)memory + (size_t)count * 2 * sizeof(int64_t), (char *)memory + (size_t)count * (2 * sizeof(int64_t) + SJ_NAME_MAX)};
    return SJ_OK;
}

static sj_status put_columns(hid_t group, const act_columns *c, int64_t count, sj_error *err) {
    const hid_t names = sj_h5_string_type(SJ_NAME_MAX);
    sj_status status = sj_h5_write_column(group, "layers", H5T_STD_I64LE, H5T_NATIVE_INT64, count, 2, c->layers, err);
    if (status == SJ_OK) {
        status = sj_h5_write_column(group, "name", names, names, count, 0, c->names, err);
    }
    if (status == SJ_OK) {
        status = sj_h5_write_column(group, "from_name", names, names, count, 0, c->from_names, err);
    }
    H5Tclose(names);
    return status;
}

static sj_status save_acts(hid_t file, const sj_written_step *s, sj_error *err) {
    act_columns c;
    char place[48];
    SJ_TRY(alloc_columns(s->act_count, &c, err));
    for (int64_t i = 0; i < s->act_count; i++) {
        c.layers[2 * i] = s->acts[i].layer;
        c.layers[2 * i + 1] = s->acts[i].from_layer;
        memcpy(c.names + i * SJ_NAME_MAX, s->acts[i].name, SJ_NAME_MAX);
        memcpy(c.from_names + i * SJ_NAME_MAX, s->acts[i].from_name, SJ_NAME_MAX);
    }
    snprintf(place, sizeof place, "saved/%" PRId64, s->info.number);
    const hid_t group = H5Gcreate2(file, place, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    sj_status status = group >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write group \"%s\"", place);
    if (status == SJ_OK && s->act_count > 0) {
        status = put_columns(group, &c, s->act_count, err);
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    free(c.layers);
    return status;
}

static sj_status copy_act(const sj_trace_writer *w, int64_t number, const sj_trace_act *act, hid_t step, sj_error *err) {
    char from[FROM_MAX], to[PLACE_MAX];
    const char *layer = act->layer >= 0 ? w->net.layers[act->layer].name : NULL;
    if (act->from_layer == SJ_ACT_PENALTY) {
        return sj_trace_put_penalty(step, layer, act->from_name, err);
    }
    SJ_TRY(sj_trace_make_layer_group(step, layer, err));
    snprintf(to, sizeof to, "%s/%s", layer, act->name);
    bool good;
    if (act->from_layer >= 0) {
        snprintf(from, sizeof from, "%s/%s", w->net.layers[act->from_layer].name, act->from_name);
        good = H5Lcreate_hard(step, from, step, to, H5P_DEFAULT, H5P_DEFAULT) >= 0;
    } else {
        snprintf(from, sizeof from, "steps/%" PRId64 "/%s", number, to);
        good = H5Ocopy(w->file, from, step, to, H5P_DEFAULT, H5P_DEFAULT) >= 0;
    }
    return good ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "layer \"%s\", tensor \"%s\": cannot write", layer, act->name);
}

static sj_status save_step(const sj_trace_writer *w, const sj_written_step *s, hid_t file, sj_error *err) {
    hid_t step = H5I_INVALID_HID;
    sj_status status = sj_trace_put_step(file, &s->info, &step, err);
    for (int64_t i = 0; i < s->act_count && status == SJ_OK; i++) {
        status = copy_act(w, s->info.number, &s->acts[i], step, err);
    }
    if (step >= 0) {
        H5Gclose(step);
    }
    if (status == SJ_OK) {
        status = save_acts(file, s, err);
    }
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "step %" PRId64, s->info.number);
}

static sj_status save_steps(const sj_trace_writer *w, hid_t file, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)w->step_count, sizeof(int64_t), "the list of steps", err));
    int64_t *numbers = memory;
    const hid_t group = H5Gcreate2(file, "saved", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    sj_status status = group >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write group \"saved\"");
    for (int64_t i = 0; i < w->step_count && status == SJ_OK; i++) {
        numbers[i] = w->steps[i].info.number;
        status = save_step(w, &w->steps[i], file, err);
    }
    if (status == SJ_OK) {
        status = sj_h5_write_column(group, "numbers", H5T_STD_I64LE, H5T_NATIVE_INT64, w->step_count, 0, numbers, err);
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    free(memory);
    return status;
}

// The writer's own file is only read: flushing it would move what comes after.
static sj_status save(const sj_trace_writer *w, const char *path, const char *name, FILE *stream, sj_error *err) {
    hid_t file = H5I_INVALID_HID;
    sj_status status = sj_trace_make_file(name, &w->meta, &w->net, &file, err);
    if (status == SJ_OK) {
        status = save_steps(w, file, err);
    }
    if (status == SJ_OK) {
        status = sj_trace_put_image(file, stream, err);
    }
    if (file >= 0) {
        H5Fclose(file);
    }
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "%s", path);
}

sj_status sj_trace_save(sj_trace_writer *w, const char *path, sj_error *err) {
    if (w->saved_path != NULL && strcmp(w->saved_path, path) == 0 && w->saved_steps == w->step_count && w->saved_acts == w->act_count && sj_path_exists(path)) {
        return SJ_OK;
    }
    sj_atomic_file f;
    SJ_TRY(sj_atomic_open(&f, path, err));
    const sj_status status = save(w, path, f.temporary, f.stream, err);
    if (status != SJ_OK) {
        sj_atomic_abandon(&f);
        return status;
    }
    SJ_TRY(sj_atomic_commit(&f, err));
    free(w->saved_path);
    w->saved_path = strdup(path);  // NULL: the next one is written in any case
    w->saved_steps = w->step_count;
    w->saved_acts = w->act_count;
    return SJ_OK;
}

static sj_status other(const char *what, const char *met, const char *wanted, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_FORMAT, "it was saved with %s \"%s\"; this run has \"%s\"", what, met, wanted);
}

static sj_status other_number(const char *what, uint64_t met, uint64_t wanted, sj_error *err) {
    return met == wanted ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "it was saved with %s %" PRIu64 "; this run has %" PRIu64, what, met, wanted);
}

static sj_status compare_meta(const sj_trace_meta *met, const sj_trace_meta *wanted, sj_error *err) {
    const struct {
        const char *what, *met, *wanted;
    } texts[] = {{"producer", met->producer, wanted->producer}, {"network", met->network, wanted->network}, {"dataset", met->dataset, wanted->dataset}, {"method", met->method, wanted->method}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].met, texts[i].wanted) != 0) {
            return other(texts[i].what, texts[i].met, texts[i].wanted, err);
        }
    }
    if (met->optimizer != wanted->optimizer) {
        return other("optimizer", sj_optimizer_name(met->optimizer), sj_optimizer_name(wanted->optimizer), err);
    }
    SJ_TRY(other_number("seed", met->seed, wanted->seed, err));
    SJ_TRY(other_number("batch_size", (uint64_t)met->batch_size, (uint64_t)wanted->batch_size, err));
    return other_number("images", (uint64_t)met->images, (uint64_t)wanted->images, err);
}

static bool same_layer(const sj_layer_info *a, const sj_layer_info *b) {
    return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->input_count == b->input_count && memcmp(a->inputs, b->inputs, (size_t)a->input_count * sizeof *a->inputs) == 0 &&
           memcmp(&a->in, &b->in, sizeof a->in) == 0 && memcmp(&a->out, &b->out, sizeof a->out) == 0 && a->kernel_h == b->kernel_h && a->kernel_w == b->kernel_w && a->stride == b->stride &&
           a->padding == b->padding && a->groups == b->groups && a->needs_dx == b->needs_dx && a->has_bias == b->has_bias;
}

static sj_status compare_networks(const sj_network *met, const sj_network *wanted, sj_error *err) {
    SJ_TRY(other_number("a layer count of", (uint64_t)met->layer_count, (uint64_t)wanted->layer_count, err));
    for (int i = 0; i < met->layer_count; i++) {
        if (!same_layer(&met->layers[i], &wanted->layers[i])) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "layer %d was saved as \"%s\" and is \"%s\" in this run, or has other shapes", i, met->layers[i].name, wanted->layers[i].name);
        }
    }
    return SJ_OK;
}

static sj_status redo_act(sj_trace *t, int step, const sj_trace_act *act, sj_trace_writer *w, sj_error *err) {
    if (act->from_layer >= 0) {
        return sj_trace_link(w, act->layer, act->name, act->from_layer, act->from_name, err);
    }
    if (act->from_layer == SJ_ACT_PENALTY) {
        return sj_trace_redo_penalty(w, act->layer, act->from_name, err);
    }
    sj_tensor tensor;
    SJ_TRY(sj_trace_read(t, step, act->layer, act->name, SJ_TYPE_F32, &tensor, err));  // as it is stored
    const sj_status status = sj_trace_write(w, act->layer, act->name, &tensor, tensor.type, err);
    sj_tensor_free(&tensor);
    return status;
}

static sj_status get_columns(const sj_trace *t, const char *place, int64_t count, act_columns *c, sj_error *err) {
    char name[64];
    snprintf(name, sizeof name, "%s/layers", place);
    SJ_TRY(sj_h5_read_column(t->file, name, H5T_NATIVE_INT64, count, 2, c->layers, err));
    snprintf(name, sizeof name, "%s/name", place);
    SJ_TRY(sj_h5_read_strings(t->file, name, count, c->names, SJ_NAME_MAX, err));
    snprintf(name, sizeof name, "%s/from_name", place);
    return sj_h5_read_strings(t->file, name, count, c->from_names, SJ_NAME_MAX, err);
}

static sj_status redo_acts(sj_trace *t, int step, const act_columns *c, int64_t count, sj_trace_writer *w, sj_error *err) {
    for (int64_t i = 0; i < count; i++) {
        const int64_t layer = c->layers[2 * i], from = c->layers[2 * i + 1];
        const int64_t lowest = from == SJ_ACT_PENALTY ? SJ_INPUT_NETWORK : 0;
        if (layer < lowest || layer >= t->net.layer_count || from < SJ_ACT_PENALTY || from >= t->net.layer_count) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is damaged: its list of tensors names layer number %" PRId64, layer);
        }
        sj_trace_act act = {.layer = (int)layer, .from_layer = (int)from};
        memcpy(act.name, c->names + i * SJ_NAME_MAX, SJ_NAME_MAX);
        memcpy(act.from_name, c->from_names + i * SJ_NAME_MAX, SJ_NAME_MAX);
        SJ_TRY(redo_act(t, step, &act, w, err));
    }
    return SJ_OK;
}

static int find_step(const sj_trace *t, int64_t number) {
    for (int i = 0; i < t->step_count; i++) {
        if (t->steps[i].number == number) {
            return i;
        }
    }
    return -1;
}

static sj_status redo_step(sj_trace *t, int64_t number, sj_trace_writer *w, sj_error *err) {
    char place[48], name[64];
    act_columns c;
    const int step = find_step(t, number);
    snprintf(place, sizeof place, "saved/%" PRId64, number);
    snprintf(name, sizeof name, "%s/layers", place);
    if (step < 0 || !sj_h5_exists(t->file, place)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "step %" PRId64 " is missing: the file is damaged", number);
    }
    SJ_TRY(sj_trace_begin_step(w, &t->steps[step], err));
    const int64_t count = sj_h5_rows(t->file, name);  // absent: a step without tensors
    if (count <= 0) {
        return SJ_OK;
    }
    SJ_TRY(alloc_columns(count, &c, err));
    sj_status status = get_columns(t, place, count, &c, err);
    if (status == SJ_OK) {
        status = redo_acts(t, step, &c, count, w, err);
    }
    free(c.layers);
    return status;
}

static sj_status redo(sj_trace *t, int64_t steps, sj_trace_writer *w, sj_error *err) {
    const int64_t there = sj_h5_rows(t->file, "saved/numbers");
    if (there < 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "a trace, but not one that was saved to be continued");
    }
    if (there < steps) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "it holds %" PRId64 " steps, and the run had written %" PRId64 ": it is another run's, or older than the checkpoint", there, steps);
    }
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)there, sizeof(int64_t), "the list of steps", err));
    const int64_t *numbers = memory;
    sj_status status = sj_h5_read_column(t->file, "saved/numbers", H5T_NATIVE_INT64, there, 0, memory, err);
    for (int64_t i = 0; i < steps && status == SJ_OK; i++) {
        status = redo_step(t, numbers[i], w, err);
    }
    free(memory);
    return status;
}

sj_status sj_trace_resume(const char *path, const char *final_path, const sj_trace_meta *meta, const sj_network *net, int64_t steps, sj_trace_writer **out, sj_error *err) {
    sj_trace *t;
    sj_trace_writer *w = NULL;
    *out = NULL;
    SJ_TRY(sj_trace_open(path, &t, err));
    sj_status status = compare_meta(&t->meta, meta, err);
    if (status == SJ_OK) {
        status = compare_networks(&t->net, net, err);
    }
    if (status != SJ_OK) {
        sj_error_prefix(err, "%s", path);
    } else {
        status = sj_trace_create(final_path, meta, net, &w, err);
    }
    if (w != NULL) {
        status = redo(t, steps, w, err);
        if (status != SJ_OK) {
            sj_error_prefix(err, "%s", path);
            sj_trace_abandon(w);
        }
    }
    sj_trace_close(t);
    *out = status == SJ_OK ? w : NULL;
    return status;
}
