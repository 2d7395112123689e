// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_internal.h"

// The file is built in memory and written at commit. On the disk, HDF5 1.10 neither says why a write failed nor gets rid of a file that it cannot close:
// with a full disk it leaks, and crashes at exit.
enum { CHUNK_BYTES = 1 << 20, DEFLATE_LEVEL = 4, GROWTH_BYTES = 1 << 24, PLACE_MAX = 2 * SJ_NAME_MAX + 2 };

static sj_status copy_network(const sj_network *from, sj_network *to, sj_error *err) {
    void *layers;
    SJ_TRY(sj_alloc(&layers, (uint64_t)from->layer_count, sizeof *from->layers, "layer table", err));
    memcpy(layers, from->layers, (size_t)from->layer_count * sizeof *from->layers);
    *to = *from;
    to->layers = layers;
    return SJ_OK;
}

sj_status sj_trace_make_file(const char *name, const sj_trace_meta *meta, const sj_network *net, hid_t *file, sj_error *err) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_fapl_core(access, GROWTH_BYTES, false);
    *file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (*file < 0) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "cannot write: HDF5 cannot make the file");
    }
    SJ_TRY(sj_trace_put_table(*file, meta, net, err));
    const hid_t steps = H5Gcreate2(*file, "steps", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return steps >= 0 && H5Gclose(steps) >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write group \"steps\"");
}

sj_status sj_trace_create(const char *path, const sj_trace_meta *meta, const sj_network *net, sj_trace_writer **out, sj_error *err) {
    *out = NULL;
    sj_h5_silence();
    SJ_TRY(sj_network_check(net, err));
    if (meta->images < 1 || meta->batch_size < 1 || meta->images > INT32_MAX || meta->batch_size > INT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: %" PRId64 " stored images of a batch of %" PRId64 ": both must be at least 1", path, meta->images, meta->batch_size);
    }
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_trace_writer), path, err));
    sj_trace_writer *w = memory;
    *w = (sj_trace_writer){.path = strdup(path), .file = -1, .step = -1, .meta = *meta, .ledger = {.rows = {.layers = net->layer_count}}};
    sj_status status = w->path != NULL ? sj_atomic_open(&w->output, path, err) : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
    if (status == SJ_OK) {
        status = copy_network(net, &w->net, err);
        status = status == SJ_OK ? sj_trace_make_file(path, &w->meta, &w->net, &w->file, err) : status;
        if (status != SJ_OK) {
            sj_error_prefix(err, "%s", path);
        }
    }
    if (status != SJ_OK) {
        sj_trace_abandon(w);
        return status;
    }
    *out = w;
    return SJ_OK;
}

void sj_trace_abandon(sj_trace_writer *w) {
    if (w == NULL) {
        return;
    }
    if (w->file >= 0) {
        H5Fclose(w->file);
    }
    sj_atomic_abandon(&w->output);
    sj_ledger_writer_free(&w->ledger);
    sj_network_free(&w->net);
    for (int64_t i = 0; i < w->step_count; i++) {
        free(w->steps[i].acts);
    }
    free(w->steps);
    free(w->saved_path);
    free(w->path);
    free(w);
}

static sj_status put_attributes(hid_t group, const sj_step_info *s, sj_error *err) {
    SJ_TRY(sj_h5_put_string(group, "mode", s->mode == SJ_MODE_TRAIN ? "train" : "eval", err));
    SJ_TRY(sj_h5_put_int(group, "epoch", s->epoch, err));
    SJ_TRY(sj_h5_put_int(group, "iteration", s->iteration, err));
    SJ_TRY(sj_h5_put_float(group, "loss", s->loss, err));
    return sj_h5_put_string(group, "method_state", s->method_state, err);
}

sj_status sj_trace_put_step(hid_t file, const sj_step_info *step, hid_t *group, sj_error *err) {
    char name[48];
    snprintf(name, sizeof name, "steps/%" PRId64, step->number);
    if (step->number < 0 || sj_h5_exists(file, name)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s", step->number < 0 ? "a step's number cannot be negative" : "it was written before");
    }
    if (*group >= 0) {
        H5Gclose(*group);
    }
    errno = 0;
    *group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return *group >= 0 ? put_attributes(*group, step, err) : SJ_FAIL(err, SJ_ERR_IO, "cannot write: %s", strerror(errno));
}

// Room for one more element; *capacity doubles.
static sj_status grow(void **array, int64_t count, int64_t *capacity, size_t size, sj_error *err) {
    if (count < *capacity) {
        return SJ_OK;
    }
    const int64_t larger = *capacity == 0 ? 16 : 2 * *capacity;
    void *moved = realloc(*array, (size_t)larger * size);
    if (moved == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the list of what was written");
    }
    *array = moved;
    *capacity = larger;
    return SJ_OK;
}

static sj_status begin_step(sj_trace_writer *w, const sj_step_info *step, sj_error *err) {
    void *steps = w->steps;
    SJ_TRY(grow(&steps, w->step_count, &w->step_capacity, sizeof *w->steps, err));
    w->steps = steps;
    SJ_TRY(sj_trace_put_step(w->file, step, &w->step, err));
    w->steps[w->step_count++] = (sj_written_step){.info = *step};
    return SJ_OK;
}

// Where HDF5 puts what comes next depends on what was flushed, and a save between two steps flushes what it copies: so every step is flushed when it is over, whether it is saved or not.
static sj_status end_step(const sj_trace_writer *w, sj_error *err) {
    return H5Fflush(w->file, H5F_SCOPE_GLOBAL) >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "cannot write: HDF5 cannot complete the file in memory");
}

sj_status sj_trace_begin_step(sj_trace_writer *w, const sj_step_info *step, sj_error *err) {
    const sj_status flushed = end_step(w, err);
    const sj_status status = flushed == SJ_OK ? begin_step(w, step, err) : flushed;
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "%s: step %" PRId64, w->path, step->number);
}

int64_t sj_trace_steps_begun(const sj_trace_writer *w) { return w->step_count; }

static int64_t step_number(const sj_trace_writer *w) { return w->steps[w->step_count - 1].info.number; }

sj_status sj_trace_note_act(sj_trace_writer *w, int layer, const char *name, int from_layer, const char *from_name, sj_error *err) {
    sj_written_step *s = &w->steps[w->step_count - 1];
    void *acts = s->acts;
    SJ_TRY(grow(&acts, s->act_count, &s->act_capacity, sizeof *s->acts, err));
    s->acts = acts;
    sj_trace_act *act = &s->acts[s->act_count++];
    *act = (sj_trace_act){.layer = layer, .from_layer = from_layer};
    snprintf(act->name, sizeof act->name, "%s", name);
    snprintf(act->from_name, sizeof act->from_name, "%s", from_name);
    w->act_count++;
    return SJ_OK;
}

// Whole images (or weight rows) a chunk, up to CHUNK_BYTES.
static hid_t chunked(const sj_tensor *t, const hsize_t dims[4]) {
    hsize_t chunk[4], row_bytes = (hsize_t)sj_type_bytes(t->type);
    for (int i = 1; i < t->rank; i++) {
        chunk[i] = dims[i];
        row_bytes *= dims[i];
    }
    const hsize_t rows = CHUNK_BYTES / row_bytes;
    chunk[0] = rows < 1 ? 1 : rows > dims[0] ? dims[0] : rows;
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(properties, false);  // equal runs make equal files
    H5Pset_chunk(properties, t->rank, chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, DEFLATE_LEVEL);
    return properties;
}

static sj_status put_tensor(sj_trace_writer *w, const char *place, const sj_tensor *t, sj_error *err) {
    hsize_t dims[4];
    for (int i = 0; i < t->rank; i++) {
        dims[i] = (hsize_t)t->dims[i];
    }
    errno = 0;
    const hid_t type = sj_h5_file_type(t->type), space = H5Screate_simple(t->rank, dims, NULL), properties = chunked(t, dims);
    const hid_t set = H5Dcreate2(w->step, place, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    // The file's own type as memory type: the bits go through as they are.
    bool good = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) >= 0;
    sj_status status = good ? sj_h5_put_int(set, "full_nonzero", t->full_nonzero, err) : SJ_OK;
    if (good && status == SJ_OK) {
        status = sj_h5_put_int(set, "full_count", t->full_count, err);
    }
    if (good && status == SJ_OK && t->type == SJ_TYPE_I8) {
        status = sj_h5_put_float(set, "scale", (double)t->scale, err);
    }
    good = (set < 0 || H5Dclose(set) >= 0) && good;
    H5Pclose(properties);
    H5Sclose(space);
    H5Tclose(type);
    return good ? status : SJ_FAIL(err, SJ_ERR_IO, "cannot write%s%s", errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
}

static sj_status check_counts(const sj_tensor *t, int64_t nonzero, sj_error *err) {
    if (t->full_count < sj_tensor_count(t) || t->full_nonzero < nonzero || t->full_nonzero > t->full_count) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%" PRId64 " nonzeros of %" PRId64 " values cannot be the whole batch's, with %" PRId64 " of %" PRId64 " stored", t->full_nonzero,
                       t->full_count, nonzero, sj_tensor_count(t));
    }
    return SJ_OK;
}

// The tensor as it will be stored: *stored shares t's data or owns *rounded.
static sj_status prepare(const sj_rule *rule, const sj_tensor *t, sj_type store, sj_tensor *stored, sj_bf16 **rounded, sj_error *err) {
    int64_t nonzero;
    *stored = *t;
    SJ_TRY(sj_trace_look_at_values(rule, t, &nonzero, err));
    if (t->type == SJ_TYPE_F32 && store == SJ_TYPE_BF16) {
        SJ_TRY(sj_trace_round(t->data, sj_tensor_count(t), rounded, err));
        stored->type = SJ_TYPE_BF16;
        stored->data = *rounded;
        SJ_TRY(sj_trace_look_at_values(rule, stored, &nonzero, err));
    } else if (t->type != store) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "only float32 can be stored as another type, and only as bfloat16");
    }
    if (t->type == SJ_TYPE_I8 && !(isfinite(t->scale) && t->scale > 0.0f)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "an int8 tensor's scale is %g; it must be above 0", (double)t->scale);
    }
    if (t->full_count == 0) {
        stored->full_nonzero = nonzero;
        stored->full_count = sj_tensor_count(t);
    }
    return check_counts(stored, nonzero, err);
}

static sj_status find_rule(const sj_trace_writer *w, int layer, const char *name, sj_rule *rule, sj_error *err) {
    if (!sj_trace_rule(&w->net, layer, name, w->meta.images, rule)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "a layer of kind %s has no such tensor", sj_kind_name(w->net.layers[layer].kind));
    }
    return SJ_OK;
}

static void place_of(const sj_trace_writer *w, int layer, const char *name, char place[PLACE_MAX]) {
    snprintf(place, PLACE_MAX, "%s/%s", w->net.layers[layer].name, name);
}

sj_status sj_trace_make_layer_group(hid_t step, const char *layer, sj_error *err) {
    if (sj_h5_exists(step, layer)) {
        return SJ_OK;
    }
    const hid_t group = H5Gcreate2(step, layer, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return group >= 0 && H5Gclose(group) >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write its group");
}

static sj_status write_checked(sj_trace_writer *w, int layer, const char *name, const sj_tensor *t, sj_type store, sj_error *err) {
    sj_rule rule;
    char place[PLACE_MAX];
    SJ_TRY(find_rule(w, layer, name, &rule, err));
    SJ_TRY(sj_trace_obey(&rule, t, err));
    place_of(w, layer, name, place);
    if (sj_h5_exists(w->step, place)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "it was written before");
    }
    sj_tensor stored;
    sj_bf16 *rounded = NULL;
    sj_status status = prepare(&rule, t, store, &stored, &rounded, err);
    if (status == SJ_OK) {
        status = sj_trace_make_layer_group(w->step, w->net.layers[layer].name, err);
    }
    if (status == SJ_OK) {
        status = put_tensor(w, place, &stored, err);
    }
    if (status == SJ_OK) {
        status = sj_trace_note_act(w, layer, name, SJ_ACT_TENSOR, "", err);
    }
    free(rounded);
    return status;
}

static sj_status link_checked(sj_trace_writer *w, int layer, const char *name, int from_layer, const char *from_name, sj_error *err) {
    sj_rule rule, from_rule;
    char place[PLACE_MAX], from[PLACE_MAX];
    SJ_TRY(find_rule(w, layer, name, &rule, err));
    place_of(w, layer, name, place);
    place_of(w, from_layer, from_name, from);
    if (!sj_trace_rule(&w->net, from_layer, from_name, w->meta.images, &from_rule) || !sj_h5_exists(w->step, from)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "it cannot be linked to \"%s\", which this step does not hold", from);
    }
    if (rule.role != SJ_ROLE_ANY && from_rule.role != SJ_ROLE_ANY && (rule.rank != from_rule.rank || memcmp(rule.dims, from_rule.dims, sizeof rule.dims) != 0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "it cannot be linked to \"%s\", which has another shape", from);
    }
    if (sj_h5_exists(w->step, place)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "it was written before");
    }
    SJ_TRY(sj_trace_make_layer_group(w->step, w->net.layers[layer].name, err));
    if (H5Lcreate_hard(w->step, from, w->step, place, H5P_DEFAULT, H5P_DEFAULT) < 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "cannot write its link");
    }
    return sj_trace_note_act(w, layer, name, from_layer, from_name, err);
}

static sj_status refuse_outside(const sj_trace_writer *w, int layer, const char *name, sj_error *err) {
    if (w->step < 0) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: tensor \"%s\" is written before any step was begun", w->path, name);
    }
    if (layer < 0 || layer >= w->net.layer_count || strlen(name) >= SJ_NAME_MAX) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: step %" PRId64 ": tensor \"%s\" of layer number %d: there is no such layer", w->path, step_number(w), name, layer);
    }
    return SJ_OK;
}

static sj_status located(const sj_trace_writer *w, int layer, const char *name, sj_status status, sj_error *err) {
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "%s: step %" PRId64 ", layer \"%s\", tensor \"%s\"", w->path, step_number(w), w->net.layers[layer].name, name);
}

sj_status sj_trace_write(sj_trace_writer *w, int layer, const char *name, const sj_tensor *t, sj_type store, sj_error *err) {
    SJ_TRY(refuse_outside(w, layer, name, err));
    return located(w, layer, name, write_checked(w, layer, name, t, store, err), err);
}

sj_status sj_trace_link(sj_trace_writer *w, int layer, const char *name, int from_layer, const char *from_name, sj_error *err) {
    SJ_TRY(refuse_outside(w, layer, name, err));
    SJ_TRY(refuse_outside(w, from_layer, from_name, err));
    return located(w, layer, name, link_checked(w, layer, name, from_layer, from_name, err), err);
}

sj_status sj_trace_ledger(sj_trace_writer *w, const sj_ledger_row *row, sj_error *err) {
    return sj_ledger_append(&w->ledger, row, err) == SJ_OK ? SJ_OK : sj_error_prefix(err, "%s", w->path);
}

sj_status sj_trace_put_image(hid_t file, FILE *stream, sj_error *err) {
    void *handle = NULL;  // of the in-memory driver: where its pointer to the bytes stands
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 || H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "cannot write: HDF5 cannot complete the file in memory");
    }
    const ssize_t bytes = H5Fget_file_image(file, NULL, 0);
    if (bytes <= 0) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "cannot write: HDF5 does not tell the size of the file");
    }
    errno = 0;
    if (fwrite(*(void **)handle, 1, (size_t)bytes, stream) != (size_t)bytes) {
        return SJ_FAIL(err, SJ_ERR_IO, "cannot write: %s", strerror(errno));
    }
    return SJ_OK;
}

sj_status sj_trace_commit(sj_trace_writer *w, sj_error *err) {
    sj_status status = end_step(w, err);
    if (status == SJ_OK) {
        status = sj_ledger_write(w->file, &w->ledger.rows, err);
    }
    if (status == SJ_OK) {
        status = sj_trace_put_image(w->file, w->output.stream, err);
    }
    if (status != SJ_OK) {
        sj_error_prefix(err, "%s", w->path);
    } else {
        status = sj_atomic_commit(&w->output, err);
    }
    sj_trace_abandon(w);  // after the commit there is only memory left to free
    return status;
}
