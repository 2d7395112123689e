// SPDX-License-Identifier: Apache-2.0
#include "exactness.h"
#include "sj_test_layer.h"

const char *const exact_kind_names[EXACT_KINDS] = {"gemm", "array_only", "forward", "grad_input", "grad_weight", "instances", "elementwise"};

typedef struct operands {
    bool is_layer;
    sj_test_layer layer;
    sj_tensor x0, x1, dy;  // of a batched product
    void *a, *b;
} operands;

static double random_density(sj_random *r) {
    const uint64_t pick = sj_random_below(r, 8);
    return pick == 0 ? 0.0 : pick == 1 ? 1.0 : sj_random_unit(r);
}

static void *random_matrix(sj_random *r, sj_dtype dtype, int64_t count, double density) {
    sj_bf16 *wide = calloc((size_t)count + 1, sizeof *wide);
    assert_non_null(wide);
    int8_t *narrow = (int8_t *)wide;
    for (int64_t i = 0; i < count; i++) {
        const bool nonzero = density >= 1.0 || sj_random_unit(r) < density;
        const uint64_t bits = sj_random_u64(r);
        if (dtype == SJ_DTYPE_BF16) {  // sign, exponent 120 to 134, any fraction
            wide[i] = nonzero ? (sj_bf16)((bits & 0x8000u) | ((120u + (bits >> 20) % 15u) << 7) | ((bits >> 40) & 0x7fu)) : (sj_bf16)(bits & 0x807fu);  // zeros: also -0 and denormals
        } else {
            narrow[i] = nonzero ? (int8_t)(1 + (int)(bits % 127u)) : (int8_t)0;
            narrow[i] = (int8_t)((bits >> 60) & 1 ? -narrow[i] : narrow[i]);
        }
    }
    return wide;
}

static int64_t random_extent(sj_random *r, int64_t most) { return sj_random_below(r, 16) == 0 ? 1 : sj_test_between(r, 1, most); }

static sj_status make_gemm(sj_random *r, exact_case *c, operands *o, sj_error *err) {
    const int64_t m = random_extent(r, 90);
    const int64_t n = random_extent(r, 40);
    const int64_t k = sj_random_below(r, 20) == 0 ? 0 : random_extent(r, 300);
    o->a = random_matrix(r, c->accel.dtype, m * k, random_density(r));
    o->b = random_matrix(r, c->accel.dtype, k * n, random_density(r));
    return sj_lower_gemm(&c->accel, m, k, n, o->a, o->b, c->kind == EXACT_ARRAY_ONLY, &c->job, err);
}

static sj_status make_grad_input(sj_random *r, exact_case *c, const sj_conv_case *layer, sj_error *err) {
    sj_job **jobs = NULL;
    int count = 0;
    SJ_TRY(sj_lower_grad_input(&c->accel, layer, &jobs, &count, err));
    const int chosen = (int)sj_random_below(r, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        if (i != chosen) {
            sj_job_free(jobs[i]);
        }
    }
    c->job = jobs[chosen];
    free(jobs);
    return SJ_OK;
}

static sj_status make_pass(sj_random *r, exact_case *c, const sj_test_layer *t, sj_error *err) {
    sj_pass pass = {.layer = "pass", .phase = sj_random_below(r, 3) == 0 ? SJ_PHASE_UPDATE : SJ_PHASE_ELEMENTWISE, .batch = t->batch, .read_count = (int)sj_test_between(r, 0, 3), .written_count = (int)sj_test_between(r, 0, 2)};
    for (int i = 0; i < pass.read_count; i++) {
        pass.read[i] = (sj_plane){sj_random_below(r, 3) == 0 ? NULL : &t->x, t->info.in};
    }
    for (int i = 0; i < pass.written_count; i++) {
        pass.written[i] = (sj_plane){sj_random_below(r, 3) == 0 ? NULL : &t->dy, t->info.out};
    }
    pass.raw_read_bytes = sj_test_between(r, 0, 40000);
    pass.raw_written_bytes = sj_test_between(r, 0, 40000);
    pass.vector_ops = sj_test_between(r, 0, 100000);
    return sj_lower_pass(&c->accel, &pass, &c->job, err);
}

// The small integers of a bf16 tensor as int8, in place.
static void narrow(sj_tensor *t) {
    const sj_bf16 *from = t->data;
    int8_t *to = t->data;
    for (int64_t i = 0; i < sj_tensor_count(t); i++) {
        to[i] = (int8_t)sj_bf16_to_f32(from[i]);
    }
    t->type = SJ_TYPE_I8;
}

static sj_tensor batch_tensor(sj_random *r, const exact_case *c, int64_t images, int64_t rows, int64_t columns) {
    sj_tensor t = sj_test_tensor(r, images, rows, 1, columns, random_density(r));
    if (c->accel.dtype == SJ_DTYPE_INT8) {
        narrow(&t);
    }
    return t;
}

static sj_status make_matmul(sj_random *r, exact_case *c, operands *o, sj_error *err) {
    const int64_t stored = sj_test_between(r, 1, 3);
    sj_matmul_case p = {.layer = "matmul", .batch = sj_test_between(r, 1, 5), .rows = random_extent(r, 40), .inner = random_extent(r, 60), .columns = random_extent(r, 30)};
    o->x0 = batch_tensor(r, c, stored, p.rows, p.inner);
    o->x1 = batch_tensor(r, c, stored, p.inner, p.columns);
    o->dy = batch_tensor(r, c, stored, p.rows, p.columns);
    p.x0 = &o->x0;
    p.x1 = &o->x1;
    p.dy = &o->dy;
    const bool known = sj_random_below(r, 2) == 0;
    switch (sj_random_below(r, 3)) {
    case 0:
        p.result = (sj_plane){known ? &o->dy : NULL, {p.rows, 1, p.columns}};
        return sj_lower_matmul(&c->accel, &p, &c->job, err);
    case 1:
        p.result = (sj_plane){known ? &o->x0 : NULL, {p.rows, 1, p.inner}};
        return sj_lower_matmul_grad_x0(&c->accel, &p, &c->job, err);
    default:
        p.result = (sj_plane){known ? &o->x1 : NULL, {p.inner, 1, p.columns}};
        return sj_lower_matmul_grad_x1(&c->accel, &p, &c->job, err);
    }
}

static sj_status make_layer(sj_random *r, exact_case *c, operands *o, sj_error *err) {
    o->is_layer = true;
    const bool grouped = c->kind == EXACT_INSTANCES;
    const int kind = grouped ? (int)sj_test_between(r, EXACT_FORWARD, EXACT_GRAD_WEIGHT) : c->kind;
    o->layer = grouped ? sj_test_layer_make_grouped(r, sj_test_between(r, 2, 9), sj_random_below(r, 2) == 0 ? 1 : 10, 7) : sj_test_layer_make(r, 24, 9);
    if (c->accel.dtype == SJ_DTYPE_INT8) {
        narrow(&o->layer.x);
        narrow(&o->layer.w);
        narrow(&o->layer.dy);
        narrow(&o->layer.dx);
    }
    sj_conv_case layer = sj_test_layer_case(&o->layer);
    const bool known = sj_random_below(r, 2) == 0;
    switch (kind) {
    case EXACT_FORWARD:
        layer.result = (sj_plane){known ? &o->layer.dy : NULL, o->layer.info.out};
        return sj_lower_forward(&c->accel, &layer, &c->job, err);
    case EXACT_GRAD_INPUT:
        layer.result = (sj_plane){known ? &o->layer.dx : NULL, o->layer.info.in};
        return make_grad_input(r, c, &layer, err);
    case EXACT_GRAD_WEIGHT:
        return sj_lower_grad_weight(&c->accel, &layer, &c->job, err);
    default:
        return make_pass(r, c, &o->layer, err);
    }
}

static sj_status make_operands(sj_random *r, exact_case *c, operands *o, sj_error *err) {
    if (c->kind <= EXACT_ARRAY_ONLY) {
        return make_gemm(r, c, o, err);
    }
    const bool matrices = c->kind == EXACT_INSTANCES && sj_random_below(r, 2) == 0;
    return matrices ? make_matmul(r, c, o, err) : make_layer(r, c, o, err);
}

static void free_operands(operands *o) {
    if (o->is_layer) {
        sj_test_layer_free(&o->layer);
    }
    free(o->x0.data);
    free(o->x1.data);
    free(o->dy.data);
    free(o->a);
    free(o->b);
    free(o);
}

static sj_accel random_accel(sj_random *r, const sj_accel *shape) {
    sj_accel a = sj_test_accel(r);
    if (sj_random_below(r, 3) == 0) {  // wide buses: bound by work
        a.a_bytes = a.b_bytes = a.o_bytes = a.line_bytes = 64;
    } else if (sj_random_below(r, 12) == 0) {
        a.a_bytes = a.b_bytes = a.o_bytes = 1;
    }
    if (shape != NULL) {
        a.rows = shape->rows;
        a.lanes = shape->lanes;
        a.slots = shape->slots;
        a.k_tile = shape->k_tile;
        a.acc_banks = shape->acc_banks;
        a.dtype = shape->dtype;
    } else if (sj_random_below(r, 4) == 0) {
        a.dtype = SJ_DTYPE_INT8;
    }
    a.issue_padding = sj_random_below(r, 8) == 0;
    return a;
}

exact_case exact_case_make(sj_random *r, const sj_accel *shape, int kind) {
    for (;;) {
        exact_case c = {.accel = random_accel(r, shape)};
        c.kind = kind >= 0 ? kind : (int)sj_random_below(r, EXACT_KINDS);
        c.variant = (sj_variant){(sj_machine)sj_random_below(r, 3), (sj_codec)sj_random_below(r, SJ_CODEC_COUNT)};
        operands *o = calloc(1, sizeof *o);
        assert_non_null(o);
        sj_error err = {0};
        const sj_status status = make_operands(r, &c, o, &err);
        c.storage = o;
        if (status == SJ_OK) {
            c.job->out_ops = c.job->is_product ? sj_test_between(r, 0, 4) * (int64_t)sj_random_below(r, 2) : 0;
            c.job->rng_samples = c.job->is_product ? 0 : sj_test_between(r, 0, 1000);
            return c;
        }
        if (status != SJ_ERR_RANGE) {
            fail_msg("a case could not be made: %s", err.message);
        }
        free_operands(o);  // a tile larger than the random buffer: draw again
    }
}

void exact_case_free(exact_case *c) {
    sj_job_free(c->job);
    free_operands(c->storage);
}
