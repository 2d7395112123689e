// SPDX-License-Identifier: Apache-2.0
// A product of two activations, image by image: an instance of one job is an image; docs/lowering.md. Every operand keeps the layout of an activation, so that whoever made a
// tensor and all of its readers agree: a WEIGHT operand whose u are pixels has the same [channel chunk][pixel][channel in chunk].
#include "lower_internal.h"

// One image as a matrix of pixels x channels: a pixel a row of its own, so that a block of them is exact.
static sj_operand matrix(const sj_tensor *t, int64_t pixels, int64_t channels, const sj_tap *tap, sj_operand_kind kind) {
    return (sj_operand){.kind = kind,
                        .values = sj_tensor_values(t),
                        .tap_count = 1,
                        .taps = tap,
                        .channel_count = channels,
                        .images = 1,
                        .stored_images = 1,
                        .grid_h = pixels,
                        .grid_w = 1,
                        .stride = 1,
                        .source_h = pixels,
                        .source_w = 1,
                        .source_c = channels,
                        .u_stride = channels,  // WEIGHT: u = pixel, k = channel
                        .channel_stride = 1,
                        .u_count = pixels,
                        .instance_shift = pixels * channels,
                        .instance_period = t->dims[0]};
}

static sj_stream result_stream(const sj_accel *accel, const sj_matmul_case *c) {
    const sj_dims d = c->result.dims;
    if (c->result.tensor == NULL) {
        return sj_stream_raw(c->batch * d.h * d.w * d.c, sj_accel_value_bytes(accel));
    }
    const sj_operand all = matrix(c->result.tensor, d.h * d.w, d.c, NULL, SJ_OPERAND_WINDOW);
    return sj_stream_of_instances(accel, &all, c->batch);
}

typedef struct side {
    const sj_tensor *tensor;
    int64_t pixels, channels;
    sj_operand_kind kind;
} side;

static sj_status build(const sj_accel *accel, const sj_matmul_case *c, side a, side b, int64_t out_ops, sj_job *job, sj_error *err) {
    void *tap = NULL;
    SJ_TRY(sj_arena_take(sj_job_arena(job), 1, sizeof(sj_tap), &tap, err));
    job->is_product = true;
    job->memo = c->memo;
    job->instances = c->batch;
    job->a = matrix(a.tensor, a.pixels, a.channels, tap, a.kind);
    job->b = matrix(b.tensor, b.pixels, b.channels, tap, b.kind);
    job->m = sj_operand_u_count(&job->a);
    job->n = sj_operand_u_count(&job->b);
    job->k = sj_operand_k_count(&job->a);
    job->out_bytes = sj_result_bytes(accel);
    job->out_ops = out_ops + sj_requantise_ops(accel);
    job->uncompacted_macs = (uint64_t)c->batch * (uint64_t)job->m * (uint64_t)job->n * (uint64_t)job->k;
    job->streams[0] = sj_stream_of_instances(accel, &job->a, c->batch);
    job->streams[1] = sj_stream_of_instances(accel, &job->b, c->batch);
    job->streams[2] = result_stream(accel, c);
    sj_job_place_streams(job);
    return sj_map_product(accel, job, err);
}

static sj_status lower(const sj_accel *accel, const sj_matmul_case *c, sj_phase phase, side a, side b, int64_t out_ops, sj_job **out, sj_error *err) {
    SJ_TRY(sj_job_create(c->layer, phase, 3, out, err));
    if (build(accel, c, a, b, out_ops, *out, err) != SJ_OK) {
        sj_job_free(*out);
        *out = NULL;
    }
    return *out != NULL ? SJ_OK : err->status;
}

sj_status sj_lower_matmul(const sj_accel *accel, const sj_matmul_case *c, sj_job **out, sj_error *err) {
    const side a = {c->x0, c->rows, c->inner, SJ_OPERAND_WINDOW};
    const side b = {c->x1, c->inner, c->columns, SJ_OPERAND_WINDOW_T};
    return lower(accel, c, SJ_PHASE_FORWARD, a, b, c->out_ops, out, err);
}

sj_status sj_lower_matmul_grad_x0(const sj_accel *accel, const sj_matmul_case *c, sj_job **out, sj_error *err) {
    const side a = {c->dy, c->rows, c->columns, SJ_OPERAND_WINDOW};
    const side b = {c->x1, c->inner, c->columns, SJ_OPERAND_WEIGHT};
    return lower(accel, c, SJ_PHASE_GRAD_INPUT, a, b, 0, out, err);
}

sj_status sj_lower_matmul_grad_x1(const sj_accel *accel, const sj_matmul_case *c, sj_job **out, sj_error *err) {
    const side a = {c->x0, c->rows, c->inner, SJ_OPERAND_WINDOW_T};
    const side b = {c->dy, c->rows, c->columns, SJ_OPERAND_WINDOW_T};
    return lower(accel, c, SJ_PHASE_GRAD_INPUT, a, b, 0, out, err);
}
