// SPDX-License-Identifier: Apache-2.0
// Which stretches of its streams a block needs. docs/lowering.md, "Blocks and segments".
#include "lower_internal.h"

typedef struct span {
    int64_t begin, end;
} span;

// Whole source rows that positions [p0, p1) touch through taps [t0, t1]: a span of linear source pixels, halo included.
static span source_pixels(const sj_operand *o, int64_t p0, int64_t p1, int64_t t0, int64_t t1) {
    int64_t low = o->taps[t0].dy;
    int64_t high = o->taps[t0].dy;
    for (int64_t t = t0; t <= t1; t++) {
        low = sj_min64(low, o->taps[t].dy);
        high = sj_max64(high, o->taps[t].dy);
    }
    const int64_t first_y = p0 / o->grid_w % o->grid_h;
    const int64_t first_image = p0 / o->grid_w / o->grid_h;
    const int64_t last_y = (p1 - 1) / o->grid_w % o->grid_h;
    const int64_t last_image = (p1 - 1) / o->grid_w / o->grid_h;
    const int64_t begin = first_image * o->source_h + sj_min64(sj_max64(first_y * o->stride + low, 0), o->source_h);
    const int64_t end = last_image * o->source_h + sj_min64(sj_max64(last_y * o->stride + high + 1, 0), o->source_h);
    return (span){begin * o->source_w, sj_max64(begin, end) * o->source_w};
}

// Channel chunks that (tap, channel) indices [tc0, tc1) touch: exact within one tap, all of them otherwise.
static span channel_chunks(const sj_operand *o, int64_t tc0, int64_t tc1, int64_t k_tile) {
    const bool one_tap = tc0 / o->channel_count == (tc1 - 1) / o->channel_count;
    if (!one_tap) {
        return (span){0, sj_ceil_div(o->channel_count, k_tile)};
    }
    return (span){tc0 % o->channel_count / k_tile, (tc1 - 1) % o->channel_count / k_tile + 1};
}

// Where an instance's values begin in a stream, as an empty segment.
static sj_segment origin_of(const sj_job *job, int stream, int64_t instance) {
    const int64_t begin = instance * job->streams[stream].instance_length;
    return (sj_segment){stream, begin, begin, 0};
}

static sj_status emit_nonempty(sj_segment_sink emit, void *context, sj_segment segment, sj_error *err) {
    return segment.end > segment.begin ? emit(context, segment, err) : SJ_OK;
}

static sj_status window_segments(const sj_operand *o, sj_segment origin, span positions, span tap_channels, bool transpose, int64_t k_tile, sj_segment_sink emit,
                                 void *context, sj_error *err) {
    const span pixels = source_pixels(o, positions.begin, positions.end, tap_channels.begin / o->channel_count, (tap_channels.end - 1) / o->channel_count);
    const span chunks = channel_chunks(o, tap_channels.begin, tap_channels.end, k_tile);
    const int64_t all_pixels = o->images * o->source_h * o->source_w;
    for (int64_t chunk = chunks.begin; chunk < chunks.end; chunk++) {
        const int64_t width = sj_min64(k_tile, o->channel_count - chunk * k_tile);
        const int64_t base = origin.begin + chunk * all_pixels * k_tile;
        SJ_TRY(emit_nonempty(emit, context, (sj_segment){origin.stream, base + pixels.begin * width, base + pixels.end * width, transpose ? width : 0}, err));
    }
    return SJ_OK;
}

sj_status sj_segments_a(const sj_job *job, int64_t instance, int64_t m0, int64_t m1, int64_t k0, int64_t k1, int64_t k_tile, sj_segment_sink emit, void *context,
                        sj_error *err) {
    if (k1 <= k0) {
        return SJ_OK;
    }
    const sj_segment origin = origin_of(job, 0, instance);
    if (job->a.kind == SJ_OPERAND_WINDOW) {
        return window_segments(&job->a, origin, (span){m0, m1}, (span){k0, k1}, false, k_tile, emit, context, err);
    }
    return window_segments(&job->a, origin, (span){k0, k1}, (span){m0, m1}, true, k_tile, emit, context, err);
}

sj_status sj_segments_b(const sj_job *job, int64_t instance, int64_t n0, int64_t n1, int64_t k0, int64_t k1, int64_t k_tile, sj_segment_sink emit, void *context,
                        sj_error *err) {
    if (k1 <= k0) {
        return SJ_OK;
    }
    const sj_segment origin = origin_of(job, 1, instance);
    if (job->b.kind != SJ_OPERAND_WEIGHT) {
        return window_segments(&job->b, origin, (span){k0, k1}, (span){n0, n1}, false, k_tile, emit, context, err);
    }
    const bool whole_rows = n0 == 0 && n1 == job->n;  // then the k-steps follow each other without a gap
    if (whole_rows) {
        return emit(context, (sj_segment){1, origin.begin + k0 * job->n, origin.begin + k1 * job->n, 0}, err);
    }
    for (int64_t k = k0; k < k1; k += k_tile) {
        const int64_t width = sj_min64(k_tile, job->k - k);
        const int64_t step = origin.begin + k * job->n;
        SJ_TRY(emit(context, (sj_segment){1, step + n0 * width, step + n1 * width, 0}, err));
    }
    return SJ_OK;
}

sj_status sj_segments_out(const sj_job *job, int64_t instance, int64_t m0, int64_t m1, int64_t n0, int64_t n1, int64_t raw_begin, sj_segment_sink emit, void *context,
                          sj_error *err) {
    const sj_stream *s = &job->streams[2];
    if (s->kind == SJ_STREAM_RAW) {
        // Where pooling leaves fewer values than the product has results, a block stores its share of them.
        const int64_t results = sj_job_instances(job) * job->m * job->n;
        const int64_t raw_end = raw_begin + (m1 - m0) * (n1 - n0);
        const int64_t from = (int64_t)((__int128)raw_begin * s->length / results);
        return emit_nonempty(emit, context, (sj_segment){2, from, (int64_t)((__int128)raw_end * s->length / results), 0}, err);
    }
    // With pooling on the output path the stored plane has fewer pixels than M: a block stores its share of them.
    const int64_t pixels = s->images * s->y_count * s->x_count;
    const int64_t begin = pixels * m0 / job->m;
    const int64_t end = pixels * m1 / job->m;
    for (int64_t n = n0; n < n1; n += s->k_tile) {
        const int64_t width = sj_min64(s->k_tile, job->n - n);
        const int64_t chunk = instance * s->instance_length + n * pixels;
        SJ_TRY(emit_nonempty(emit, context, (sj_segment){2, chunk + begin * width, chunk + end * width, 0}, err));
    }
    return SJ_OK;
}
