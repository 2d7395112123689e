// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "sj_cli.h"
#include "sj_clock.h"
#include "sj_dataset.h"
#include "sj_file.h"
#include "sj_progress.h"
#include "sj_train.h"

enum { OVERRIDES_MAX = 256, OPTION_DATA = 1000, OPTION_SET, OPTION_FORCE, OPTION_JSON, OPTION_RESUME, OPTION_PLAN };

typedef struct arguments {
    const char *config, *data, *out;
    const char *overrides[OVERRIDES_MAX];
    int override_count;
    bool force, resume, plan, quiet, verbose, json, help;
} arguments;

typedef struct job {
    arguments args;
    char *config_path, *model_path;
    sj_train_config config;
    sj_train_result result;
    sj_progress bar;
    bool bar_on, resumed_told;
    double started;
} job;

static void print_help(void) {
    (void)printf(
        "usage: skipjoule train CONFIG [--data DIR] [--set PATH=VALUE]... [--resume | --force] [--plan] [-q] [-v] [--json] -o RUN\n\n"
        "Trains a network and writes RUN/config.cfg, provenance.json, metrics.csv, trace.h5 and checkpoint.bin.\n"
        "CONFIG is a file or a shipped name (glyphs-plain, glyphs-eat, fashion-plain, cifar10-resnet18-ssprop, ...).\n\n"
        "  --data DIR         folder of the data set's files (scripts/fetch-data.sh gets public ones); also data.dir\n"
        "  --set PATH=VALUE   change a value of the configuration, e.g. --set epochs=2\n"
        "  -o, --output RUN   the folder to write; refused when it exists and is not empty\n"
        "  --resume           go on from RUN/checkpoint.bin with the same configuration, bit for bit; from the start where there is none yet\n"
        "  --plan             train nothing: RUN/trace.h5 gets the iterations as they would come, and synthetic steps in place of trained ones, so that\n"
        "                     'skipjoule sim RUN/trace.h5 --whole-run' tells about what the training would take before it\n"
        "  --force            write into an existing folder; an older run's files stay until the first checkpoint of the new one;\n"
        "                     with --plan nothing but a plan is replaced\n"
        "  -q, --quiet        no progress       -v, --verbose   more of it\n"
        "  --json             the result on stdout as JSON\n"
        "  -h, --help         this text\n");
}

static sj_status parse(int argc, char **argv, arguments *a, sj_error *err) {
    static const struct option options[] = {{"data", required_argument, NULL, OPTION_DATA}, {"set", required_argument, NULL, OPTION_SET},
                                            {"force", no_argument, NULL, OPTION_FORCE},     {"json", no_argument, NULL, OPTION_JSON},
                                            {"resume", no_argument, NULL, OPTION_RESUME},   {"output", required_argument, NULL, 'o'},
                                            {"quiet", no_argument, NULL, 'q'},              {"verbose", no_argument, NULL, 'v'},
                                            {"plan", no_argument, NULL, OPTION_PLAN},       {"help", no_argument, NULL, 'h'},               {NULL, 0, NULL, 0}};
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":o:qvh", options, NULL)) != -1;) {
        switch (option) {
            case OPTION_DATA: a->data = optarg; break;
            case OPTION_FORCE: a->force = true; break;
            case OPTION_JSON: a->json = true; break;
            case OPTION_RESUME: a->resume = true; break;
            case OPTION_PLAN: a->plan = true; break;
            case 'o': a->out = optarg; break;
            case 'q': a->quiet = true; break;
            case 'v': a->verbose = true; break;
            case 'h': a->help = true; return SJ_OK;
            case OPTION_SET:
                if (a->override_count == OVERRIDES_MAX) {
                    return SJ_FAIL(err, SJ_ERR_USAGE, "--set: more than %d times", OVERRIDES_MAX);
                }
                SJ_TRY(sj_cli_check_set(optarg, err));
                a->overrides[a->override_count++] = optarg;
                break;
            default: return sj_cli_bad_option("train", argc, argv, options, err);
        }
    }
    if (argc - optind != 1) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "train: %d configuration files given, exactly one is needed; 'skipjoule train -h' tells more", argc - optind);
    }
    a->config = argv[optind];
    if (a->force && a->resume) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "train: --force starts anew and --resume goes on; give one of them");
    }
    if (a->plan && (a->resume || a->json)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "train: --plan %s", a->resume ? "trains nothing; leave out --resume" : "has no result to print as JSON; leave out --json");
    }
    return a->out != NULL && a->out[0] != '\0' ? SJ_OK : SJ_FAIL(err, SJ_ERR_USAGE, "train: -o RUN is missing: the folder to write");
}

static sj_status copy_data_dir(const char *dir, sj_train_config *config, sj_error *err) {
    if (strlen(dir) >= sizeof config->data_dir) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "--data: %zu characters; at most %zu are allowed", strlen(dir), sizeof config->data_dir - 1);
    }
    (void)snprintf(config->data_dir, sizeof config->data_dir, "%s", dir);
    return SJ_OK;
}

static sj_status read_config(job *j, sj_error *err) {
    sj_config *c;
    SJ_TRY(sj_cli_find_config("train", j->args.config, &j->config_path, err));
    SJ_TRY(sj_config_open(j->config_path, &c, err));
    sj_status status = SJ_OK;
    for (int i = 0; i < j->args.override_count && status == SJ_OK; i++) {
        status = sj_config_override(c, j->args.overrides[i], err);
    }
    if (status == SJ_OK) {
        status = sj_train_config_read(c, &j->config, err);
    }
    sj_config_close(c);
    SJ_TRY(status);
    if (j->args.data != NULL) {
        SJ_TRY(copy_data_dir(j->args.data, &j->config, err));
    }
    return sj_cli_find_config("models", j->config.model, &j->model_path, err) == SJ_OK ? SJ_OK : sj_error_prefix(err, "network.model");
}

static void print_epoch(const job *j, const sj_train_progress *p) {
    const sj_epoch_metrics *e = p->finished;
    (void)fprintf(stderr, "epoch %lld of %lld:", (long long)e->epoch, (long long)p->epochs);
    if (e->skipped != 0) {
        (void)fprintf(stderr, " skipped, the weights took a sampled step");
    } else {
        (void)fprintf(stderr, " train loss %.4f accuracy %.2f %%", e->train_loss, 100.0 * e->train_accuracy);
    }
    if (!isnan(e->test_accuracy)) {
        (void)fprintf(stderr, ", test loss %.4f accuracy %.2f %% macro F1 %.4f", e->test_loss, 100.0 * e->test_accuracy, e->macro_f1);
    }
    if (!isnan(e->asic_ratio)) {
        (void)fprintf(stderr, ", asic_ratio %.4f", e->asic_ratio);
    }
    if (!isnan(e->x_density)) {
        (void)fprintf(stderr, ", density x %.3f dy %.3f", e->x_density, e->dy_density);
    }
    if (j->args.verbose) {
        if (e->skipped == 0) {
            (void)fprintf(stderr, ", lr %.5g, penalty %.4f, kept %.3f", e->lr, e->penalty, e->kept_fraction);
        }
        (void)fprintf(stderr, ", %.1f s", sj_monotonic_seconds() - j->started);
    }
    (void)fputc('\n', stderr);
}

// Once, as soon as it is known: a mistyped folder should not be found out after hours.
static void print_resumed(job *j) {
    if (j->args.quiet || !j->args.resume || j->resumed_told) {
        return;
    }
    j->resumed_told = true;
    if (j->result.was_finished) {
        (void)fprintf(stderr, "%s: the run is complete; there was nothing to resume\n", j->args.out);
    } else if (j->result.resumed_epoch < 0) {
        (void)fprintf(stderr, "%s: no checkpoint was there, so training begins at the start\n", j->args.out);
    } else {
        (void)fprintf(stderr, "%s: resumed in epoch %lld at its iteration %lld\n", j->args.out, (long long)j->result.resumed_epoch, (long long)j->result.resumed_iteration);
    }
}

static bool on_progress(void *context, const sj_train_progress *p) {
    job *j = context;
    char note[64];
    print_resumed(j);
    if (p->finished != NULL) {
        sj_progress_clear(&j->bar);
        if (!j->args.quiet) {
            print_epoch(j, p);
        }
    } else {
        (void)snprintf(note, sizeof note, "epoch %lld loss %.4f", (long long)p->epoch, p->loss);
        if (!j->bar_on) {
            sj_progress_start(&j->bar, "train", p->epochs * p->iterations, j->args.quiet);
            j->bar_on = true;
        }
        sj_progress_update(&j->bar, p->epoch * p->iterations + p->iteration, note);
    }
    return !sj_cli_interrupted();
}

static bool go_on(void *context) {
    (void)context;
    return !sj_cli_interrupted();
}

static sj_status add_hash(json_t *inputs, const char *path, sj_error *err) {
    char hex[17];
    SJ_TRY(sj_dataset_hash(path, hex, err));
    const bool added = json_object_set_new(inputs, path, json_sprintf("fnv1a64:%s", hex)) == 0;
    return added ? SJ_OK : SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: its name cannot stand in provenance.json, which takes UTF-8", path);
}

static sj_status hash_inputs(const job *j, json_t *inputs, sj_error *err) {
    char path[4096];
    SJ_TRY(add_hash(inputs, j->config_path, err));
    SJ_TRY(add_hash(inputs, j->model_path, err));
    for (int i = 0; sj_dataset_file(j->config.data_name, j->config.data_dir, i, path); i++) {
        SJ_TRY(add_hash(inputs, path, err));
    }
    return SJ_OK;
}

static sj_status write_text(const char *dir, const char *name, const char *text, sj_error *err) {
    char path[SJ_TRAIN_PATH_MAX + 32];
    sj_atomic_file f;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    SJ_TRY(sj_atomic_open(&f, path, err));
    const size_t length = strlen(text);
    (void)fputs(text, f.stream);  // errors stay in the stream until the commit
    if (length == 0 || text[length - 1] != '\n') {
        (void)fputc('\n', f.stream);
    }
    return sj_atomic_commit(&f, err);
}

// Of all threads; where wall_seconds times the threads is much more, others had the processors.
static double cpu_seconds(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static sj_status write_provenance(const job *j, sj_error *err) {
    struct utsname machine;
    (void)uname(&machine);
    json_t *inputs = json_object();
    sj_status status = hash_inputs(j, inputs, err);
    const double seconds = sj_monotonic_seconds() - j->started;
    json_t *root = json_pack("{s:s, s:s, s:s, s:I, s:o, s:{s:s, s:s, s:s, s:I}, s:b, s:f, s:f}", "program", "skipjoule", "version", sj_version, "command", j->args.plan ? "train --plan" : "train", "seed",
                             (json_int_t)j->config.seed, "inputs", inputs, "machine", "system", machine.sysname, "release", machine.release, "architecture",
                             machine.machine, "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "resumed",
                             (int)(j->result.resumed_epoch >= 0), "wall_seconds", seconds, "cpu_seconds", cpu_seconds());
    const bool complete = root != NULL && (j->args.plan || json_object_set_new(root, "images_per_second", json_real((double)(j->result.iterations_now * j->config.batch_size) / seconds)) == 0);
    char *text = complete ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (status == SJ_OK) {
        status = text != NULL ? write_text(j->args.out, "provenance.json", text, err) : SJ_FAIL(err, SJ_ERR_MEMORY, "%s/provenance.json: out of memory", j->args.out);
    }
    free(text);
    json_decref(root);
    return status;
}

static sj_status write_config(const job *j, const sj_train_result *result, sj_error *err) {
    char *text;
    const sj_train_config resolved = sj_train_resolved(&j->config, result);
    SJ_TRY(sj_train_config_text(&resolved, &text, err));
    const sj_status status = write_text(j->args.out, "config.cfg", text, err);
    free(text);
    return status;
}

// JSON has no NaN: null stands for a value that does not exist.
static json_t *number(double v) { return isnan(v) ? json_null() : json_real(v); }

static sj_status print_json(const job *j, sj_error *err) {
    const sj_epoch_metrics *e = &j->result.last;
    json_t *root = json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:{s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}}", "format", "skipjoule-train", "version", 1,
                             "run", j->args.out, "dataset", j->config.data_name, "method", sj_train_method_name(&j->config), "seed", (json_int_t)j->config.seed, "epochs",
                             (json_int_t)j->config.epochs, "iterations", (json_int_t)j->result.iterations, "parameters", (json_int_t)j->result.parameters, "last", "epoch",
                             (json_int_t)e->epoch, "skipped", (int)e->skipped, "train_loss", number(e->train_loss), "train_accuracy", number(e->train_accuracy), "test_loss",
                             number(e->test_loss), "test_accuracy", number(e->test_accuracy), "macro_f1", number(e->macro_f1), "asic_ratio", number(e->asic_ratio), "x_density",
                             number(e->x_density), "dy_density", number(e->dy_density), "lr", number(e->lr), "penalty", number(e->penalty), "kept_fraction", number(e->kept_fraction));
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    const bool printed = text != NULL && puts(text) != EOF;
    free(text);
    json_decref(root);
    return printed ? SJ_OK : SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "--json: the result cannot be printed as JSON, which takes UTF-8: is \"%s\"?", j->args.out);
}

static void print_plan(const job *j) {
    const sj_train_result *r = &j->result;
    (void)printf("%s: a plan of %s on %s: %lld epochs", j->args.out, sj_train_method_name(&j->config), j->config.data_name, (long long)j->config.epochs);
    if (r->skipped_epochs > 0) {
        (void)printf(", %lld of them skipped, %lld iterations with data", (long long)r->skipped_epochs, (long long)r->iterations);
    } else {
        (void)printf(", %lld iterations", (long long)r->iterations);
    }
    (void)printf(", %lld parameters; nothing was trained\n", (long long)r->parameters);
}

static sj_status print_result(const job *j, sj_error *err) {
    const sj_epoch_metrics *e = &j->result.last;
    if (j->args.json) {
        return print_json(j, err);
    }
    if (j->args.plan) {
        print_plan(j);
        return SJ_OK;
    }
    (void)printf("%s: %s on %s, %lld epochs, %lld parameters: test accuracy %.2f %%, macro F1 %.4f", j->args.out, sj_train_method_name(&j->config), j->config.data_name,
                 (long long)j->config.epochs, (long long)j->result.parameters, 100.0 * e->test_accuracy, e->macro_f1);
    if (!isnan(e->asic_ratio)) {
        (void)printf(", asic_ratio %.4f", e->asic_ratio);
    }
    if (!isnan(e->x_density)) {
        (void)printf(", density of x %.3f, of dy %.3f", e->x_density, e->dy_density);
    }
    (void)putchar('\n');
    return SJ_OK;
}

// A run that stops or is killed leaves what it was, beside its checkpoint.
static sj_status on_saved(void *context, const sj_train_result *result, sj_error *err) {
    const job *j = context;
    char path[SJ_TRAIN_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/config.cfg", j->args.out);
    return sj_path_exists(path) ? SJ_OK : write_config(j, result, err);
}

static sj_status write_descriptions(const job *j, sj_error *err) {
    char path[SJ_TRAIN_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/provenance.json", j->args.out);
    if (j->result.was_finished && sj_path_exists(path)) {
        return SJ_OK;  // what the process that did the work wrote
    }
    sj_status status = write_config(j, &j->result, err);
    if (status == SJ_OK) {
        status = write_provenance(j, err);
    }
    return status;
}

// Made where it is not there, and locked.
static sj_status take_folder(const job *j, int *lock, sj_error *err) {
    const bool may_hold_files = j->args.force || j->args.resume;
    SJ_TRY(sj_make_run_dir(j->args.out, may_hold_files, err));
    SJ_TRY(sj_lock_dir(j->args.out, lock, err));
    const sj_status status = sj_make_run_dir(j->args.out, may_hold_files, err);  // anew: another run may have come to its end before the lock was taken
    if (status != SJ_OK) {
        (void)close(*lock);
    }
    return status;
}

static sj_status run(job *j, sj_error *err) {
    SJ_TRY(read_config(j, err));
    const bool existed = sj_path_exists(j->args.out);
    int lock;
    SJ_TRY(take_folder(j, &lock, err));
    const sj_train_options options = {.model_path = j->model_path, .run_dir = j->args.out, .version = sj_version, .resume = j->args.resume, .saved = on_saved, .progress = on_progress, .go_on = go_on, .context = j};
    sj_status status = j->args.plan ? sj_train_plan(&j->config, &options, &j->result, err) : sj_train_run(&j->config, &options, &j->result, err);
    sj_progress_clear(&j->bar);
    if (status == SJ_OK) {
        print_resumed(j);
        status = write_descriptions(j, err);
    }
    if (status != SJ_OK && !existed) {
        (void)rmdir(j->args.out);  // nothing half-written: goes only when it is empty
    }
    (void)close(lock);
    return status;
}

sj_status sj_cmd_train(int argc, char **argv, sj_error *err) {
    job j = {.started = sj_monotonic_seconds()};
    SJ_TRY(parse(argc, argv, &j.args, err));
    if (j.args.help) {
        print_help();
        return SJ_OK;
    }
    sj_status status = run(&j, err);
    if (status == SJ_OK) {
        status = print_result(&j, err);
    }
    free(j.config_path);
    free(j.model_path);
    return status;
}
