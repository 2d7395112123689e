// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "lower_internal.h"

enum { STREAM_ALIGNMENT = 65536, GROUP_VALUES = 512, INSTANCE_GROUPS_MIN = 16 };

sj_status sj_job_create(const char *layer, sj_phase phase, int stream_count, sj_job **out, sj_error *err) {
    *out = NULL;
    sj_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a job");
    }
    sj_arena *arena = NULL;
    void *streams = NULL;
    if (sj_arena_create(&arena, err) != SJ_OK || sj_arena_take(arena, stream_count, sizeof *job->streams, &streams, err) != SJ_OK) {
        sj_arena_destroy(arena);
        free(job);
        return err->status;
    }
    snprintf(job->layer, sizeof job->layer, "%s", layer);
    job->phase = phase;
    job->stream_count = stream_count;
    job->streams = streams;
    job->owner = arena;
    *out = job;
    return SJ_OK;
}

sj_arena *sj_job_arena(const sj_job *job) { return job->owner; }

void sj_job_free(sj_job *job) {
    if (job != NULL) {
        sj_arena_destroy(job->owner);
        free(job);
    }
}

static int64_t align_up(int64_t v, int64_t to) { return sj_ceil_div(v, to) * to; }

// A product of more than this is refused when it is mapped: it would have more blocks than a product may have. Until then its streams must not overflow.
#define ADDRESS_MAX (INT64_C(1) << 60)

static int64_t behind(int64_t base, int64_t length, int64_t value_bytes) {
    const __int128 end = (__int128)base + (__int128)length * value_bytes;
    return end < ADDRESS_MAX ? (int64_t)end : ADDRESS_MAX;
}

void sj_job_place_streams(sj_job *job) {
    int64_t next = 0;
    for (int64_t i = 0; i < job->stream_count; i++) {
        sj_stream *s = &job->streams[i];
        s->base = next;
        s->table_base = align_up(behind(s->base, s->length, s->value_bytes), 64);
        next = align_up(s->table_base + sj_ceil_div(s->length, GROUP_VALUES), STREAM_ALIGNMENT);
    }
}

sj_stream sj_stream_raw(int64_t length, int64_t value_bytes) {
    return (sj_stream){.kind = SJ_STREAM_RAW, .length = length, .value_bytes = value_bytes};
}

sj_stream sj_stream_of_operand(const sj_accel *accel, const sj_operand *o) {
    sj_stream s = {.value_bytes = sj_accel_value_bytes(accel), .coded = true, .k_tile = accel->k_tile};
    if (o->kind == SJ_OPERAND_WEIGHT) {
        s.kind = SJ_STREAM_WEIGHT;
        s.operand = o;
        s.length = sj_operand_u_count(o) * sj_operand_k_count(o);
        return s;
    }
    s.kind = SJ_STREAM_ACTIVATION;
    s.values = o->values;
    s.images = o->images;
    s.stored_images = o->stored_images;
    s.source_h = o->source_h;
    s.source_w = o->source_w;
    s.source_c = o->source_c;
    s.y_step = s.x_step = 1;
    s.y_count = o->source_h;
    s.x_count = o->source_w;
    s.channel_count = o->channel_count;
    s.channels = o->channels;
    s.length = s.images * s.y_count * s.x_count * s.channel_count;
    return s;
}

sj_stream sj_stream_of_instances(const sj_accel *accel, const sj_operand *o, int64_t instances) {
    sj_stream s = sj_stream_of_operand(accel, o);
    if (instances > 1) {
        s.instance_length = s.length;
        s.instance_shift = o->instance_shift;
        s.instance_period = o->instance_period;
        s.length *= instances;
        s.coded = s.instance_length % GROUP_VALUES == 0 || s.instance_length >= INSTANCE_GROUPS_MIN * GROUP_VALUES;
    }
    return s;
}
