// SPDX-License-Identifier: Apache-2.0
#include "sj_dnn.h"

#include <omp.h>
#include <stdlib.h>

#include <oneapi/dnnl/dnnl.h>

enum { PASS_FORWARD, PASS_DATA, PASS_WEIGHTS, PASS_COUNT };
enum { X, W, Y, BIAS, ROLE_COUNT };

#define DNN_TRY(expr)                                    \
    do {                                                 \
        const dnnl_status_t dnn_status_ = (expr);        \
        if (dnn_status_ != dnnl_success) {               \
            return dnn_status_;                          \
        }                                                \
    } while (0)

// Memory objects are cheap handles, one set a lane; data handles are set at each call.
typedef struct lane_state {
    dnnl_stream_t stream;
    dnnl_memory_t user[ROLE_COUNT];        // NHWC, KRSC: the caller's buffers
    dnnl_memory_t scratch[PASS_COUNT];
    dnnl_memory_t dw;                      // in oneDNN's layout; owned
    dnnl_memory_t dw_scratch;              // of the reorder
} lane_state;

struct sj_dnn_product {
    sj_dnn_shape shape;
    bool needs_dx;
    int lane_count;
    dnnl_engine_t engine;
    dnnl_memory_desc_t desc[ROLE_COUNT];
    dnnl_primitive_desc_t pd[PASS_COUNT];
    dnnl_primitive_t primitive[PASS_COUNT];
    dnnl_memory_t weights[PASS_COUNT];     // FORWARD and DATA, in oneDNN's layouts
    dnnl_primitive_t to_internal[PASS_COUNT], dw_to_user;
    size_t dw_scratch_bytes;
    lane_state *lanes;
};

int sj_dnn_lanes(void) { return omp_get_max_threads(); }

static dnnl_status_t describe(sj_dnn_product *p) {
    const sj_dnn_shape *s = &p->shape;
    const dnnl_dims_t bias = {s->out_c};
    DNN_TRY(dnnl_memory_desc_init_by_tag(&p->desc[BIAS], 1, bias, dnnl_f32, dnnl_a));
    if (s->linear) {
        const dnnl_dims_t x = {s->images, s->in_c}, w = {s->out_c, s->in_c}, y = {s->images, s->out_c};
        DNN_TRY(dnnl_memory_desc_init_by_tag(&p->desc[X], 2, x, dnnl_f32, dnnl_ab));
        DNN_TRY(dnnl_memory_desc_init_by_tag(&p->desc[W], 2, w, dnnl_f32, dnnl_ab));
        return dnnl_memory_desc_init_by_tag(&p->desc[Y], 2, y, dnnl_f32, dnnl_ab);
    }
    const dnnl_dims_t x = {s->images, s->in_c, s->in_h, s->in_w}, w = {s->out_c, s->in_c, s->kernel_h, s->kernel_w};
    const dnnl_dims_t y = {s->images, s->out_c, s->out_h, s->out_w};
    DNN_TRY(dnnl_memory_desc_init_by_tag(&p->desc[X], 4, x, dnnl_f32, dnnl_nhwc));
    DNN_TRY(dnnl_memory_desc_init_by_tag(&p->desc[W], 4, w, dnnl_f32, dnnl_ohwi));
    return dnnl_memory_desc_init_by_tag(&p->desc[Y], 4, y, dnnl_f32, dnnl_nhwc);
}

static dnnl_status_t any_weights(const sj_dnn_product *p, dnnl_memory_desc_t *out) {
    return dnnl_memory_desc_init_by_tag(out, p->desc[W].ndims, p->desc[W].dims, dnnl_f32, dnnl_format_tag_any);
}

static dnnl_status_t make_linear_pd(sj_dnn_product *p, int pass, const dnnl_primitive_attr_t attr, const dnnl_memory_desc_t *w) {
    dnnl_inner_product_desc_t d;
    const dnnl_memory_desc_t *bias = p->shape.has_bias ? &p->desc[BIAS] : NULL;
    if (pass == PASS_FORWARD) {
        DNN_TRY(dnnl_inner_product_forward_desc_init(&d, dnnl_forward_training, &p->desc[X], w, bias, &p->desc[Y]));
    } else if (pass == PASS_DATA) {
        DNN_TRY(dnnl_inner_product_backward_data_desc_init(&d, &p->desc[X], w, &p->desc[Y]));
    } else {
        DNN_TRY(dnnl_inner_product_backward_weights_desc_init(&d, &p->desc[X], w, NULL, &p->desc[Y]));
    }
    return dnnl_primitive_desc_create(&p->pd[pass], &d, attr, p->engine, pass == PASS_FORWARD ? NULL : p->pd[PASS_FORWARD]);
}

static dnnl_status_t make_conv_pd(sj_dnn_product *p, int pass, const dnnl_primitive_attr_t attr, const dnnl_memory_desc_t *w) {
    const sj_dnn_shape *s = &p->shape;
    // The far padding is what the output's size needs: less than `padding` where the stride does not divide, and then negative is allowed.
    const dnnl_dims_t strides = {s->stride, s->stride}, near_side = {s->padding, s->padding};
    const dnnl_dims_t far_side = {(s->out_h - 1) * s->stride + s->kernel_h - s->in_h - s->padding, (s->out_w - 1) * s->stride + s->kernel_w - s->in_w - s->padding};
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;  // Winograd would round otherwise than the machine's products
    dnnl_convolution_desc_t d;
    if (pass == PASS_FORWARD) {
        const dnnl_memory_desc_t *bias = s->has_bias ? &p->desc[BIAS] : NULL;
        DNN_TRY(dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, direct, &p->desc[X], w, bias, &p->desc[Y], strides, near_side, far_side));
    } else if (pass == PASS_DATA) {
        DNN_TRY(dnnl_convolution_backward_data_desc_init(&d, direct, &p->desc[X], w, &p->desc[Y], strides, near_side, far_side));
    } else {
        DNN_TRY(dnnl_convolution_backward_weights_desc_init(&d, direct, &p->desc[X], w, NULL, &p->desc[Y], strides, near_side, far_side));
    }
    return dnnl_primitive_desc_create(&p->pd[pass], &d, attr, p->engine, pass == PASS_FORWARD ? NULL : p->pd[PASS_FORWARD]);
}

static dnnl_status_t make_reorder(sj_dnn_product *p, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, const dnnl_primitive_attr_t attr,
                                  size_t *scratch_bytes, dnnl_primitive_t *out) {
    dnnl_primitive_desc_t pd = NULL;
    DNN_TRY(dnnl_reorder_primitive_desc_create(&pd, from, p->engine, to, p->engine, attr));
    if (scratch_bytes != NULL) {
        *scratch_bytes = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    }
    const dnnl_status_t status = dnnl_primitive_create(out, pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static dnnl_status_t make_pass(sj_dnn_product *p, int pass, const dnnl_primitive_attr_t attr) {
    dnnl_memory_desc_t w;
    DNN_TRY(any_weights(p, &w));
    DNN_TRY(p->shape.linear ? make_linear_pd(p, pass, attr, &w) : make_conv_pd(p, pass, attr, &w));
    DNN_TRY(dnnl_primitive_create(&p->primitive[pass], p->pd[pass]));
    if (pass == PASS_WEIGHTS) {
        const dnnl_memory_desc_t *internal = dnnl_primitive_desc_query_md(p->pd[pass], dnnl_query_diff_weights_md, 0);
        return make_reorder(p, internal, &p->desc[W], attr, &p->dw_scratch_bytes, &p->dw_to_user);
    }
    const dnnl_memory_desc_t *internal = dnnl_primitive_desc_query_md(p->pd[pass], dnnl_query_weights_md, 0);
    DNN_TRY(dnnl_memory_create(&p->weights[pass], internal, p->engine, DNNL_MEMORY_ALLOCATE));
    return make_reorder(p, &p->desc[W], internal, NULL, NULL, &p->to_internal[pass]);
}

static dnnl_status_t make_lane(sj_dnn_product *p, lane_state *lane) {
    DNN_TRY(dnnl_stream_create(&lane->stream, p->engine, dnnl_stream_in_order));
    for (int role = 0; role < ROLE_COUNT; role++) {
        DNN_TRY(dnnl_memory_create(&lane->user[role], &p->desc[role], p->engine, DNNL_MEMORY_NONE));
    }
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        if (p->pd[pass] != NULL) {
            const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(p->pd[pass], dnnl_query_scratchpad_md, 0);
            DNN_TRY(dnnl_memory_create(&lane->scratch[pass], scratch, p->engine, DNNL_MEMORY_ALLOCATE));
        }
    }
    const dnnl_memory_desc_t *dw = dnnl_primitive_desc_query_md(p->pd[PASS_WEIGHTS], dnnl_query_diff_weights_md, 0);
    DNN_TRY(dnnl_memory_create(&lane->dw, dw, p->engine, DNNL_MEMORY_ALLOCATE));
    dnnl_memory_desc_t bytes;
    const dnnl_dims_t dims = {(dnnl_dim_t)p->dw_scratch_bytes};
    DNN_TRY(dnnl_memory_desc_init_by_tag(&bytes, p->dw_scratch_bytes > 0 ? 1 : 0, dims, dnnl_u8, dnnl_a));
    return dnnl_memory_create(&lane->dw_scratch, &bytes, p->engine, DNNL_MEMORY_ALLOCATE);
}

static dnnl_status_t make_all(sj_dnn_product *p) {
    DNN_TRY(dnnl_engine_create(&p->engine, dnnl_cpu, 0));
    DNN_TRY(describe(p));
    dnnl_primitive_attr_t attr = NULL;  // a scratchpad of the caller's: the library's own is not safe with several lanes
    DNN_TRY(dnnl_primitive_attr_create(&attr));
    dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    for (int pass = 0; pass < PASS_COUNT && status == dnnl_success; pass++) {
        if (pass != PASS_DATA || p->needs_dx) {
            status = make_pass(p, pass, attr);
        }
    }
    dnnl_primitive_attr_destroy(attr);
    for (int i = 0; i < p->lane_count && status == dnnl_success; i++) {
        status = make_lane(p, &p->lanes[i]);
    }
    return status;
}

sj_status sj_dnn_create(const sj_dnn_shape *shape, bool needs_dx, sj_dnn_product **out, sj_error *err) {
    sj_dnn_product *p = calloc(1, sizeof *p);
    *out = p;
    if (p == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a product's primitives");
    }
    p->shape = *shape;
    p->needs_dx = needs_dx;
    const int lanes = sj_dnn_lanes();
    p->lanes = calloc((size_t)lanes, sizeof *p->lanes);
    p->lane_count = p->lanes == NULL ? 0 : lanes;
    omp_set_num_threads(1);  // oneDNN plans a primitive for the threads it sees when the primitive is made
    const dnnl_status_t status = make_all(p);
    omp_set_num_threads(lanes);
    if (status != dnnl_success || p->lanes == NULL) {
        sj_dnn_destroy(p);
        *out = NULL;
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "oneDNN refuses a product of %lldx%lldx%lld to %lldx%lldx%lld (kernel %lldx%lld, stride %lld): status %d",
                       (long long)shape->in_h, (long long)shape->in_w, (long long)shape->in_c, (long long)shape->out_h, (long long)shape->out_w,
                       (long long)shape->out_c, (long long)shape->kernel_h, (long long)shape->kernel_w, (long long)shape->stride, (int)status);
    }
    return SJ_OK;
}

static void destroy_lane(lane_state *lane) {
    for (int role = 0; role < ROLE_COUNT; role++) {
        dnnl_memory_destroy(lane->user[role]);
    }
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        dnnl_memory_destroy(lane->scratch[pass]);
    }
    dnnl_memory_destroy(lane->dw);
    dnnl_memory_destroy(lane->dw_scratch);
    dnnl_stream_destroy(lane->stream);
}

void sj_dnn_destroy(sj_dnn_product *p) {
    if (p == NULL) {
        return;
    }
    for (int i = 0; i < p->lane_count; i++) {
        destroy_lane(&p->lanes[i]);
    }
    free(p->lanes);
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        dnnl_memory_destroy(p->weights[pass]);
        dnnl_primitive_destroy(p->primitive[pass]);
        dnnl_primitive_destroy(p->to_internal[pass]);
        dnnl_primitive_desc_destroy(p->pd[pass]);
    }
    dnnl_primitive_destroy(p->dw_to_user);
    dnnl_engine_destroy(p->engine);
    free(p);
}

// oneDNN takes handles to non-const memory also for what it only reads.
static dnnl_status_t bind(const lane_state *lane, int role, const float *data) {
    return dnnl_memory_set_data_handle(lane->user[role], (void *)(uintptr_t)data);
}

sj_status sj_dnn_set_weights(sj_dnn_product *p, const float *w, sj_error *err) {
    const lane_state *lane = &p->lanes[0];
    dnnl_status_t status = bind(lane, W, w);
    for (int pass = 0; pass < PASS_WEIGHTS && status == dnnl_success; pass++) {
        if (p->primitive[pass] != NULL) {
            const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, lane->user[W]}, {DNNL_ARG_TO, p->weights[pass]}};
            status = dnnl_primitive_execute(p->to_internal[pass], lane->stream, 2, args);
        }
    }
    return status == dnnl_success ? SJ_OK : sj_dnn_fail((int)status, "weights", err);
}

static dnnl_status_t run(const lane_state *lane, dnnl_primitive_t primitive, int count, const dnnl_exec_arg_t *args) {
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);  // of this task only: oneDNN would split the work again in a region that happens to have one thread
    const dnnl_status_t status = dnnl_primitive_execute(primitive, lane->stream, count, args);
    omp_set_num_threads(threads);
    return status == dnnl_success ? dnnl_stream_wait(lane->stream) : status;
}

int sj_dnn_forward(sj_dnn_product *p, int index, const float *x, const float *bias, float *y) {
    const lane_state *lane = &p->lanes[index];
    DNN_TRY(bind(lane, X, x));
    DNN_TRY(bind(lane, Y, y));
    DNN_TRY(bind(lane, BIAS, bias));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, lane->user[X]}, {DNNL_ARG_WEIGHTS, p->weights[PASS_FORWARD]}, {DNNL_ARG_DST, lane->user[Y]},
                                    {DNNL_ARG_SCRATCHPAD, lane->scratch[PASS_FORWARD]}, {DNNL_ARG_BIAS, lane->user[BIAS]}};
    return (int)run(lane, p->primitive[PASS_FORWARD], p->shape.has_bias ? 5 : 4, args);
}

int sj_dnn_backward_data(sj_dnn_product *p, int index, const float *dy, float *dx) {
    const lane_state *lane = &p->lanes[index];
    DNN_TRY(bind(lane, Y, dy));
    DNN_TRY(bind(lane, X, dx));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_DIFF_DST, lane->user[Y]}, {DNNL_ARG_WEIGHTS, p->weights[PASS_DATA]}, {DNNL_ARG_DIFF_SRC, lane->user[X]},
                                    {DNNL_ARG_SCRATCHPAD, lane->scratch[PASS_DATA]}};
    return (int)run(lane, p->primitive[PASS_DATA], 4, args);
}

int sj_dnn_backward_weights(sj_dnn_product *p, int index, const float *x, const float *dy, float *dw) {
    const lane_state *lane = &p->lanes[index];
    DNN_TRY(bind(lane, X, x));
    DNN_TRY(bind(lane, Y, dy));
    DNN_TRY(bind(lane, W, dw));
    const dnnl_exec_arg_t product[] = {{DNNL_ARG_SRC, lane->user[X]}, {DNNL_ARG_DIFF_DST, lane->user[Y]}, {DNNL_ARG_DIFF_WEIGHTS, lane->dw},
                                       {DNNL_ARG_SCRATCHPAD, lane->scratch[PASS_WEIGHTS]}};
    DNN_TRY(run(lane, p->primitive[PASS_WEIGHTS], 4, product));
    const dnnl_exec_arg_t reorder[] = {{DNNL_ARG_FROM, lane->dw}, {DNNL_ARG_TO, lane->user[W]}, {DNNL_ARG_SCRATCHPAD, lane->dw_scratch}};
    return (int)run(lane, p->dw_to_user, 3, reorder);
}

sj_status sj_dnn_fail(int status, const char *layer, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s: oneDNN failed with status %d", layer, status);
}
