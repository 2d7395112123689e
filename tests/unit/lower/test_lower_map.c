// SPDX-License-Identifier: Apache-2.0
// Do the mapper's blocks cover every output and k exactly once, fit the buffer, and load what their operands touch? Are streams permutations of their tensors?
#include "sj_test_layer.h"

static int64_t loaded_bytes(const sj_job *job, const sj_block *b, int stream) {
    int64_t bytes = 0;
    for (int i = b->load_first; i < b->load_first + b->load_count; i++) {
        const sj_segment *s = &job->segments[i];
        bytes += s->stream == stream ? (s->end - s->begin) * job->streams[stream].value_bytes : 0;
    }
    return bytes;
}

static void check_cover(const sj_accel *accel, const sj_job *job) {
    int64_t volume = 0;
    const int64_t bytes = accel->buffer_kib * 1024;
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        assert_int_equal(b->m0 % (accel->rows * accel->slots), 0);
        assert_int_equal(b->n0 % accel->lanes, 0);
        assert_int_equal(b->k0 % accel->k_tile, 0);
        assert_true(b->m1 <= job->m && b->n1 <= job->n && b->k1 <= job->k);
        volume += (b->m1 - b->m0) * (b->n1 - b->n0) * (b->k1 - b->k0);
        assert_true(loaded_bytes(job, b, 0) <= bytes / 4);
        assert_true(loaded_bytes(job, b, 1) <= bytes / 8);
        assert_true((b->m1 - b->m0) * (b->n1 - b->n0) * (b->k1 - b->k0 < job->k ? 4 : job->out_bytes) <= bytes / 8);
        for (int64_t j = 0; j < i; j++) {  // no two blocks overlap
            const sj_block *o = &job->blocks[j];
            assert_false(b->m0 < o->m1 && o->m0 < b->m1 && b->n0 < o->n1 && o->n0 < b->n1 && b->k0 < o->k1 && o->k0 < b->k1);
        }
        assert_true(b->k1 == job->k || b->store_count == 0);
    }
    assert_int_equal(volume, job->m * job->n * job->k);
}

static void check_stores(const sj_job *job) {
    int64_t stored = 0;
    for (int64_t i = 0; i < job->block_count; i++) {
        for (int s = job->blocks[i].store_first; s < job->blocks[i].store_first + job->blocks[i].store_count; s++) {
            assert_int_equal(job->segments[s].stream, 2);
            stored += job->segments[s].end - job->segments[s].begin;
        }
    }
    assert_int_equal(stored, job->streams[2].length);
}

// A block's A data, from its own load or from the block before where that had the same: does it hold what the operand touches?
static void check_needs(const sj_accel *accel, const sj_job *job) {
    const sj_stream *s = &job->streams[0];
    const int64_t tensor = s->stored_images * s->source_h * s->source_w * s->source_c;
    uint8_t *present = calloc((size_t)tensor, 1);
    assert_non_null(present);
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        if (loaded_bytes(job, b, 0) > 0) {
            memset(present, 0, (size_t)tensor);
        }
        for (int j = b->load_first; j < b->load_first + b->load_count; j++) {
            for (int64_t v = job->segments[j].begin; job->segments[j].stream == 0 && v < job->segments[j].end; v++) {
                present[sj_stream_offset(s, v)] = 1;
            }
        }
        for (int64_t m = b->m0; m < b->m1; m++) {
            for (int64_t k = b->k0; k < b->k1; k++) {
                const int64_t offset = sj_operand_offset(&job->a, m, k);
                assert_true(offset == SJ_PADDING || present[offset] == 1);
            }
        }
    }
    free(present);
}

static void check_stream(const sj_stream *s) {
    if (s->kind == SJ_STREAM_RAW || s->length == 0) {
        return;
    }
    int64_t highest = 0;
    for (int64_t v = 0; v < s->length; v++) {
        highest = sj_max64(highest, sj_stream_offset(s, v));
    }
    uint8_t *visits = calloc((size_t)highest + 1, 1);
    assert_non_null(visits);
    const int64_t repeats = s->kind == SJ_STREAM_WEIGHT ? 1 : sj_ceil_div(s->images, s->stored_images);
    for (int64_t v = 0; v < s->length; v++) {
        assert_true(++visits[sj_stream_offset(s, v)] <= repeats);
    }
    free(visits);
}

static void check_job(const sj_accel *accel, sj_job *job) {
    check_cover(accel, job);
    check_stores(job);
    check_needs(accel, job);
    for (int i = 0; i < 3; i++) {
        check_stream(&job->streams[i]);
    }
    sj_job_free(job);
}

typedef struct tally {
    int64_t jobs, split, refused;
} tally;

// A tile with its halo may be larger than a small random buffer: refused, never mapped wrongly.
static void check_or_refused(const sj_accel *accel, sj_status status, const sj_error *err, sj_job *job, tally *seen) {
    seen->jobs++;
    if (status != SJ_OK) {
        assert_int_equal(status, SJ_ERR_RANGE);
        assert_non_null(strstr(err->message, "fits buffer.kib"));
        seen->refused++;
        return;
    }
    seen->split += job->block_count > 1;
    check_job(accel, job);
}

static void check_layer(const sj_accel *accel, const sj_test_layer *t, bool known_result, tally *seen) {
    sj_error err = {0};
    sj_job *job = NULL;
    sj_conv_case c = sj_test_layer_case(t);
    c.result = (sj_plane){known_result ? &t->dy : NULL, t->info.out};
    sj_status status = sj_lower_forward(accel, &c, &job, &err);
    check_or_refused(accel, status, &err, job, seen);
    c.result = (sj_plane){&t->dx, t->info.in};
    sj_job **jobs = NULL;
    int count = 0;
    status = sj_lower_grad_input(accel, &c, &jobs, &count, &err);
    for (int j = 0; j < count; j++) {
        check_or_refused(accel, status, &err, jobs[j], seen);
    }
    free(jobs);
    c.result = (sj_plane){NULL, t->info.in};
    status = sj_lower_grad_weight(accel, &c, &job, &err);
    check_or_refused(accel, status, &err, job, seen);
}

static void blocks_cover_the_product_and_load_what_it_needs(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(11));
    tally seen = {0};
    for (int i = 0; i < 200; i++) {
        const sj_accel accel = sj_test_accel(&r);
        sj_test_layer t = sj_test_layer_make(&r, 20, 9);
        check_layer(&accel, &t, sj_random_below(&r, 2) == 0, &seen);
        sj_test_layer_free(&t);
    }
    printf("%lld jobs, %lld of several blocks, %lld refused\n", (long long)seen.jobs, (long long)seen.split, (long long)seen.refused);
    assert_true(seen.split > 50);  // else the test looked at nothing but single blocks
    assert_true(seen.refused < seen.jobs / 4);
}

static void a_tile_that_fits_no_buffer_is_an_error(void **state) {
    (void)state;
    sj_random r = sj_random_seed(1);
    sj_accel accel = sj_test_accel(&r);
    accel.rows = accel.lanes = 64;
    accel.slots = 8;
    accel.buffer_kib = 8;
    sj_bf16 value[1] = {0};
    sj_error err = {0};
    sj_job *job = NULL;
    assert_int_equal(sj_lower_gemm(&accel, 4096, 4096, 4096, value, value, false, &job, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "buffer.kib = 8"));
    assert_null(job);
    assert_int_equal(sj_lower_gemm(&accel, 0, 1, 1, value, value, false, &job, &err), SJ_ERR_RANGE);
    assert_int_equal(sj_lower_gemm(&accel, 1, 0, 1, value, value, false, &job, &err), SJ_OK);
    sj_job_free(job);
}

static sj_status map_gemm(const sj_accel *accel, int64_t m, int64_t k, int64_t n, sj_error *err) {
    static const sj_bf16 value[1] = {0};
    sj_job *job = NULL;
    const sj_status status = sj_lower_gemm(accel, m, k, n, value, value, false, &job, err);
    assert_true((status == SJ_OK) == (job != NULL));
    sj_job_free(job);
    return status;
}

// The same machine with blocks of one tile: 2 x 2 outputs over all of K.
static sj_accel tiny_blocks(int64_t k) {
    sj_random r = sj_random_seed(1);
    sj_accel accel = sj_test_accel(&r);
    accel.rows = accel.lanes = 2;
    accel.slots = 1;
    accel.k_tile = 8;
    accel.buffer_kib = 1024;
    accel.pin_count = 1;
    accel.pins[0] = (sj_pin){.layer = "*", .phase = SJ_PHASE_FORWARD, .m = 2, .n = 2, .k = k, .order = SJ_ORDER_MN};
    return accel;
}

static void blocks_are_limited_before_they_are_walked(void **state) {
    (void)state;
    sj_error err = {0};
    sj_accel accel = tiny_blocks(8);
    assert_int_equal(map_gemm(&accel, 1 << 11, 0, 1 << 10, &err), SJ_OK);  // 2^19 blocks
    assert_int_equal(map_gemm(&accel, 1 << 13, 0, (1 << 13) + 1, &err), SJ_ERR_RANGE);
    assert_string_equal(err.message, "gemm forward: the mapping has 16781312 blocks; allowed: 16777216 a product");
    assert_int_equal(map_gemm(&accel, 1 << 13, 8 * 4 + 1, 1 << 12, &err), SJ_ERR_RANGE);  // 2^23 of outputs, times 5 of K
    assert_non_null(strstr(err.message, "41943040 blocks"));
    assert_int_equal(map_gemm(&accel, INT32_MAX, 0, INT32_MAX, &err), SJ_ERR_RANGE);  // 2^60
    assert_int_equal(map_gemm(&accel, INT32_MAX, 1, INT32_MAX, &err), SJ_ERR_RANGE);
    accel.pin_count = 0;
    assert_int_equal(map_gemm(&accel, INT32_MAX, 0, INT32_MAX, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, " blocks; allowed: 16777216 a product"));
}

// 2^22 blocks of 33 segments and more each: their count ends the walk.
static void transfers_are_limited_while_they_are_counted(void **state) {
    (void)state;
    sj_error err = {0};
    const sj_accel accel = tiny_blocks(256);
    assert_int_equal(map_gemm(&accel, 1 << 12, 256, 1 << 12, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "gemm forward: block "));
    assert_non_null(strstr(err.message, "needs transfer 134217729; allowed: 134217728 transfers a product"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_cover_the_product_and_load_what_it_needs), cmocka_unit_test(a_tile_that_fits_no_buffer_is_an_error),
                                       cmocka_unit_test(blocks_are_limited_before_they_are_walked), cmocka_unit_test(transfers_are_limited_while_they_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
