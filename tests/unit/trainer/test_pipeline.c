// SPDX-License-Identifier: Apache-2.0
// Batches against a restatement of what they are, in every layout; the input pipeline against batches made one after the other.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_bf16.h"
#include "sj_pipeline.h"

static sj_error err;

enum { TRAIN = 43, TEST = 9, BATCH = 6, EPOCH = 3 };

// Random pixels; the numbers of normalisation are set by hand.
static sj_dataset random_data(sj_random *r, sj_dims dims) {
    sj_dataset d = {.name = "random", .dims = dims, .classes = 700, .train = {.count = TRAIN}, .test = {.count = TEST}};
    sj_images *const parts[] = {&d.train, &d.test};
    for (int part = 0; part < 2; part++) {
        sj_images *images = parts[part];
        const int64_t bytes = images->count * sj_dims_count(dims);
        images->pixels = malloc((size_t)bytes);
        images->labels = malloc((size_t)images->count * sizeof *images->labels);
        for (int64_t i = 0; i < bytes; i++) {
            images->pixels[i] = (uint8_t)sj_random_below(r, 256);
        }
        for (int64_t i = 0; i < images->count; i++) {
            images->labels[i] = (uint16_t)sj_random_below(r, 700);
        }
    }
    for (int c = 0; c < 4; c++) {
        d.mean[c] = 0.3F + 0.1F * (float)c;
        d.inverse_std[c] = 4.0F - 0.3F * (float)c;
    }
    return d;
}

// One value of an image as the interface words it: shifted, then mirrored, then normalised.
static float expected(const sj_dataset *d, const uint8_t *image, bool normalise, int64_t dy, int64_t dx, bool mirror, int64_t y, int64_t x, int64_t c) {
    const int64_t from_y = y + dy, from_x = (mirror ? d->dims.w - 1 - x : x) + dx;
    if (from_y < 0 || from_y >= d->dims.h || from_x < 0 || from_x >= d->dims.w) {
        return 0.0F;
    }
    const float v = (float)image[(from_y * d->dims.w + from_x) * d->dims.c + c] / 255.0F;
    return normalise ? (v - d->mean[c]) * d->inverse_std[c] : v;
}

static float stored(const sj_layout *l, const void *data, int64_t image, int64_t y, int64_t x, int64_t c) {
    const int64_t at = ((c / l->block * l->dims.h + y) * l->dims.w + x) * l->block + c % l->block;
    const void *base = sj_layout_at(l, data, image);
    return l->bf16 ? sj_bf16_to_f32(((const sj_bf16 *)base)[at]) : ((const float *)base)[at];
}

// The shift of an image is found by trial: exactly one of those that are allowed must explain every pixel.
static int explanations(const sj_layout *l, const sj_dataset *d, const sj_augment *a, const uint8_t *image, const void *batch, int64_t i) {
    int found = 0;
    for (int64_t dy = -a->crop; dy <= a->crop; dy++) {
        for (int64_t dx = -a->crop; dx <= a->crop; dx++) {
            for (int mirror = 0; mirror <= (a->flip ? 1 : 0); mirror++) {
                bool equal = true;
                for (int64_t v = 0; v < sj_dims_count(d->dims) && equal; v++) {
                    const int64_t c = v % d->dims.c, x = v / d->dims.c % d->dims.w, y = v / d->dims.c / d->dims.w;
                    float want = expected(d, image, a->normalise, dy, dx, mirror == 1, y, x, c);
                    want = l->bf16 ? sj_bf16_to_f32(sj_bf16_from_f32(want)) : want;
                    equal = sj_f32_bits(want) == sj_f32_bits(stored(l, batch, i, y, x, c));
                }
                found += equal ? 1 : 0;
            }
        }
    }
    return found;
}

static void check_padding(const sj_layout *l, const void *batch, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        for (int64_t v = 0; v < sj_layout_pixels(l); v++) {
            for (int64_t c = l->dims.c; c < sj_layout_channels(l); c++) {
                assert_int_equal(sj_f32_bits(stored(l, batch, i, v / l->dims.w, v % l->dims.w, c)), 0);
            }
        }
    }
}

static void batches_are_what_they_should_be(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(31));
    const int64_t blocks[] = {1, 3, 8, 16};
    for (int trial = 0; trial < 96; trial++) {
        const sj_dims dims = {test_between(&r, 5, 9), test_between(&r, 5, 9), test_between(&r, 1, 4)};
        sj_dataset d = random_data(&r, dims);
        const sj_augment a = {sj_random_u64(&r), trial % 2 == 0, trial / 2 % 2 == 0, trial % 6 == 5 ? 12 : test_between(&r, 0, 3)};  // 12: often wholly outside
        const sj_layout l = {dims, trial / 4 % 5 == 4 ? dims.c : blocks[trial / 4 % 5], trial % 3 == 0};
        void *batch;
        uint16_t *labels;
        int64_t list[BATCH];
        test_ok(sj_batch_alloc(&l, BATCH, &batch, &labels, &err), &err);
        assert_int_equal((uintptr_t)batch % 64, 0);
        memset(batch, 0xa5, (size_t)(BATCH * sj_layout_bytes(&l)));
        for (int i = 0; i < BATCH; i++) {
            list[i] = (int64_t)sj_random_below(&r, TRAIN);
        }
        sj_batch_train_images(&l, &d, &a, EPOCH, list, BATCH, batch, labels);
        for (int i = 0; i < BATCH; i++) {
            const int found = explanations(&l, &d, &a, d.train.pixels + list[i] * sj_dims_count(dims), batch, i);
            assert_true(a.crop == 12 ? found >= 1 : found == 1);
            assert_int_equal(labels[i], d.train.labels[list[i]]);
        }
        check_padding(&l, batch, BATCH);
        memset(batch, 0xa5, (size_t)(BATCH * sj_layout_bytes(&l)));
        sj_batch_test_images(&l, &d, a.normalise, TEST - BATCH, BATCH, batch, labels);
        const sj_augment none = {0, a.normalise, false, 0};
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(explanations(&l, &d, &none, d.test.pixels + (TEST - BATCH + i) * sj_dims_count(dims), batch, i), 1);
            assert_int_equal(labels[i], d.test.labels[TEST - BATCH + i]);
        }
        check_padding(&l, batch, BATCH);
        free(batch);
        free(labels);
        sj_dataset_free(&d);
    }
}

// Of 2000 draws: both mirrors and every shift occur, about equally often; another epoch draws others.
static void shifts_are_spread(void **state) {
    (void)state;
    enum { SIDE = 5, DRAWS = 2000 };
    sj_dataset d = {.name = "dot", .dims = {SIDE, SIDE, 1}, .classes = 2, .train = {.count = DRAWS}, .mean = {0.5F}, .inverse_std = {2.0F}};
    d.train.pixels = calloc(DRAWS, SIDE * SIDE);
    d.train.labels = calloc(DRAWS, sizeof *d.train.labels);
    int64_t *list = malloc(DRAWS * sizeof *list);
    for (int i = 0; i < DRAWS; i++) {
        list[i] = i;
        d.train.pixels[i * SIDE * SIDE + 2 * SIDE + 2] = 255;
        d.train.pixels[i * SIDE * SIDE + 2 * SIDE + 3] = 100;  // to its right, where the image is not mirrored
    }
    const sj_augment a = {test_seed(32), false, true, 1};
    const sj_layout l = {d.dims, 1, false};
    void *batch, *other;
    uint16_t *labels, *other_labels;
    test_ok(sj_batch_alloc(&l, DRAWS, &batch, &labels, &err), &err);
    test_ok(sj_batch_alloc(&l, DRAWS, &other, &other_labels, &err), &err);
    sj_batch_train_images(&l, &d, &a, 0, list, DRAWS, batch, labels);
    sj_batch_train_images(&l, &d, &a, 1, list, DRAWS, other, other_labels);
    int seen[3][3] = {{0}}, mirrored = 0, same = 0;
    for (int i = 0; i < DRAWS; i++) {
        const float *image = (const float *)batch + i * SIDE * SIDE;
        int at = 0;
        while (image[at] != 1.0F) {
            at++;
        }
        seen[at / SIDE - 1][at % SIDE - 1]++;
        mirrored += image[at - 1] > 0.0F ? 1 : 0;
        same += memcmp(image, (const float *)other + i * SIDE * SIDE, SIDE * SIDE * sizeof *image) == 0 ? 1 : 0;
    }
    for (int i = 0; i < 9; i++) {
        assert_in_range(seen[i / 3][i % 3], DRAWS / 9 - 80, DRAWS / 9 + 80);  // more than five deviations
    }
    assert_in_range(mirrored, DRAWS / 2 - 130, DRAWS / 2 + 130);
    assert_in_range(same, 1, DRAWS / 18 + 80);
    free(batch);
    free(labels);
    free(other);
    free(other_labels);
    free(list);
    sj_dataset_free(&d);
}

static sj_pipeline_options options(const sj_dataset *d, int64_t block, bool bf16, int depth, int64_t first) {
    return (sj_pipeline_options){.data = d,
                                 .augment = {99, true, true, 2},
                                 .layout = {d->dims, block, bf16},
                                 .batch = BATCH,
                                 .depth = depth,
                                 .epoch = EPOCH,
                                 .first_iteration = first};
}

// Every batch from `first` on, against one filled here. The last call of the epoch must be refused, with nothing exchanged.
static void check_epoch(const sj_pipeline_options *o, sj_random *r) {
    int64_t order[TRAIN];
    void *input, *want;
    uint16_t *labels, *want_labels;
    sj_batch_order(o->augment.seed, o->epoch, TRAIN, order);
    test_ok(sj_batch_alloc(&o->layout, BATCH, &input, &labels, &err), &err);
    test_ok(sj_batch_alloc(&o->layout, BATCH, &want, &want_labels, &err), &err);
    sj_pipeline *p;
    test_ok(sj_pipeline_start(o, &p, &err), &err);
    for (int64_t i = o->first_iteration; i < TRAIN / BATCH; i++) {
        memset(input, (int)sj_random_below(r, 256), (size_t)(BATCH * sj_layout_bytes(&o->layout)));  // what the consumer leaves in a buffer does not matter
        const void *given = input;
        test_ok(sj_pipeline_next(p, &input, &labels, &err), &err);
        assert_ptr_not_equal(input, given);
        assert_int_equal((uintptr_t)input % 64, 0);
        sj_batch_train_images(&o->layout, o->data, &o->augment, o->epoch, order + i * BATCH, BATCH, want, want_labels);
        assert_memory_equal(input, want, (size_t)(BATCH * sj_layout_bytes(&o->layout)));
        assert_memory_equal(labels, want_labels, BATCH * sizeof *labels);
    }
    void *const last = input;
    assert_int_equal(sj_pipeline_next(p, &input, &labels, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "epoch 3 has 7 batches"));
    assert_ptr_equal(input, last);
    sj_pipeline_stop(p);
    free(input);
    free(labels);
    free(want);
    free(want_labels);
}

static void pipeline_equals_batches_made_in_turn(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(33));
    sj_dataset d = random_data(&r, (sj_dims){6, 5, 3});
    for (int depth = 1; depth <= SJ_PIPELINE_DEPTH_MAX; depth += depth < 4 ? 1 : 6) {
        for (int64_t first = 0; first < TRAIN / BATCH; first++) {  // 0: a whole epoch; else a run that goes on in the middle
            const sj_pipeline_options o = options(&d, first % 2 == 0 ? 1 : 3, depth % 2 == 0, depth, first);
            check_epoch(&o, &r);
        }
    }
    sj_dataset_free(&d);
}

static void pipeline_stops_at_any_time(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(34));
    sj_dataset d = random_data(&r, (sj_dims){6, 5, 3});
    const sj_layout l = {d.dims, 1, false};
    void *input;
    uint16_t *labels;
    test_ok(sj_batch_alloc(&l, BATCH, &input, &labels, &err), &err);
    for (int trial = 0; trial < 1000; trial++) {
        const int64_t first = test_between(&r, 0, TRAIN / BATCH - 1), taken = test_between(&r, 0, TRAIN / BATCH - first);
        const sj_pipeline_options o = options(&d, 1, false, (int)test_between(&r, 1, 4), first);
        sj_pipeline *p;
        test_ok(sj_pipeline_start(&o, &p, &err), &err);
        for (int64_t i = 0; i < taken; i++) {
            test_ok(sj_pipeline_next(p, &input, &labels, &err), &err);
        }
        sj_pipeline_stop(p);
    }
    sj_pipeline_stop(NULL);
    free(input);
    free(labels);
    sj_dataset_free(&d);
}

static const char network[] =
    "name = \"n\"; layers = ({kind=\"conv\"; name=\"c\"; out=8; kernel=3; padding=1;}, {kind=\"bn\"; name=\"b\";}, {kind=\"relu\"; name=\"r\";}, {kind=\"flatten\"; name=\"f\";},"
    "{kind=\"linear\"; name=\"l\"; out=700;}, {kind=\"softmax_ce\"; name=\"s\";});";

// Two equal models, one with its input exchanged for the pipeline's, one filled in place, have equal losses to the bit. Then both free what they hold.
static void models_take_batches_by_exchange(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(36));
    sj_dataset d = random_data(&r, (sj_dims){6, 5, 3});
    for (int bf16 = 0; bf16 < 2; bf16++) {
        const sj_model_options mo = {.batch = BATCH, .seed = 4, .bf16 = bf16 == 1};
        sj_model *a = test_model_with(network, d.dims, 700, &mo), *b = test_model_with(network, d.dims, 700, &mo);
        const sj_train_config config = {.seed = 99, .normalise = true, .flip = true, .crop = 2};
        const sj_pipeline_options o = {.data = &d, .augment = sj_batch_augment(&config), .layout = a->input_layout, .batch = BATCH, .depth = 2, .epoch = EPOCH};
        int64_t order[TRAIN];
        void *input;
        uint16_t *labels;
        sj_pipeline *p;
        sj_batch_order(99, EPOCH, TRAIN, order);
        test_ok(sj_batch_alloc(&o.layout, BATCH, &input, &labels, &err), &err);
        test_ok(sj_pipeline_start(&o, &p, &err), &err);
        for (int64_t i = 0; i < TRAIN / BATCH; i++) {
            test_ok(sj_pipeline_next(p, &input, &labels, &err), &err);
            sj_model_swap_input(a, &input, &labels);
            sj_batch_train_images(&b->input_layout, &d, &o.augment, EPOCH, order + i * BATCH, BATCH, b->input, b->labels);
            assert_memory_equal(a->input, b->input, (size_t)(BATCH * sj_layout_bytes(&o.layout)));
            const double loss = test_forward(a, NULL), same = test_forward(b, NULL);
            assert_memory_equal(&loss, &same, sizeof loss);
        }
        sj_pipeline_stop(p);
        free(input);
        free(labels);
        sj_model_free(a);
        sj_model_free(b);
    }
    sj_dataset_free(&d);
}

static void refused(sj_pipeline_options o, sj_status status, const char *part) {
    sj_pipeline *p;
    assert_int_equal(sj_pipeline_start(&o, &p, &err), status);
    assert_null(p);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" is missing in: %s", part, err.message);
    }
}

static void accepted(sj_pipeline_options o) {
    sj_pipeline *p;
    test_ok(sj_pipeline_start(&o, &p, &err), &err);
    sj_pipeline_stop(p);
}

static void pipeline_names_what_is_wrong(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(35));
    sj_dataset d = random_data(&r, (sj_dims){6, 5, 3});
    sj_pipeline_options o = options(&d, 1, false, 2, 0);
    o.batch = TRAIN;
    accepted(o);
    o.batch = TRAIN + 1;
    refused(o, SJ_ERR_RANGE, "1 to the 43 training images");
    o.batch = 0;
    refused(o, SJ_ERR_RANGE, "batches of 0 images");
    accepted(options(&d, 1, false, 2, TRAIN / BATCH - 1));
    refused(options(&d, 1, false, 2, TRAIN / BATCH), SJ_ERR_RANGE, "first iteration 7; an epoch has iterations 0 to 6");
    refused(options(&d, 1, false, 2, -1), SJ_ERR_RANGE, "first iteration -1");
    accepted(options(&d, 1, false, SJ_PIPELINE_DEPTH_MAX, 0));
    refused(options(&d, 1, false, SJ_PIPELINE_DEPTH_MAX + 1, 0), SJ_ERR_RANGE, "17 batches ahead");
    refused(options(&d, 1, false, 0, 0), SJ_ERR_RANGE, "0 batches ahead");
    o = options(&d, 1, false, 2, 0);
    o.layout.dims.w++;
    refused(o, SJ_ERR_INTERNAL, "layout");
    o = options(&d, 1, false, 2, 0);
    sj_pipeline *p;
    test_ok(sj_pipeline_start(&o, &p, &err), &err);
    void *input = NULL;
    uint16_t *labels = NULL;
    assert_int_equal(sj_pipeline_next(p, &input, &labels, &err), SJ_ERR_INTERNAL);
    sj_pipeline_stop(p);
    sj_layout huge = {{1 << 20, 1 << 20, 4}, 4, false};
    assert_int_equal(sj_batch_alloc(&huge, (int64_t)1 << 40, &input, &labels, &err), SJ_ERR_RANGE);
    sj_dataset_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(batches_are_what_they_should_be), cmocka_unit_test(shifts_are_spread), cmocka_unit_test(pipeline_equals_batches_made_in_turn),
                                       cmocka_unit_test(pipeline_stops_at_any_time), cmocka_unit_test(models_take_batches_by_exchange), cmocka_unit_test(pipeline_names_what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
