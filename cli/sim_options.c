// SPDX-License-Identifier: Apache-2.0
// The options of `skipjoule sim`.
#include <getopt.h>
#include <math.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_sim.h"

#define WAVE_LAST 9999  // of --wave-cycles, where it is not given
#define BATCH_MAX 65536  // the limit of the lowering

enum { OPT_STEP = SJ_OPT_OWN, OPT_ALL_STEPS, OPT_BATCH, OPT_LAYER, OPT_PHASE, OPT_NO_FUSE, OPT_QUANTISE, OPT_EXPLAIN, OPT_TIMELINE, OPT_TIMELINE_LAYER, OPT_TIMELINE_VARIANT, OPT_WAVE, OPT_WAVE_CYCLES, OPT_WAVE_JOB,
       OPT_WAVE_LAYER, OPT_WAVE_VARIANT, OPT_WHOLE_RUN, OPT_ANCHORS, OPT_GCO2, OPT_TARGET, OPT_JSON, OPT_FORCE };

static const struct option long_options[] = {SJ_MACHINE_LONG_OPTIONS,
                                             {"step", required_argument, NULL, OPT_STEP},
                                             {"all-steps", no_argument, NULL, OPT_ALL_STEPS},
                                             {"batch", required_argument, NULL, OPT_BATCH},
                                             {"layer", required_argument, NULL, OPT_LAYER},
                                             {"phase", required_argument, NULL, OPT_PHASE},
                                             {"no-fuse", no_argument, NULL, OPT_NO_FUSE},
                                             {"quantise", no_argument, NULL, OPT_QUANTISE},
                                             {"explain-mapping", no_argument, NULL, OPT_EXPLAIN},
                                             {"timeline", required_argument, NULL, OPT_TIMELINE},
                                             {"timeline-layer", required_argument, NULL, OPT_TIMELINE_LAYER},
                                             {"timeline-variant", required_argument, NULL, OPT_TIMELINE_VARIANT},
                                             {"wave", required_argument, NULL, OPT_WAVE},
                                             {"wave-cycles", required_argument, NULL, OPT_WAVE_CYCLES},
                                             {"wave-job", required_argument, NULL, OPT_WAVE_JOB},
                                             {"wave-layer", required_argument, NULL, OPT_WAVE_LAYER},
                                             {"wave-variant", required_argument, NULL, OPT_WAVE_VARIANT},
                                             {"whole-run", no_argument, NULL, OPT_WHOLE_RUN},
                                             {"anchors", required_argument, NULL, OPT_ANCHORS},
                                             {"gco2-per-kwh", required_argument, NULL, OPT_GCO2},
                                             {"target-accuracy", required_argument, NULL, OPT_TARGET},
                                             {"json", no_argument, NULL, OPT_JSON},
                                             {"force", no_argument, NULL, OPT_FORCE},
                                             {"output", required_argument, NULL, 'o'},
                                             {"quiet", no_argument, NULL, 'q'},
                                             {"verbose", no_argument, NULL, 'v'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

const char sj_sim_help[] =
    "usage: skipjoule sim TRACE --accel A [options]\n\n"
    "Replays a step of a trace on the dense, the gating and the zero-skipping machine: cycles, counters and energy of every layer and phase.\n\n" SJ_MACHINE_HELP
    "  --step S             a step's number, last-train or last-eval (default: last-train where the trace has one)\n"
    "  --all-steps          every step of the trace\n"
    "  --batch N            images; the stored ones repeat in turn (default: the trace's batch size for a training step; 1 and 128 for an inference)\n"
    "  --layer NAME         only this layer; repeatable\n"
    "  --phase NAME         only forward, grad_input, grad_weight, elementwise or update\n"
    "  --no-fuse            an inference's batch norm, ReLU and pooling as passes of their own, not on the output path\n"
    "  --quantise           a floating-point trace on an int8 accelerator: scale max|v|/127 a tensor, to nearest even; the zeros that this makes are counted apart\n"
    "  --explain-mapping    print each product's mapping and its runners-up, and simulate nothing\n"
    "  --timeline F.json    what each unit does when, and the power, for Perfetto or chrome://tracing\n"
    "  --timeline-layer L   draw this layer alone: NAME or NAME:PHASE\n"
    "  --timeline-variant V draw this one, for example gate/none (default: skip with the accelerator's codec)\n"
    "  --wave F.fst         the signals of the array during one product, for GTKWave; with --fidelity rtl\n"
    "  --wave-cycles A:B    of the product's cycles, both included (default 0:9999)\n"
    "  --wave-layer L       of this layer: NAME or NAME:PHASE (default: the first that has a product)\n"
    "  --wave-job N         the N-th product there (default 1)\n"
    "  --wave-variant V     of this one (default: skip with the accelerator's codec)\n"
    "  --whole-run          the energy of every iteration of the training run: its traced steps simulated, the others interpolated\n"
    "                       (and beside them synthetic steps of it, for 'estimate'; their file is in TMPDIR meanwhile)\n"
    "  --anchors N|LIST     simulate only so many of the traced training steps, evenly over states and time, or these step numbers: 3,17,80\n"
    "  --gco2-per-kwh X     also print grams of CO2 at so many a kWh\n"
    "  --target-accuracy X  also print what it took until the test accuracy was X, 0 to 1\n"
    "  --json               the machine-readable result on stdout\n"
    "  -o, --output RUN     a folder for config.cfg, tech.cfg, provenance.json, stats.json, layers.csv, stats.txt; a whole run: run.json and epochs.csv in place of the last three\n"
    "  --force              write into RUN, or over F, though it exists\n"
    "  -q, --quiet          no progress\n"
    "  -v, --verbose        a line per layer on stderr\n"
    "  -h, --help           this text\n";

static sj_status read_phase(const char *option, const char *text, int *phase, sj_error *err) {
    const char *names[SJ_PHASE_COUNT];
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        names[p] = sj_phase_name((sj_phase)p);
        if (strcmp(names[p], text) == 0) {
            *phase = p;
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(text, names, SJ_PHASE_COUNT);
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not one of forward, grad_input, grad_weight, elementwise, update%s%s%s", option, text, nearest != NULL ? "; did you mean " : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

// NAME or NAME:PHASE.
static sj_status read_part(const char *option, const char *text, sj_sim_part *part, sj_error *err) {
    const char *colon = strrchr(text, ':');
    const size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (length == 0 || length >= sizeof part->layer) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be a layer's name, or NAME:PHASE", option, text);
    }
    memcpy(part->layer, text, length);
    part->layer[length] = '\0';
    part->phase = -1;
    return colon != NULL ? read_phase(option, colon + 1, &part->phase, err) : SJ_OK;
}

// A:B, two numbers of cycles.
static sj_status read_cycles(const char *text, sj_sim_options *o, sj_error *err) {
    char first[32] = "";
    const size_t length = strcspn(text, ":");
    long long from = 0, to = 0;
    if (text[length] != ':' || length == 0 || length >= sizeof first) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--wave-cycles %s: it must be FIRST:LAST, for example 0:9999", text);
    }
    memcpy(first, text, length);
    SJ_TRY(sj_cli_int("--wave-cycles", first, 0, INT64_MAX, &from, err));
    SJ_TRY(sj_cli_int("--wave-cycles", text + length + 1, 0, INT64_MAX, &to, err));
    if (from > to) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--wave-cycles %s: the first cycle is behind the last", text);
    }
    o->wave_first = (uint64_t)from;
    o->wave_last = (uint64_t)to;
    return SJ_OK;
}

static sj_status read_wave_option(sj_sim_options *o, int option, sj_error *err) {
    long long value = 0;
    switch (option) {
        case OPT_WAVE: o->wave = optarg; return SJ_OK;
        case OPT_WAVE_CYCLES: o->wave_detail = "--wave-cycles"; return read_cycles(optarg, o, err);
        case OPT_WAVE_LAYER: o->wave_detail = "--wave-layer"; return read_part("--wave-layer", optarg, &o->wave_part, err);
        case OPT_WAVE_VARIANT:
            o->wave_detail = "--wave-variant";
            o->wave_variant = optarg;
            return SJ_OK;
        default:
            o->wave_detail = "--wave-job";
            SJ_TRY(sj_cli_int("--wave-job", optarg, 1, INT64_MAX, &value, err));
            o->wave_job = value;
            return SJ_OK;
    }
}

static sj_status read_whole_option(sj_sim_options *o, int option, sj_error *err) {
    switch (option) {
        case OPT_WHOLE_RUN: o->whole_run = true; return SJ_OK;
        case OPT_ANCHORS: o->whole_detail = "--anchors"; o->anchors = optarg; return SJ_OK;
        case OPT_GCO2: o->whole_detail = "--gco2-per-kwh"; return sj_cli_float("--gco2-per-kwh", optarg, 0.0, 1e6, &o->gco2_per_kwh, err);
        default: o->whole_detail = "--target-accuracy"; return sj_cli_float("--target-accuracy", optarg, 0.0, 1.0, &o->target_accuracy, err);
    }
}

static sj_status read_option(sj_sim_options *o, int option, sj_error *err) {
    long long value = 0;
    switch (option) {
        case OPT_STEP: o->step = optarg; return SJ_OK;
        case OPT_ALL_STEPS: o->all_steps = true; return SJ_OK;
        case OPT_BATCH:
            SJ_TRY(sj_cli_int("--batch", optarg, 1, BATCH_MAX, &value, err));
            o->batch = value;
            return SJ_OK;
        case OPT_LAYER:
            if (o->layer_count == SJ_SIM_LAYERS_MAX) {
                return SJ_FAIL(err, SJ_ERR_USAGE, "--layer stands there more than %d times", SJ_SIM_LAYERS_MAX);
            }
            o->layers[o->layer_count++] = optarg;
            return SJ_OK;
        case OPT_PHASE: return read_phase("--phase", optarg, &o->phase, err);
        case OPT_NO_FUSE: o->no_fuse = true; return SJ_OK;
        case OPT_QUANTISE: o->quantise = true; return SJ_OK;
        case OPT_EXPLAIN: o->explain_mapping = true; return SJ_OK;
        case OPT_TIMELINE: o->timeline = optarg; return SJ_OK;
        case OPT_TIMELINE_LAYER: return read_part("--timeline-layer", optarg, &o->timeline_part, err);
        case OPT_TIMELINE_VARIANT: o->timeline_variant = optarg; return SJ_OK;
        case OPT_WAVE:
        case OPT_WAVE_CYCLES:
        case OPT_WAVE_JOB:
        case OPT_WAVE_LAYER:
        case OPT_WAVE_VARIANT: return read_wave_option(o, option, err);
        case OPT_WHOLE_RUN:
        case OPT_ANCHORS:
        case OPT_GCO2:
        case OPT_TARGET: return read_whole_option(o, option, err);
        case OPT_JSON: o->json = true; return SJ_OK;
        case OPT_FORCE: o->force = true; return SJ_OK;
        case 'o': o->run_dir = optarg; return SJ_OK;
        case 'q': o->quiet = true; return SJ_OK;
        case 'v': o->verbose = true; return SJ_OK;
        case 'h': o->help = true; return SJ_OK;
        default: return sj_machine_option(&o->machine, option, optarg, err);
    }
}

static sj_status check_whole(const sj_sim_options *o, sj_error *err) {
    if (!o->whole_run) {
        return o->whole_detail == NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_USAGE, "sim: %s goes with --whole-run", o->whole_detail);
    }
    const char *other = o->step != NULL ? "--step" : o->all_steps ? "--all-steps" : o->timeline != NULL ? "--timeline" : o->wave != NULL ? "--wave" : o->explain_mapping ? "--explain-mapping" : NULL;
    if (other != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: --whole-run and %s exclude each other: one is about all iterations, the other about single steps", other);
    }
    const char *printed = !isnan(o->gco2_per_kwh) ? "--gco2-per-kwh" : !isnan(o->target_accuracy) ? "--target-accuracy" : NULL;
    if (o->json && printed != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: %s and --json exclude each other: it adds to the tables, and the JSON has what it is made of", printed);
    }
    return o->no_fuse ? SJ_FAIL(err, SJ_ERR_USAGE, "sim: --whole-run and --no-fuse exclude each other: training steps fuse nothing") : SJ_OK;
}

// Options that make no sense together, each with its reason.
static sj_status check_together(const sj_sim_options *o, sj_error *err) {
    SJ_TRY(check_whole(o, err));
    if (o->all_steps && o->step != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: --step and --all-steps exclude each other");
    }
    const char *with = o->run_dir != NULL ? "-o" : o->json ? "--json" : o->timeline != NULL ? "--timeline" : o->wave != NULL ? "--wave" : NULL;
    if (o->explain_mapping && with != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: --explain-mapping and %s exclude each other: explaining simulates nothing", with);
    }
    if (o->timeline == NULL && (o->timeline_part.layer[0] != '\0' || o->timeline_variant != NULL)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: %s goes with --timeline", o->timeline_variant != NULL ? "--timeline-variant" : "--timeline-layer");
    }
    if (o->wave == NULL && o->wave_detail != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: %s goes with --wave", o->wave_detail);
    }
    if (o->wave != NULL && o->machine.fidelity != SJ_FIDELITY_RTL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: --wave shows the signals of the Verilated array; it goes with --fidelity rtl, not %s", sj_fidelity_names[o->machine.fidelity]);
    }
    if ((o->timeline != NULL || o->wave != NULL) && o->all_steps) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: %s shows one step; it excludes --all-steps", o->timeline != NULL ? "--timeline" : "--wave");
    }
    return SJ_OK;
}

sj_status sj_sim_parse(int argc, char **argv, sj_sim_options *o, sj_error *err) {
    memset(o, 0, sizeof *o);
    sj_machine_defaults(&o->machine);
    o->phase = -1;
    o->timeline_part.phase = o->wave_part.phase = -1;
    o->wave_job = 1;
    o->wave_last = WAVE_LAST;
    o->gco2_per_kwh = o->target_accuracy = (double)NAN;
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
    o->trace = argv[optind];
    return check_together(o, err);
}
