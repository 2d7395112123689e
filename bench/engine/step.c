// SPDX-License-Identifier: Apache-2.0
// Whole training steps of ResNet18 on 32x32x3 images: forward, backward, update. Prints images a second, best and median of the steps.
//   bench_step [--width 16] [--batch 128] [--dtype f32|bf16] [--algorithm auto|direct|winograd] [--keep 1.0] [--gather] [--steps 20] [--threads 0] [--count] [--parts] [--model resnet18]
#include <getopt.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sj_model.h"
#include "sj_random.h"

typedef struct settings {
    sj_model_options model;
    int64_t width, steps;
    double keep;
    bool count, parts;
    const char *name;
} settings;

enum { PARTS = 3 };

static double read_clock(clockid_t which) {
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void) { return read_clock(CLOCK_MONOTONIC); }

static int by_time(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static sj_model *make(const settings *s, sj_error *err) {
    char path[1024];
    sj_net net;
    sj_model *m;
    (void)snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", s->name);
    if (sj_net_read(path, (sj_dims){32, 32, 3}, 10, s->width, &net, err) != SJ_OK || sj_model_create(&net, (sj_dims){32, 32, 3}, &s->model, &m, err) != SJ_OK) {
        return NULL;
    }
    const int64_t values = m->batch * sj_dims_count(m->input_dims);
    float *images = calloc((size_t)values, sizeof *images);
    sj_random r = sj_random_seed(1);
    for (int64_t i = 0; i < values && images != NULL; i++) {
        images[i] = (float)(4.0 * sj_random_unit(&r) - 2.0);
    }
    sj_layout_from_nhwc(&m->input_layout, m->batch, images, m->input);
    free(images);
    for (int64_t i = 0; i < m->batch; i++) {
        m->labels[i] = (uint16_t)sj_random_below(&r, 10);
    }
    return m;
}

static sj_status step(sj_model *m, const settings *s, int64_t number, double times[PARTS], sj_error *err) {
    const sj_forward_options forward = {.iteration = number, .count = s->count};
    const sj_backward_options backward = {.keep = s->keep, .count = s->count};
    const sj_optimizer_config optimizer = {.kind = SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9, .weight_decay = 5e-4, .decay_norm = true};
    sj_forward_result result;
    double penalty;
    const double start = now();
    SJ_TRY(sj_model_forward(m, SJ_MODE_TRAIN, m->batch, &forward, &result, err));
    const double middle = now();
    SJ_TRY(sj_model_backward(m, &backward, &penalty, err));
    const double end = now();
    sj_model_update(m, &optimizer, 0.01, number + 1);
    times[0] = middle - start;
    times[1] = end - middle;
    times[2] = now() - end;
    return SJ_OK;
}

static int run(const settings *s) {
    static sj_error err;
    sj_model *m = make(s, &err);
    double *times = calloc((size_t)s->steps, sizeof *times), parts[PARTS] = {0}, best_parts[PARTS] = {0}, least_cpu = 1e30;
    if (m == NULL || times == NULL) {
        (void)fprintf(stderr, "bench_step: %s\n", err.message);
        return 1;
    }
    for (int64_t i = -2; i < s->steps; i++) {  // two to warm up
        const double cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
        if (step(m, s, i + 2, parts, &err) != SJ_OK) {
            (void)fprintf(stderr, "bench_step: %s\n", err.message);
            return 1;
        }
        const double used = read_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        least_cpu = i >= 0 && used < least_cpu ? used : least_cpu;
        for (int p = 0; p < PARTS && i >= 0; p++) {
            times[i] += parts[p];
            best_parts[p] = i == 0 || parts[p] < best_parts[p] ? parts[p] : best_parts[p];
        }
    }
    qsort(times, (size_t)s->steps, sizeof *times, by_time);
    const double images = (double)m->batch;
    (void)printf("%s width %lld batch %lld %s keep %g%s threads %d: best %.1f images/s, median %.1f images/s\n", s->name, (long long)s->width, (long long)m->batch, m->options.bf16 ? "bf16" : "f32",
                 s->keep, m->options.gather ? " gather" : "", omp_get_max_threads(), images / times[0], images / times[s->steps / 2]);
    if (s->parts) {
        (void)printf("best forward %.2f ms, backward %.2f ms, update %.2f ms; processor time of a step %.1f ms\n", 1e3 * best_parts[0], 1e3 * best_parts[1], 1e3 * best_parts[2], 1e3 * least_cpu);
    }
    sj_model_free(m);
    free(times);
    return 0;
}

static int64_t number(const char *text, int64_t least) {
    char *end;
    const long long v = strtoll(text, &end, 10);
    if (*end != '\0' || v < least) {
        (void)fprintf(stderr, "bench_step: \"%s\" is no whole number from %lld up\n", text, (long long)least);
        exit(2);
    }
    return v;
}

static double share(const char *text) {
    char *end;
    const double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v > 0.0 && v <= 1.0)) {
        (void)fprintf(stderr, "bench_step: \"%s\" is no number above 0 and up to 1\n", text);
        exit(2);
    }
    return v;
}

static int choose(const char *text, const char *const *words, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    (void)fprintf(stderr, "bench_step: unknown word \"%s\"\n", text);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"width", required_argument, NULL, 'w'}, {"batch", required_argument, NULL, 'b'}, {"dtype", required_argument, NULL, 'd'},
                                            {"algorithm", required_argument, NULL, 'a'}, {"keep", required_argument, NULL, 'k'}, {"gather", no_argument, NULL, 'g'},
                                            {"steps", required_argument, NULL, 's'}, {"threads", required_argument, NULL, 't'}, {"count", no_argument, NULL, 'c'},
                                            {"parts", no_argument, NULL, 'p'}, {"model", required_argument, NULL, 'm'}, {"native-bf16", no_argument, NULL, 'n'},
                                            {"block", required_argument, NULL, 'B'}, {NULL, 0, NULL, 0}};
    static const char *const dtypes[] = {"f32", "bf16"}, *const algorithms[] = {"direct", "winograd", "auto"};
    settings s = {.model = {.batch = 128, .seed = 1, .algorithm = SJ_ALGORITHM_AUTO, .native_bf16 = sj_cpu_has_bf16()}, .width = 16, .steps = 20, .keep = 1.0, .name = "resnet18"};
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1; c = getopt_long(argc, argv, "", options, NULL)) {
        switch (c) {
            case 'w': s.width = number(optarg, 1); break;
            case 'b': s.model.batch = number(optarg, 1); break;
            case 'd': s.model.bf16 = choose(optarg, dtypes, 2) == 1; break;
            case 'a': s.model.algorithm = (sj_algorithm)choose(optarg, algorithms, 3); break;
            case 'k': s.keep = share(optarg); break;
            case 'g': s.model.gather = true; break;
            case 's': s.steps = number(optarg, 1); break;
            case 't': omp_set_num_threads((int)number(optarg, 1)); break;
            case 'c': s.count = true; break;
            case 'p': s.parts = true; break;
            case 'm': s.name = optarg; break;
            case 'n': s.model.native_bf16 = true; break;
            case 'B': s.model.block = number(optarg, -1); break;
            default: return 2;
        }
    }
    return run(&s);
}
