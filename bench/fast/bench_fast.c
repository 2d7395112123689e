// SPDX-License-Identifier: Apache-2.0
// How fast is the fast model? One training step of a full-width ResNet18: dense MACs of one machine a CPU-second, operands in memory, no result kept between runs.
//
//   bench_fast [dense|gate|skip]      OMP_NUM_THREADS and OMP_WAIT_POLICY=passive as usual; CPU time is that of all threads, user and system
//
// 26.6 G MAC are 16 images, three phases, all conv and linear layers, instances * m * n * k of each product, padding included; packing the masks from bf16 is included, lowering and
// mapping stand apart. Goal: 260 G MAC/CPU-s on skip/bitmask; reached before changes of lanes were counted (mac.change), 0.76 of it now. Xeon of 2.5 GHz (Cascade Lake, no VPOPCNTDQ), one thread, edge16, other work on the machine:
//
//   G MAC/CPU-s                                  skip   gate   dense
//   values packed one by one, tiles alone          11     20      25
//   these kernels, portable C                      36
//   these kernels, AVX-512                        297    305     358
//   with changes of lanes, portable C              23
//   with changes of lanes, AVX-512 (best of nine)  198    180     193
//
// On skip the changes take a third of the time, two thirds of that where both operands have zeros.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "measure.h"
#include "resnet18.h"
#include "sj_counters.h"

#define IMAGES 16
#define JOBS_MAX_TOTAL 128
#define REPEATS 9

static sj_accel edge16;

typedef struct workload {
    int count;
    sj_job *jobs[JOBS_MAX_TOTAL];
} workload;

static void stop(const sj_error *err) {
    fprintf(stderr, "bench_fast: %s\n", err->message);
    exit(1);
}

static uint64_t dense_macs(const sj_job *j) { return (uint64_t)sj_job_instances(j) * (uint64_t)(j->m * j->n * j->k); }

static void lower_layer(workload *w, const bench_layer *l) {
    const sj_conv_case c = {.layer = l->info.name, .info = &l->info, .batch = IMAGES, .x = &l->x, .w = &l->w, .dy = &l->dy, .dense_gradient = l->dense_gradient,
                            .dense_input = l->info.inputs[0] < 0};
    sj_conv_case forward = c, backward = c;
    forward.result.tensor = &l->dy;  // of the right shape, and zeros as good as any
    backward.result.tensor = &l->x;
    sj_error err;
    sj_job **phases = NULL;
    int count = 0;
    if (sj_lower_forward(&edge16, &forward, &w->jobs[w->count++], &err) != SJ_OK || sj_lower_grad_weight(&edge16, &c, &w->jobs[w->count++], &err) != SJ_OK) {
        stop(&err);
    }
    if (!l->info.needs_dx) {
        return;
    }
    if (sj_lower_grad_input(&edge16, &backward, &phases, &count, &err) != SJ_OK) {
        stop(&err);
    }
    for (int i = 0; i < count; i++) {
        w->jobs[w->count++] = phases[i];
    }
    free(phases);
}

typedef struct figure {
    uint64_t macs, cycles;   // of one repeat
    bench_time time, best;   // sum over repeats; of the repeat with the least CPU time
} figure;

static void run_phase(const workload *w, sj_variant v, sj_phase phase, figure *f) {
    const bench_time start = bench_now();
    f->macs = f->cycles = 0;
    for (int i = 0; i < w->count; i++) {
        if (w->jobs[i]->phase == phase) {
            sj_outcome out;
            sj_error err;
            if (sj_fast_run(&edge16, v, w->jobs[i], &out, &err) != SJ_OK) {
                stop(&err);
            }
            f->macs += dense_macs(w->jobs[i]);
            f->cycles += out.cycles;
        }
    }
    const bench_time took = bench_since(start);
    f->best = f->time.cpu_seconds == 0 || took.cpu_seconds < f->best.cpu_seconds ? took : f->best;
    f->time.cpu_seconds += took.cpu_seconds;
    f->time.wall_seconds += took.wall_seconds;
}

static void print_figure(const char *name, const figure *f) {
    printf("  %-12s %6.2f G MAC  mean %7.4f CPU-s %7.4f s %6.1f G MAC/CPU-s   best %7.4f CPU-s %7.4f s %6.1f G MAC/CPU-s   (%llu cycles)\n", name, 1e-9 * (double)f->macs,
           f->time.cpu_seconds / REPEATS, f->time.wall_seconds / REPEATS, 1e-9 * (double)f->macs * REPEATS / f->time.cpu_seconds, f->best.cpu_seconds, f->best.wall_seconds,
           1e-9 * (double)f->macs / f->best.cpu_seconds, (unsigned long long)f->cycles);
}

static bench_time sum(bench_time a, bench_time b) { return (bench_time){a.cpu_seconds + b.cpu_seconds, a.wall_seconds + b.wall_seconds}; }

static void run_variant(const workload *w, sj_variant v) {
    figure phases[SJ_PHASE_COUNT] = {{0}}, total = {0};
    printf("%s/%s, %s kernels\n", sj_machine_name(v.machine), sj_codec_name(v.codec), sj_fast_kernels_now()->name);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        for (int p = SJ_PHASE_FORWARD; p <= SJ_PHASE_GRAD_WEIGHT; p++) {
            run_phase(w, v, (sj_phase)p, &phases[p]);
        }
    }
    for (int p = SJ_PHASE_FORWARD; p <= SJ_PHASE_GRAD_WEIGHT; p++) {
        print_figure(sj_phase_name((sj_phase)p), &phases[p]);
        total.macs += phases[p].macs;
        total.cycles += phases[p].cycles;
        total.time = sum(total.time, phases[p].time);
        total.best = sum(total.best, phases[p].best);
    }
    print_figure("total", &total);
}

int main(int argc, char **argv) {
    static bench_layer layers[RESNET18_LAYERS];
    static workload w;
    sj_error err;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &edge16, &err) != SJ_OK) {
        stop(&err);
    }
    bench_print_machine();
    bench_resnet18_make(layers, IMAGES);
    const bench_time start = bench_now();
    for (int i = 0; i < RESNET18_LAYERS; i++) {
        lower_layer(&w, &layers[i]);
    }
    const bench_time lowering = bench_since(start);
    printf("lowering and mapping of %d jobs: %.4f CPU-s, %.4f s\n", w.count, lowering.cpu_seconds, lowering.wall_seconds);
    static const sj_variant variants[] = {{SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}, {SJ_MACHINE_GATE, SJ_CODEC_BITMASK}, {SJ_MACHINE_DENSE, SJ_CODEC_NONE}};
    for (int i = 0; i < 3; i++) {
        if (argc < 2 || strcmp(argv[1], sj_machine_name(variants[i].machine)) == 0) {
            run_variant(&w, variants[i]);
        }
    }
    if (argc < 2) {
        sj_fast_use_kernels(&sj_fast_portable_kernels);
        run_variant(&w, variants[0]);
        sj_fast_use_kernels(NULL);
    }
    for (int i = 0; i < w.count; i++) {
        sj_job_free(w.jobs[i]);
    }
    bench_resnet18_free(layers);
    return 0;
}
