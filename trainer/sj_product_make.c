// SPDX-License-Identifier: Apache-2.0
// How a product is planned: descriptions, which algorithm, where in the scratch things go.
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "sj_product_internal.h"

bool sj_cpu_has_bf16(void) { return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16; }

int64_t sj_cpu_block(bool native_bf16) {
    const unsigned isa = dnnl_get_effective_cpu_isa();
    if (native_bf16 && (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx) {
        return 0;
    }
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core) {
        return 16;
    }
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? 8 : 0;
}

// Where Winograd wins over oneDNN's direct convolution (AVX-512, ResNet18's shapes at width 16 and 64): once a chunk has some 4 x 4 tiles of output that share the transformation of
// the weights, more than half of their pixels are wanted, and, for the weight gradient, from 32 channels on. us an image on two cores, direct / Winograd, of forward, data, weights:
//   16 channels at 32x32, 8 images   32 / 22    23 / 22    23 / 24        64 at 32x32, 8     294 / 159   324 / 153   343 / 187
//   32 at 16x16, 8                   19 / 15    19 / 14    21 / 15        128 at 16x16, 8    304 / 174   298 / 167   332 / 195
//   64 at 8x8, 16                    18 / 11    18 / 11    21 / 12        256 at 8x8, 16     286 / 143   284 / 146   397 / 190
//   128 at 4x4, 32 (8)               20 / 11 (14)   14 / 10 (12)   25 / 11 (16)               512 at 4x4, 32 (8)   291 / 166 (239)   228 / 158 (201)   898 / 161 (263)
static bool winograd_pays(const sj_product_shape *s, int pass) {
    const int64_t tiles = s->images * ((s->out.dims.h + 3) / 4) * ((s->out.dims.w + 3) / 4);
    const bool narrow = s->in.dims.c < 32 || s->out.dims.c < 32;
    return tiles >= 8 && 2 * s->images * sj_layout_pixels(&s->out) > 16 * tiles && !(pass == PASS_WEIGHTS && narrow);
}

static bool takes_winograd(const sj_product *p, int pass, sj_winograd *shape) {
    const sj_product_shape *s = &p->shape;
    *shape = (sj_winograd){s->images, sj_layout_channels(&s->in), s->in.dims.h, s->in.dims.w, sj_layout_channels(&s->out), s->out.dims.h, s->out.dims.w, s->padding, s->out.dims.c, s->in.bf16};
    const bool fits = !s->linear && s->kernel_h == 3 && s->kernel_w == 3 && s->stride == 1 && p->type == dnnl_f32 && s->in.block == 16 && s->out.block == 16 && sj_winograd_fits(shape);
    return fits && (s->algorithm == SJ_ALGORITHM_WINOGRAD || (s->algorithm == SJ_ALGORITHM_AUTO && winograd_pays(s, pass)));
}

// (images, C, H, W) in oneDNN's words. A linear layer's y is (images, K) after conversion, and its x too where an image is a plain row.
static dnnl_status_t describe_activation(const sj_product *p, int role, dnnl_memory_desc_t *out) {
    const sj_layout *l = role == ROLE_X ? &p->shape.in : &p->shape.out;
    const dnnl_dims_t dims = {p->shape.images, l->dims.c, l->dims.h, l->dims.w};
    const bool row = p->shape.linear && (role == ROLE_Y || (sj_layout_pixels(l) == 1 && sj_layout_channels(l) == l->dims.c));
    if (row) {
        return dnnl_memory_desc_init_by_tag(out, 2, dims, p->type, dnnl_ab);
    }
    if (l->block == 16 || l->block == 8) {
        return dnnl_memory_desc_init_by_tag(out, 4, dims, p->type, l->block == 16 ? dnnl_nChw16c : dnnl_nChw8c);
    }
    if (l->block == 1 || l->block == l->dims.c) {
        return dnnl_memory_desc_init_by_tag(out, 4, dims, p->type, l->block == 1 ? dnnl_nchw : dnnl_nhwc);
    }
    DNN_TRY(dnnl_memory_desc_init_by_tag(out, 4, dims, p->type, dnnl_nChw16c));
    dnnl_blocking_desc_t *blocking = &out->format_desc.blocking;
    blocking->inner_blks[0] = l->block;
    blocking->strides[3] = l->block;
    blocking->strides[2] = l->block * l->dims.w;
    blocking->strides[1] = l->block * sj_layout_pixels(l);
    blocking->strides[0] = sj_layout_values(l);
    out->padded_dims[1] = sj_layout_channels(l);
    return dnnl_success;
}

static dnnl_status_t describe(sj_product *p) {
    const sj_product_shape *s = &p->shape;
    const dnnl_dims_t bias = {s->out.dims.c}, row = {s->out.dims.c, s->in.dims.c};
    const dnnl_dims_t w = {s->out.dims.c, s->in.dims.c, s->linear ? s->in.dims.h : s->kernel_h, s->linear ? s->in.dims.w : s->kernel_w};
    DNN_TRY(dnnl_memory_desc_init_by_tag(&p->bias, 1, bias, dnnl_f32, dnnl_a));
    dnnl_memory_desc_t x;
    DNN_TRY(describe_activation(p, ROLE_X, &x));
    const bool is_row = x.ndims == 2;
    return dnnl_memory_desc_init_by_tag(&p->user_w, x.ndims, is_row ? row : w, dnnl_f32, is_row ? dnnl_ab : dnnl_ohwi);
}

// Whatever layout suits the primitive.
static dnnl_status_t any_like(const dnnl_memory_desc_t *d, dnnl_data_type_t type, dnnl_memory_desc_t *out) {
    return dnnl_memory_desc_init_by_tag(out, d->ndims, d->dims, type, dnnl_format_tag_any);
}

typedef struct attempt {
    bool own_layouts;  // the primitive chooses: reorders through the scratch
    bool reference;    // also oneDNN's plain loops, which are a thousand times slower
} attempt;

typedef union any_desc {
    dnnl_convolution_desc_t convolution;
    dnnl_inner_product_desc_t inner_product;
} any_desc;

static dnnl_status_t describe_linear(const sj_product *p, int pass, const dnnl_memory_desc_t md[3], dnnl_inner_product_desc_t *d) {
    switch (pass) {
    case PASS_FORWARD: return dnnl_inner_product_forward_desc_init(d, dnnl_forward_training, &md[0], &md[1], p->shape.has_bias ? &p->bias : NULL, &md[2]);
    case PASS_DATA: return dnnl_inner_product_backward_data_desc_init(d, &md[0], &md[1], &md[2]);
    default: return dnnl_inner_product_backward_weights_desc_init(d, &md[0], &md[1], NULL, &md[2]);
    }
}

static dnnl_status_t describe_convolution(const sj_product *p, int pass, const dnnl_memory_desc_t md[3], dnnl_convolution_desc_t *d) {
    const sj_product_shape *s = &p->shape;
    // The far padding is what the output's size needs: less than `padding` where the stride does not divide, and then negative is allowed.
    const dnnl_dims_t strides = {s->stride, s->stride}, near_side = {s->padding, s->padding};
    const dnnl_dims_t far_side = {(s->out.dims.h - 1) * s->stride + s->kernel_h - s->in.dims.h - s->padding, (s->out.dims.w - 1) * s->stride + s->kernel_w - s->in.dims.w - s->padding};
    const dnnl_memory_desc_t *bias = s->has_bias ? &p->bias : NULL;
    const dnnl_alg_kind_t algorithm = dnnl_convolution_direct;
    switch (pass) {
    case PASS_FORWARD: return dnnl_convolution_forward_desc_init(d, dnnl_forward_training, algorithm, &md[0], &md[1], bias, &md[2], strides, near_side, far_side);
    case PASS_DATA: return dnnl_convolution_backward_data_desc_init(d, algorithm, &md[0], &md[1], &md[2], strides, near_side, far_side);
    default: return dnnl_convolution_backward_weights_desc_init(d, algorithm, &md[0], &md[1], NULL, &md[2], strides, near_side, far_side);
    }
}

static dnnl_status_t make_pd(const sj_product *p, int pass, const attempt *a, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out) {
    dnnl_memory_desc_t md[3];
    for (int role = 0; role < ROLE_COUNT; role++) {
        const dnnl_memory_desc_t *user = &p->pass[pass].operand[role].user;
        md[2 * role] = *user;
        if (a->own_layouts) {
            DNN_TRY(any_like(user, p->type, &md[2 * role]));
        }
    }
    any_desc d;
    // Called for the hint, too: then the pass is the forward one although the operands are another's.
    const int described = hint == NULL ? PASS_FORWARD : pass;
    DNN_TRY(any_like(&p->user_w, described == PASS_WEIGHTS ? dnnl_f32 : p->type, &md[1]));
    DNN_TRY(p->shape.linear ? describe_linear(p, described, md, &d.inner_product) : describe_convolution(p, described, md, &d.convolution));
    DNN_TRY(dnnl_primitive_desc_create(out, &d, attr, p->engine, hint));
    const char *implementation = "";
    DNN_TRY(dnnl_primitive_desc_query(*out, dnnl_query_impl_info_str, 0, (void *)&implementation));
    return a->reference || described != pass || strstr(implementation, "ref") == NULL ? dnnl_success : dnnl_unimplemented;
}

static void drop_pd(dnnl_primitive_desc_t *pd) {
    if (*pd != NULL) {
        dnnl_primitive_desc_destroy(*pd);
    }
    *pd = NULL;
}

static dnnl_status_t choose_pd(sj_product *p, int pass, dnnl_primitive_attr_t attr) {
    const attempt attempts[] = {{false, false}, {true, false}, {false, true}};
    sj_pass *s = &p->pass[pass];
    dnnl_status_t status = dnnl_unimplemented;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0] && status != dnnl_success; i++) {
        drop_pd(&s->pd);
        drop_pd(&s->hint);
        status = pass == PASS_FORWARD ? dnnl_success : make_pd(p, pass, &attempts[i], attr, NULL, &s->hint);
        if (status == dnnl_success) {
            status = make_pd(p, pass, &attempts[i], attr, s->hint, &s->pd);
        }
    }
    return status;
}

static dnnl_status_t make_reorder(sj_product *p, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, dnnl_primitive_attr_t attr, dnnl_primitive_t *out) {
    dnnl_primitive_desc_t pd = NULL;
    DNN_TRY(dnnl_reorder_primitive_desc_create(&pd, from, p->engine, to, p->engine, attr));
    const size_t pad = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    p->reorder_pad_bytes = pad > p->reorder_pad_bytes ? pad : p->reorder_pad_bytes;
    const dnnl_status_t status = dnnl_primitive_create(out, pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static size_t claim(size_t *top, size_t bytes) {
    const size_t at = *top;
    *top += (bytes + 63) / 64 * 64;
    return at;
}

static dnnl_status_t make_operand(sj_product *p, int pass, int role, dnnl_primitive_attr_t attr, size_t *top) {
    sj_operand *o = &p->pass[pass].operand[role];
    const bool input = sj_pass_reads(pass, role);
    const dnnl_query_t x = pass == PASS_DATA ? dnnl_query_diff_src_md : dnnl_query_src_md, y = pass == PASS_FORWARD ? dnnl_query_dst_md : dnnl_query_diff_dst_md;
    o->own = *dnnl_primitive_desc_query_md(p->pass[pass].pd, role == ROLE_X ? x : y, 0);
    if (o->converted) {
        o->converted_at = claim(top, dnnl_memory_desc_get_size(&o->user));
    }
    if (dnnl_memory_desc_equal(&o->own, &o->user)) {
        return dnnl_success;
    }
    o->own_at = claim(top, dnnl_memory_desc_get_size(&o->own));
    return make_reorder(p, input ? &o->user : &o->own, input ? &o->own : &o->user, attr, &o->reorder);
}

static bool is_converted(const sj_product *p, int role) {
    const sj_layout *l = role == ROLE_X ? &p->shape.in : &p->shape.out;
    const bool padded_row = p->shape.linear && role == ROLE_Y && sj_layout_channels(l) != l->dims.c;
    return padded_row || (l->bf16 && p->type == dnnl_f32);
}

// sj_winograd.h's weights: blocks of 16 output channels; backward by data they are the product's input channels. The other channels are not blocked, but padded all the same: a hole behind
// the last one in each block, which copies leave as it is.
static dnnl_status_t describe_winograd_weights(const sj_product *p, int pass, dnnl_memory_desc_t *w) {
    const int outer = pass == PASS_DATA ? 1 : 0;
    DNN_TRY(dnnl_memory_desc_init_by_tag(w, 4, p->user_w.dims, dnnl_f32, dnnl_Oihw16o));
    dnnl_blocking_desc_t *blocking = &w->format_desc.blocking;
    blocking->inner_idxs[0] = outer;
    blocking->strides[3] = 16;
    blocking->strides[2] = 3 * 16;
    blocking->strides[1 - outer] = 9 * 16;
    blocking->strides[outer] = p->pass[pass].shape.in_c * 9 * 16;
    w->padded_dims[0] = p->user_w.dims[0];
    w->padded_dims[outer] = p->pass[pass].shape.out_c;
    return dnnl_success;
}

static dnnl_status_t make_winograd(sj_product *p, int pass, size_t *top) {
    sj_pass *s = &p->pass[pass];
    if (pass == PASS_DATA) {
        const sj_winograd f = s->shape;
        s->shape = (sj_winograd){f.images, f.out_c, f.out_h, f.out_w, f.in_c, f.in_h, f.in_w, 2 - f.padding, f.in_c, f.bf16};
    }
    s->pad_at = claim(top, sj_winograd_scratch(&s->shape));
    return describe_winograd_weights(p, pass, &s->w);
}

static dnnl_status_t make_direct(sj_product *p, int pass, dnnl_primitive_attr_t attr, size_t *top) {
    sj_pass *s = &p->pass[pass];
    for (int role = 0; role < ROLE_COUNT; role++) {
        s->operand[role].converted = is_converted(p, role);
        DNN_TRY(describe_activation(p, role, &s->operand[role].user));
    }
    DNN_TRY(choose_pd(p, pass, attr));
    DNN_TRY(dnnl_primitive_create(&s->primitive, s->pd));
    for (int role = 0; role < ROLE_COUNT; role++) {
        DNN_TRY(make_operand(p, pass, role, attr, top));
    }
    s->pad = *dnnl_primitive_desc_query_md(s->pd, dnnl_query_scratchpad_md, 0);
    s->pad_at = claim(top, dnnl_memory_desc_get_size(&s->pad));
    s->w = *dnnl_primitive_desc_query_md(s->pd, pass == PASS_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    return dnnl_success;
}

static dnnl_status_t make_pass(sj_product *p, int pass, dnnl_primitive_attr_t attr) {
    sj_pass *s = &p->pass[pass];
    size_t top = 0;
    s->winograd = takes_winograd(p, pass, &s->shape);
    DNN_TRY(s->winograd ? make_winograd(p, pass, &top) : make_direct(p, pass, attr, &top));
    s->w_bytes = s->winograd ? (size_t)(s->shape.in_c * s->shape.out_c * 9) * sizeof(float) : dnnl_memory_desc_get_size(&s->w);
    p->reorder_pad_at = top > p->reorder_pad_at ? top : p->reorder_pad_at;
    if (pass == PASS_WEIGHTS || p->shape.dry) {
        return dnnl_success;
    }
    const size_t bytes = (s->w_bytes + 63) / 64 * 64;
    s->storage = aligned_alloc(64, bytes);
    if (s->storage == NULL) {
        return dnnl_out_of_memory;
    }
    memset(s->storage, 0, bytes);
    return dnnl_memory_create(&s->weights, &s->w, p->engine, s->storage);
}

// These copy the weights of the whole product and are planned for all threads, unlike the rest: copies are the same however they are cut.
static dnnl_status_t make_weights_reorder(sj_product *p, int pass) {
    sj_pass *s = &p->pass[pass];
    const bool gradient = pass == PASS_WEIGHTS;
    const int threads = omp_get_max_threads();
    omp_set_num_threads(sj_product_is_small(p) ? 1 : threads);
    const dnnl_status_t status = make_reorder(p, gradient ? &s->w : &p->user_w, gradient ? &p->user_w : &s->w, NULL, &s->weights_reorder);
    omp_set_num_threads(threads);
    return status;
}

static dnnl_status_t make_lane(const sj_product *p, sj_lane *lane) {
    DNN_TRY(dnnl_stream_create(&lane->stream, p->engine, dnnl_stream_in_order));
    DNN_TRY(dnnl_memory_create(&lane->bias, &p->bias, p->engine, DNNL_MEMORY_NONE));
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        const sj_pass *s = &p->pass[pass];
        for (int role = 0; role < ROLE_COUNT && s->wanted && !s->winograd; role++) {
            DNN_TRY(dnnl_memory_create(&lane->user[pass][role], &s->operand[role].user, p->engine, DNNL_MEMORY_NONE));
            DNN_TRY(dnnl_memory_create(&lane->own[pass][role], &s->operand[role].own, p->engine, DNNL_MEMORY_NONE));
        }
        if (s->wanted && !s->winograd) {
            DNN_TRY(dnnl_memory_create(&lane->pad[pass], &s->pad, p->engine, DNNL_MEMORY_NONE));
        }
    }
    if (p->pass[PASS_WEIGHTS].wanted) {
        DNN_TRY(dnnl_memory_create(&lane->partial, &p->pass[PASS_WEIGHTS].w, p->engine, DNNL_MEMORY_NONE));
    }
    dnnl_memory_desc_t pad;
    const dnnl_dims_t bytes = {(dnnl_dim_t)p->reorder_pad_bytes};
    DNN_TRY(dnnl_memory_desc_init_by_tag(&pad, p->reorder_pad_bytes > 0 ? 1 : 0, bytes, dnnl_u8, dnnl_a));
    return dnnl_memory_create(&lane->reorder_pad, &pad, p->engine, DNNL_MEMORY_NONE);
}

dnnl_status_t sj_product_plan(sj_product *p) {
    dnnl_primitive_attr_t attr = NULL;  // a scratchpad of the caller's: the library's own is not safe with several lanes
    dnnl_status_t status = describe(p);
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_create(&attr);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    }
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);  // oneDNN plans a primitive for the threads it sees when the primitive is made
    for (int pass = 0; pass < PASS_COUNT && status == dnnl_success; pass++) {
        status = p->pass[pass].wanted ? make_pass(p, pass, attr) : dnnl_success;
    }
    omp_set_num_threads(threads);
    dnnl_primitive_attr_destroy(attr);
    const size_t reorder_pad = p->reorder_pad_bytes;
    for (int pass = 0; pass < PASS_COUNT && status == dnnl_success; pass++) {
        status = p->pass[pass].wanted ? make_weights_reorder(p, pass) : dnnl_success;
    }
    p->reorder_pad_bytes = reorder_pad;  // without the user's scratchpad mode: these have their own
    p->scratch_bytes = p->reorder_pad_at + reorder_pad;
    for (int i = 0; i < p->lane_count && status == dnnl_success; i++) {
        status = make_lane(p, &p->lanes[i]);
    }
    return status;
}
