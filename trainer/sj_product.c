// SPDX-License-Identifier: Apache-2.0
// Running products: see sj_product_make.c for how they are planned.
#include "sj_product.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "sj_product_internal.h"

const char *sj_product_library(char text[SJ_PRODUCT_LIBRARY_MAX]) {
    const dnnl_version_t *v = dnnl_version();
    (void)snprintf(text, SJ_PRODUCT_LIBRARY_MAX, "oneDNN %d.%d.%d %.40s, instruction set 0x%x", v->major, v->minor, v->patch, v->hash, (unsigned)dnnl_get_effective_cpu_isa());
    return text;
}

int sj_product_lanes(void) { return omp_get_max_threads(); }

sj_status sj_product_fail(int dnnl_status, const char *layer, sj_error *err) {
    return SJ_FAIL(err, dnnl_status == dnnl_out_of_memory ? SJ_ERR_MEMORY : SJ_ERR_INTERNAL, "layer %s: oneDNN failed with status %d (%s)", layer, dnnl_status,
                   dnnl_status == dnnl_out_of_memory ? "out of memory" : "see dnnl_types.h");
}

static bool fits(const sj_product_shape *s) {
    const bool bf16 = s->arithmetic != SJ_ARITHMETIC_F32;
    if (s->images < 1 || s->in.block < 1 || s->out.block < 1 || s->in.bf16 != bf16 || s->out.bf16 != bf16) {
        return false;
    }
    if (s->linear) {
        return s->out.dims.h == 1 && s->out.dims.w == 1;
    }
    return s->stride > 0 && s->kernel_h > 0 && s->kernel_w > 0 && s->padding >= 0 && s->out.dims.h == (s->in.dims.h + 2 * s->padding - s->kernel_h) / s->stride + 1 &&
           s->out.dims.w == (s->in.dims.w + 2 * s->padding - s->kernel_w) / s->stride + 1;
}

static sj_status refuse(const sj_product_shape *s, int status, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_INTERNAL, "oneDNN refuses a product of %lldx%lldx%lld to %lldx%lldx%lld (kernel %lldx%lld, stride %lld, %lld images, arithmetic %d): status %d",
                   (long long)s->in.dims.h, (long long)s->in.dims.w, (long long)s->in.dims.c, (long long)s->out.dims.h, (long long)s->out.dims.w, (long long)s->out.dims.c,
                   (long long)s->kernel_h, (long long)s->kernel_w, (long long)s->stride, (long long)s->images, (int)s->arithmetic, status);
}

sj_status sj_product_create(const sj_product_shape *shape, sj_product **out, sj_error *err) {
    *out = NULL;
    if (!fits(shape)) {
        return refuse(shape, dnnl_invalid_arguments, err);
    }
    sj_product *p = calloc(1, sizeof *p);
    const int lanes = sj_product_lanes();
    sj_lane *lane_memory = calloc((size_t)lanes, sizeof *lane_memory);
    if (p == NULL || lane_memory == NULL) {
        free(p);
        free(lane_memory);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a product's primitives");
    }
    p->shape = *shape;
    p->type = shape->arithmetic == SJ_ARITHMETIC_BF16_NATIVE ? dnnl_bf16 : dnnl_f32;
    p->pass[PASS_FORWARD].wanted = shape->forward;
    p->pass[PASS_DATA].wanted = shape->needs_dx;
    p->pass[PASS_WEIGHTS].wanted = shape->needs_dw;
    p->lanes = lane_memory;
    p->lane_count = lanes;
    dnnl_status_t status = dnnl_engine_create(&p->engine, dnnl_cpu, 0);
    if (status == dnnl_success) {
        status = sj_product_plan(p);
    }
    if (status != dnnl_success) {
        sj_product_destroy(p);
        return refuse(shape, (int)status, err);
    }
    *out = p;
    return SJ_OK;
}

static void destroy_lane(sj_lane *lane) {
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        for (int role = 0; role < ROLE_COUNT; role++) {
            dnnl_memory_destroy(lane->user[pass][role]);
            dnnl_memory_destroy(lane->own[pass][role]);
        }
        dnnl_memory_destroy(lane->pad[pass]);
    }
    dnnl_memory_destroy(lane->bias);
    dnnl_memory_destroy(lane->partial);
    dnnl_memory_destroy(lane->reorder_pad);
    dnnl_stream_destroy(lane->stream);
}

void sj_product_destroy(sj_product *p) {
    if (p == NULL) {
        return;
    }
    for (int i = 0; i < p->lane_count; i++) {
        destroy_lane(&p->lanes[i]);
    }
    free(p->lanes);
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        sj_pass *s = &p->pass[pass];
        for (int role = 0; role < ROLE_COUNT; role++) {
            dnnl_primitive_destroy(s->operand[role].reorder);
        }
        dnnl_memory_destroy(s->weights);
        free(s->storage);
        dnnl_primitive_destroy(s->weights_reorder);
        dnnl_primitive_destroy(s->primitive);
        dnnl_primitive_desc_destroy(s->pd);
        dnnl_primitive_desc_destroy(s->hint);
    }
    dnnl_engine_destroy(p->engine);
    free(p);
}

// oneDNN takes handles to non-const memory also for what it only reads. Setting a handle writes zeros into the padding of blocked layouts; they are there already.
static dnnl_status_t bind(dnnl_memory_t memory, const void *data) { return dnnl_memory_set_data_handle(memory, (void *)(uintptr_t)data); }

static dnnl_status_t reorder(const sj_product *p, const sj_lane *lane, dnnl_primitive_t primitive, dnnl_memory_t from, dnnl_memory_t to, char *scratch) {
    DNN_TRY(bind(lane->reorder_pad, scratch + p->reorder_pad_at));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, lane->reorder_pad}};
    DNN_TRY(dnnl_primitive_execute(primitive, lane->stream, 3, args));
    return dnnl_stream_wait(lane->stream);
}

// Binds the primitive's memory object of an activation: to the caller's data, or to a copy in the scratch, which is filled where the pass reads it.
static dnnl_status_t bind_operand(const sj_product *p, const sj_lane *lane, int pass, int role, const void *data, char *scratch) {
    const sj_operand *o = &p->pass[pass].operand[role];
    const bool input = sj_pass_reads(pass, role);
    if (o->converted && input) {
        sj_product_load(p, role, data, scratch + o->converted_at);
    }
    const void *user = o->converted ? scratch + o->converted_at : data;
    if (o->reorder == NULL) {
        return bind(lane->own[pass][role], user);
    }
    DNN_TRY(bind(lane->own[pass][role], scratch + o->own_at));
    DNN_TRY(bind(lane->user[pass][role], user));
    return input ? reorder(p, lane, o->reorder, lane->user[pass][role], lane->own[pass][role], scratch) : dnnl_success;
}

static dnnl_status_t hand_back(const sj_product *p, const sj_lane *lane, int pass, int role, void *data, char *scratch) {
    const sj_operand *o = &p->pass[pass].operand[role];
    if (o->reorder != NULL) {
        DNN_TRY(reorder(p, lane, o->reorder, lane->own[pass][role], lane->user[pass][role], scratch));
    }
    if (o->converted) {
        sj_product_store(p, role, scratch + o->converted_at, data);
    }
    return dnnl_success;
}

static dnnl_status_t execute(const sj_product *p, int pass, const sj_lane *lane, dnnl_memory_t w, const float *bias, char *scratch) {
    const sj_pass *s = &p->pass[pass];
    DNN_TRY(bind(lane->pad[pass], scratch + s->pad_at));
    DNN_TRY(bind(lane->bias, bias));
    const dnnl_exec_arg_t args[] = {{pass == PASS_DATA ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, lane->own[pass][ROLE_X]},
                                    {pass == PASS_WEIGHTS ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, w},
                                    {pass == PASS_FORWARD ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, lane->own[pass][ROLE_Y]},
                                    {DNNL_ARG_SCRATCHPAD, lane->pad[pass]},
                                    {DNNL_ARG_BIAS, lane->bias}};
    DNN_TRY(dnnl_primitive_execute(s->primitive, lane->stream, pass == PASS_FORWARD && p->shape.has_bias ? 5 : 4, args));
    return dnnl_stream_wait(lane->stream);
}

static dnnl_status_t run_winograd(const sj_pass *s, int pass, void *x, void *y, dnnl_memory_t w, const float *bias, char *scratch) {
    void *weights;
    DNN_TRY(dnnl_memory_get_data_handle(w, &weights));
    switch (pass) {
    case PASS_FORWARD: sj_winograd_forward(&s->shape, x, weights, false, bias, y, scratch + s->pad_at); break;
    case PASS_DATA: sj_winograd_forward(&s->shape, y, weights, true, NULL, x, scratch + s->pad_at); break;
    default: sj_winograd_weights(&s->shape, x, y, weights, scratch + s->pad_at); break;
    }
    return dnnl_success;
}

static dnnl_status_t run_direct(const sj_product *p, int pass, const sj_lane *lane, void *const data[ROLE_COUNT], dnnl_memory_t w, const float *bias, char *scratch) {
    for (int role = 0; role < ROLE_COUNT; role++) {
        DNN_TRY(bind_operand(p, lane, pass, role, data[role], scratch));
    }
    DNN_TRY(execute(p, pass, lane, w, bias, scratch));
    for (int role = 0; role < ROLE_COUNT; role++) {
        if (!sj_pass_reads(pass, role)) {
            DNN_TRY(hand_back(p, lane, pass, role, data[role], scratch));
        }
    }
    return dnnl_success;
}

static dnnl_status_t run_single(const sj_product *p, int pass, const sj_lane *lane, const void *x, const void *y, dnnl_memory_t w, const float *bias) {
    const sj_pass *s = &p->pass[pass];
    char *scratch = sj_product_scratch(p->scratch_bytes);
    if (scratch == NULL) {
        return dnnl_out_of_memory;
    }
    void *const data[ROLE_COUNT] = {(void *)(uintptr_t)x, (void *)(uintptr_t)y};  // one of them is written, in two passes of three
    return s->winograd ? run_winograd(s, pass, data[ROLE_X], data[ROLE_Y], w, p->shape.has_bias ? bias : NULL, scratch) : run_direct(p, pass, lane, data, w, bias, scratch);
}

static int run(const sj_product *p, int pass, int lane, const void *x, const void *y, dnnl_memory_t w, const float *bias) {
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);  // of this task only: oneDNN would split the work again in a region that happens to have one thread
    const dnnl_status_t status = run_single(p, pass, &p->lanes[lane], x, y, w, bias);
    omp_set_num_threads(threads);
    return (int)status;
}

int sj_product_forward(sj_product *p, int lane, const void *x, const float *bias, void *y) {
    return run(p, PASS_FORWARD, lane, x, y, p->pass[PASS_FORWARD].weights, bias);
}

int sj_product_backward_data(sj_product *p, int lane, const void *dy, void *dx) { return run(p, PASS_DATA, lane, dx, dy, p->pass[PASS_DATA].weights, NULL); }

int sj_product_backward_weights(sj_product *p, int lane, const void *x, const void *dy, float *partial) {
    DNN_TRY(bind(p->lanes[lane].partial, partial));
    return run(p, PASS_WEIGHTS, lane, x, dy, p->lanes[lane].partial, NULL);
}
