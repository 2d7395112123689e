// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_ssprop.h"

static const char net[] =
    "name = \"n\"; layers = ({kind=\"conv\"; name=\"c1\"; out=5; kernel=3; bias=true;}, {kind=\"relu\"; name=\"r1\";}, {kind=\"conv\"; name=\"c2\"; out=10; kernel=3; bias=true;},"
    "{kind=\"relu\"; name=\"r2\";}, {kind=\"avgpool\"; name=\"p\"; global=true;}, {kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";

static void counts_and_schedules(void **state) {
    (void)state;
    assert_int_equal(sj_ssprop_count(0.2, 16), 3);
    assert_int_equal(sj_ssprop_count(0.2, 4), 1);   // int(0.8) = 0: at least one
    assert_int_equal(sj_ssprop_count(0.25, 16), 4);
    assert_int_equal(sj_ssprop_count(1.0, 7), 7);
    const sj_ssprop constant = {.on = true, .keep = 0.2, .schedule = SJ_SSPROP_CONSTANT}, interleaved = {.on = true, .keep = 0.2, .schedule = SJ_SSPROP_INTERLEAVED};
    for (int64_t epoch = 0; epoch < 6; epoch++) {
        assert_true(sj_ssprop_keep(&constant, epoch, 6, 10 * epoch) == 0.2);
        assert_true(sj_ssprop_keep(&interleaved, epoch, 6, 10 * epoch) == (epoch % 2 == 0 ? 1.0 : 0.2));
    }
}

static void ties_go_to_the_lower_channel(void **state) {
    (void)state;
    const double scores[] = {1.0, 3.0, 2.0, 3.0, 2.0, 2.0};
    const uint8_t three[] = {0, 1, 1, 1, 0, 0}, one[] = {0, 1, 0, 0, 0, 0};
    uint8_t kept[6];
    sj_ssprop_select(6, scores, 3, kept);
    assert_memory_equal(kept, three, 6);
    sj_ssprop_select(6, scores, 1, kept);
    assert_memory_equal(kept, one, 6);
}

static void backward(sj_model *m, double keep) {
    const sj_backward_options options = {.keep = keep};
    (void)test_forward(m, NULL);
    (void)test_backward(m, &options);
}

static double score(const float *dy, int64_t count, int64_t channels, int64_t c) {
    double sum = 0.0;
    for (int64_t i = c; i < count; i += channels) {
        sum += fabs((double)dy[i]);
    }
    return sum;
}

static float *copy(const float *v, int64_t count) {
    float *out = calloc((size_t)count, sizeof *out);
    memcpy(out, v, (size_t)count * sizeof *out);
    return out;
}

static void assert_near(const char *what, const float *v, const float *expected, int64_t count) {
    float largest = 0.0F;
    for (int64_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(expected[i]));
    }
    for (int64_t i = 0; i < count; i++) {
        if (!(fabsf(v[i] - expected[i]) <= 2e-6F * largest)) {
            fail_msg("%s[%lld] is %.9g, expected %.9g, the largest is %g", what, (long long)i, (double)v[i], (double)expected[i], (double)largest);
        }
    }
}

// dX of masked dy in plain loops.
static float *input_gradient(const sj_layer *l, int64_t images, const float *dy) {
    const sj_layer_info *i = l->info;
    float *dx = calloc((size_t)(images * sj_dims_count(i->in)), sizeof *dx);
    for (int64_t e = 0; e < images * sj_dims_count(i->out); e++) {
        const int64_t k = e % i->out.c, q = e / i->out.c % i->out.w, p = e / (i->out.c * i->out.w) % i->out.h, n = e / sj_dims_count(i->out);
        for (int64_t t = 0; t < i->kernel_h * i->kernel_w * i->in.c; t++) {
            const int64_t r = t / (i->kernel_w * i->in.c), s = t / i->in.c % i->kernel_w, c = t % i->in.c;
            dx[((n * i->in.h + p + r) * i->in.w + q + s) * i->in.c + c] += dy[e] * l->params[0].value[k * i->kernel_h * i->kernel_w * i->in.c + t];
        }
    }
    return dx;
}

// dW and db of dropped channels are 0, those of kept ones and dX are what masked dy gives; the linear layer is left alone; dy stays as it was. In both modes.
static void drops_exactly(void **state) {
    (void)state;
    const uint64_t seed = test_seed(6);
    for (int gather = 0; gather < 2; gather++) {
        const sj_model_options options = {.batch = 8, .seed = seed, .algorithm = SJ_ALGORITHM_DIRECT, .gather = gather == 1};
        sj_model *m = test_model_with(net, (sj_dims){9, 8, 3}, 6, &options);
        sj_layer *l = &m->layers[2];
        const int64_t taps = l->params[0].count / 10, dy_count = m->batch * test_out_count(m, 2), dx_count = m->batch * test_out_count(m, 1);
        backward(m, 1.0);
        assert_false(l->selected);
        float *dense_dw = copy(l->params[0].grad, l->params[0].count), *dense_db = copy(l->params[1].grad, 10), *dense_dy = test_gradient(m, 2, -1);
        backward(m, 0.4);
        assert_true(l->selected);
        assert_int_equal(l->kept_count, 4);
        float *dy = test_gradient(m, 2, -1), *masked = calloc((size_t)dy_count, sizeof *masked);
        assert_memory_equal(dense_dy, dy, (size_t)dy_count * sizeof(float));
        double least_kept = INFINITY, most_dropped = 0.0;
        for (int64_t k = 0; k < 10; k++) {
            const double s = score(dy, dy_count, 10, k);
            least_kept = l->kept[k] != 0 ? fmin(least_kept, s) : least_kept;
            most_dropped = l->kept[k] == 0 ? fmax(most_dropped, s) : most_dropped;
            for (int64_t i = 0; i < taps && l->kept[k] == 0; i++) {
                assert_true(l->params[0].grad[k * taps + i] == 0.0F);
                dense_dw[k * taps + i] = 0.0F;
            }
            assert_true(l->kept[k] != 0 || l->params[1].grad[k] == 0.0F);
            dense_db[k] = l->kept[k] != 0 ? dense_db[k] : 0.0F;
        }
        assert_near("dw", l->params[0].grad, dense_dw, l->params[0].count);
        assert_near("db", l->params[1].grad, dense_db, 10);
        assert_true(least_kept >= most_dropped);
        assert_false(m->layers[5].selected);
        for (int64_t e = 0; e < dy_count; e++) {
            masked[e] = l->kept[e % 10] != 0 ? dy[e] : 0.0F;
        }
        float *dx = test_gradient(m, 1, -1), *expected = input_gradient(l, m->batch, masked);
        assert_near("dx", dx, expected, dx_count);
        float *const all[] = {dense_dw, dense_db, dense_dy, dy, masked, dx, expected};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            free(all[i]);
        }
        sj_model_free(m);
    }
}

// Counts that change from step to step, linear layers too, and channels drawn blindly: gather is mask.
static void gather_is_mask(void **state) {
    (void)state;
    const double keeps[] = {0.2, 0.5, 1.0, 0.9, 0.3, 0.7, 0.11, 0.2};
    const uint64_t seed = test_seed(16);
    sj_model *m[2];
    for (int gather = 0; gather < 2; gather++) {
        const sj_model_options options = {.batch = 8, .seed = seed, .algorithm = SJ_ALGORITHM_DIRECT, .gather = gather == 1};
        m[gather] = test_model_with(net, (sj_dims){9, 8, 3}, 6, &options);
    }
    for (size_t step = 0; step < sizeof keeps / sizeof keeps[0]; step++) {
        const sj_backward_options options = {.keep = keeps[step], .select_linear = step % 3 != 0, .random = step % 2 == 1, .random_stream = seed + step};
        for (int gather = 0; gather < 2; gather++) {
            (void)test_forward(m[gather], NULL);
            (void)test_backward(m[gather], &options);
        }
        for (int i = 0; i < m[0]->layer_count; i++) {
            const sj_layer *a = &m[0]->layers[i], *b = &m[1]->layers[i];
            if (a->kept != NULL) {
                assert_memory_equal(a->kept, b->kept, (size_t)a->info->out.c);
                assert_true(a->selected == b->selected && a->kept_count == b->kept_count);
                assert_true(a->selected == (keeps[step] < 1.0 && (a->info->kind == SJ_KIND_CONV || options.select_linear)));
            }
            for (int j = 0; j < a->param_count; j++) {
                assert_near(a->info->name, b->params[j].grad, a->params[j].grad, a->params[j].count);
            }
        }
    }
    sj_model_free(m[0]);
    sj_model_free(m[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_and_schedules), cmocka_unit_test(ties_go_to_the_lower_channel), cmocka_unit_test(drops_exactly), cmocka_unit_test(gather_is_mask)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
