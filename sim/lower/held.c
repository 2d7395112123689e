// SPDX-License-Identifier: Apache-2.0
// Tensors as the machine holds them, each read from the file once where memory allows: x is asked for by forward, grad_weight and the passes, dy by two products and a pass.
// Least recently used first out; what the unit at hand uses stays.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowering_internal.h"
#include "sj_file.h"
#include "sj_quantise.h"

enum { RUN_VALUES = 1024 };

static const char *type_name(sj_type type) {
    static const char *const names[] = {"bfloat16", "float32", "int8", "int32", "uint8"};
    return names[type];
}

static sj_status refuse(const sj_lowering *l, int layer, const char *name, sj_type type, const char *remedy, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: step %lld, layer \"%s\", tensor \"%s\" is %s and accelerator \"%s\" computes %s; %s", sj_trace_path(l->trace),
                   (long long)sj_trace_get_step(l->trace, l->step)->number, l->net->layers[layer].name, name, type_name(type), l->accel->name,
                   l->accel->dtype == SJ_DTYPE_INT8 ? "int8" : "bf16", remedy);
}

sj_status sj_lowering_check_type(const sj_lowering *l, int layer, const char *name, sj_type type, sj_error *err) {
    const bool is_float = type == SJ_TYPE_BF16 || type == SJ_TYPE_F32;
    if (l->accel->dtype == SJ_DTYPE_BF16) {
        return type != SJ_TYPE_I8 ? SJ_OK : refuse(l, layer, name, type, "use an int8 accelerator", err);
    }
    return !is_float || l->options.quantise ? SJ_OK : refuse(l, layer, name, type, "--quantise rounds it to int8, a bf16 accelerator takes it as it is", err);
}

// ---- counts a channel. Channels are innermost: runs of whole pixels are counted place by place, in vectors, and folded at the end.
static int64_t run_length(int64_t channels) { return channels >= RUN_VALUES ? channels : RUN_VALUES / channels * channels; }

static void count_bf16(const sj_bf16 *v, int64_t run, int64_t runs, uint32_t *places) {
    for (int64_t i = 0; i < runs; i++, v += run) {
        for (int64_t j = 0; j < run; j++) {
            places[j] += sj_bf16_nonzero(v[j]);
        }
    }
}

static void count_f32(const float *v, int64_t run, int64_t runs, uint32_t *places) {
    for (int64_t i = 0; i < runs; i++, v += run) {
        for (int64_t j = 0; j < run; j++) {
            places[j] += (sj_f32_bits(v[j]) & 0x7f800000u) != 0;
        }
    }
}

static void count_i8(const int8_t *v, int64_t run, int64_t runs, uint32_t *places) {
    for (int64_t i = 0; i < runs; i++, v += run) {
        for (int64_t j = 0; j < run; j++) {
            places[j] += v[j] != 0;
        }
    }
}

static void count_range(const sj_tensor *t, int64_t from, int64_t run, int64_t runs, uint32_t *places) {
    switch (t->type) {
    case SJ_TYPE_BF16:
        count_bf16((const sj_bf16 *)t->data + from, run, runs, places);
        break;
    case SJ_TYPE_F32:
        count_f32((const float *)t->data + from, run, runs, places);
        break;
    default:
        count_i8((const int8_t *)t->data + from, run, runs, places);
        break;
    }
}

static sj_status count_channels(const sj_tensor *t, int64_t channels, int64_t **out, sj_error *err) {
    const int64_t run = run_length(channels);
    const int64_t count = sj_tensor_count(t);
    void *counts = NULL;
    void *places = NULL;
    SJ_TRY(sj_alloc(&counts, (uint64_t)channels, sizeof(int64_t), "counts of a tensor", err));
    if (sj_alloc(&places, (uint64_t)run, sizeof(uint32_t), "counts of a tensor", err) != SJ_OK) {
        free(counts);
        return err->status;
    }
    uint32_t *sums = places;  // a place is in less than 2^31 runs: they are longer than 512 values
    count_range(t, 0, run, count / run, sums);
    count_range(t, count / run * run, count % run, 1, sums);  // a multiple of the channels, too
    *out = counts;
    for (int64_t j = 0; j < run; j++) {
        (*out)[j % channels] += sums[j];
    }
    free(places);
    return SJ_OK;
}

// ---- quantising: the scale of the largest magnitude is the scale of all.
static float largest_magnitude(const sj_tensor *t) {
    const int64_t count = sj_tensor_count(t);
    uint32_t largest = 0;  // magnitudes order as their bits do
    for (int64_t i = 0; i < count; i++) {
        const uint32_t bits = t->type == SJ_TYPE_BF16 ? (uint32_t)((const sj_bf16 *)t->data)[i] << 16 : sj_f32_bits(((const float *)t->data)[i]);
        const uint32_t magnitude = bits & 0x7fffffffu;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest >= 0x00800000u ? sj_bits_f32(largest) : 0.0F;
}

static int8_t quantise_bits(uint32_t bits, float scale) { return (bits & 0x7f800000u) != 0 ? sj_quantise_int8(sj_bits_f32(bits), scale) : 0; }

static void quantise_bf16(const sj_bf16 *v, int64_t count, float scale, int8_t *out) {
    enum { CODES = 65536 };
    static const int64_t table_pays = 4 * CODES;
    int8_t table[CODES];
    if (count < table_pays) {
        for (int64_t i = 0; i < count; i++) {
            out[i] = quantise_bits((uint32_t)v[i] << 16, scale);
        }
        return;
    }
    for (uint32_t code = 0; code < CODES; code++) {
        table[code] = sj_bf16_finite((sj_bf16)code) ? quantise_bits(code << 16, scale) : 0;
    }
    for (int64_t i = 0; i < count; i++) {
        out[i] = table[v[i]];
    }
}

sj_status sj_tensor_quantise(sj_tensor *t, sj_error *err) {
    const int64_t count = sj_tensor_count(t);
    void *memory = NULL;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, 1, "quantised tensor", err));
    const float largest = largest_magnitude(t);
    const float scale = sj_quantise_scale(&largest, 1);
    int8_t *out = memory;
    if (t->type == SJ_TYPE_BF16) {
        quantise_bf16(t->data, count, scale, out);
    } else {
        for (int64_t i = 0; i < count; i++) {
            out[i] = quantise_bits(sj_f32_bits(((const float *)t->data)[i]), scale);
        }
    }
    free(t->data);
    t->data = out;
    t->type = SJ_TYPE_I8;
    t->scale = scale;
    return SJ_OK;
}

// ---- the store
static void drop(sj_held *h) {
    sj_tensor_free(&h->tensor);
    free(h->nonzeros);
    free(h->before);
    free(h);
}

static int64_t bytes_of(const sj_tensor *t) { return sj_tensor_count(t) * sj_type_bytes(t->type); }

static void make_room(sj_lowering *l, int64_t limit) {
    for (;;) {
        int oldest = -1;
        int64_t bytes = 0;
        for (int i = 0; i < l->held_count; i++) {
            if (l->held[i]->used != l->clock) {
                bytes += bytes_of(&l->held[i]->tensor);
                oldest = oldest < 0 || l->held[i]->used < l->held[oldest]->used ? i : oldest;
            }
        }
        if (bytes <= limit) {
            return;
        }
        drop(l->held[oldest]);
        l->held[oldest] = l->held[--l->held_count];
    }
}

void sj_lowering_forget(sj_lowering *l) {
    for (int i = 0; i < l->held_count; i++) {
        drop(l->held[i]);
    }
    free(l->held);
    l->held = NULL;
    l->held_count = l->held_room = 0;
}

static sj_status fill(sj_lowering *l, int layer, const char *name, sj_held *h, sj_error *err) {
    sj_tensor *t = &h->tensor;
    const bool bf16 = l->accel->dtype == SJ_DTYPE_BF16;
    SJ_TRY(sj_trace_read(l->trace, l->step, layer, name, bf16 ? SJ_TYPE_BF16 : SJ_TYPE_I8, t, err));
    SJ_TRY(sj_lowering_check_type(l, layer, name, t->type, err));
    if (t->type != SJ_TYPE_BF16 && t->type != SJ_TYPE_F32 && t->type != SJ_TYPE_I8) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: layer \"%s\", tensor \"%s\" is %s; allowed as an operand: bfloat16, float32, int8", sj_trace_path(l->trace), l->net->layers[layer].name,
                       name, type_name(t->type));
    }
    h->channels = t->rank == 4 ? t->dims[3] : 1;
    if (!bf16 && t->type != SJ_TYPE_I8) {
        SJ_TRY(count_channels(t, h->channels, &h->before, err));
        SJ_TRY(sj_tensor_quantise(t, err));
    }
    return count_channels(t, h->channels, &h->nonzeros, err);
}

static sj_status keep_entry(sj_lowering *l, sj_held *h, sj_error *err) {
    if (l->held_count == l->held_room) {
        const int room = l->held_room == 0 ? 64 : 2 * l->held_room;
        sj_held **larger = realloc(l->held, (size_t)room * sizeof(*larger));
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: out of memory for %d tensors", sj_trace_path(l->trace), room);
        }
        l->held = larger;
        l->held_room = room;
    }
    l->held[l->held_count++] = h;
    return SJ_OK;
}

sj_status sj_lowering_hold(sj_lowering *l, int layer, const char *name, const sj_held **out, sj_error *err) {
    const uint64_t id = sj_trace_object_id(l->trace, l->step, layer, name);
    for (int i = 0; id != 0 && i < l->held_count; i++) {
        if (l->held[i]->id == id) {
            l->held[i]->used = l->clock;
            *out = l->held[i];
            return SJ_OK;
        }
    }
    make_room(l, l->held_bytes_max);
    sj_held *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: out of memory for a tensor", sj_trace_path(l->trace));
    }
    h->id = id;
    h->used = l->clock;
    if (fill(l, layer, name, h, err) != SJ_OK || keep_entry(l, h, err) != SJ_OK) {
        drop(h);
        return err->status;
    }
    l->reads++;
    *out = h;
    return SJ_OK;
}
