// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_clock.h"
#include "sj_fidelity_run.h"
#include "sj_file.h"
#include "sj_gemm.h"
#include "sj_lower.h"
#include "sj_machine.h"
#include "sj_npy.h"

enum { OPT_DENSITY_A = SJ_OPT_OWN, OPT_DENSITY_B, OPT_SEED, OPT_A, OPT_B, OPT_QUANTISE, OPT_OUT, OPT_FORCE, OPT_ARRAY_ONLY, OPT_EXPLAIN, OPT_JSON };

#define OPERAND_VALUES_MAX (INT64_C(1) << 32)

static const struct option long_options[] = {SJ_MACHINE_LONG_OPTIONS,
                                             {"density-a", required_argument, NULL, OPT_DENSITY_A},
                                             {"density-b", required_argument, NULL, OPT_DENSITY_B},
                                             {"seed", required_argument, NULL, OPT_SEED},
                                             {"a", required_argument, NULL, OPT_A},
                                             {"b", required_argument, NULL, OPT_B},
                                             {"quantise", no_argument, NULL, OPT_QUANTISE},
                                             {"out", required_argument, NULL, OPT_OUT},
                                             {"force", no_argument, NULL, OPT_FORCE},
                                             {"array-only", no_argument, NULL, OPT_ARRAY_ONLY},
                                             {"explain-mapping", no_argument, NULL, OPT_EXPLAIN},
                                             {"json", no_argument, NULL, OPT_JSON},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: skipjoule gemm M K N --accel A [options]\n"
    "       skipjoule gemm --a A.npy --b B.npy --accel A [options]\n\n"
    "One product O[M x N] = A[M x K] B[K x N] of seeded random operands, or of matrices of one's own: cycles, counters, energy. At systemc and rtl the\n"
    "results are computed too and compared bit for bit with the reference product.\n\n"
    "  --density-a X        share of nonzero values of A, 0 to 1 (default 1); the same seed gives nested patterns\n"
    "  --density-b X        of B (default 1)\n"
    "  --seed N             of the operands (default 1)\n"
    "  --a FILE, --b FILE   NumPy matrices in their place: float32, rounded to bf16 (to nearest even, denormals to 0); int8 for an int8 accelerator\n"
    "  --quantise           float32 matrices on an int8 accelerator: scale max|v|/127 a matrix, to nearest even; the zeros that this makes are counted\n"
    "  --out FILE           the product as a NumPy matrix: float32 sums, or int32; refused when it exists\n"
    "  --force              replace it\n"
    "  --array-only         one block whose operands stand in the buffer already: no DRAM\n" SJ_MACHINE_HELP
    "  --explain-mapping    print the blocks that were chosen, the runners-up and what they are predicted to take; nothing is simulated\n"
    "  --json               the machine-readable result on stdout\n"
    "  -h, --help           this text\n";

typedef struct gemm_options {
    sj_machine_options machine;
    int64_t m, k, n, seed;
    double density_a, density_b;
    const char *a, *b, *out;  // files; NULL: not given
    bool random_given;        // --density-a, --density-b or --seed
    bool quantise, force, array_only, explain, json, help;
} gemm_options;

typedef struct gemm_data {
    sj_gemm_matrix a, b;            // M x K, K x N
    void *reference, *results;      // M x N of 4 bytes; NULL where they are not wanted
} gemm_data;

static sj_status read_option(gemm_options *o, int option, sj_error *err) {
    long long value = 0;
    o->random_given |= option == OPT_DENSITY_A || option == OPT_DENSITY_B || option == OPT_SEED;
    switch (option) {
        case OPT_DENSITY_A: return sj_cli_float("--density-a", optarg, 0.0, 1.0, &o->density_a, err);
        case OPT_DENSITY_B: return sj_cli_float("--density-b", optarg, 0.0, 1.0, &o->density_b, err);
        case OPT_SEED:
            SJ_TRY(sj_cli_int("--seed", optarg, 0, INT64_MAX, &value, err));
            o->seed = value;
            return SJ_OK;
        case OPT_A: o->a = optarg; return SJ_OK;
        case OPT_B: o->b = optarg; return SJ_OK;
        case OPT_QUANTISE: o->quantise = true; return SJ_OK;
        case OPT_OUT: o->out = optarg; return SJ_OK;
        case OPT_FORCE: o->force = true; return SJ_OK;
        case OPT_ARRAY_ONLY: o->array_only = true; return SJ_OK;
        case OPT_EXPLAIN: o->explain = true; return SJ_OK;
        case OPT_JSON: o->json = true; return SJ_OK;
        case 'h': o->help = true; return SJ_OK;
        default: return sj_machine_option(&o->machine, option, optarg, err);
    }
}

static sj_status check_files(const gemm_options *o, int words, sj_error *err) {
    if (o->a == NULL || o->b == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: --%s is missing: both matrices are files, or neither", o->a == NULL ? "a" : "b");
    }
    if (words > 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: M, K and N are the shapes of --a and --b; leave the sizes out");
    }
    return o->random_given ? SJ_FAIL(err, SJ_ERR_USAGE, "gemm: --density-a, --density-b and --seed are of random operands; leave them out with --a and --b") : SJ_OK;
}

static sj_status read_sizes(gemm_options *o, char **words, int count, sj_error *err) {
    if (o->quantise) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: --quantise goes with --a and --b: random operands have the accelerator's type");
    }
    if (count != 3) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: %d sizes given, three are needed: M K N; 'skipjoule gemm -h' tells more", count);
    }
    static const char *const names[] = {"M", "K", "N"};
    int64_t *const sizes[] = {&o->m, &o->k, &o->n};
    for (int i = 0; i < 3; i++) {
        long long value;
        SJ_TRY(sj_cli_int(names[i], words[i], i == 1 ? 0 : 1, SJ_GEMM_SIZE_MAX, &value, err));
        *sizes[i] = value;
    }
    // Both operands are made in memory.
    if (o->m * o->k + o->k * o->n > OPERAND_VALUES_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "gemm: A of %lld x %lld and B of %lld x %lld have %lld values; allowed: %lld, both together", (long long)o->m, (long long)o->k, (long long)o->k,
                       (long long)o->n, (long long)(o->m * o->k + o->k * o->n), (long long)OPERAND_VALUES_MAX);
    }
    return SJ_OK;
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
    SJ_TRY(o->a != NULL || o->b != NULL ? check_files(o, argc - optind, err) : read_sizes(o, argv + optind, argc - optind, err));
    if (o->explain && o->array_only) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: --array-only has one block: there is no mapping to explain");
    }
    if (o->explain && (o->json || o->out != NULL)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "gemm: --explain-mapping simulates nothing; leave %s out", o->json ? "--json" : "--out");
    }
    if (o->out != NULL && sj_path_exists(o->out) && !o->force) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: it exists; give another name, or --force", o->out);
    }
    return SJ_OK;
}

static sj_status load(gemm_options *o, const sj_accel *accel, gemm_data *d, sj_error *err) {
    if (o->quantise && accel->dtype == SJ_DTYPE_BF16) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "--quantise: accelerator \"%s\" computes bf16; it goes with an int8 accelerator (--set dtype=int8)", accel->name);
    }
    SJ_TRY(sj_gemm_load(o->a, accel, o->quantise, &d->a, err));
    SJ_TRY(sj_gemm_load(o->b, accel, o->quantise, &d->b, err));
    if (o->quantise && !d->a.quantised && !d->b.quantised) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "--quantise: %s and %s are int8 already; leave it out", o->a, o->b);
    }
    if (d->a.columns != d->b.rows) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s is %lld x %lld and %s is %lld x %lld: A's columns must be as many as B's rows", o->a, (long long)d->a.rows, (long long)d->a.columns, o->b,
                       (long long)d->b.rows, (long long)d->b.columns);
    }
    o->m = d->a.rows;
    o->k = d->a.columns;
    o->n = d->b.columns;
    if (o->m < 1 || o->n < 1 || o->m > SJ_GEMM_SIZE_MAX || o->k > SJ_GEMM_SIZE_MAX || o->n > SJ_GEMM_SIZE_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s and %s: M = %lld, K = %lld, N = %lld; M and N must be at least 1, and all at most %d", o->a, o->b, (long long)o->m, (long long)o->k,
                       (long long)o->n, SJ_GEMM_SIZE_MAX);
    }
    return SJ_OK;
}

static sj_status make_data(gemm_options *o, const sj_accel *accel, gemm_data *d, sj_error *err) {
    if (o->a != NULL) {
        SJ_TRY(load(o, accel, d, err));
    } else {
        SJ_TRY(sj_gemm_random(o->m, o->k, o->density_a, accel->dtype, sj_random_stream((uint64_t)o->seed, 1), &d->a, err));
        SJ_TRY(sj_gemm_random(o->k, o->n, o->density_b, accel->dtype, sj_random_stream((uint64_t)o->seed, 2), &d->b, err));
    }
    if (o->machine.fidelity != SJ_FIDELITY_FAST || o->out != NULL) {
        SJ_TRY(sj_alloc(&d->reference, (uint64_t)(o->m * o->n), 4, "the reference product", err));
    }
    return o->machine.fidelity != SJ_FIDELITY_FAST ? sj_alloc(&d->results, (uint64_t)(o->m * o->n), 4, "the results", err) : SJ_OK;
}

static void free_data(gemm_data *d) {
    free(d->a.values);
    free(d->b.values);
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
    layer->density_a = d->a.density;
    layer->density_b = d->b.density;
    layer->density_out = (double)NAN;
    SJ_TRY(sj_stat_add(layer, &outcome, job->uncompacted_macs, err));
    sj_stat_price(layer, &s->prices[v->variant.machine]);
    return SJ_OK;
}

static sj_status name_inputs(const gemm_options *o, sj_provenance *p, sj_error *err) {
    if (o->a == NULL) {
        p->has_seed = true;
        p->seed = o->seed;
        return SJ_OK;
    }
    char a[17], b[17];
    SJ_TRY(sj_file_hash(o->a, a, err));
    SJ_TRY(sj_file_hash(o->b, b, err));
    const int length = snprintf(p->input, sizeof p->input, "%s (fnv1a64:%s), %s (fnv1a64:%s)", o->a, a, o->b, b);
    if (length >= (int)sizeof p->input) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "--a %s and --b %s: the result names them and their hashes in %d bytes; allowed: %zu", o->a, o->b, length, sizeof p->input - 1);
    }
    return SJ_OK;
}

static void describe_checks(const gemm_data *d, char *out, size_t size) {
    int used = snprintf(out, size, "%s", d->results != NULL ? "results equal the reference product" : "");
    if (d->a.quantised || d->b.quantised) {
        (void)snprintf(out + used, size - (size_t)used, "%squantising made zeros of %lld values of A and %lld of B", used > 0 ? "; " : "", (long long)d->a.zeros_made, (long long)d->b.zeros_made);
    }
}

static sj_status run_all(const gemm_options *o, const sj_machine_setup *s, gemm_data *d, sj_stats *run, sj_error *err) {
    const double started = sj_monotonic_seconds();
    sj_cli_rtl_progress(false, NULL);
    SJ_TRY(name_inputs(o, &run->provenance, err));
    sj_job *job;
    SJ_TRY(sj_lower_gemm(&s->accel, o->m, o->k, o->n, d->a.values, d->b.values, o->array_only, &job, err));
    sj_status status = d->reference != NULL ? sj_reference_product(job, d->reference, err) : SJ_OK;
    for (int v = 0; v < run->variant_count && status == SJ_OK; v++) {
        status = run_variant(o, s, job, d, &run->variants[v], err);
    }
    sj_job_free(job);
    SJ_TRY(status);
    strcpy(run->mode, "gemm");
    run->images = run->batch = 1;
    run->provenance.wall_seconds = sj_monotonic_seconds() - started;
    describe_checks(d, run->provenance.check, sizeof run->provenance.check);
    SJ_TRY(sj_stats_total(run, err));
    if (o->out == NULL) {
        return SJ_OK;
    }
    const void *product = d->results != NULL ? d->results : d->reference;
    return sj_npy_write(o->out, s->accel.dtype == SJ_DTYPE_BF16 ? SJ_NPY_F32 : SJ_NPY_I32, o->m, o->n, product, err);
}

static sj_status print_run(const gemm_options *o, const sj_machine_setup *s, const sj_stats *run, sj_error *err) {
    if (o->json) {
        return sj_stats_write_json(stdout, run, 1, err);
    }
    printf("O[%lld x %lld] = A[%lld x %lld] B[%lld x %lld], %s, ", (long long)o->m, (long long)o->n, (long long)o->m, (long long)o->k, (long long)o->k, (long long)o->n,
           s->accel.dtype == SJ_DTYPE_BF16 ? "bf16" : "int8");
    if (o->a != NULL) {
        printf("of %s and %s%s", o->a, o->b, o->array_only ? ", array only\n" : "\n");
    } else {
        printf("seed %lld%s", (long long)o->seed, o->array_only ? ", array only\n" : "\n");
    }
    printf("%s: %lld rows x %lld lanes at %g MHz, tech %s, fidelity %s\n\n", run->accel, (long long)run->rows, (long long)run->lanes, run->clock_mhz, run->tech, run->fidelity);
    SJ_TRY(sj_stats_print(stdout, run, err));
    if (run->provenance.check[0] != '\0') {
        printf("%s\n", run->provenance.check);
    }
    return SJ_OK;
}

static sj_status explain(const gemm_options *o, const sj_accel *accel, const gemm_data *d, sj_error *err) {
    sj_job *job = NULL;
    SJ_TRY(sj_lower_gemm(accel, o->m, o->k, o->n, d->a.values, d->b.values, o->array_only, &job, err));
    const sj_status status = sj_cli_explain_mapping(accel, "gemm", SJ_PHASE_FORWARD, &job, 1, err);
    sj_job_free(job);
    return status;
}

static sj_status simulate(const gemm_options *o, sj_machine_setup *setup, gemm_data *data, sj_error *err) {
    sj_stats run;
    memset(&run, 0, sizeof run);
    sj_status status = sj_machine_start_run(setup, &o->machine, 1, &run, err);
    status = status == SJ_OK ? run_all(o, setup, data, &run, err) : status;
    status = status == SJ_OK ? print_run(o, setup, &run, err) : status;
    sj_stats_free(&run);
    return status;
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
    memset(&data, 0, sizeof data);
    sj_status status = sj_machine_open(&o.machine, "gemm", &setup, err);
    status = status == SJ_OK ? make_data(&o, &setup.accel, &data, err) : status;
    if (status == SJ_OK) {
        status = o.explain ? explain(&o, &setup.accel, &data, err) : simulate(&o, &setup, &data, err);
    }
    free_data(&data);
    sj_machine_close(&setup);
    return status;
}
