// SPDX-License-Identifier: Apache-2.0
// All builds of the kernels give the same bits; a run of images gives what its parts give.
#include <unistd.h>

#include "kernel_case.h"

static uint64_t hash;

static void mix(const void *data, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i++) {
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    }
}

typedef struct probe {
    sj_layout l;
    int64_t images, bytes, channels;
    void *x[3], *y, *out, *pooled;
    float *vectors[6], *nhwc;
    double *sums[2];
} probe;

static probe make_probe(sj_random *r) {
    probe k = {.l = case_layout(r, 14), .images = case_between(r, 1, 4)};
    k.bytes = k.images * sj_layout_bytes(&k.l);
    k.channels = sj_layout_channels(&k.l);
    for (int i = 0; i < 3; i++) {
        k.x[i] = case_tensor(r, &k.l, k.images, 0.7, &k.nhwc);
        free(k.nhwc);
    }
    k.y = case_tensor(r, &k.l, k.images, 0.7, &k.nhwc);
    k.out = case_blank(&k.l, k.images);
    k.pooled = case_blank(&k.l, k.images);
    for (int i = 0; i < 6; i++) {
        k.vectors[i] = case_vector(r, &k.l, i == 1 || i == 3 ? 1.0F : 0.0F);
    }
    k.sums[0] = malloc((size_t)k.channels * sizeof(double));
    k.sums[1] = malloc((size_t)k.channels * sizeof(double));
    assert_true(k.sums[0] != NULL && k.sums[1] != NULL);
    return k;
}

static void free_probe(probe *k) {
    void *const all[] = {k->x[0], k->x[1], k->x[2], k->y, k->out, k->pooled, k->nhwc, k->sums[0], k->sums[1], k->vectors[0], k->vectors[1], k->vectors[2], k->vectors[3], k->vectors[4], k->vectors[5]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static sj_sum_back probe_back(const probe *k, sj_random *r) {
    sj_sum_back b = {.dy = {k->x[1], k->x[2]}, .dy_count = (int)case_between(r, 1, 2), .y = k->y, .relu = sj_random_below(r, 2) == 0,
                     .term = {k->x[0], k->vectors[0], k->vectors[1], k->vectors[2]}, .inverse_std = k->vectors[3]};
    if (sj_random_below(r, 2) == 0) {
        b.on_y = case_random_penalty(r, 0.7);
        b.on_v = case_random_penalty(r, 0.7);
        b.on_x = case_random_penalty(r, 0.7);
    }
    return b;
}

static void mix_sums(const probe *k) {
    mix(k->sums[0], k->channels * (int64_t)sizeof(double));
    mix(k->sums[1], k->channels * (int64_t)sizeof(double));
}

static void probe_pools(const probe *k, sj_random *r) {
    sj_layer_info info = {.kernel_h = case_between(r, 1, k->l.dims.h < 3 ? k->l.dims.h : 3), .kernel_w = case_between(r, 1, k->l.dims.w < 3 ? k->l.dims.w : 3), .stride = case_between(r, 1, 3)};
    sj_layout out = k->l;
    out.dims.h = (k->l.dims.h - info.kernel_h) / info.stride + 1;
    out.dims.w = (k->l.dims.w - info.kernel_w) / info.stride + 1;
    sj_pool_max_forward(&info, &k->l, &out, k->images, k->x[0], k->pooled);
    mix(k->pooled, k->images * sj_layout_bytes(&out));
    sj_pool_max_backward(&info, &k->l, &out, k->images, k->x[0], k->pooled, k->x[1], k->out);
    mix(k->out, k->bytes);
    sj_pool_avg_forward(&info, &k->l, &out, k->images, k->x[0], k->pooled);
    mix(k->pooled, k->images * sj_layout_bytes(&out));
    sj_pool_avg_backward(&info, &k->l, &out, k->images, k->x[1], k->out);
    mix(k->out, k->bytes);
}

static void probe_all(sj_random *r) {
    probe k = make_probe(r);
    int64_t counts[SJ_TERMS_MAX + 2] = {0};
    const sj_term terms[3] = {{k.x[0], k.vectors[0], k.vectors[1], k.vectors[2]}, {.x = k.x[1]}, {k.x[2], k.vectors[3], k.vectors[4], k.vectors[5]}};
    const int count = (int)case_between(r, 1, 3);
    sj_sum_forward(&k.l, k.images, terms, count, true, k.out, counts);
    mix(k.out, k.bytes);
    const sj_sum_back b = probe_back(&k, r);
    sj_sum_backward_sums(&k.l, k.images, &b, k.sums[0], k.sums[1]);
    mix_sums(&k);
    sj_sum_backward(&k.l, k.images, &b, k.vectors[4], k.vectors[5], k.out, counts);
    mix(k.out, k.bytes);
    sj_channel_moments(&k.l, k.images, k.x[0], k.sums[0], k.sums[1]);
    mix_sums(&k);
    const sj_penalty eat = {SJ_PENALTY_EAT, 0.01F, 1.0F};
    const double penalty[2] = {sj_penalty_sum(&k.l, k.images, &eat, k.x[0]), sj_penalty_sum_term(&k.l, k.images, &eat, terms)};
    mix(penalty, sizeof penalty);
    mix(counts, sizeof counts);
    probe_pools(&k, r);
    free_probe(&k);
}

// The same seed in the children, which say nothing but their hash.
static uint64_t seed_of_all(void) {
    const char *text = getenv("SJ_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 41;
}

static uint64_t hash_of_all(void) {
    sj_random r = sj_random_seed(seed_of_all());
    hash = 0xcbf29ce484222325u;
    for (int i = 0; i < 200; i++) {
        probe_all(&r);
    }
    return hash;
}

static const char *self;

// This program again, with a build forced: its name and hash.
static void hash_with(const char *build, char *name, unsigned long long *found) {
    char command[600];
    snprintf(command, sizeof command, "SJ_KERNELS=%s '%s' hash", build, self);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%15s %llx", name, found), 2);
    assert_int_equal(pclose(pipe), 0);
}

static void all_builds_give_the_same_bits(void **state) {
    (void)state;
    static const char *const builds[] = {"portable", "avx2", "avx512"};
    char first_name[16], name[16];
    unsigned long long first, found;
    print_message("seed %llu (SJ_TEST_SEED)\n", (unsigned long long)seed_of_all());
    hash_with(builds[0], first_name, &first);
    assert_string_equal(first_name, "portable");
    for (int i = 1; i < 3; i++) {
        hash_with(builds[i], name, &found);
        if (strcmp(name, builds[i]) != 0) {
            printf("not on this processor: %s\n", builds[i]);
            continue;
        }
        assert_true(found == first);
    }
}

static void *at(const probe *k, void *data, int64_t image) { return sj_layout_at(&k->l, data, image); }

static void near_sums(const probe *k, const double *whole, const double *parts) {
    for (int64_t c = 0; c < k->channels; c++) {
        case_near(parts[c], whole[c], 1e-12 * (1.0 + 1000.0 * fabs(whole[c])), "sum", c);
    }
}

// The first images, then the others; sums are added up by the caller.
static void halves_case(sj_random *r) {
    probe k = make_probe(r);
    const int64_t n = case_between(r, 0, k.images), left = k.images - n;
    void *whole = case_blank(&k.l, k.images);
    double *sums = malloc((size_t)k.channels * 4 * sizeof *sums);
    assert_non_null(sums);
    double *const part[2] = {sums, sums + k.channels}, *const rest[2] = {sums + 2 * k.channels, sums + 3 * k.channels};
    sj_sum_back b = probe_back(&k, r), later = b;
    for (int i = 0; i < b.dy_count; i++) {
        later.dy[i] = sj_layout_at(&k.l, b.dy[i], n);
    }
    later.y = sj_layout_at(&k.l, b.y, n);
    later.term.x = sj_layout_at(&k.l, b.term.x, n);
    int64_t counts[4] = {0}, both[4] = {0};
    sj_sum_backward(&k.l, k.images, &b, k.vectors[4], k.vectors[5], whole, counts);
    sj_sum_backward(&k.l, n, &b, k.vectors[4], k.vectors[5], k.out, both);
    sj_sum_backward(&k.l, left, &later, k.vectors[4], k.vectors[5], at(&k, k.out, n), both);
    assert_memory_equal(whole, k.out, (size_t)k.bytes);
    assert_memory_equal(counts, both, sizeof counts);
    sj_sum_backward_sums(&k.l, k.images, &b, k.sums[0], k.sums[1]);
    sj_sum_backward_sums(&k.l, n, &b, part[0], part[1]);
    sj_sum_backward_sums(&k.l, left, &later, rest[0], rest[1]);
    for (int i = 0; i < 2; i++) {
        for (int64_t c = 0; c < k.channels; c++) {
            part[i][c] += rest[i][c];
        }
        near_sums(&k, k.sums[i], part[i]);
    }
    const sj_term terms[2] = {{k.x[0], k.vectors[0], k.vectors[1], k.vectors[2]}, {.x = k.x[1]}};
    const sj_term later_terms[2] = {{at(&k, k.x[0], n), k.vectors[0], k.vectors[1], k.vectors[2]}, {.x = at(&k, k.x[1], n)}};
    sj_sum_forward(&k.l, k.images, terms, 2, true, whole, NULL);
    sj_sum_forward(&k.l, n, terms, 2, true, k.out, NULL);
    sj_sum_forward(&k.l, left, later_terms, 2, true, at(&k, k.out, n), NULL);
    assert_memory_equal(whole, k.out, (size_t)k.bytes);
    free(sums);
    free(whole);
    free_probe(&k);
}

static void a_run_is_its_parts(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(42));
    for (int i = 0; i < 300; i++) {
        halves_case(&r);
    }
}

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "hash") == 0) {
        printf("%s %llx\n", sj_kernels_name(), (unsigned long long)hash_of_all());
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_builds_give_the_same_bits), cmocka_unit_test(a_run_is_its_parts)};
    return cmocka_run_group_tests_name("kernel bits", tests, NULL, NULL);
}
