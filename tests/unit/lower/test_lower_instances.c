// SPDX-License-Identifier: Apache-2.0
// Are the instances of a grouped convolution and of a batched product the products that plain loops over the layer's own indices make? Is every output stored once?
#include "sj_test_layer.h"

static double at_operand(const sj_operand *o, int64_t instance, int64_t u, int64_t k) {
    const sj_operand one = sj_operand_instance(o, instance);
    const int64_t offset = sj_operand_offset(&one, u, k);
    return offset == SJ_PADDING ? 0.0 : (double)sj_bf16_to_f32(((const sj_bf16 *)one.values.data)[offset]);
}

static double product(const sj_job *job, int64_t instance, int64_t m, int64_t n) {
    double sum = 0.0;
    for (int64_t k = 0; k < job->k; k++) {
        sum += at_operand(&job->a, instance, m, k) * at_operand(&job->b, instance, n, k);
    }
    return sum;
}

// Every value of a stream once for each time that its image repeats; every (instance, m, n, k) in one block; every output stored once.
static void check_stream(const sj_stream *s, int64_t repeats) {
    if (s->kind == SJ_STREAM_RAW || s->length == 0) {
        return;
    }
    int64_t highest = 0;
    for (int64_t v = 0; v < s->length; v++) {
        highest = sj_max64(highest, sj_stream_offset(s, v));
    }
    uint8_t *visits = calloc((size_t)highest + 1, 1);
    assert_non_null(visits);
    for (int64_t v = 0; v < s->length; v++) {
        assert_true(++visits[sj_stream_offset(s, v)] <= repeats);
    }
    free(visits);
}

static void check_blocks(const sj_job *job) {
    int64_t volume = 0;
    int64_t stored = 0;
    uint8_t *seen = calloc((size_t)job->streams[2].length + 1, 1);
    assert_non_null(seen);
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        assert_in_range(b->instance, 0, sj_job_instances(job) - 1);
        assert_int_equal(b->vector_ops, 0);
        volume += (b->m1 - b->m0) * (b->n1 - b->n0) * (b->k1 - b->k0);
        for (int64_t j = 0; j < i; j++) {
            const sj_block *o = &job->blocks[j];
            assert_false(b->instance == o->instance && b->m0 < o->m1 && o->m0 < b->m1 && b->n0 < o->n1 && o->n0 < b->n1 && b->k0 < o->k1 && o->k0 < b->k1);
        }
        for (int s = b->store_first; s < b->store_first + b->store_count; s++) {
            for (int64_t v = job->segments[s].begin; v < job->segments[s].end; v++, stored++) {
                assert_int_equal(seen[v]++, 0);
            }
        }
    }
    assert_int_equal(volume, sj_job_instances(job) * job->m * job->n * job->k);
    assert_int_equal(stored, job->streams[2].length);
    free(seen);
}

// What a block has been loaded: its own segments, or the ones of the block before that had the same operand.
static void check_needs(const sj_job *job, int which) {
    const sj_operand *o = which == 0 ? &job->a : &job->b;
    const sj_stream *s = &job->streams[which];
    int64_t highest = 0;
    for (int64_t v = 0; v < s->length; v++) {
        highest = sj_max64(highest, sj_stream_offset(s, v));
    }
    uint8_t *present = calloc((size_t)highest + 1, 1);
    assert_non_null(present);
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        bool loaded = false;
        for (int j = b->load_first; j < b->load_first + b->load_count; j++) {
            const sj_segment *g = &job->segments[j];
            if (g->stream != which) {
                continue;
            }
            if (!loaded) {
                memset(present, 0, (size_t)highest + 1);
                loaded = true;
            }
            for (int64_t v = g->begin; v < g->end; v++) {
                present[sj_stream_offset(s, v)] = 1;
            }
        }
        const int64_t shift = (o->instance_period > 0 ? b->instance % o->instance_period : b->instance) * o->instance_shift;
        const int64_t u0 = which == 0 ? b->m0 : b->n0, u1 = which == 0 ? b->m1 : b->n1;
        for (int64_t u = u0; u < u1; u++) {
            for (int64_t k = b->k0; k < b->k1; k++) {
                const int64_t offset = sj_operand_offset(o, u, k);
                assert_true(offset == SJ_PADDING || present[shift + offset] == 1);
            }
        }
    }
    free(present);
}

static void check_job(const sj_job *job, int64_t repeats) {
    check_blocks(job);
    check_needs(job, 0);
    check_needs(job, 1);
    for (int i = 0; i < 3; i++) {
        check_stream(&job->streams[i], repeats);
    }
}

// ---- groups

static sj_test_layer grouped_layer(sj_random *r) {
    sj_test_layer t = sj_test_layer_make(r, 4, 6);
    sj_layer_info *l = &t.info;
    const bool depthwise = sj_random_below(r, 3) == 0;
    l->groups = sj_test_between(r, 2, 5);
    l->in.c = l->groups * (depthwise ? 1 : sj_test_between(r, 1, 12));
    l->out.c = l->groups * (depthwise ? 1 : sj_test_between(r, 1, 12));
    const int64_t stored = t.x.dims[0];
    free(t.x.data);
    free(t.dx.data);
    free(t.w.data);
    free(t.dy.data);
    t.x = sj_test_tensor(r, stored, l->in.h, l->in.w, l->in.c, 0.5);
    t.dx = sj_test_tensor(r, stored, l->in.h, l->in.w, l->in.c, 0.5);
    t.w = sj_test_tensor(r, l->out.c, l->kernel_h, l->kernel_w, l->in.c / l->groups, 1.0);
    t.dy = sj_test_tensor(r, stored, l->out.h, l->out.w, l->out.c, 0.5);
    t.has_keep = false;
    return t;
}

// All three results by one walk over the layer's own indices: out, dx and dw are zeroed by the caller.
typedef struct naive {
    double *out, *dx, *dw;
} naive;

static void convolve(const sj_test_layer *t, naive *n) {
    const sj_layer_info *l = &t->info;
    const int64_t cg = l->in.c / l->groups, og = l->out.c / l->groups;
    for (int64_t i = 0; i < t->batch * l->out.h * l->out.w * l->out.c; i++) {
        const int64_t co = i % l->out.c, ox = i / l->out.c % l->out.w, oy = i / l->out.c / l->out.w % l->out.h, image = i / l->out.c / l->out.w / l->out.h;
        const int64_t stored = image % t->x.dims[0];
        for (int64_t tap = 0; tap < l->kernel_h * l->kernel_w; tap++) {
            const int64_t r = tap / l->kernel_w, s = tap % l->kernel_w;
            const int64_t y = oy * l->stride + r - l->padding, x = ox * l->stride + s - l->padding;
            for (int64_t j = 0; y >= 0 && y < l->in.h && x >= 0 && x < l->in.w && j < cg; j++) {
                const int64_t ci = co / og * cg + j;
                const double xv = (double)sj_test_at(&t->x, stored, y, x, ci), wv = (double)sj_test_at(&t->w, co, r, s, j), dv = (double)sj_test_at(&t->dy, stored, oy, ox, co);
                n->out[i] += xv * wv;
                n->dx[((image * l->in.h + y) * l->in.w + x) * l->in.c + ci] += dv * wv;
                n->dw[(co * l->kernel_h * l->kernel_w + tap) * cg + j] += dv * xv;
            }
        }
    }
}

static double *zeros(int64_t count) {
    double *v = calloc((size_t)count, sizeof *v);
    assert_non_null(v);
    return v;
}

static void check_group_forward(const sj_accel *accel, const sj_test_layer *t, const naive *expected) {
    sj_error err = {0};
    sj_job *job = NULL;
    sj_conv_case c = sj_test_layer_case(t);
    c.result = (sj_plane){&t->dy, t->info.out};  // its values do not matter here, its places do
    c.out_ops = 3;
    assert_int_equal(sj_lower_forward(accel, &c, &job, &err), SJ_OK);
    assert_int_equal(job->instances, t->info.groups);
    assert_int_equal(job->out_ops, 3);
    assert_int_equal((int64_t)job->uncompacted_macs, job->instances * job->m * job->n * job->k);
    for (int64_t i = 0; i < job->instances * job->m * job->n; i++) {
        const int64_t n = i % job->n, m = i / job->n % job->m, g = i / job->n / job->m;
        assert_true(product(job, g, m, n) == expected->out[m * t->info.out.c + g * job->n + n]);
    }
    check_job(job, sj_ceil_div(t->batch, t->x.dims[0]));
    sj_job_free(job);
}

static void check_group_grad_input(const sj_accel *accel, const sj_test_layer *t, const naive *expected) {
    sj_error err = {0};
    sj_job **jobs = NULL;
    int count = 0;
    const sj_layer_info *l = &t->info;
    sj_conv_case c = sj_test_layer_case(t);
    c.result = (sj_plane){&t->dx, l->in};
    assert_int_equal(sj_lower_grad_input(accel, &c, &jobs, &count, &err), SJ_OK);
    int64_t covered = 0;
    int j = 0;
    for (int64_t phase = 0; phase < l->stride * l->stride; phase++) {
        const int64_t py = phase / l->stride, px = phase % l->stride;
        if (py >= l->in.h || px >= l->in.w) {
            continue;
        }
        const sj_job *job = jobs[j++];
        for (int64_t i = 0; i < job->instances * job->m * job->n; i++, covered++) {
            const int64_t n = i % job->n, m = i / job->n % job->m, g = i / job->n / job->m;
            const int64_t x = m % job->a.grid_w * l->stride + px, y = m / job->a.grid_w % job->a.grid_h * l->stride + py, image = m / job->a.grid_w / job->a.grid_h;
            assert_true(product(job, g, m, n) == expected->dx[((image * l->in.h + y) * l->in.w + x) * l->in.c + g * job->n + n]);
        }
        check_job(job, sj_ceil_div(t->batch, t->x.dims[0]));
    }
    assert_int_equal(covered, t->batch * l->in.h * l->in.w * l->in.c);
    for (j = 0; j < count; j++) {
        sj_job_free(jobs[j]);
    }
    free(jobs);
}

static void check_group_grad_weight(const sj_accel *accel, const sj_test_layer *t, const naive *expected, int64_t *swapped_jobs) {
    sj_error err = {0};
    sj_job *job = NULL;
    const sj_conv_case c = sj_test_layer_case(t);
    assert_int_equal(sj_lower_grad_weight(accel, &c, &job, &err), SJ_OK);
    const bool swapped = job->a.values.data == t->x.data;
    *swapped_jobs += swapped;
    assert_int_equal(job->streams[2].length, job->instances * job->m * job->n);
    for (int64_t i = 0; i < job->instances * job->m * job->n; i++) {
        const int64_t n = i % job->n, m = i / job->n % job->m, g = i / job->n / job->m;
        const int64_t co = g * (t->info.out.c / t->info.groups) + (swapped ? n : m), filter = swapped ? job->m : job->n;
        assert_true(product(job, g, m, n) == expected->dw[co * filter + (swapped ? m : n)]);
    }
    check_job(job, sj_ceil_div(t->batch, t->x.dims[0]));
    sj_job_free(job);
}

static void groups_are_instances(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(19));
    int64_t swapped = 0;
    for (int i = 0; i < 120; i++) {
        sj_accel accel = sj_test_accel(&r);
        accel.buffer_kib = sj_random_below(&r, 2) == 0 ? 256 : 48;
        sj_test_layer t = grouped_layer(&r);
        const sj_layer_info *l = &t.info;
        naive expected = {zeros(t.batch * l->out.h * l->out.w * l->out.c), zeros(t.batch * l->in.h * l->in.w * l->in.c), zeros(sj_tensor_count(&t.w))};
        convolve(&t, &expected);
        check_group_forward(&accel, &t, &expected);
        check_group_grad_input(&accel, &t, &expected);
        check_group_grad_weight(&accel, &t, &expected, &swapped);
        free(expected.out);
        free(expected.dx);
        free(expected.dw);
        sj_test_layer_free(&t);
    }
    assert_in_range(swapped, 1, 119);  // both orders were looked at
}

// ---- batched products

typedef struct matmul {
    sj_matmul_case c;
    sj_tensor x0, x1, dy;
} matmul;

static double at(const sj_tensor *t, int64_t image, int64_t pixel, int64_t channel) {
    const int64_t plane = t->dims[1] * t->dims[2];
    return (double)sj_bf16_to_f32(((const sj_bf16 *)t->data)[(image % t->dims[0] * plane + pixel) * t->dims[3] + channel]);
}

static double naive_matmul(const matmul *t, int which, int64_t image, int64_t row, int64_t column) {
    double sum = 0.0;
    const int64_t terms = which == 0 ? t->c.inner : which == 1 ? t->c.columns : t->c.rows;
    for (int64_t i = 0; i < terms; i++) {
        sum += which == 0   ? at(&t->x0, image, row, i) * at(&t->x1, image, i, column)
               : which == 1 ? at(&t->dy, image, row, i) * at(&t->x1, image, column, i)
                            : at(&t->x0, image, i, row) * at(&t->dy, image, i, column);
    }
    return sum;
}

static void check_matmul(const sj_accel *accel, matmul *t, int which, const sj_tensor *result) {
    static sj_status (*const lower[])(const sj_accel *, const sj_matmul_case *, sj_job **, sj_error *) = {sj_lower_matmul, sj_lower_matmul_grad_x0, sj_lower_matmul_grad_x1};
    const int64_t m[] = {t->c.rows, t->c.rows, t->c.inner}, n[] = {t->c.columns, t->c.inner, t->c.columns}, k[] = {t->c.inner, t->c.columns, t->c.rows};
    sj_error err = {0};
    sj_job *job = NULL;
    t->c.result = (sj_plane){result, {m[which], 1, n[which]}};
    assert_int_equal(lower[which](accel, &t->c, &job, &err), SJ_OK);
    assert_int_equal(job->phase, which == 0 ? SJ_PHASE_FORWARD : SJ_PHASE_GRAD_INPUT);
    assert_true(job->instances == t->c.batch && job->m == m[which] && job->n == n[which] && job->k == k[which]);
    assert_int_equal(job->out_bytes, accel->dtype == SJ_DTYPE_BF16 ? 2 : 4);
    for (int64_t i = 0; i < job->instances * job->m * job->n; i++) {
        assert_true(product(job, i / job->n / job->m, i / job->n % job->m, i % job->n) == naive_matmul(t, which, i / job->n / job->m, i / job->n % job->m, i % job->n));
    }
    check_job(job, sj_ceil_div(t->c.batch, t->x0.dims[0]));
    sj_job_free(job);
}

// x1 stands in DRAM once: what forward reads as pixels and channels, the gradient of x0 reads as columns and k, value by value at the same places.
static void check_one_layout(const sj_accel *accel, matmul *t) {
    sj_error err = {0};
    sj_job *forward = NULL, *backward = NULL;
    t->c.result = (sj_plane){NULL, {t->c.rows, 1, t->c.columns}};
    assert_int_equal(sj_lower_matmul(accel, &t->c, &forward, &err), SJ_OK);
    t->c.result = (sj_plane){NULL, {t->c.rows, 1, t->c.inner}};
    assert_int_equal(sj_lower_matmul_grad_x0(accel, &t->c, &backward, &err), SJ_OK);
    assert_int_equal(forward->streams[1].length, backward->streams[1].length);
    for (int64_t v = 0; v < forward->streams[1].length; v++) {
        assert_int_equal(sj_stream_offset(&forward->streams[1], v), sj_stream_offset(&backward->streams[1], v));
    }
    sj_job_free(forward);
    sj_job_free(backward);
}

static void matrices_are_instances(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(23));
    for (int i = 0; i < 150; i++) {
        sj_accel accel = sj_test_accel(&r);
        accel.buffer_kib = sj_random_below(&r, 2) == 0 ? 256 : 48;
        const int64_t h = sj_test_between(&r, 1, 5), w = sj_test_between(&r, 1, 5), h1 = sj_test_between(&r, 1, 5), w1 = sj_test_between(&r, 1, 5), c1 = sj_test_between(&r, 1, 40);
        const int64_t stored = sj_test_between(&r, 1, 3);
        matmul t = {.c = {.layer = "matmul", .batch = sj_test_between(&r, 1, 5), .rows = h * w, .inner = h1 * w1, .columns = c1}};
        t.x0 = sj_test_tensor(&r, stored, h, w, h1 * w1, 0.5);
        t.x1 = sj_test_tensor(&r, stored, h1, w1, c1, 0.5);
        t.dy = sj_test_tensor(&r, stored, h, w, c1, 0.5);
        t.c.x0 = &t.x0;
        t.c.x1 = &t.x1;
        t.c.dy = &t.dy;
        const bool known = sj_random_below(&r, 4) > 0;
        check_matmul(&accel, &t, 0, known ? &t.dy : NULL);  // results of the same shapes: their places matter, not their values
        check_matmul(&accel, &t, 1, known ? &t.x0 : NULL);
        check_matmul(&accel, &t, 2, known ? &t.x1 : NULL);
        check_one_layout(&accel, &t);
        free(t.x0.data);
        free(t.x1.data);
        free(t.dy.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_are_instances), cmocka_unit_test(matrices_are_instances)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
