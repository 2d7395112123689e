// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_estimate_cli.h"

const char sj_estimate_help[] =
    "usage: skipjoule estimate step RUN... [--start 10] [--window 5] [--detect]\n"
    "       skipjoule estimate pre train RUN... -o MODEL.json | pre predict MODEL.json RUN...\n"
    "       skipjoule estimate pre train SWEEP [--points 300] -o MODEL.json | pre predict MODEL.json SWEEP\n"
    "       skipjoule estimate baselines RUN...\n"
    "       skipjoule estimate compare RUN... [--folds K] [--seed N]\n"
    "       skipjoule estimate pairs RUN... [--within 0.02]\n\n"
    "Predicts the energy of whole training runs from less, against full integration (folders that 'skipjoule sim --whole-run -o' wrote, or their run.json). docs/estimate.md\n\n"
    "  step       from the first epochs of each run\n"
    "  pre        from nothing of a run: a regression over networks and machines, trained on other runs and kept in a file;\n"
    "             predict tells the energy of plans ('skipjoule train --plan', then 'sim --whole-run'), or holds it against runs that were trained\n"
    "  baselines  FLOPs, TDP x time, Green Algorithms, with the constants that fit these runs best\n"
    "  compare    the errors of all, cross-validated: runs of one training stay together; then with whole networks left out\n"
    "  pairs      networks and accelerators by energy, of the trainings that are nearly as good as the best on their data set\n\n"
    "  --variant M/C     machine and codec, as skip/bitmask (default: skip with each accelerator's own codec)\n"
    "  --start S         STEP: epochs before the window (default 10)\n"
    "  --window W        STEP: epochs of the window (default 5), rounded up to a multiple of the method's period\n"
    "  --detect          STEP: find the start: where a window takes as much as the one before it\n"
    "  --tolerance X     --detect: by at most this share (default 0.01)\n"
    "  --folds K         compare, pre train: folds (default 5)\n"
    "  --seed N          compare, pre train: how trainings are dealt to folds (default 1)\n"
    "  --target T        compare, pre train: PRE learns energy per that of synthetic steps, which sim --whole-run has simulated beside the run\n"
    "                    (synthetic, the default), or, from sizes alone, energy per flop, image or run\n"
    "  --points N        pre train of a sweep's folder: points to learn from, drawn by the seed (default 300); the others tell the error\n"
    "  --within X        pairs: macro F1 of at least (1 - X) times the best (default 0.02)\n"
    "  -o MODEL.json     pre train: the model; --force replaces one that is there\n"
    "  --format F        text (default), json, csv or md; csv: one table\n"
    "  --part LIST       only these tables, by their keys in the json\n"
    "  -h, --help        this text\n";

enum { OPT_FORMAT = 1000, OPT_PART, OPT_VARIANT, OPT_START, OPT_WINDOW, OPT_DETECT, OPT_TOLERANCE, OPT_FOLDS, OPT_SEED, OPT_TARGET, OPT_WITHIN, OPT_FORCE, OPT_POINTS };

static const struct option long_options[] = {{"format", required_argument, NULL, OPT_FORMAT},
                                             {"part", required_argument, NULL, OPT_PART},
                                             {"variant", required_argument, NULL, OPT_VARIANT},
                                             {"start", required_argument, NULL, OPT_START},
                                             {"window", required_argument, NULL, OPT_WINDOW},
                                             {"detect", no_argument, NULL, OPT_DETECT},
                                             {"tolerance", required_argument, NULL, OPT_TOLERANCE},
                                             {"folds", required_argument, NULL, OPT_FOLDS},
                                             {"seed", required_argument, NULL, OPT_SEED},
                                             {"target", required_argument, NULL, OPT_TARGET},
                                             {"within", required_argument, NULL, OPT_WITHIN},
                                             {"points", required_argument, NULL, OPT_POINTS},
                                             {"force", no_argument, NULL, OPT_FORCE},
                                             {"output", required_argument, NULL, 'o'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

#define TASK(name) (1U << SJ_TASK_##name)

// Which tasks an option goes with; those that are not here go with all.
static const struct {
    int option;
    unsigned tasks;
} fits[] = {{OPT_START, TASK(STEP) | TASK(COMPARE) | TASK(BASELINES)},     {OPT_WINDOW, TASK(STEP) | TASK(COMPARE) | TASK(BASELINES)}, {OPT_DETECT, TASK(STEP) | TASK(COMPARE) | TASK(BASELINES)},
            {OPT_TOLERANCE, TASK(STEP) | TASK(COMPARE) | TASK(BASELINES)}, {OPT_FOLDS, TASK(COMPARE) | TASK(TRAIN)},                    {OPT_SEED, TASK(COMPARE) | TASK(TRAIN)},
            {OPT_TARGET, TASK(COMPARE) | TASK(TRAIN)},                     {OPT_WITHIN, TASK(PAIRS)},                                   {OPT_FORCE, TASK(TRAIN)},
            {'o', TASK(TRAIN)},                                            {OPT_POINTS, TASK(TRAIN)}};

static const char *const task_names[SJ_TASK_COUNT] = {"step", "pre train", "pre predict", "baselines", "compare", "pairs"};

static sj_status one_of(const char *what, const char *text, const char *const *names, int count, const char *list, int *out, sj_error *err) {
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(text, names, count);
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not one of %s%s%s%s", what, text, list, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

// "step", "pre train", ...; *used: how many words that were.
static sj_status read_task(int argc, char **argv, sj_estimate_task *task, int *used, sj_error *err) {
    static const char *const words[] = {"step", "pre", "baselines", "compare", "pairs"}, *const pre_words[] = {"train", "predict"};
    static const sj_estimate_task tasks[] = {SJ_TASK_STEP, SJ_TASK_TRAIN, SJ_TASK_BASELINES, SJ_TASK_COMPARE, SJ_TASK_PAIRS};
    int word = 0, pre_word = 0;
    if (argc < 2 || argv[1][0] == '-') {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate: what is to be estimated: step, pre, baselines, compare or pairs? 'skipjoule estimate -h' tells more");
    }
    SJ_TRY(one_of("estimate", argv[1], words, 5, "step, pre, baselines, compare, pairs", &word, err));
    *task = tasks[word];
    *used = 1;
    if (*task == SJ_TASK_TRAIN) {
        if (argc < 3) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre: train or predict? 'skipjoule estimate -h' tells more");
        }
        SJ_TRY(one_of("estimate pre", argv[2], pre_words, 2, "train, predict", &pre_word, err));
        *task = pre_word == 0 ? SJ_TASK_TRAIN : SJ_TASK_PREDICT;
        *used = 2;
    }
    return SJ_OK;
}

static sj_status read_variant(const char *text, sj_estimate_options *o, sj_error *err) {
    char name[24];
    for (int m = SJ_MACHINE_DENSE; m <= SJ_MACHINE_SKIP; m++) {
        for (int c = 0; c < SJ_CODEC_COUNT; c++) {
            const sj_variant v = {(sj_machine)m, (sj_codec)c};
            sj_variant_name(v, name);
            if (strcmp(name, text) == 0) {
                o->choice.any = false;
                o->choice.variant = v;
                o->variant_given = true;
                return SJ_OK;
            }
        }
    }
    return SJ_FAIL(err, SJ_ERR_USAGE, "--variant: \"%s\" is no machine and codec, as skip/bitmask: dense, gate or skip with none, bitmask or rle", text);
}

static sj_status read_parts(const char *list, sj_estimate_options *o, sj_error *err) {
    char *rest = NULL;
    free(o->parts);
    o->part_count = 0;
    o->parts = strdup(list);
    if (o->parts == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for --part");
    }
    for (char *word = strtok_r(o->parts, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (o->part_count == SJ_ESTIMATE_PARTS_MAX) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--part: more than %d tables", SJ_ESTIMATE_PARTS_MAX);
        }
        o->part_names[o->part_count++] = word;
    }
    return o->part_count > 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_USAGE, "--part: no table is named");
}

static sj_status read_whole(const char *option, const char *text, long long min, long long max, int64_t *out, sj_error *err) {
    long long number;
    SJ_TRY(sj_cli_int(option, text, min, max, &number, err));
    *out = number;
    return SJ_OK;
}

static sj_status take(int option, const char *value, sj_estimate_options *o, sj_error *err) {
    int64_t number = 0;
    int choice = 0;
    sj_status status = SJ_OK;
    switch (option) {
        case OPT_FORMAT:
            status = one_of("--format", value, sj_report_format_names, SJ_REPORT_FORMAT_COUNT, "text, json, csv, md", &choice, err);
            o->format = (sj_report_format)choice;
            return status;
        case OPT_PART: return read_parts(value, o, err);
        case OPT_VARIANT: return read_variant(value, o, err);
        case OPT_START: return read_whole("--start", value, 0, 1000000, &o->step.start, err);
        case OPT_WINDOW: return read_whole("--window", value, 1, 1000000, &o->step.window, err);
        case OPT_DETECT: o->step.detect = true; return SJ_OK;
        case OPT_TOLERANCE: return sj_cli_float("--tolerance", value, 0.0, 1.0, &o->step.tolerance, err);
        case OPT_FOLDS:
            status = read_whole("--folds", value, 2, 10000, &number, err);
            o->folds = (int)number;
            return status;
        case OPT_SEED:
            status = read_whole("--seed", value, 0, INT64_MAX, &number, err);
            o->seed = (uint64_t)number;
            return status;
        case OPT_TARGET:
            status = one_of("--target", value, sj_pre_target_names, SJ_PRE_TARGET_COUNT, "synthetic, flop, image, run", &choice, err);
            o->target = (sj_pre_target)choice;
            o->target_given = true;
            return status;
        case OPT_WITHIN: return sj_cli_float("--within", value, 0.0, 1.0, &o->within, err);
        case OPT_POINTS:
            status = read_whole("--points", value, 2, 1000, &number, err);
            o->points = (int)number;
            o->points_given = true;
            return status;
        case OPT_FORCE: o->force = true; return SJ_OK;
        default: o->model = value; return SJ_OK;
    }
}

static sj_status check_fit(int option, sj_estimate_task task, sj_error *err) {
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        if (fits[i].option == option && (fits[i].tasks & (1U << task)) == 0) {
            const char *name = "";
            for (const struct option *o = long_options; o->name != NULL; o++) {
                name = o->val == option ? o->name : name;
            }
            return SJ_FAIL(err, SJ_ERR_USAGE, "estimate %s: --%s does not go with it; 'skipjoule estimate -h' tells more", task_names[task], name);
        }
    }
    return SJ_OK;
}

// What belongs together, once all is read.
static sj_status check(sj_estimate_options *o, bool detect_start, bool tolerance, sj_error *err) {
    if (o->step.detect && detect_start) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate: --start and --detect exclude each other: the second finds the start");
    }
    if (tolerance && !o->step.detect) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate: --tolerance goes with --detect");
    }
    if (o->force && o->model == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre train: --force goes with -o MODEL.json");
    }
    if (o->task == SJ_TASK_TRAIN && o->model == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre train: -o MODEL.json is needed");
    }
    if (o->task == SJ_TASK_PREDICT) {
        if (o->run_count < 1) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre predict: MODEL.json and at least one RUN are needed");
        }
        o->model = o->runs[0];
        o->runs++;
        o->run_count--;
    }
    if (o->run_count < 1) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate %s: no run given; 'skipjoule estimate -h' tells more", task_names[o->task]);
    }
    return SJ_OK;
}

sj_status sj_estimate_parse(int argc, char **argv, sj_estimate_options *o, sj_error *err) {
    int used = 0;
    bool start = false, tolerance = false;
    *o = (sj_estimate_options){.choice = {.any = true}, .step = sj_step_defaults(), .folds = 5, .points = 300, .seed = 1, .within = 0.02};
    for (int i = 1; i < argc && i < 3; i++) {  // in place of a task's word
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            o->help = true;
            return SJ_OK;
        }
    }
    SJ_TRY(read_task(argc, argv, &o->task, &used, err));
    argc -= used;
    argv += used;  // argv[0] is the task's last word now
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("estimate", argc, argv, long_options, err);
        }
        if (c == 'h') {
            o->help = true;
            return SJ_OK;
        }
        start = start || c == OPT_START;
        tolerance = tolerance || c == OPT_TOLERANCE;
        SJ_TRY(check_fit(c, o->task, err));
        SJ_TRY(take(c, optarg, o, err));
    }
    o->runs = argv + optind;
    o->run_count = argc - optind;
    o->choice.needs_synthetic = (o->task == SJ_TASK_TRAIN || o->task == SJ_TASK_COMPARE) && o->target == SJ_PRE_PER_SYNTHETIC;
    o->choice.needs_facts = o->task != SJ_TASK_STEP && o->task != SJ_TASK_PAIRS;
    return check(o, start, tolerance, err);
}
