// SPDX-License-Identifier: Apache-2.0
#include "shared.h"
#include "sj_hash.h"

#include <stdlib.h>
#include <string.h>

struct sj_shared_entry {
    sj_fast_key key;
    uint64_t used;   // the job that used it last
    uint64_t bytes;
    void *thing;
    void (*release)(void *thing);
};

sj_status sj_fast_shared_create(uint64_t bytes_max, sj_fast_shared **out, sj_error *err) {
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for what jobs share");
    }
    **out = (sj_fast_shared){.lasting = true, .bytes_max = bytes_max};
    return SJ_OK;
}

static void drop(sj_fast_shared *s, int64_t i) {
    sj_shared_entry *e = &s->entries[i];
    e->release(e->thing);
    sj_fast_key_free(&e->key);
    s->bytes -= e->bytes;
    s->entries[i] = s->entries[--s->count];
}

void sj_fast_shared_clear(sj_fast_shared *s) {
    while (s->count > 0) {
        drop(s, s->count - 1);
    }
    free(s->entries);
    s->entries = NULL;
    s->room = 0;
}

void sj_fast_shared_free(sj_fast_shared *s) {
    if (s != NULL) {
        sj_fast_shared_clear(s);
        free(s);
    }
}

void sj_fast_shared_next(sj_fast_shared *s) {
    s->now++;
    while (s->bytes > s->bytes_max) {
        int64_t oldest = 0;
        for (int64_t i = 1; i < s->count; i++) {
            oldest = s->entries[i].used < s->entries[oldest].used ? i : oldest;
        }
        drop(s, oldest);
    }
}

// ---- keys

sj_fast_key sj_fast_key_of(sj_shared_kind kind) {
    sj_fast_key key = {.hash = SJ_HASH_START};
    sj_fast_key_put(&key, (int64_t)kind);
    return key;
}

void sj_fast_key_put(sj_fast_key *k, int64_t value) {
    if (k->count == k->room && !k->no_memory) {
        const int64_t room = k->room == 0 ? 256 : 2 * k->room;
        int64_t *words = realloc(k->words, (size_t)room * sizeof *words);
        k->no_memory = words == NULL;
        k->words = words != NULL ? words : k->words;
        k->room = words != NULL ? room : k->room;
    }
    if (!k->no_memory) {
        k->words[k->count++] = value;
        k->hash = sj_hash_number(k->hash, (uint64_t)value);
    }
}

void sj_fast_key_list(sj_fast_key *k, const int32_t *list, int64_t count) {
    sj_fast_key_put(k, list != NULL ? count : -1);
    for (int64_t i = 0; list != NULL && i < count; i++) {
        sj_fast_key_put(k, list[i]);
    }
}

void sj_fast_key_values(sj_fast_key *k, const sj_values *values) {
    sj_fast_key_put(k, (int64_t)values->dtype);
    sj_fast_key_put(k, (int64_t)(intptr_t)values->data);
}

void sj_fast_key_operand(sj_fast_key *k, const sj_operand *o) {
    const int64_t numbers[] = {(int64_t)o->kind, o->tap_count, o->channel_count, o->images, o->stored_images, o->grid_h, o->grid_w, o->stride, o->source_h, o->source_w, o->source_c,
                               o->u_stride, o->channel_stride, o->u_count};
    sj_fast_key_values(k, &o->values);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sj_fast_key_put(k, numbers[i]);
    }
    for (int64_t t = 0; t < o->tap_count; t++) {
        sj_fast_key_put(k, o->taps[t].dy);
        sj_fast_key_put(k, o->taps[t].dx);
        sj_fast_key_put(k, o->taps[t].weight_offset);
    }
    sj_fast_key_list(k, o->channels, o->channel_count);
    sj_fast_key_list(k, o->u_list, o->u_count);
}

void sj_fast_key_stream(sj_fast_key *k, const sj_stream *stream) {
    const int64_t numbers[] = {(int64_t)stream->kind, stream->length, stream->instance_length, stream->instance_shift, stream->instance_period, stream->value_bytes, stream->k_tile};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sj_fast_key_put(k, numbers[i]);
    }
    if (stream->kind == SJ_STREAM_WEIGHT) {
        sj_fast_key_operand(k, stream->operand);
        return;
    }
    const int64_t plane[] = {stream->images, stream->stored_images, stream->source_h, stream->source_w, stream->source_c, stream->y0, stream->y_step, stream->y_count, stream->x0,
                             stream->x_step, stream->x_count, stream->channel_count};
    sj_fast_key_values(k, &stream->values);
    for (size_t i = 0; i < sizeof plane / sizeof *plane; i++) {
        sj_fast_key_put(k, plane[i]);
    }
    sj_fast_key_list(k, stream->channels, stream->channel_count);
}

void sj_fast_key_free(sj_fast_key *key) {
    free(key->words);
    *key = (sj_fast_key){0};
}

// ---- things

static bool same_key(const sj_fast_key *a, const sj_fast_key *b) {
    return a->hash == b->hash && a->count == b->count && memcmp(a->words, b->words, (size_t)a->count * sizeof *a->words) == 0;
}

void *sj_fast_shared_find(sj_fast_shared *s, const sj_fast_key *key) {
    for (int64_t i = 0; i < s->count && !key->no_memory; i++) {
        if (same_key(&s->entries[i].key, key)) {
            s->entries[i].used = s->now;
            return s->entries[i].thing;
        }
    }
    return NULL;
}

static bool grow(sj_fast_shared *s) {
    const int64_t room = s->room == 0 ? 64 : 2 * s->room;
    sj_shared_entry *larger = realloc(s->entries, (size_t)room * sizeof *larger);
    s->entries = larger != NULL ? larger : s->entries;
    s->room = larger != NULL ? room : s->room;
    return larger != NULL;
}

sj_status sj_fast_shared_keep(sj_fast_shared *s, sj_fast_key *key, void *thing, uint64_t bytes, void (*release)(void *thing), sj_error *err) {
    if (key->no_memory || (s->count == s->room && !grow(s))) {
        release(thing);
        sj_fast_key_free(key);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for what jobs share");
    }
    s->entries[s->count++] = (sj_shared_entry){*key, s->now, bytes, thing, release};
    s->bytes += bytes;
    *key = (sj_fast_key){0};
    return SJ_OK;
}

sj_status sj_fast_run_shared(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_fast_shared *shared, sj_outcome *out, sj_error *err) {
    sj_fast_shared_next(shared);
    return sj_fast_run_with(accel, variant, job, NULL, shared, out, err);
}
