// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_fidelity_run.h"
#include "sj_file.h"
#include "sj_lower.h"
#include "sj_machine.h"
#include "sj_progress.h"
#include "sj_trace.h"

#define LAYERS_MAX 256
#define RUNS_MAX 4096
#define BATCH_MAX 65536  // the limit of the lowering
#define EVAL_BATCH_SMALL 1
#define EVAL_BATCH_LARGE 128

enum { OPT_STEP = SJ_OPT_OWN, OPT_ALL_STEPS, OPT_BATCH, OPT_LAYER, OPT_PHASE, OPT_JSON, OPT_FORCE };

static const struct option long_options[] = {SJ_MACHINE_LONG_OPTIONS,
                                             {"step", required_argument, NULL, OPT_STEP},
                                             {"all-steps", no_argument, NULL, OPT_ALL_STEPS},
                                             {"batch", required_argument, NULL, OPT_BATCH},
                                             {"layer", required_argument, NULL, OPT_LAYER},
                                             {"phase", required_argument, NULL, OPT_PHASE},
                                             {"json", no_argument, NULL, OPT_JSON},
                                             {"force", no_argument, NULL, OPT_FORCE},
                                             {"output", required_argument, NULL, 'o'},
                                             {"quiet", no_argument, NULL, 'q'},
                                             {"verbose", no_argument, NULL, 'v'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: skipjoule sim TRACE --accel A [options]\n\n"
    "Replays a step of a trace on the dense, the gating and the zero-skipping machine: cycles, counters and energy of every layer and phase.\n\n" SJ_MACHINE_HELP
    "  --step S             a step's number, last-train or last-eval (default: last-train where the trace has one)\n"
    "  --all-steps          every step of the trace\n"
    "  --batch N            images; the stored ones repeat in turn (default: the trace's batch size for a training step; 1 and 128 for an inference)\n"
    "  --layer NAME         only this layer; repeatable\n"
    "  --phase NAME         only forward, grad_input, grad_weight, elementwise or update\n"
    "  --json               the machine-readable result on stdout\n"
    "  -o, --output RUN     a folder for config.cfg, tech.cfg, provenance.json, stats.json, layers.csv, stats.txt\n"
    "  --force              write into RUN though it exists\n"
    "  -q, --quiet          no progress\n"
    "  -v, --verbose        a line per layer on stderr\n"
    "  -h, --help           this text\n";

typedef struct sim_options {
    sj_machine_options machine;
    const char *trace, *step, *run_dir, *layers[LAYERS_MAX];
    int layer_count, phase;  // phase: -1 for all
    int64_t batch;           // 0: the default
    bool all_steps, json, force, quiet, verbose, help;
} sim_options;

static sj_status read_phase(const char *text, int *phase, sj_error *err) {
    const char *names[SJ_PHASE_COUNT];
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        names[p] = sj_phase_name((sj_phase)p);
        if (strcmp(names[p], text) == 0) {
            *phase = p;
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(text, names, SJ_PHASE_COUNT);
    return SJ_FAIL(err, SJ_ERR_USAGE, "--phase: \"%s\" is not one of forward, grad_input, grad_weight, elementwise, update%s%s%s", text, nearest != NULL ? "; did you mean " : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

static sj_status read_option(sim_options *o, int option, sj_error *err) {
    long long value = 0;
    switch (option) {
        case OPT_STEP: o->step = optarg; return SJ_OK;
        case OPT_ALL_STEPS: o->all_steps = true; return SJ_OK;
        case OPT_BATCH:
            SJ_TRY(sj_cli_int("--batch", optarg, 1, BATCH_MAX, &value, err));
            o->batch = value;
            return SJ_OK;
        case OPT_LAYER:
            if (o->layer_count == LAYERS_MAX) {
                return SJ_FAIL(err, SJ_ERR_USAGE, "--layer stands there more than %d times", LAYERS_MAX);
            }
            o->layers[o->layer_count++] = optarg;
            return SJ_OK;
        case OPT_PHASE: return read_phase(optarg, &o->phase, err);
        case OPT_JSON: o->json = true; return SJ_OK;
        case OPT_FORCE: o->force = true; return SJ_OK;
        case 'o': o->run_dir = optarg; return SJ_OK;
        case 'q': o->quiet = true; return SJ_OK;
        case 'v': o->verbose = true; return SJ_OK;
        case 'h': o->help = true; return SJ_OK;
        default: return sj_machine_option(&o->machine, option, optarg, err);
    }
}

static sj_status parse(int argc, char **argv, sim_options *o, sj_error *err) {
    memset(o, 0, sizeof *o);
    sj_machine_defaults(&o->machine);
    o->phase = -1;
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":o:qvh", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("sim", argc, argv, long_options, err);
        }
        SJ_TRY(read_option(o, c, err));
    }
    if (o->help) {
        return SJ_OK;
    }
    if (argc - optind != 1) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: %d traces given, one is needed; 'skipjoule sim -h' tells more", argc - optind);
    }
    if (o->all_steps && o->step != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: --step and --all-steps exclude each other");
    }
    o->trace = argv[optind];
    return SJ_OK;
}

// ---- which steps

static int last_step(const sj_trace *trace, sj_mode mode) {
    for (int i = sj_trace_step_count(trace) - 1; i >= 0; i--) {
        if (sj_trace_get_step(trace, i)->mode == mode) {
            return i;
        }
    }
    return -1;
}

static sj_status numbered_step(const sj_trace *trace, const char *text, int *index, sj_error *err) {
    long long number;
    if (sj_cli_int("--step", text, 0, INT64_MAX, &number, err) != SJ_OK) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--step %s: it must be a step's number, last-train or last-eval", text);
    }
    char known[512] = "";
    for (int i = 0; i < sj_trace_step_count(trace); i++) {
        const long long at = (long long)sj_trace_get_step(trace, i)->number;
        if (at == number) {
            *index = i;
            return SJ_OK;
        }
        char item[32];
        snprintf(item, sizeof item, "%s%lld", i > 0 ? ", " : "", at);
        strncat(known, item, sizeof known - strlen(known) - 1);
    }
    return SJ_FAIL(err, SJ_ERR_RANGE, "%s: no step %lld; it has %s", sj_trace_path(trace), number, known);
}

static sj_status one_step(const sj_trace *trace, const char *text, int *index, sj_error *err) {
    const int train = last_step(trace, SJ_MODE_TRAIN), eval = last_step(trace, SJ_MODE_EVAL);
    if (text != NULL && strcmp(text, "last-train") != 0 && strcmp(text, "last-eval") != 0) {
        return numbered_step(trace, text, index, err);
    }
    *index = text == NULL ? (train >= 0 ? train : eval) : strcmp(text, "last-train") == 0 ? train : eval;
    if (*index < 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has no %s step", sj_trace_path(trace), text == NULL ? "train or eval" : text + strlen("last-"));
    }
    return SJ_OK;
}

// ---- one step at one batch

typedef struct session {
    const sim_options *o;
    const sj_machine_setup *setup;
    sj_trace *trace;
} session;

static bool is_chosen(const sim_options *o, const sj_unit *unit) {
    bool named = o->layer_count == 0;
    for (int i = 0; i < o->layer_count; i++) {
        named = named || strcmp(o->layers[i], unit->layer) == 0;
    }
    return named && (o->phase < 0 || (int)unit->phase == o->phase);
}

static sj_status check_layers(const sim_options *o, const sj_trace *trace, sj_error *err) {
    const sj_network *net = sj_trace_get_network(trace);
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)net->layer_count + 1, sizeof(char *), "the layers' names", err));
    const char **names = memory;
    for (int i = 0; i < net->layer_count; i++) {
        names[i] = net->layers[i].name;
    }
    sj_status status = SJ_OK;
    for (int l = 0; l < o->layer_count && status == SJ_OK; l++) {
        bool known = false;
        for (int i = 0; i < net->layer_count; i++) {
            known = known || strcmp(names[i], o->layers[l]) == 0;
        }
        const char *nearest = known ? NULL : sj_nearest_name(o->layers[l], names, net->layer_count);
        if (!known) {
            status = SJ_FAIL(err, SJ_ERR_USAGE, "--layer %s: the network %s has no such layer%s%s%s", o->layers[l], net->name, nearest != NULL ? "; did you mean " : "",
                             nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
        }
    }
    free(memory);
    return status;
}

// The part of the network that was run, empty for all of it. Reports compare runs of equal selection alone.
static void describe_selection(const sim_options *o, char *text, size_t size) {
    text[0] = '\0';
    for (int i = 0; i < o->layer_count; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", i == 0 ? "layer " : ",", o->layers[i]);
    }
    if (o->phase >= 0) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%sphase %s", used > 0 ? " " : "", sj_phase_name((sj_phase)o->phase));
    }
}

static void start_layer(sj_stat *s, const sj_unit *unit, const sj_densities *d) {
    snprintf(s->name, sizeof s->name, "%s", unit->layer);
    snprintf(s->kind, sizeof s->kind, "%s", sj_kind_name(unit->kind));
    s->phase = unit->phase;
    s->density_a = d->a;
    s->density_b = d->b;
    s->density_out = d->out;
}

static sj_status run_unit(const session *s, const sj_unit *unit, sj_job *const *jobs, int count, const sj_densities *d, sj_stats *run, int row, sj_error *err) {
    for (int v = 0; v < run->variant_count; v++) {
        const sj_variant variant = run->variants[v].variant;
        sj_stat *layer = &run->variants[v].layers[row];
        start_layer(layer, unit, d);
        for (int j = 0; j < count; j++) {
            if (sj_cli_interrupted()) {
                return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
            }
            sj_outcome outcome;
            memset(&outcome, 0, sizeof outcome);
            if (sj_fidelity_run(s->o->machine.fidelity, &s->setup->accel, variant, jobs[j], &outcome, NULL, err) != SJ_OK) {
                char name[24];
                sj_variant_name(variant, name);
                return sj_error_prefix(err, "layer %s, %s, on %s", unit->layer, sj_phase_name(unit->phase), name);
            }
            SJ_TRY(sj_stat_add(layer, &outcome, jobs[j]->is_product ? jobs[j]->uncompacted_macs : 0, err));
        }
        sj_stat_price(layer, &s->setup->prices[variant.machine]);
    }
    return SJ_OK;
}

static sj_status run_units(const session *s, sj_lowering *lowering, sj_stats *run, sj_error *err) {
    sj_progress progress;
    sj_progress_start(&progress, "sim", run->variants[0].layer_count, s->o->quiet);
    sj_status status = SJ_OK;
    int row = 0;
    for (int u = 0; u < sj_lowering_unit_count(lowering) && status == SJ_OK; u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        if (!is_chosen(s->o, unit)) {
            continue;
        }
        sj_progress_update(&progress, row, unit->layer);
        const double started = sj_monotonic_seconds();
        sj_job *const *jobs;
        int count;
        sj_densities d = sj_densities_none();
        status = sj_lowering_jobs(lowering, u, &jobs, &count, &d, err);
        status = status == SJ_OK ? run_unit(s, unit, jobs, count, &d, run, row, err) : status;
        row++;
        if (s->o->verbose && status == SJ_OK) {
            sj_progress_clear(&progress);
            fprintf(stderr, "batch %lld  %s  %s  jobs %d  %.2f s\n", (long long)run->batch, unit->layer, sj_phase_name(unit->phase), count, sj_monotonic_seconds() - started);
        }
    }
    sj_progress_clear(&progress);
    return status;
}

static void describe(const session *s, const sj_step_info *step, int64_t batch, sj_stats *run) {
    const sj_trace_meta *meta = sj_trace_get_meta(s->trace);
    snprintf(run->mode, sizeof run->mode, "%s", step->mode == SJ_MODE_TRAIN ? "train" : "eval");
    memcpy(run->network, meta->network, sizeof run->network);
    memcpy(run->method, meta->method, sizeof run->method);
    memcpy(run->dataset, meta->dataset, sizeof run->dataset);
    run->step = step->number;
    run->images = meta->images;
    run->batch = batch;
    describe_selection(s->o, run->selection, sizeof run->selection);
    run->provenance.has_seed = meta->seed <= INT64_MAX;
    run->provenance.seed = (int64_t)(meta->seed & INT64_MAX);
    char *full = realpath(s->o->trace, NULL);
    snprintf(run->provenance.input, sizeof run->provenance.input, "%s", full != NULL ? full : s->o->trace);
    free(full);
}

static int count_chosen(const sim_options *o, const sj_lowering *lowering) {
    int count = 0;
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        count += is_chosen(o, sj_lowering_unit(lowering, u));
    }
    return count;
}

// What the step has: the phases of the chosen layers, or of all of them.
static sj_status nothing_chosen(const session *s, const sj_lowering *lowering, sj_error *err) {
    bool present[SJ_PHASE_COUNT] = {false};
    sim_options any_phase = *s->o;
    any_phase.phase = -1;
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        present[unit->phase] = present[unit->phase] || is_chosen(&any_phase, unit);
    }
    char wanted[512], known[128] = "";
    describe_selection(s->o, wanted, sizeof wanted);
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        if (present[p]) {
            strcat(strcat(known, known[0] != '\0' ? ", " : ""), sj_phase_name((sj_phase)p));
        }
    }
    if (known[0] == '\0') {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the step has no work of its own for %s: it is a part of other layers' work", s->o->trace, wanted);
    }
    return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the step has nothing for %s; the phases there are %s", s->o->trace, wanted, known);
}

static sj_status start_run(const session *s, const sj_lowering *lowering, sj_stats *run, sj_error *err) {
    const int count = count_chosen(s->o, lowering);
    if (count == 0) {
        return nothing_chosen(s, lowering, err);
    }
    return sj_machine_start_run(s->setup, &s->o->machine, count, run, err);
}

static sj_status run_step(const session *s, int step_index, int64_t batch, sj_stats *run, sj_error *err) {
    const double started = sj_monotonic_seconds();
    const sj_lower_options options = {.batch = batch, .fuse = true};
    sj_lowering *lowering;
    SJ_TRY(sj_lowering_open(s->trace, step_index, &s->setup->accel, &options, &lowering, err));
    sj_status status = start_run(s, lowering, run, err);
    if (status == SJ_OK) {
        describe(s, sj_trace_get_step(s->trace, step_index), batch, run);
        status = sj_file_hash(s->o->trace, run->provenance.input_hash, err);
    }
    status = status == SJ_OK ? run_units(s, lowering, run, err) : status;
    status = status == SJ_OK ? sj_stats_total(run, err) : status;
    run->provenance.wall_seconds = sj_monotonic_seconds() - started;
    sj_lowering_close(lowering);
    return status;
}

// ---- all of it

typedef struct run_list {
    sj_stats *runs;
    int count;
} run_list;

static sj_status run_batches(const session *s, int step_index, run_list *list, sj_error *err) {
    const bool train = sj_trace_get_step(s->trace, step_index)->mode == SJ_MODE_TRAIN;
    int64_t batches[2] = {s->o->batch, 0};
    int count = 1;
    if (s->o->batch == 0 && train) {
        batches[0] = sj_trace_get_meta(s->trace)->batch_size;
    } else if (s->o->batch == 0) {
        batches[0] = EVAL_BATCH_SMALL;
        batches[1] = EVAL_BATCH_LARGE;
        count = 2;
    }
    for (int b = 0; b < count; b++) {
        SJ_TRY(run_step(s, step_index, batches[b], &list->runs[list->count++], err));
    }
    return SJ_OK;
}

static sj_status run_steps(const session *s, run_list *list, sj_error *err) {
    SJ_TRY(check_layers(s->o, s->trace, err));
    int first = 0, steps = sj_trace_step_count(s->trace);
    if (!s->o->all_steps) {
        SJ_TRY(one_step(s->trace, s->o->step, &first, err));
        steps = 1;
    }
    if (steps == 0 || steps > RUNS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: %d steps; allowed: 1 to %d", s->o->trace, steps, RUNS_MAX);
    }
    void *memory;
    SJ_TRY(sj_alloc(&memory, 2 * (uint64_t)steps, sizeof(sj_stats), "the results", err));
    list->runs = memory;
    for (int i = 0; i < steps; i++) {
        SJ_TRY(run_batches(s, first + i, list, err));
    }
    return SJ_OK;
}

static sj_status print_runs(const sim_options *o, const run_list *list, sj_error *err) {
    if (o->json) {
        return sj_stats_write_json(stdout, list->runs, list->count, err);
    }
    for (int i = 0; i < list->count; i++) {
        const sj_stats *run = &list->runs[i];
        printf("%s%s, %s on %s: %s step %lld, batch %lld from %lld stored images%s%s\n", i > 0 ? "\n" : "", run->network, run->method, run->dataset, run->mode, (long long)run->step,
               (long long)run->batch, (long long)run->images, run->selection[0] != '\0' ? ", only " : "", run->selection);
        printf("%s: %lld rows x %lld lanes at %g MHz, tech %s, fidelity %s\n\n", run->accel, (long long)run->rows, (long long)run->lanes, run->clock_mhz, run->tech, run->fidelity);
        SJ_TRY(sj_stats_print(stdout, run, err));
    }
    return SJ_OK;
}

static sj_status simulate(const sim_options *o, session *s, run_list *list, sj_error *err) {
    if (o->run_dir != NULL) {
        SJ_TRY(sj_run_check(o->run_dir, o->force, err));
    }
    SJ_TRY(sj_trace_open(o->trace, &s->trace, err));
    SJ_TRY(run_steps(s, list, err));
    if (o->run_dir != NULL) {
        SJ_TRY(sj_run_write(o->run_dir, o->force, s->setup, list->runs, list->count, err));
    }
    return print_runs(o, list, err);
}

sj_status sj_cmd_sim(int argc, char **argv, sj_error *err) {
    sim_options o;
    SJ_TRY(parse(argc, argv, &o, err));
    if (o.help) {
        fputs(help, stdout);
        return SJ_OK;
    }
    sj_machine_setup setup;
    session s = {&o, &setup, NULL};
    run_list list = {NULL, 0};
    sj_status status = sj_machine_open(&o.machine, "sim", &setup, err);
    status = status == SJ_OK ? simulate(&o, &s, &list, err) : status;
    for (int i = 0; i < list.count; i++) {
        sj_stats_free(&list.runs[i]);
    }
    free(list.runs);
    sj_trace_close(s.trace);
    sj_machine_close(&setup);
    return status;
}
