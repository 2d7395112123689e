// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers (a 1x1 kernel over 1x1 images) to products; the groups of a convolution are instances of one job. docs/lowering.md.
#include <stdlib.h>

#include "lower_internal.h"
#include "sj_map.h"

// Activations of one tensor as a WINDOW operand, an instance a group of its channels; taps still to be set.
static sj_operand window(const sj_tensor *t, const sj_conv_case *c, sj_operand_kind kind) {
    const int64_t channels = t->dims[3] / c->info->groups;
    return (sj_operand){.kind = kind,
                        .values = sj_tensor_values(t),
                        .channel_count = channels,
                        .images = c->batch,
                        .stored_images = t->dims[0],
                        .grid_h = t->dims[1],
                        .grid_w = t->dims[2],
                        .stride = 1,
                        .source_h = t->dims[1],
                        .source_w = t->dims[2],
                        .source_c = t->dims[3],
                        .instance_shift = channels};
}

static sj_status take_taps(sj_job *job, int64_t count, sj_tap **out, sj_error *err) {
    void *taps = NULL;
    SJ_TRY(sj_arena_take(sj_job_arena(job), count, sizeof(sj_tap), &taps, err));
    *out = taps;
    return SJ_OK;
}

// im2col(x): tap (r,s) in KRSC order.
static sj_status input_window(sj_job *job, const sj_conv_case *c, sj_operand_kind kind, sj_operand *out, sj_error *err) {
    const sj_layer_info *l = c->info;
    sj_tap *taps = NULL;
    SJ_TRY(take_taps(job, l->kernel_h * l->kernel_w, &taps, err));
    for (int64_t t = 0; t < l->kernel_h * l->kernel_w; t++) {
        taps[t] = (sj_tap){t / l->kernel_w - l->padding, t % l->kernel_w - l->padding, t * (l->in.c / l->groups)};
    }
    *out = window(c->x, c, kind);
    out->grid_h = l->out.h;
    out->grid_w = l->out.w;
    out->stride = l->stride;
    out->taps = taps;
    out->tap_count = l->kernel_h * l->kernel_w;
    return SJ_OK;
}

static void keep_channels(const sj_conv_case *c, int64_t *count, const int32_t **list) {
    if (c->keep != NULL) {
        *count = c->keep->dims[0];
        *list = c->keep->data;
    }
}

// dy as positions x kept channels under a single tap.
static sj_status gradient_window_t(sj_job *job, const sj_conv_case *c, sj_operand *out, sj_error *err) {
    sj_tap *taps = NULL;
    SJ_TRY(take_taps(job, 1, &taps, err));
    *out = window(c->dy, c, SJ_OPERAND_WINDOW_T);
    out->taps = taps;
    out->tap_count = 1;
    keep_channels(c, &out->channel_count, &out->channels);
    return SJ_OK;
}

// Activations: an int8 machine requantises its int32 sums on the way out, so that a value takes the bytes of the data type.
static sj_stream result_stream(const sj_accel *accel, const sj_job *job, const sj_conv_case *c) {
    if (c->result.tensor == NULL) {
        return sj_stream_raw(c->info->groups * job->m * job->n, sj_accel_value_bytes(accel));
    }
    const sj_operand all = window(c->result.tensor, c, SJ_OPERAND_WINDOW);
    return sj_stream_of_instances(accel, &all, c->info->groups);
}

static double nominal(bool dense) { return dense ? 1.0 : 0.5; }

static void describe(const sj_accel *accel, sj_job *job, sj_stream result, const sj_conv_case *c) {
    const int64_t groups = c->info->groups;
    job->is_product = true;
    job->memo = c->memo;
    job->instances = groups;
    job->m = sj_operand_u_count(&job->a);
    job->n = sj_operand_u_count(&job->b);
    job->k = sj_operand_k_count(&job->a);
    job->streams[0] = sj_stream_of_instances(accel, &job->a, groups);
    job->streams[1] = sj_stream_of_instances(accel, &job->b, groups);
    job->streams[2] = result;
    sj_job_place_streams(job);
}

static sj_status finish(const sj_accel *accel, sj_job *job, sj_stream result, const sj_conv_case *c, sj_error *err) {
    describe(accel, job, result, c);
    return sj_map_product(accel, job, err);
}

static uint64_t dense_macs(const sj_conv_case *c, int64_t m, int64_t n, int64_t k) { return (uint64_t)c->info->groups * (uint64_t)m * (uint64_t)n * (uint64_t)k; }

static sj_status build_forward(const sj_accel *accel, const sj_conv_case *c, sj_job *job, sj_error *err) {
    const sj_layer_info *l = c->info;
    const int64_t filter = l->kernel_h * l->kernel_w * (l->in.c / l->groups);
    const int64_t filters = l->out.c / l->groups;
    SJ_TRY(input_window(job, c, SJ_OPERAND_WINDOW, &job->a, err));
    job->b = (sj_operand){.kind = SJ_OPERAND_WEIGHT, .values = sj_tensor_values(c->w), .tap_count = job->a.tap_count, .taps = job->a.taps, .channel_count = l->in.c / l->groups,
                          .u_stride = filter, .channel_stride = 1, .u_count = filters, .instance_shift = filters * filter};
    job->out_bytes = sj_result_bytes(accel);
    job->out_ops = c->out_ops + sj_requantise_ops(accel);
    job->nominal_a = nominal(c->dense_input);
    job->m = sj_operand_u_count(&job->a);
    job->n = filters;
    job->uncompacted_macs = dense_macs(c, job->m, job->n, sj_operand_k_count(&job->a));
    sj_stream result = result_stream(accel, job, c);
    const int64_t left = c->batch * c->result.dims.h * c->result.dims.w * c->result.dims.c;
    if (result.kind == SJ_STREAM_RAW && left > 0) {
        result.length = left;  // the output path may have pooled
    }
    return finish(accel, job, result, c, err);
}

sj_status sj_lower_forward(const sj_accel *accel, const sj_conv_case *c, sj_job **out, sj_error *err) {
    SJ_TRY(sj_job_create(c->layer, SJ_PHASE_FORWARD, 3, out, err));
    if (build_forward(accel, c, *out, err) != SJ_OK) {
        sj_job_free(*out);
        *out = NULL;
    }
    return *out != NULL ? SJ_OK : err->status;
}

// Taps of sub-pixel phase (py,px): those r with (py + padding - r) divisible by the stride; dy row = y + (py + padding - r) / stride, offsets ascending.
static int64_t phase_taps(const sj_layer_info *l, int64_t py, int64_t px, sj_tap *taps) {
    int64_t count = 0;
    for (int64_t r = l->kernel_h - 1; r >= 0; r--) {
        for (int64_t s = l->kernel_w - 1; s >= 0; s--) {
            const int64_t y = py + l->padding - r;
            const int64_t x = px + l->padding - s;
            if (y % l->stride == 0 && x % l->stride == 0) {
                taps[count++] = (sj_tap){y / l->stride, x / l->stride, (r * l->kernel_w + s) * (l->in.c / l->groups)};
            }
        }
    }
    return count;
}

static sj_stream phase_stream(const sj_accel *accel, const sj_job *job, const sj_conv_case *c, int64_t py, int64_t px) {
    sj_stream s = result_stream(accel, job, c);
    if (s.kind == SJ_STREAM_ACTIVATION) {
        s.y0 = py;
        s.x0 = px;
        s.y_step = s.x_step = c->info->stride;
        s.y_count = job->a.grid_h;
        s.x_count = job->a.grid_w;
        const int64_t one = s.images * s.y_count * s.x_count * s.channel_count;
        s.length = c->info->groups * one;
        s.instance_length = c->info->groups > 1 ? one : 0;
    }
    return s;
}

static sj_status build_grad_input(const sj_accel *accel, const sj_conv_case *c, int64_t py, int64_t px, sj_job *job, sj_error *err) {
    const sj_layer_info *l = c->info;
    const int64_t channels = l->in.c / l->groups;
    const int64_t filter = l->kernel_h * l->kernel_w * channels;
    const int64_t filters = l->out.c / l->groups;
    sj_tap *taps = NULL;
    SJ_TRY(take_taps(job, sj_max64(l->kernel_h * l->kernel_w, 1), &taps, err));
    job->a = window(c->dy, c, SJ_OPERAND_WINDOW);
    job->a.taps = taps;
    job->a.tap_count = phase_taps(l, py, px, taps);
    job->a.grid_h = sj_ceil_div(l->in.h - py, l->stride);
    job->a.grid_w = sj_ceil_div(l->in.w - px, l->stride);
    job->b = (sj_operand){.kind = SJ_OPERAND_WEIGHT, .values = sj_tensor_values(c->w), .tap_count = job->a.tap_count, .taps = taps, .channel_count = filters,
                          .u_stride = 1, .channel_stride = filter, .u_count = channels, .instance_shift = filters * filter};
    job->out_bytes = sj_result_bytes(accel);
    job->out_ops = sj_requantise_ops(accel);
    job->nominal_a = nominal(c->dense_gradient);
    job->m = sj_operand_u_count(&job->a);
    job->n = channels;
    job->uncompacted_macs = dense_macs(c, job->m, job->n, sj_operand_k_count(&job->a));
    keep_channels(c, &job->a.channel_count, &job->a.channels);
    keep_channels(c, &job->b.channel_count, &job->b.channels);
    return finish(accel, job, phase_stream(accel, job, c, py, px), c, err);
}

static void free_jobs(sj_job **jobs, int count) {
    for (int i = 0; i < count; i++) {
        sj_job_free(jobs[i]);
    }
    free(jobs);
}

sj_status sj_lower_grad_input(const sj_accel *accel, const sj_conv_case *c, sj_job ***out, int *count, sj_error *err) {
    // An input smaller than the stride has fewer phases.
    const int64_t stride = c->info->stride, phases_y = sj_min64(stride, c->info->in.h), phases_x = sj_min64(stride, c->info->in.w);
    *count = 0;
    *out = NULL;
    if (phases_y > JOBS_MAX || phases_y * phases_x > JOBS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: stride %lld over an input of %lld x %lld makes more than %d products, one a sub-pixel phase; allowed: %d", c->layer,
                       sj_phase_name(SJ_PHASE_GRAD_INPUT), (long long)stride, (long long)c->info->in.h, (long long)c->info->in.w, JOBS_MAX, JOBS_MAX);
    }
    *out = calloc(JOBS_MAX, sizeof **out);
    if (*out == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: out of memory for %d jobs", c->layer, JOBS_MAX);
    }
    for (int64_t phase = 0; phase < phases_y * phases_x; phase++) {
        const int64_t py = phase / phases_x;
        const int64_t px = phase % phases_x;
        sj_job *job = NULL;
        if (sj_job_create(c->layer, SJ_PHASE_GRAD_INPUT, 3, &job, err) != SJ_OK || build_grad_input(accel, c, py, px, job, err) != SJ_OK) {
            sj_job_free(job);
            free_jobs(*out, *count);
            *out = NULL;
            *count = 0;
            return err->status;
        }
        (*out)[(*count)++] = job;
    }
    return SJ_OK;
}

static void set_grad_weight(const sj_accel *accel, const sj_conv_case *c, const sj_operand *gradient, const sj_operand *input, bool swap, sj_job *job) {
    job->a = swap ? *input : *gradient;
    job->b = swap ? *gradient : *input;
    job->nominal_a = nominal(swap ? c->dense_input : c->dense_gradient);
    job->flags_per_lane = !swap && input->channel_count % accel->lanes != 0;
    describe(accel, job, sj_stream_raw(c->info->groups * sj_operand_u_count(&job->a) * sj_operand_u_count(&job->b), 4), c);
}

static sj_status build_grad_weight(const sj_accel *accel, const sj_conv_case *c, sj_job *job, sj_error *err) {
    sj_operand gradient;
    sj_operand input;
    bool swap = false;
    SJ_TRY(gradient_window_t(job, c, &gradient, err));
    SJ_TRY(input_window(job, c, SJ_OPERAND_WINDOW_T, &input, err));
    job->out_bytes = 4;  // fp32 (int32): the optimizer adds it to master weights
    job->uncompacted_macs = dense_macs(c, sj_operand_k_count(&input), sj_operand_u_count(&input), c->info->out.c / c->info->groups);
    sj_stream streams[3];
    sj_job swapped = *job;
    swapped.streams = streams;
    set_grad_weight(accel, c, &gradient, &input, true, &swapped);
    set_grad_weight(accel, c, &gradient, &input, false, job);
    SJ_TRY(sj_map_swap(accel, job, &swapped, &swap, err));
    if (swap) {
        set_grad_weight(accel, c, &gradient, &input, true, job);
    }
    return sj_map_product(accel, job, err);
}

sj_status sj_lower_grad_weight(const sj_accel *accel, const sj_conv_case *c, sj_job **out, sj_error *err) {
    SJ_TRY(sj_job_create(c->layer, SJ_PHASE_GRAD_WEIGHT, 3, out, err));
    if (build_grad_weight(accel, c, *out, err) != SJ_OK) {
        sj_job_free(*out);
        *out = NULL;
    }
    return *out != NULL ? SJ_OK : err->status;
}
