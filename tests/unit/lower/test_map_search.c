// SPDX-License-Identifier: Apache-2.0
// Does the search find what trying everything finds? Are its footprints those of the segments that a block really loads? Does it look at no value?
#include <time.h>

#include "map_cases.h"
#include "map_internal.h"

// ---- Footprints against the segments themselves

typedef struct walk {
    const sj_accel *accel;
    const sj_job *job;
    bool is_a;
    int64_t bytes, segments, tiles, need;  // need: of the block at hand
    int64_t grain;                         // what the footprint says of all segments
} walk;

// Lines of the groups that a segment of A fills, group by group (docs/timing.md section 9).
static int64_t lines_of(const walk *w, sj_segment s) {
    const int64_t kt = w->accel->k_tile, vb = sj_accel_value_bytes(w->accel), pixels = w->job->a.images * w->job->a.source_h * w->job->a.source_w;
    const int64_t chunk = s.begin / (pixels * kt), width = sj_min64(kt, w->job->a.channel_count - chunk * kt);
    const int64_t first = (s.begin - chunk * pixels * kt) / width, last = (s.end - 1 - chunk * pixels * kt) / width;
    int64_t lines = 0, run = 0;
    for (int64_t p = first; p <= last; p++) {
        run++;
        if (s.transpose_width == 0) {
            lines += sj_ceil_div(width * vb, w->accel->line_bytes);
        } else if (p == last || (p + 1) % kt == 0) {
            lines += width * sj_ceil_div(run * vb, w->accel->line_bytes);
            run = 0;
        }
    }
    return lines;
}

static sj_status add(void *context, sj_segment s, sj_error *err) {
    (void)err;
    walk *w = context;
    const int64_t bytes = (s.end - s.begin) * w->job->streams[s.stream].value_bytes;
    w->bytes += bytes;
    w->segments++;
    assert_true(s.begin % w->grain == 0 && s.end % w->grain == 0);
    w->tiles += s.transpose_width > 0 ? sj_ceil_div(sj_ceil_div(s.end - s.begin, s.transpose_width), w->accel->k_tile) : 0;
    w->need += w->is_a ? lines_of(w, s) * w->accel->line_bytes : bytes;
    return SJ_OK;
}

static void check_footprint(const sj_accel *accel, const sj_job *job, bool is_a, int64_t u_block, int64_t k_block) {
    sj_error err = {0};
    sj_map_footprint f;
    sj_map_footprint_of(accel, job, is_a, u_block, k_block, &f);
    walk w = {.accel = accel, .job = job, .is_a = is_a, .grain = f.grain};
    int64_t largest = 0, blocks = 0;
    for (int64_t u = 0, all = is_a ? job->m : job->n; u < all; u += u_block) {
        for (int64_t k = 0; k < job->k; k += k_block, blocks++) {
            w.need = 0;
            assert_int_equal((is_a ? sj_segments_a : sj_segments_b)(job, 0, u, sj_min64(u + u_block, all), k, sj_min64(k + k_block, job->k), accel->k_tile, add, &w, &err), SJ_OK);
            largest = sj_max64(largest, w.need);
            if (u == 0 && k == 0) {
                assert_int_equal(f.first_bytes, w.bytes);
                assert_int_equal(f.first_segments, w.segments);
                assert_int_equal(f.first_tiles, w.tiles);
                assert_int_equal(f.first_need, w.need);
            }
        }
    }
    assert_int_equal(f.bytes, w.bytes);
    assert_int_equal(f.segments, w.segments);
    assert_int_equal(f.tiles, w.tiles);
    assert_int_equal(f.largest, largest);
    assert_int_equal(f.blocks, blocks);
}

static void footprints_are_those_of_the_segments(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(21));
    int checked = 0;
    for (int i = 0; i < 150; i++) {
        sj_accel accel = sj_test_accel(&r);
        accel.buffer_kib = 1024;
        sj_test_layer t = sj_test_layer_make(&r, 30, 12);
        map_jobs jobs = map_jobs_of_layer(&accel, &t);
        for (int j = 0; j < jobs.count; j++) {
            const sj_job *job = jobs.job[j];
            for (int n = 0; n < 4 && job->k > 0; n++, checked++) {
                const int64_t m_unit = accel.rows * accel.slots, k = sj_test_between(&r, 1, sj_ceil_div(job->k, accel.k_tile)) * accel.k_tile;
                check_footprint(&accel, job, true, sj_test_between(&r, 1, sj_ceil_div(job->m, m_unit)) * m_unit, k);
                check_footprint(&accel, job, false, sj_test_between(&r, 1, sj_ceil_div(job->n, accel.lanes)) * accel.lanes, k);
            }
        }
        map_jobs_free(&jobs);
        sj_test_layer_free(&t);
    }
    assert_true(checked > 1000);
}

// ---- The search against everything

typedef struct everything {
    int64_t least;  // cost, -1: nothing fits
    sj_map_choice choice;
    int64_t fitting;
} everything;

// The rule of docs/mapping.md, written out: fewest bytes, fewest blocks, the larger k, n, m, then mn.
static bool is_preferred(const sj_map_choice *x, const sj_map_choice *best) {
    const sj_map_prediction *p = &x->predicted, *q = &best->predicted;
    if (p->dram_bytes != q->dram_bytes) {
        return p->dram_bytes < q->dram_bytes;
    }
    if (p->blocks != q->blocks) {
        return p->blocks < q->blocks;
    }
    if (x->mapping.k != best->mapping.k) {
        return x->mapping.k > best->mapping.k;
    }
    if (x->mapping.n != best->mapping.n) {
        return x->mapping.n > best->mapping.n;
    }
    if (x->mapping.m != best->mapping.m) {
        return x->mapping.m > best->mapping.m;
    }
    return x->mapping.order == SJ_ORDER_MN && best->mapping.order == SJ_ORDER_NM;
}

static void try_all(const sj_map_model *model, everything *out, bool choosing) {
    const sj_job *job = model->job;
    for (int64_t k = model->k_unit; k < job->k + model->k_unit || k == model->k_unit; k += model->k_unit) {
        for (int64_t n = model->n_unit; n < job->n + model->n_unit; n += model->n_unit) {
            for (int64_t m = model->m_unit; m < job->m + model->m_unit; m += model->m_unit) {
                sj_map_footprint a, b;
                sj_map_footprint_of(model->accel, job, true, m, k, &a);
                sj_map_footprint_of(model->accel, job, false, n, k, &b);
                for (int order = 0; order < 2; order++) {
                    sj_map_choice x = {.mapping = {m, n, k, (sj_order)order}};
                    if (!sj_map_fits(model, &x.mapping, &a, &b)) {
                        continue;
                    }
                    sj_map_predict(model, &x.mapping, &a, &b, &x.predicted);
                    if (!choosing) {
                        out->fitting++;
                        out->least = out->least < 0 ? x.predicted.cost : sj_min64(out->least, x.predicted.cost);
                        continue;
                    }
                    const bool close = (double)x.predicted.cost <= 1.005 * (double)out->least;
                    if (close && (out->choice.predicted.blocks == 0 || is_preferred(&x, &out->choice))) {
                        out->choice = x;
                    }
                }
            }
        }
    }
}

// Up to 48 tiles in each dimension. Beyond, of the sizes with the same number of blocks the search knows the most even alone.
static bool has_every_size(const sj_map_model *model) {
    const sj_job *job = model->job;
    return sj_ceil_div(job->m, model->m_unit) <= 48 && sj_ceil_div(job->n, model->n_unit) <= 48 && sj_ceil_div(job->k, model->k_unit) <= 48;
}

static everything brute_force(const sj_map_model *model) {
    everything all = {.least = -1};
    try_all(model, &all, false);
    try_all(model, &all, true);
    return all;
}

static void nothing_cheaper_stands_outside_of_the_search(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(22));
    int64_t jobs_seen = 0, fitting = 0, refused = 0, alike = 0;
    for (int i = 0; i < 120; i++) {
        const sj_accel accel = sj_test_accel(&r);
        sj_test_layer t = sj_test_layer_make(&r, 20, 8);
        map_jobs jobs = map_jobs_of_layer(&accel, &t);
        for (int j = 0; j < jobs.count; j++, jobs_seen++) {
            sj_map_model model;
            sj_map_choice found;
            sj_error err = {0};
            bool any = false;
            jobs.job[j]->instances = sj_test_between(&r, 1, 3);
            sj_map_model_make(&accel, jobs.job[j], &model);
            assert_int_equal(sj_map_search(&model, &found, &any, &err), SJ_OK);
            const everything all = brute_force(&model);
            assert_int_equal(any, all.least >= 0);
            refused += !any;
            if (any) {
                assert_true((double)found.predicted.cost <= 1.005 * (double)all.least);
                assert_int_equal(found.predicted.dram_bytes, all.choice.predicted.dram_bytes);
                assert_int_equal(found.predicted.blocks, all.choice.predicted.blocks);
            }
            if (any && has_every_size(&model)) {
                assert_int_equal(found.mapping.k, all.choice.mapping.k);
                assert_int_equal(found.mapping.n, all.choice.mapping.n);
                assert_int_equal(found.mapping.m, all.choice.mapping.m);
                assert_int_equal(found.mapping.order, all.choice.mapping.order);
                alike++;
            }
            fitting += all.fitting;
        }
        map_jobs_free(&jobs);
        sj_test_layer_free(&t);
    }
    printf("%lld jobs, %lld mappings that fit, %lld jobs where none does\n", (long long)jobs_seen, (long long)fitting, (long long)refused);
    assert_true(fitting > 10 * jobs_seen);
    assert_true(alike > jobs_seen / 2);
}

// Dimensions of more than 48 tiles: sizes are thinned. How much does that cost?
static void thinned_sizes_stay_near_the_least(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(23));
    double worst = 1.0;
    for (int i = 0; i < 20; i++) {
        sj_accel accel = map_accel("edge16");
        accel.rows = accel.slots = sj_test_between(&r, 1, 2);
        accel.lanes = 4;
        accel.k_tile = 8;
        accel.buffer_kib = sj_test_between(&r, 64, 2048);
        static const sj_bf16 values[1] = {0};
        sj_job *job = NULL;
        sj_error err = {0};
        assert_int_equal(sj_lower_gemm(&accel, sj_test_between(&r, 200, 800), sj_test_between(&r, 8, 120), sj_test_between(&r, 8, 300), values, values, false, &job, &err), SJ_OK);
        sj_map_model model;
        sj_map_choice found;
        bool any = false;
        sj_map_model_make(&accel, job, &model);
        assert_int_equal(sj_map_search(&model, &found, &any, &err), SJ_OK);
        assert_true(any);
        everything all = {.least = -1};
        try_all(&model, &all, false);
        const double ratio = (double)found.predicted.cost / (double)all.least;
        worst = ratio > worst ? ratio : worst;
        sj_job_free(job);
    }
    printf("thinned sizes: worst cost over the least of all sizes %.4f\n", worst);
    assert_true(worst <= (getenv("SJ_TEST_SEED") == NULL ? 1.005 : 1.01));  // the tie; other seeds may meet a little more
}

// ---- A whole network, without a value

static map_jobs shape_jobs(const sj_accel *accel, int64_t size, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t batch) {
    sj_layer_info info = {.name = "conv", .kind = SJ_KIND_CONV, .input_count = 1, .groups = 1, .needs_dx = true, .kernel_h = kernel, .kernel_w = kernel, .stride = stride, .padding = kernel / 2};
    const int64_t reduced = (size + 2 * info.padding - kernel) / stride + 1;
    info.in = (sj_dims){size, size, in};
    info.out = (sj_dims){reduced, reduced, out};
    sj_tensor x = {.type = SJ_TYPE_BF16, .rank = 4, .dims = {1, size, size, in}, .scale = 1.0F}, dy = x, w = x;  // no data: a mapper that looked would crash
    dy.dims[1] = dy.dims[2] = reduced;
    dy.dims[3] = out;
    w.dims[0] = out;
    w.dims[1] = w.dims[2] = kernel;
    const sj_conv_case c = {.layer = "conv", .info = &info, .batch = batch, .x = &x, .w = &w, .dy = &dy, .out_ops = 3};
    return map_jobs_of(accel, &c, &(sj_plane){&dy, info.out}, &(sj_plane){&x, info.in});
}

typedef struct shape {
    int64_t size, in, out, kernel, stride;
    int count;
} shape;

static const shape resnet18[] = {{32, 3, 64, 3, 1, 1}, {32, 64, 64, 3, 1, 4}, {32, 64, 128, 3, 2, 1}, {16, 128, 128, 3, 1, 3}, {32, 64, 128, 1, 2, 1}, {16, 128, 256, 3, 2, 1},
                                 {8, 256, 256, 3, 1, 3}, {16, 128, 256, 1, 2, 1}, {8, 256, 512, 3, 2, 1}, {4, 512, 512, 3, 1, 3}, {8, 256, 512, 1, 2, 1}, {1, 512, 10, 1, 1, 1}};

static double map_resnet18(const sj_accel *accel, int64_t batch) {
    double seconds = 0.0;
    for (size_t i = 0; i < sizeof resnet18 / sizeof resnet18[0]; i++) {
        const shape *s = &resnet18[i];
        map_jobs jobs = shape_jobs(accel, s->size, s->in, s->out, s->kernel, s->stride, batch);
        assert_int_equal(jobs.count, s->stride == 2 ? 6 : 3);
        const clock_t begin = clock();
        for (int j = 0; j < jobs.count * s->count; j++) {
            sj_error err = {0};
            assert_int_equal(sj_map_product(accel, jobs.job[j / s->count], &err), SJ_OK);
        }
        seconds += (double)(clock() - begin) / CLOCKS_PER_SEC;
        map_jobs_free(&jobs);
    }
    return seconds;
}

static void resnet18_is_mapped_without_a_value(void **state) {
    (void)state;
    static const char *const machines[] = {"edge16", "edge256"};
    for (int i = 0; i < 2; i++) {
        const sj_accel accel = map_accel(machines[i]);
        const double small = map_resnet18(&accel, 16), large = map_resnet18(&accel, 128);
        printf("%s: all products of ResNet18 mapped in %.1f ms at batch 16, %.1f ms at batch 128\n", machines[i], 1e3 * small, 1e3 * large);
    }
}

// ---- explain

static int kind_of(const sj_job *job, const sj_mapping *x) { return (x->m < job->m) | (x->n < job->n) << 1 | (x->k < job->k) << 2; }

static void the_report_is_of_what_is_run(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(24));
    int64_t others = 0;
    for (int i = 0; i < 60; i++) {
        const sj_accel accel = sj_test_accel(&r);
        sj_test_layer t = sj_test_layer_make(&r, 20, 8);
        map_jobs jobs = map_jobs_of_layer(&accel, &t);
        for (int j = 0; j < jobs.count; j++) {
            const sj_job *job = jobs.job[j];
            sj_map_report report;
            sj_error err = {0};
            int64_t cycles = 0;
            assert_int_equal(sj_map_explain(&accel, job, &report, &err), SJ_OK);
            assert_int_equal(sj_map_cost(&accel, job, &cycles, &err), SJ_OK);
            const sj_map_choice *choice = &report.choices[0];
            assert_int_equal(cycles, choice->predicted.cycles);
            assert_int_equal(choice->predicted.blocks, job->block_count);
            assert_int_equal(job->blocks[0].m1, sj_min64(choice->mapping.m, job->m));
            assert_int_equal(job->blocks[0].n1, sj_min64(choice->mapping.n, job->n));
            assert_int_equal(job->blocks[0].k1, sj_min64(choice->mapping.k, job->k));
            for (int c = 0; c < report.count; c++) {
                const sj_map_prediction *p = &report.choices[c].predicted;
                assert_true(p->footprint.a <= report.capacity.a && p->footprint.b <= report.capacity.b && p->footprint.out <= report.capacity.out);
                assert_true(c < 2 || p->cost >= report.choices[c - 1].predicted.cost);
                assert_true((double)choice->predicted.cost <= 1.005 * (double)p->cost);
                assert_true(c == 0 || kind_of(job, &report.choices[c].mapping) != kind_of(job, &choice->mapping) || report.choices[c].mapping.order != choice->mapping.order);
            }
            others += report.count - 1;
        }
        map_jobs_free(&jobs);
        sj_test_layer_free(&t);
    }
    assert_true(others > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(footprints_are_those_of_the_segments), cmocka_unit_test(nothing_cheaper_stands_outside_of_the_search),
                                       cmocka_unit_test(thinned_sizes_stay_near_the_least), cmocka_unit_test(resnet18_is_mapped_without_a_value),
                                       cmocka_unit_test(the_report_is_of_what_is_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
