// SPDX-License-Identifier: Apache-2.0
// Passes of the vector unit: every tensor is cut into as many runs as the longest has chunks of CHUNK_VALUES.
#include "lower_internal.h"

enum { CHUNK_VALUES = 8192, GROUP_VALUES = 512, STREAMS_MAX = SJ_INPUTS_MAX + 6 };

typedef struct pass_streams {
    int loads, count;  // streams [0, loads) are read, [loads, count) written
    sj_stream streams[STREAMS_MAX];
} pass_streams;

static sj_stream plane_stream(const sj_accel *accel, const sj_plane *p, int64_t batch) {
    if (p->tensor == NULL) {
        return sj_stream_raw(batch * p->dims.h * p->dims.w * p->dims.c, sj_accel_value_bytes(accel));
    }
    const sj_tensor *t = p->tensor;
    const sj_operand whole = {.kind = SJ_OPERAND_WINDOW, .values = sj_tensor_values(t), .channel_count = t->dims[3],
                              .images = batch, .stored_images = t->dims[0], .source_h = t->dims[1], .source_w = t->dims[2], .source_c = t->dims[3]};
    return sj_stream_of_operand(accel, &whole);
}

static pass_streams collect(const sj_accel *accel, const sj_pass *p) {
    pass_streams s = {0};
    for (int i = 0; i < p->read_count; i++) {
        s.streams[s.count++] = plane_stream(accel, &p->read[i], p->batch);
    }
    if (p->raw_read_bytes > 0) {
        s.streams[s.count++] = sj_stream_raw(p->raw_read_bytes, 1);
    }
    s.loads = s.count;
    for (int i = 0; i < p->written_count; i++) {
        s.streams[s.count++] = plane_stream(accel, &p->written[i], p->batch);
    }
    if (p->raw_written_bytes > 0) {
        s.streams[s.count++] = sj_stream_raw(p->raw_written_bytes, 1);
    }
    return s;
}

// Start of run b of `blocks` in a stream: at a group's edge, so that no group is moved twice.
static int64_t run_begin(const sj_stream *s, int64_t b, int64_t blocks) {
    return b == blocks ? s->length : s->length * b / blocks / GROUP_VALUES * GROUP_VALUES;
}

static void add_runs(sj_job *job, int first, int last, int64_t b, int64_t blocks, int *added) {
    for (int i = first; i < last; i++) {
        const int64_t begin = run_begin(&job->streams[i], b, blocks);
        const int64_t end = run_begin(&job->streams[i], b + 1, blocks);
        if (end > begin) {
            job->segments[job->segment_count++] = (sj_segment){i, begin, end, 0};
            (*added)++;
        }
    }
}

static sj_status build_pass(const sj_pass *p, const pass_streams *s, sj_job *job, sj_error *err) {
    int64_t longest = 0;
    for (int i = 0; i < s->count; i++) {
        job->streams[i] = s->streams[i];
        longest = sj_max64(longest, s->streams[i].length);
    }
    sj_job_place_streams(job);
    const int64_t blocks = sj_max64(sj_ceil_div(longest, CHUNK_VALUES), 1);
    void *segments = NULL;
    void *block_list = NULL;
    SJ_TRY(sj_arena_take(sj_job_arena(job), blocks * s->count, sizeof(sj_segment), &segments, err));
    SJ_TRY(sj_arena_take(sj_job_arena(job), blocks, sizeof(sj_block), &block_list, err));
    job->segments = segments;
    job->blocks = block_list;
    job->block_count = blocks;
    job->vector_ops = p->vector_ops;
    job->rng_samples = p->rng_samples;
    for (int64_t b = 0; b < blocks; b++) {
        sj_block *block = &job->blocks[b];
        block->load_first = (int)job->segment_count;
        add_runs(job, 0, s->loads, b, blocks, &block->load_count);
        block->store_first = (int)job->segment_count;
        add_runs(job, s->loads, s->count, b, blocks, &block->store_count);
        block->vector_ops = (int64_t)((__int128)p->vector_ops * (b + 1) / blocks - (__int128)p->vector_ops * b / blocks);
    }
    return SJ_OK;
}

sj_status sj_lower_pass(const sj_accel *accel, const sj_pass *p, sj_job **out, sj_error *err) {
    const pass_streams s = collect(accel, p);
    SJ_TRY(sj_job_create(p->layer, p->phase, s.count, out, err));
    if (build_pass(p, &s, *out, err) != SJ_OK) {
        sj_job_free(*out);
        *out = NULL;
    }
    return *out != NULL ? SJ_OK : err->status;
}
