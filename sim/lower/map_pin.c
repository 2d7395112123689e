// SPDX-License-Identifier: Apache-2.0
// mapping.pin: mappings that the accelerator file sets. Sizes are checked here, where the product's own units and footprints are known.
#include <string.h>

#include "map_internal.h"

const sj_pin *sj_map_pin(const sj_accel *accel, const char *layer, sj_phase phase) {
    const sj_pin *any = NULL;
    for (int i = 0; i < accel->pin_count; i++) {
        const sj_pin *pin = &accel->pins[i];
        if (pin->phase != (int)phase) {
            continue;
        }
        if (strcmp(pin->layer, layer) == 0) {
            return pin;
        }
        any = any == NULL && strcmp(pin->layer, "*") == 0 ? pin : any;
    }
    return any;
}

static sj_status check_multiple(const sj_job *job, const char *name, int64_t value, int64_t unit, const char *why, sj_error *err) {
    if (value >= unit && value % unit == 0) {
        return SJ_OK;
    }
    return SJ_FAIL(err, SJ_ERR_RANGE, "mapping.pin: %s %s: %s = %lld; allowed: multiples of %lld (%s)", job->layer, sj_phase_name(job->phase), name, (long long)value,
                   (long long)unit, why);
}

static sj_status check_room(const sj_job *job, const sj_accel *accel, const char *what, const sj_mapping *x, int64_t bytes, int64_t room, sj_error *err) {
    if (bytes <= room) {
        return SJ_OK;
    }
    return SJ_FAIL(err, SJ_ERR_RANGE, "mapping.pin: %s %s: m = %lld, n = %lld, k = %lld: %s of a block takes %lld bytes; allowed: %lld (buffer.kib = %lld)", job->layer,
                   sj_phase_name(job->phase), (long long)x->m, (long long)x->n, (long long)x->k, what, (long long)bytes, (long long)room, (long long)accel->buffer_kib);
}

sj_status sj_map_take_pin(const sj_map_model *model, const sj_pin *pin, sj_map_choice *out, sj_error *err) {
    const sj_accel *accel = model->accel;
    const sj_job *job = model->job;
    const bool chunked = model->n_unit != accel->lanes;
    out->mapping = (sj_mapping){pin->m, pin->n, pin->k, pin->order};
    SJ_TRY(check_multiple(job, "m", pin->m, model->m_unit, "array.rows * array.slots", err));
    SJ_TRY(check_multiple(job, "n", pin->n, model->n_unit, chunked ? "array.lanes, and whole chunks of array.k_tile channels of the result" : "array.lanes", err));
    SJ_TRY(check_multiple(job, "k", pin->k, model->k_unit, "array.k_tile", err));
    sj_map_footprint a, b;
    sj_map_footprint_of(accel, job, true, pin->m, pin->k, &a);
    sj_map_footprint_of(accel, job, false, pin->n, pin->k, &b);
    sj_map_predict(model, &out->mapping, &a, &b, &out->predicted);
    const sj_map_capacity *need = &out->predicted.footprint;
    SJ_TRY(check_room(job, accel, "A", &out->mapping, need->a, model->capacity.a, err));
    SJ_TRY(check_room(job, accel, "B", &out->mapping, need->b, model->capacity.b, err));
    return check_room(job, accel, "O", &out->mapping, need->out, model->capacity.out, err);
}

static const char *nearest_layer(const char *layer, const sj_map_product_name *products, int count) {
    const char *names[256];
    int used = 0;
    for (int i = 0; i < count && used < 256; i++) {
        names[used++] = products[i].layer;
    }
    return sj_nearest_name(layer, names, used);
}

sj_status sj_map_check_pins(const sj_accel *accel, const sj_map_product_name *products, int count, sj_error *err) {
    for (int i = 0; i < accel->pin_count; i++) {
        const sj_pin *pin = &accel->pins[i];
        bool layer_known = strcmp(pin->layer, "*") == 0, used = false;
        for (int j = 0; j < count; j++) {
            const bool layer = strcmp(pin->layer, "*") == 0 || strcmp(pin->layer, products[j].layer) == 0;
            layer_known = layer_known || layer;
            used = used || (layer && pin->phase == (int)products[j].phase);
        }
        if (used) {
            continue;
        }
        if (layer_known) {
            return SJ_FAIL(err, SJ_ERR_CONFIG, "mapping.pin.[%d]: this run has no product of layer \"%s\" in phase \"%s\"", i, pin->layer, sj_phase_name((sj_phase)pin->phase));
        }
        const char *near = nearest_layer(pin->layer, products, count);
        return SJ_FAIL(err, SJ_ERR_CONFIG, "mapping.pin.[%d]: this run has no product of a layer \"%s\"%s%s%s", i, pin->layer, near != NULL ? "; did you mean \"" : "",
                       near != NULL ? near : "", near != NULL ? "\"?" : "");
    }
    return SJ_OK;
}
