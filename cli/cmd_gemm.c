// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_bf16.h"
#include "sj_cli.h"
#include "sj_fidelity_run.h"
#include "sj_file.h"
#include "sj_lower.h"
#include "sj_machine.h"
#include "sj_random.h"

enum { OPT_DENSITY_A = SJ_OPT_OWN, OPT_DENSITY_B, OPT_SEED, OPT_ARRAY_ONLY, OPT_JSON };

static const struct option long_options[] = {SJ_MACHINE_LONG_OPTIONS,
                                             {"density-a", required_argument, NULL, OPT_DENSITY_A},
                                             {"density-b", required_argument, NULL, OPT_DENSITY_B},
                                             {"seed", required_argument, NULL, OPT_SEED},
                                             {"array-only", no_argument, NULL, OPT_ARRAY_ONLY},
                                             {"json", no_argument, NULL, OPT_JSON},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: skipjoule gemm M K N --accel A [options]\n\n"
    "One product O[M x N] = A[M x K] B[K x N] of seeded random operands: cycles, counters, energy. At systemc and rtl the results are computed too and\n"
    "compared bit for bit with the reference product.\n\n"
    "  --density-a X        share of nonzero values of A, 0 to 1 (default 1); the same seed gives nested patterns\n"
    "  --density-b X        of B (default 1)\n"
    "  --seed N             of the operands (default 1)\n"
    "  --array-only         one block whose operands stand in the buffer already: no DRAM\n" SJ_MACHINE_HELP
    "  --json               the machine-readable result on stdout\n"
    "  -h, --help           this text\n";

typedef struct gemm_options {
    sj_machine_options machine;
    int64_t m, k, n, seed;
    double density_a, density_b;
    bool array_only, json, help;
} gemm_options;

typedef struct gemm_data {
    void *a, *b;                    // M x K, K x N
    double nonzero_a, nonzero_b;    // shares; NAN for none
    void *reference, *results;      // M x N of 4 bytes; NULL at fast
} gemm_data;

static sj_status read_option(gemm_options *o, int option, sj_error *err) {
    long long value = 0;
    switch (option) {
        case OPT_DENSITY_A: return sj_cli_float("--density-a", optarg, 0.0, 1.0, &o->density_a, err);
        case OPT_DENSITY_B: return sj_cli_float("--density-b", optarg, 0.0, 1.0, &o->density_b, err);
        case OPT_SEED:
            SJ_TRY(sj_cli_int("--seed", optarg, 0, INT64_MAX, &value, err));
            o->seed = value;
            return SJ_OK;
        case OPT_ARRAY_ONLY: o->array_only = true; return SJ_OK;
        case OPT_JSON: o->json = true; return SJ_OK;
        case 'h': o->help = true; return SJ_OK;
        default: return sj_machine_option(&o->machine, option, optarg, err);
    }
}

static sj_status parse(int argc, char **argv, gemm_options *o, sj_error *err) {
    memset(o, 0, sizeof *o);
    sj_machine_defaults(&o->machine);
    o->density_a = o->density_b = 1.0;
    o->seed = 1;
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("gemm", argc, argv, long_options, err);
        }
        SJ_TRY(read_option(o, c, err));
    }
    if (o->help) {
        return SJ_OK;
    }
    if (argc - optind != 3) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: %d sizes given, three are needed: M K N; 'skipjoule gemm -h' tells more", argc - optind);
    }
    static const char *const names[] = {"M", "K", "N"};
    int64_t *const sizes[] = {&o->m, &o->k, &o->n};
    for (int i = 0; i < 3; i++) {
        long long value;
        SJ_TRY(sj_cli_int(names[i], argv[optind + i], i == 1 ? 0 : 1, 1 << 24, &value, err));
        *sizes[i] = value;
    }
    return SJ_OK;
}

// Two numbers drawn a value, used or not: a smaller density at the same seed keeps a part of the same values.
static uint16_t random_value(sj_random *r, double density, sj_dtype dtype) {
    const bool nonzero = sj_random_unit(r) < density;
    const uint64_t bits = sj_random_u64(r);
    if (!nonzero) {
        return 0;
    }
    if (dtype == SJ_DTYPE_BF16) {
        const unsigned exponent = 120u + (unsigned)((bits >> 8 & 0xffffffffu) * 15u >> 32);
        return (uint16_t)((bits >> 63) << 15 | exponent << 7 | (bits & 0x7fu));
    }
    const int magnitude = 1 + (int)((bits >> 8 & 0xffffffffu) * 127u >> 32);
    return (uint16_t)(uint8_t)(int8_t)((bits >> 63) != 0 ? -magnitude : magnitude);
}

static sj_status random_matrix(int64_t rows, int64_t columns, double density, sj_dtype dtype, sj_random r, void **out, double *share, sj_error *err) {
    const int64_t count = rows * columns;  // sizes are below 2^24
    SJ_TRY(sj_alloc(out, (uint64_t)count + 1, dtype == SJ_DTYPE_BF16 ? 2 : 1, "an operand", err));
    int64_t nonzero = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint16_t v = random_value(&r, density, dtype);
        nonzero += v != 0;
        if (dtype == SJ_DTYPE_BF16) {
            ((sj_bf16 *)*out)[i] = v;
        } else {
            ((int8_t *)*out)[i] = (int8_t)(uint8_t)v;
        }
    }
    *share = count > 0 ? (double)nonzero / (double)count : (double)NAN;
    return SJ_OK;
}

static sj_status make_data(const gemm_options *o, sj_dtype dtype, gemm_data *d, sj_error *err) {
    SJ_TRY(random_matrix(o->m, o->k, o->density_a, dtype, sj_random_stream((uint64_t)o->seed, 1), &d->a, &d->nonzero_a, err));
    SJ_TRY(random_matrix(o->k, o->n, o->density_b, dtype, sj_random_stream((uint64_t)o->seed, 2), &d->b, &d->nonzero_b, err));
    if (o->machine.fidelity != SJ_FIDELITY_FAST) {
        SJ_TRY(sj_alloc(&d->reference, (uint64_t)(o->m * o->n), 4, "the reference product", err));
        SJ_TRY(sj_alloc(&d->results, (uint64_t)(o->m * o->n), 4, "the results", err));
    }
    return SJ_OK;
}

static void free_data(gemm_data *d) {
    free(d->a);
    free(d->b);
    free(d->reference);
    free(d->results);
}

static sj_status compare_results(const gemm_options *o, const char *variant, const gemm_data *d, sj_error *err) {
    const uint32_t *expected = d->reference, *found = d->results;
    for (int64_t i = 0; i < o->m * o->n; i++) {
        if (expected[i] != found[i]) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s at %s: result [%lld][%lld] has bits %08x, the reference product %08x", variant,
                           sj_fidelity_names[o->machine.fidelity], (long long)(i / o->n), (long long)(i % o->n), found[i], expected[i]);
        }
    }
    return SJ_OK;
}

static sj_status run_variant(const gemm_options *o, const sj_machine_setup *s, const sj_job *job, gemm_data *d, sj_stats_variant *v, sj_error *err) {
    char name[24];
    sj_variant_name(v->variant, name);
    if (sj_cli_interrupted()) {
        return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
    }
    sj_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    if (d->results != NULL) {
        memset(d->results, 0xff, (size_t)(o->m * o->n) * 4);  // a result that is never written differs from any sum
    }
    if (sj_fidelity_run(o->machine.fidelity, &s->accel, v->variant, job, &outcome, d->results, err) != SJ_OK) {
        return sj_error_prefix(err, "gemm on %s", name);
    }
    if (d->results != NULL) {
        SJ_TRY(compare_results(o, name, d, err));
    }
    sj_stat *layer = &v->layers[0];
    strcpy(layer->name, "gemm");
    strcpy(layer->kind, sj_kind_name(SJ_KIND_MATMUL));
    layer->phase = SJ_PHASE_FORWARD;
    layer->density_a = d->nonzero_a;
    layer->density_b = d->nonzero_b;
    layer->density_out = (double)NAN;
    SJ_TRY(sj_stat_add(layer, &outcome, job->uncompacted_macs, err));
    sj_stat_price(layer, &s->prices[v->variant.machine]);
    return SJ_OK;
}

static sj_status run_all(const gemm_options *o, const sj_machine_setup *s, gemm_data *d, sj_stats *run, sj_error *err) {
    const double started = sj_monotonic_seconds();
    sj_job *job;
    SJ_TRY(sj_lower_gemm(&s->accel, o->m, o->k, o->n, d->a, d->b, o->array_only, &job, err));
    sj_status status = d->reference != NULL ? sj_reference_product(job, d->reference, err) : SJ_OK;
    for (int v = 0; v < run->variant_count && status == SJ_OK; v++) {
        status = run_variant(o, s, job, d, &run->variants[v], err);
    }
    sj_job_free(job);
    SJ_TRY(status);
    strcpy(run->mode, "gemm");
    run->images = run->batch = 1;
    run->provenance.has_seed = true;
    run->provenance.seed = o->seed;
    run->provenance.wall_seconds = sj_monotonic_seconds() - started;
    if (d->results != NULL) {
        strcpy(run->provenance.check, "results equal the reference product");
    }
    return sj_stats_total(run, err);
}

static sj_status print_run(const gemm_options *o, const sj_machine_setup *s, const sj_stats *run, sj_error *err) {
    if (o->json) {
        return sj_stats_write_json(stdout, run, 1, err);
    }
    printf("O[%lld x %lld] = A[%lld x %lld] B[%lld x %lld], %s, seed %lld%s\n", (long long)o->m, (long long)o->n, (long long)o->m, (long long)o->k, (long long)o->k, (long long)o->n,
           s->accel.dtype == SJ_DTYPE_BF16 ? "bf16" : "int8", (long long)o->seed, o->array_only ? ", array only" : "");
    printf("%s: %lld rows x %lld lanes at %g MHz, tech %s, fidelity %s\n\n", run->accel, (long long)run->rows, (long long)run->lanes, run->clock_mhz, run->tech, run->fidelity);
    SJ_TRY(sj_stats_print(stdout, run, err));
    if (run->provenance.check[0] != '\0') {
        printf("%s\n", run->provenance.check);
    }
    return SJ_OK;
}

sj_status sj_cmd_gemm(int argc, char **argv, sj_error *err) {
    gemm_options o;
    SJ_TRY(parse(argc, argv, &o, err));
    if (o.help) {
        fputs(help, stdout);
        return SJ_OK;
    }
    sj_machine_setup setup;
    gemm_data data;
    sj_stats run;
    memset(&data, 0, sizeof data);
    memset(&run, 0, sizeof run);
    sj_status status = sj_machine_open(&o.machine, "gemm", &setup, err);
    status = status == SJ_OK ? make_data(&o, setup.accel.dtype, &data, err) : status;
    status = status == SJ_OK ? sj_machine_start_run(&setup, &o.machine, 1, &run, err) : status;
    status = status == SJ_OK ? run_all(&o, &setup, &data, &run, err) : status;
    status = status == SJ_OK ? print_run(&o, &setup, &run, err) : status;
    sj_stats_free(&run);
    free_data(&data);
    sj_machine_close(&setup);
    return status;
}
