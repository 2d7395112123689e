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
    static sj_error err;
    sj_forward_result result;
    double penalty;
    const sj_backward_options options = {NULL, 0.0, keep};
    test_ok(sj_model_forward(m, SJ_MODE_TRAIN, m->batch, &result, &err), &err);
    test_ok(sj_model_backward(m, &options, &penalty, &err), &err);
}

static double score(const sj_model *m, const sj_layer *l, int64_t c) {
    double sum = 0.0;
    for (int64_t i = c; i < m->batch * sj_model_out_count(l); i += l->info->out.c) {
        sum += fabs((double)l->dy[i]);
    }
    return sum;
}

// dW and db of dropped channels are 0, those of kept ones and dX are what masked dy gives; the linear layer is left alone; dy stays as it was.
static void drops_exactly(void **state) {
    (void)state;
    sj_model *m = test_model(net, (sj_dims){9, 8, 3}, 6, 8, test_seed(6));
    sj_layer *l = &m->layers[2];
    const int64_t taps = l->params[0].count / 10, dy_count = m->batch * sj_model_out_count(l), dx_count = m->batch * sj_model_in_count(l);
    backward(m, 1.0);
    assert_false(l->selected);
    float *dense_dw = calloc((size_t)l->params[0].count, sizeof(float)), *dense_db = calloc(10, sizeof(float)), *dense_dy = calloc((size_t)dy_count, sizeof(float));
    memcpy(dense_dw, l->params[0].grad, (size_t)l->params[0].count * sizeof(float));
    memcpy(dense_db, l->params[1].grad, 10 * sizeof(float));
    memcpy(dense_dy, l->dy, (size_t)dy_count * sizeof(float));
    backward(m, 0.4);
    assert_true(l->selected);
    assert_int_equal(l->kept_count, 4);
    assert_memory_equal(dense_dy, l->dy, (size_t)dy_count * sizeof(float));
    double least_kept = INFINITY, most_dropped = 0.0;
    int kept = 0;
    for (int64_t k = 0; k < 10; k++) {
        float largest = 0.0F;
        for (int64_t i = 0; i < taps; i++) {
            const float g = l->params[0].grad[k * taps + i];
            largest = fmaxf(largest, fabsf(g));
            assert_true(l->kept[k] == 0 ? g == 0.0F : g == dense_dw[k * taps + i]);
        }
        assert_true(l->kept[k] == 0 ? l->params[1].grad[k] == 0.0F : l->params[1].grad[k] == dense_db[k] && largest > 0.0F);
        kept += l->kept[k];
        least_kept = l->kept[k] != 0 ? fmin(least_kept, score(m, l, k)) : least_kept;
        most_dropped = l->kept[k] == 0 ? fmax(most_dropped, score(m, l, k)) : most_dropped;
    }
    assert_int_equal(kept, 4);
    assert_true(least_kept >= most_dropped);
    assert_false(m->layers[5].selected);
    // dX of the dense pass over a masked dy.
    float *masked = calloc((size_t)dy_count, sizeof(float)), *dx = calloc((size_t)dx_count, sizeof(float));
    sj_ssprop_mask(dy_count / 10, 10, l->kept, l->dy, masked);
    for (int64_t n = 0; n < m->batch; n += m->chunk) {
        assert_int_equal(sj_dnn_backward_data(l->product, 0, masked + n * sj_model_out_count(l), dx + n * sj_model_in_count(l)), 0);
    }
    assert_memory_equal(dx, sj_model_dx(m, 2, 0), (size_t)dx_count * sizeof(float));
    free(masked);
    free(dx);
    free(dense_dw);
    free(dense_db);
    free(dense_dy);
    sj_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_and_schedules), cmocka_unit_test(ties_go_to_the_lower_channel), cmocka_unit_test(drops_exactly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
