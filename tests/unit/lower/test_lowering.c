// SPDX-License-Identifier: Apache-2.0
// From a trace to units and jobs: which there are, what they move and what the vector unit does. docs/lowering.md, layer by layer.
#include "made_trace.h"
#include "sj_quantise.h"

#define PLAIN 1, 1, 1, 0, 1
enum { CONV, BN, RELU, POOL, DROP, GROUPED, SCORES, FLATTEN, LINEAR, LOSS, LAYERS };

// 6x6x4 -> conv (8) -> bn -> relu -> maxpool 2x2 -> dropout -> conv of 4 groups (8) -> matmul with a matrix of its own (5) -> flatten -> linear (3, bias) -> loss
static sj_layer_info layers[LAYERS];

static sj_network network(void) {
    static const sj_layer_info fixed[LAYERS] = {
        {"conv", SJ_KIND_CONV, 1, {-1}, {6, 6, 4}, {6, 6, 8}, 3, 3, 1, 1, 1, false, false},
        {"bn", SJ_KIND_BN, 1, {CONV}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
        {"relu", SJ_KIND_RELU, 1, {BN}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
        {"pool", SJ_KIND_MAXPOOL, 1, {RELU}, {6, 6, 8}, {3, 3, 8}, 2, 2, 2, 0, 1, true, false},
        {"drop", SJ_KIND_DROPOUT, 1, {POOL}, {3, 3, 8}, {3, 3, 8}, PLAIN, true, false},
        {"grouped", SJ_KIND_CONV, 1, {DROP}, {3, 3, 8}, {3, 3, 8}, 3, 3, 1, 1, 4, true, false},
        {"scores", SJ_KIND_MATMUL, 2, {GROUPED, SJ_INPUT_OWN}, {3, 3, 8}, {3, 3, 5}, PLAIN, true, false},
        {"flatten", SJ_KIND_FLATTEN, 1, {SCORES}, {3, 3, 5}, {1, 1, 45}, PLAIN, true, false},
        {"linear", SJ_KIND_LINEAR, 1, {FLATTEN}, {1, 1, 45}, {1, 1, 3}, PLAIN, true, true},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {LINEAR}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
    };
    memcpy(layers, fixed, sizeof layers);
    return (sj_network){"little", LAYERS, layers};
}

enum { BATCH = 3 };

static sj_accel accel;
static sj_lowering *lowering;
static sj_trace *trace;

static void start(const made_options *o, sj_lower_options options) {
    const sj_network net = network();
    trace = made_trace(&net, o);
    made_ok(sj_lowering_open(trace, 0, &accel, &options, &lowering, &err));
}

static void stop(void) {
    sj_lowering_close(lowering);
    sj_trace_close(trace);
}

// The jobs of a layer in a phase; fails where there is no such unit.
static sj_job *const *jobs_of(int layer, sj_phase phase, int *count, sj_densities *d) {
    sj_densities ignored;
    sj_job *const *jobs = NULL;
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        if (unit->layer_index == layer && unit->phase == phase) {
            made_ok(sj_lowering_jobs(lowering, u, &jobs, count, d != NULL ? d : &ignored, &err));
            return jobs;
        }
    }
    fail_msg("no unit of layer %d in phase %s", layer, sj_phase_name(phase));
    return NULL;
}

static bool has_unit(int layer, sj_phase phase) {
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        if (sj_lowering_unit(lowering, u)->layer_index == layer && sj_lowering_unit(lowering, u)->phase == phase) {
            return true;
        }
    }
    return false;
}

static void expect_pass(const sj_job *job, int64_t loaded, int64_t stored, int64_t ops) {
    const made_traffic t = made_traffic_of(job);
    assert_false(job->is_product);
    assert_int_equal(t.loaded, loaded);
    assert_int_equal(t.stored, stored);
    assert_int_equal(job->vector_ops, ops);
}

static const int64_t big = BATCH * 6 * 6 * 8, pooled = BATCH * 3 * 3 * 8;  // values of the batch in front of and behind the pool

static void a_fused_inference_works_on_the_output_path(void **state) {
    accel = made_accel(SJ_DTYPE_BF16);
    start(&(made_options){.mode = SJ_MODE_EVAL, .seed = 1}, (sj_lower_options){.batch = BATCH, .fuse = true});
    int count = 0;
    const sj_job *job = jobs_of(CONV, SJ_PHASE_FORWARD, &count, NULL)[0];
    assert_int_equal(count, 1);
    assert_int_equal(job->out_ops, 2);  // ReLU, and four values a window of a quarter of the places; batch norm is in the weights
    assert_int_equal(made_traffic_of(job).stored, 2 * pooled);
    for (int layer = BN; layer <= POOL; layer++) {
        assert_false(has_unit(layer, SJ_PHASE_ELEMENTWISE));
    }
    assert_int_equal(jobs_of(GROUPED, SJ_PHASE_FORWARD, &count, NULL)[0]->instances, 4);
    assert_int_equal(jobs_of(SCORES, SJ_PHASE_FORWARD, &count, NULL)[0]->instances, BATCH);
    assert_int_equal(sj_lowering_unit_count(lowering), 4);
    stop();
}

static void an_unfused_inference_has_passes_instead(void **state) {
    accel = made_accel(SJ_DTYPE_BF16);
    start(&(made_options){.mode = SJ_MODE_EVAL, .seed = 1}, (sj_lower_options){.batch = BATCH, .fuse = false});
    int count = 0;
    const sj_job *job = jobs_of(CONV, SJ_PHASE_FORWARD, &count, NULL)[0];
    assert_int_equal(job->out_ops, 0);
    assert_int_equal(made_traffic_of(job).stored, 2 * big);
    sj_job *const *passes = jobs_of(BN, SJ_PHASE_ELEMENTWISE, &count, NULL);
    assert_int_equal(count, 1);
    expect_pass(passes[0], 2 * big, 2 * pooled, 2 * big + big + 4 * pooled);  // no indices, no statistics
    assert_false(has_unit(RELU, SJ_PHASE_ELEMENTWISE));
    assert_int_equal(sj_lowering_unit_count(lowering), 5);
    stop();
}

// Nobody stores the output of the last layer: its bytes move plain, as many as the pool leaves.
static void a_pooled_result_of_unknown_values_has_its_own_size(void **state) {
    sj_network net = network();
    net.layer_count = POOL + 1;
    accel = made_accel(SJ_DTYPE_BF16);
    accel.buffer_kib = 32;  // several blocks
    trace = made_trace(&net, &(made_options){.mode = SJ_MODE_EVAL, .seed = 4});
    made_ok(sj_lowering_open(trace, 0, &accel, &(sj_lower_options){.batch = 8 * BATCH, .fuse = true}, &lowering, &err));
    int count = 0;
    const sj_job *job = jobs_of(CONV, SJ_PHASE_FORWARD, &count, NULL)[0];
    assert_true(job->streams[2].kind == SJ_STREAM_RAW && job->block_count > 1);
    assert_int_equal(made_traffic_of(job).stored, 8 * 2 * pooled);
    assert_int_equal(job->streams[2].length, 8 * pooled);
    stop();
}

static void a_training_step_has_every_phase(void **state) {
    accel = made_accel(SJ_DTYPE_BF16);
    start(&(made_options){.seed = 2}, (sj_lower_options){.batch = BATCH, .fuse = true});
    int count = 0;
    assert_int_equal(jobs_of(CONV, SJ_PHASE_FORWARD, &count, NULL)[0]->out_ops, 3);  // sum; square and sum
    sj_job *const *bn = jobs_of(BN, SJ_PHASE_ELEMENTWISE, &count, NULL);
    assert_int_equal(count, 3);
    expect_pass(bn[0], 2 * big, 2 * pooled + pooled, 3 * big + 4 * pooled);
    expect_pass(bn[1], 2 * pooled + pooled + 2 * big, 0, (5 + 1 + 1) * big);
    expect_pass(bn[2], 2 * pooled + pooled + 2 * big, 2 * big, (4 + 1 + 1) * big);
    sj_job *const *drop = jobs_of(DROP, SJ_PHASE_ELEMENTWISE, &count, NULL);
    assert_int_equal(count, 2);
    expect_pass(drop[0], 2 * pooled, 2 * pooled + (pooled + 7) / 8, pooled);
    expect_pass(drop[1], 2 * pooled + (pooled + 7) / 8, 2 * pooled, pooled);
    assert_int_equal(jobs_of(GROUPED, SJ_PHASE_GRAD_INPUT, &count, NULL)[0]->instances, 4);
    assert_int_equal(jobs_of(GROUPED, SJ_PHASE_GRAD_WEIGHT, &count, NULL)[0]->instances, 4);
    sj_job *const *scores = jobs_of(SCORES, SJ_PHASE_GRAD_INPUT, &count, NULL);
    assert_int_equal(count, 2);
    assert_true(scores[0]->m == 9 && scores[0]->k == 5 && scores[0]->n == 8);
    assert_true(scores[1]->m == 8 && scores[1]->k == 9 && scores[1]->n == 5);
    assert_false(has_unit(SCORES, SJ_PHASE_GRAD_WEIGHT) || has_unit(SCORES, SJ_PHASE_UPDATE) || has_unit(CONV, SJ_PHASE_GRAD_INPUT));
    stop();
}

// ---- the update

static void expect_update(int layer, int64_t parameters, int64_t weights, int64_t read, int64_t written, int64_t ops, int64_t samples) {
    int count = 0;
    const sj_job *job = jobs_of(layer, SJ_PHASE_UPDATE, &count, NULL)[0];
    assert_int_equal(count, 1);
    expect_pass(job, read * parameters, written * parameters + 4 * weights, ops * parameters + 2 * weights);
    assert_int_equal(job->rng_samples, samples * parameters);
}

static void expect_updates_as(const made_options *o, bool skipped, int64_t read, int64_t written, int64_t ops, int64_t samples) {
    accel = made_accel(SJ_DTYPE_BF16);
    start(o, (sj_lower_options){.batch = BATCH, .fuse = true, .skipped = skipped});
    expect_update(CONV, 288, 288, read, written, ops, samples);
    expect_update(BN, 16, 0, read, written, ops, samples);
    expect_update(GROUPED, 8 * 9 * 2, 8 * 9 * 2, read, written, ops, samples);
    expect_update(LINEAR, 138, 135, read, written, ops, samples);
}

static void expect_updates(const made_options *o, int64_t read, int64_t written, int64_t ops, int64_t samples) { expect_updates_as(o, false, read, written, ops, samples); }

static void sgd_keeps_one_state_and_adam_two(void **state) {
    expect_updates(&(made_options){.seed = 3}, 12, 8, 6, 0);
    stop();
    expect_updates(&(made_options){.seed = 3, .optimizer = SJ_OPTIMIZER_ADAM}, 16, 12, 14, 0);
    stop();
}

static void a_skipped_step_samples_the_weights_and_does_nothing_else(void **state) {
    expect_updates(&(made_options){.seed = 3, .optimizer = SJ_OPTIMIZER_ADAM, .method_state = "gradsamp skipped p=2"}, 4, 4, 2, 1);
    assert_int_equal(sj_lowering_unit_count(lowering), 4);
    stop();
}

// It follows from the network: any training step tells what a skipped one takes.
static void a_step_can_be_taken_as_skipped(void **state) {
    expect_updates_as(&(made_options){.seed = 3, .optimizer = SJ_OPTIMIZER_ADAM}, true, 4, 4, 2, 1);
    assert_int_equal(sj_lowering_unit_count(lowering), 4);
    stop();
}

// ---- int8

static const sj_tensor *stored(int layer, const char *name, sj_tensor *t) {
    made_ok(sj_trace_read(trace, 0, layer, name, SJ_TYPE_F32, t, &err));
    return t;
}

static float float_at(const sj_tensor *t, int64_t i) { return t->type == SJ_TYPE_BF16 ? sj_bf16_to_f32(((const sj_bf16 *)t->data)[i]) : ((const float *)t->data)[i]; }

// The operand's values are the tensor's, quantised by its own largest magnitude; the zeros that this made are told apart.
static void expect_quantised(const sj_values *values, int layer, const char *name, double density, double before, int64_t zeros) {
    sj_tensor t;
    const int64_t count = sj_tensor_count(stored(layer, name, &t));
    float *v = calloc((size_t)count, sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < count; i++) {
        v[i] = float_at(&t, i);
    }
    const float scale = sj_quantise_scale(v, count);
    int64_t nonzero = 0, nonzero_before = 0;
    assert_int_equal(values->dtype, SJ_DTYPE_INT8);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(((const int8_t *)values->data)[i], sj_quantise_int8(v[i], scale));
        nonzero += sj_quantise_int8(v[i], scale) != 0;
        nonzero_before += v[i] != 0.0F;
    }
    assert_true(nonzero < nonzero_before);  // else the test shows nothing
    assert_int_equal(zeros, nonzero_before - nonzero);
    assert_true(density == (double)nonzero / (double)count && before == (double)nonzero_before / (double)count);
    free(v);
    sj_tensor_free(&t);
}

static void quantised_operands_are_the_tensors_own(void **state) {
    const uint64_t seed = sj_test_seed(5);
    for (int stored_as = 0; stored_as < 2; stored_as++) {
        accel = made_accel(SJ_DTYPE_INT8);
        accel.swap = SJ_SWAP_NEVER;
        start(&(made_options){.seed = seed, .store = stored_as == 0 ? SJ_TYPE_BF16 : SJ_TYPE_F32}, (sj_lower_options){.batch = BATCH, .fuse = true, .quantise = true});
        int count = 0;
        sj_densities d;
        const sj_job *job = jobs_of(CONV, SJ_PHASE_FORWARD, &count, &d)[0];
        expect_quantised(&job->a.values, CONV, "x", d.a, d.a_before, d.quantised_zeros_a);
        expect_quantised(&job->b.values, CONV, "w", d.b, d.b_before, d.quantised_zeros_b);
        assert_true(job->out_bytes == 4 && job->out_ops == 3 + 1 && job->streams[2].value_bytes == 1 && job->streams[2].kind == SJ_STREAM_ACTIVATION);
        assert_int_equal(made_traffic_of(job).stored, big);
        job = jobs_of(SCORES, SJ_PHASE_FORWARD, &count, &d)[0];
        expect_quantised(&job->b.values, SCORES, "x1", d.b, d.b_before, d.quantised_zeros_b);
        job = jobs_of(GROUPED, SJ_PHASE_GRAD_WEIGHT, &count, &d)[0];
        expect_quantised(&job->a.values, GROUPED, "dy", d.a, d.a_before, d.quantised_zeros_a);
        assert_true(job->out_bytes == 4 && job->out_ops == 0 && job->streams[2].value_bytes == 4);
        job = jobs_of(LINEAR, SJ_PHASE_UPDATE, &count, &d)[0];
        expect_pass(job, 12 * 138, 8 * 138 + 2 * 135, 6 * 138 + 2 * 135);
        stop();
    }
}

// A large tensor goes through the table of codes: the same numbers.
static void the_table_of_codes_quantises_alike(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(6));
    const int64_t count = 4 * 65536 + 17;
    sj_tensor t = {.type = SJ_TYPE_BF16, .rank = 1, .dims = {count}, .data = calloc((size_t)count, 2)};
    float *v = calloc((size_t)count, sizeof *v);
    assert_true(t.data != NULL && v != NULL);
    for (int64_t i = 0; i < count; i++) {
        ((sj_bf16 *)t.data)[i] = sj_bf16_from_f32((float)(sj_random_unit(&r) - 0.5));
        v[i] = sj_bf16_to_f32(((sj_bf16 *)t.data)[i]);
    }
    made_ok(sj_tensor_quantise(&t, &err));
    const float scale = sj_quantise_scale(v, count);
    assert_true(t.scale == scale && t.type == SJ_TYPE_I8);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(((int8_t *)t.data)[i], sj_quantise_int8(v[i], scale));
    }
    sj_tensor_free(&t);
    free(v);
}

static void types_that_do_not_fit_the_machine_are_named(void **state) {
    static const struct {
        made_options o;
        sj_dtype dtype;
        const char *message;
    } cases[] = {
        {{.store = SJ_TYPE_BF16}, SJ_DTYPE_INT8,
         "t.h5: step 1, layer \"conv\", tensor \"w\" is bfloat16 and accelerator \"little\" computes int8; --quantise rounds it to int8, a bf16 accelerator takes it as it is"},
        {{.store = SJ_TYPE_I8}, SJ_DTYPE_BF16, "t.h5: step 1, layer \"conv\", tensor \"w\" is int8 and accelerator \"little\" computes bf16; use an int8 accelerator"},
        {{.store = SJ_TYPE_I8, .other_layer = LINEAR, .other_type = SJ_TYPE_F32}, SJ_DTYPE_INT8,
         "t.h5: step 1, layer \"linear\", tensor \"w\" is float32 and accelerator \"little\" computes int8; --quantise rounds it to int8, a bf16 accelerator takes it as it is"},
    };
    const sj_network net = network();
    const sj_lower_options options = {.batch = BATCH, .fuse = true};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        accel = made_accel(cases[i].dtype);
        trace = made_trace(&net, &cases[i].o);
        made_says(sj_lowering_open(trace, 0, &accel, &options, &lowering, &err), SJ_ERR_UNSUPPORTED, cases[i].message);
        assert_null(lowering);
        sj_trace_close(trace);
    }
}

static void an_int8_trace_is_taken_as_it_is(void **state) {
    accel = made_accel(SJ_DTYPE_INT8);
    start(&(made_options){.seed = 8, .store = SJ_TYPE_I8}, (sj_lower_options){.batch = BATCH, .fuse = true});
    int count = 0;
    sj_densities d;
    const sj_job *job = jobs_of(CONV, SJ_PHASE_FORWARD, &count, &d)[0];
    sj_tensor x;
    stored(CONV, "x", &x);
    assert_memory_equal(job->a.values.data, x.data, (size_t)sj_tensor_count(&x));
    assert_true(d.a == d.a_before && d.quantised_zeros_a == 0 && d.quantised_zeros_b == 0);
    assert_true(d.a == (double)sj_tensor_nonzero(&x) / (double)sj_tensor_count(&x));
    sj_tensor_free(&x);
    stop();
}

// ---- refusals and reading

static void keep_with_groups_is_refused(void **state) {
    const sj_network net = network();
    const sj_lower_options options = {.batch = BATCH, .fuse = true};
    accel = made_accel(SJ_DTYPE_BF16);
    trace = made_trace(&net, &(made_options){.keep_layer = GROUPED});
    made_says(sj_lowering_open(trace, 0, &accel, &options, &lowering, &err), SJ_ERR_UNSUPPORTED,
              "t.h5: step 1, layer \"grouped\": \"keep\" (channels that ssProp chose) of a convolution with groups = 4; allowed: keep where groups = 1");
    sj_trace_close(trace);
    start(&(made_options){.keep_layer = LINEAR, .seed = 9}, options);
    int count = 0;
    sj_densities d;
    assert_int_equal(jobs_of(LINEAR, SJ_PHASE_GRAD_INPUT, &count, &d)[0]->k, 1);
    sj_tensor dy;
    stored(LINEAR, "dy", &dy);
    const double kept = (double)(sj_bf16_nonzero(((sj_bf16 *)dy.data)[0]) + sj_bf16_nonzero(((sj_bf16 *)dy.data)[3]));  // channel 0 of two images
    assert_true(d.a == kept / 2.0);
    sj_tensor_free(&dy);
    stop();
}

static uint64_t digest(uint64_t h, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        h = (h ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
    }
    return h;
}

// Everything that a step's jobs read, in one number.
static uint64_t digest_of_step(void) {
    uint64_t h = 14695981039346656037u;
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        sj_job *const *jobs = NULL;
        int count = 0;
        sj_densities d;
        made_ok(sj_lowering_jobs(lowering, u, &jobs, &count, &d, &err));
        for (int j = 0; j < count; j++) {
            for (int64_t s = 0; s < jobs[j]->stream_count; s++) {
                const sj_stream *stream = &jobs[j]->streams[s];
                for (int64_t v = 0; stream->kind != SJ_STREAM_RAW && v < stream->length; v++) {
                    const uint16_t bits = sj_values_bits(sj_stream_values(stream), sj_stream_offset(stream, v));
                    h = digest(h, &bits, sizeof bits);
                }
            }
        }
    }
    return h;
}

// Between bn, relu and pool, which are one pass: never in memory.
static bool is_inside_of_the_pass(int layer, const char *name) {
    return strcmp(name, "x") == 0 ? layer == RELU || layer == POOL : strcmp(name, "dy") == 0 && (layer == BN || layer == RELU);
}

// Tensors that a training step moves, hard links counted once.
static int64_t distinct_objects(void) {
    static const char *const names[] = {"x", "x0", "x1", "x2", "w", "dy", "dx", "y"};
    uint64_t seen[8 * LAYERS];
    int64_t count = 0;
    for (int i = 0; i < 8 * LAYERS; i++) {
        const uint64_t id = sj_trace_object_id(lowering->trace, lowering->step, i / 8, names[i % 8]);
        bool known = id == 0 || is_inside_of_the_pass(i / 8, names[i % 8]);
        for (int64_t j = 0; j < count; j++) {
            known = known || seen[j] == id;
        }
        if (!known) {
            seen[count++] = id;
        }
    }
    return count;
}

static void every_tensor_is_read_once_where_memory_allows(void **state) {
    accel = made_accel(SJ_DTYPE_BF16);
    start(&(made_options){.seed = 10}, (sj_lower_options){.batch = BATCH, .fuse = true});
    const uint64_t with_memory = digest_of_step();
    assert_int_equal(lowering->reads, distinct_objects());
    const int64_t once = lowering->reads;
    assert_int_equal(digest_of_step(), with_memory);
    assert_int_equal(lowering->reads, once);  // a second walk reads nothing
    stop();
    start(&(made_options){.seed = 10}, (sj_lower_options){.batch = BATCH, .fuse = true});
    lowering->held_bytes_max = 0;
    assert_int_equal(digest_of_step(), with_memory);
    assert_true(lowering->reads > once);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_fused_inference_works_on_the_output_path),
        IN_FOLDER(an_unfused_inference_has_passes_instead),
        IN_FOLDER(a_pooled_result_of_unknown_values_has_its_own_size),
        IN_FOLDER(a_training_step_has_every_phase),
        IN_FOLDER(sgd_keeps_one_state_and_adam_two),
        IN_FOLDER(a_skipped_step_samples_the_weights_and_does_nothing_else),
        IN_FOLDER(a_step_can_be_taken_as_skipped),
        IN_FOLDER(quantised_operands_are_the_tensors_own),
        IN_FOLDER(the_table_of_codes_quantises_alike),
        IN_FOLDER(types_that_do_not_fit_the_machine_are_named),
        IN_FOLDER(an_int8_trace_is_taken_as_it_is),
        IN_FOLDER(keep_with_groups_is_refused),
        IN_FOLDER(every_tensor_is_read_once_where_memory_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
