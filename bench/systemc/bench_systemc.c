// SPDX-License-Identifier: Apache-2.0
// Simulated cycles a second of the SystemC system around the C++ array: edge16 (16 x 16), int8 and bf16, at densities 1 and 0.3, skip machine, bitmask codec.
// First the array alone (one block in the buffer), then the whole system, then one that waits for DRAM most of the time.
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"
#include "sj_counters.h"
#include "sj_lower.h"

enum { REPEATS = 5 };  // the best counts: other work on the machine only slows down

typedef struct product {
    const char *name;
    int64_t m, k, n;
    bool array_only;
} product;

static const product products[] = {{"array only", 1024, 576, 64, true}, {"with DRAM", 1024, 576, 64, false}, {"DRAM-bound", 4096, 16, 512, false}};

static _Noreturn void stop(const sj_error *err) {
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static sj_accel edge16(sj_dtype dtype) {
    sj_error err = {0};
    sj_accel accel;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err) != SJ_OK) {
        stop(&err);
    }
    accel.dtype = dtype;
    return accel;
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

// bf16 1.0 or int8 1 to 127: what values are does not change the time they take.
static void *matrix(uint64_t *state, sj_dtype dtype, int64_t count, double density) {
    sj_bf16 *const wide = calloc((size_t)count, sizeof *wide);
    int8_t *const narrow = (int8_t *)wide;
    for (int64_t i = 0; i < count && wide != NULL; i++) {
        const bool nonzero = (double)next_random(state) < density * 0x1p31;
        if (dtype == SJ_DTYPE_BF16) {
            wide[i] = nonzero ? 0x3f80 : 0;
        } else {
            narrow[i] = (int8_t)(nonzero ? 1 + (int)(next_random(state) % 127) : 0);
        }
    }
    return wide;
}

static void run_product(const product *p, sj_dtype dtype, double density) {
    const sj_accel accel = edge16(dtype);
    uint64_t state = 1;
    void *a = matrix(&state, dtype, p->m * p->k, density), *b = matrix(&state, dtype, p->k * p->n, density);
    sj_job *job = NULL;
    sj_error err = {0};
    sj_outcome out = {0};
    if (a == NULL || b == NULL || sj_lower_gemm(&accel, p->m, p->k, p->n, a, b, p->array_only, &job, &err) != SJ_OK) {
        stop(&err);
    }
    double best = 0.0;
    for (int i = 0; i < REPEATS; i++) {
        const bench_time start = bench_now();
        if (sj_systemc_run(&accel, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}, job, &out, NULL, &err) != SJ_OK) {
            stop(&err);
        }
        const double seconds = bench_since(start).cpu_seconds;
        best = i == 0 || seconds < best ? seconds : best;
    }
    printf("%-10s  %4lld x %3lld x %3lld  %s  density %.1f  %8llu cycles  DRAM %3.0f %%  %7.3f CPU-s  %6.3f Mcycles/s\n", p->name, (long long)p->m, (long long)p->k, (long long)p->n,
           dtype == SJ_DTYPE_BF16 ? "bf16" : "int8", density, (unsigned long long)out.cycles, 100.0 * (double)out.busy_dram / (double)out.cycles, best, 1e-6 * (double)out.cycles / best);
    sj_job_free(job);
    free(a);
    free(b);
}

int main(void) {
    bench_print_machine();
    for (size_t p = 0; p < sizeof products / sizeof products[0]; p++) {
        for (int dtype = SJ_DTYPE_BF16; dtype <= SJ_DTYPE_INT8; dtype++) {
            run_product(&products[p], (sj_dtype)dtype, 1.0);
            run_product(&products[p], (sj_dtype)dtype, 0.3);
        }
    }
    return 0;
}
