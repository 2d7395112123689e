// SPDX-License-Identifier: Apache-2.0
// `skipjoule trace synth`
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_file.h"
#include "sj_net.h"
#include "sj_progress.h"
#include "sj_scalesim.h"
#include "sj_synth.h"
#include "sj_trace_synth.h"

enum { SETS_MAX = 256, OPT_DENSITY = 1000, OPT_CHANNEL_KEEP, OPT_IMAGES, OPT_BATCH_SIZE, OPT_SEED, OPT_DTYPE, OPT_MODE, OPT_OPTIMIZER, OPT_SET, OPT_INPUT, OPT_CLASSES, OPT_FORCE };

static const struct option long_options[] = {{"density", required_argument, NULL, OPT_DENSITY},
                                             {"channel-keep", required_argument, NULL, OPT_CHANNEL_KEEP},
                                             {"images", required_argument, NULL, OPT_IMAGES},
                                             {"batch-size", required_argument, NULL, OPT_BATCH_SIZE},
                                             {"seed", required_argument, NULL, OPT_SEED},
                                             {"dtype", required_argument, NULL, OPT_DTYPE},
                                             {"mode", required_argument, NULL, OPT_MODE},
                                             {"optimizer", required_argument, NULL, OPT_OPTIMIZER},
                                             {"set", required_argument, NULL, OPT_SET},
                                             {"input", required_argument, NULL, OPT_INPUT},
                                             {"classes", required_argument, NULL, OPT_CLASSES},
                                             {"output", required_argument, NULL, 'o'},
                                             {"force", no_argument, NULL, OPT_FORCE},
                                             {"quiet", no_argument, NULL, 'q'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: skipjoule trace synth NETWORK|TOPOLOGY.csv --images N -o FILE [options]\n\n"
    "A trace of seeded random operands: one step of a network, without training it. NETWORK is a file or a shipped name (resnet18, vgg16-imagenet, ...).\n"
    "TOPOLOGY.csv is a topology of SCALE-Sim: a convolution a row (its sizes include the padding), or Layer, M, N, K: each row stands alone, with an input\n"
    "of its own. A row of M, N, K becomes a 1x1 convolution of M x 1 pixels with K channels into N: O[MxN] = A[MxK] B[KxN] an image.\n\n"
    "  --density LIST       shares of nonzeros, of x=, w=, dy=; each is 1 where it is not named; for example x=0.5,w=1,dy=0.3\n"
    "                         x   of what ReLUs make, also behind pools and flatten (and of each row's input in a topology); those values are positive.\n"
    "                             The image, and what convolutions, batch norms and sums make, is dense; a ReLU's input is what its output comes from\n"
    "                         w   of the weights of conv and linear layers\n"
    "                         dy  of the gradients of conv and linear layers' outputs, before any selection. Others are dense, but for the zeros that\n"
    "                             ReLUs and max pools behind them make; dy=network: so are these (a network without batch norm has sparse ones)\n"
    "                       the same seed gives nested patterns: a smaller share leaves a part of the same values\n"
    "  --channel-keep X     ssProp-like: every conv and linear layer keeps max(int(X * channels), 1) random channels of dy\n"
    "  --images N           stored images\n"
    "  --batch-size B       images of the step: the stored ones, repeated in turn (default: N)\n"
    "  --seed S             default 1; equal seeds give equal files\n"
    "  --dtype T            of x, w, dy: bf16 (default), int8 or float32\n"
    "  --mode M             train (default): a training step; eval: an inference, x and w alone\n"
    "  --optimizer O        of the step: sgd (default; with momentum) or adam\n"
    "  --input HxWxC        size of an image       --classes N   of the data set: where they differ from what the network's file says\n"
    "  --set PATH=VALUE     change a key of the network's file, for example width=16; repeatable\n"
    "  -o, --output FILE    the trace; refused when it exists       --force   replace it\n"
    "  -q, --quiet          no progress\n"
    "  -h, --help           this text\n";

typedef struct arguments {
    const char *network, *out;
    const char *sets[SETS_MAX];
    int set_count;
    sj_dims input;    // h 0: not given
    int64_t classes;  // 0: not given
    bool has_dy, has_optimizer, force, quiet, help;
    sj_synth_options synth;
} arguments;

static sj_status read_density(arguments *a, const char *text, sj_error *err) {
    static const char *const names[] = {"x", "w", "dy"};
    double *const shares[] = {&a->synth.x, &a->synth.w, &a->synth.dy};
    bool seen[3] = {false};
    for (const char *p = text;; p++) {
        char item[64] = "";
        const size_t length = strcspn(p, ",");
        strncat(item, p, length < sizeof item - 1 ? length : sizeof item - 1);
        char *equals = strchr(item, '=');
        int which = -1;
        for (int i = 0; i < 3 && equals != NULL; i++) {
            which = strlen(names[i]) == (size_t)(equals - item) && strncmp(item, names[i], strlen(names[i])) == 0 ? i : which;
        }
        if (which < 0) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--density %s: \"%s\" is not x=SHARE, w=SHARE or dy=SHARE", text, item);
        }
        if (seen[which]) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--density %s: %s stands there twice", text, names[which]);
        }
        seen[which] = true;
        char option[32];
        (void)snprintf(option, sizeof option, "--density: %s", names[which]);
        if (which == 2 && strcmp(equals + 1, "network") == 0) {
            a->synth.dy_follows = true;
        } else if (which == 2 && isalpha((unsigned char)equals[1])) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--density: dy: \"%s\" is no share between 0 and 1, and not the word network", equals + 1);
        } else {
            SJ_TRY(sj_cli_float(option, equals + 1, 0.0, 1.0, shares[which], err));
        }
        p += length;
        if (*p == '\0') {
            a->has_dy = seen[2];
            return SJ_OK;
        }
    }
}

static sj_status read_input(sj_dims *out, const char *text, sj_error *err) {
    int64_t *const sizes[] = {&out->h, &out->w, &out->c};
    const char *p = text;
    for (int i = 0; i < 3; i++) {
        char *end;
        const long long value = strtoll(p, &end, 10);
        if (*p < '0' || *p > '9' || value < 1 || value > 65536 || *end != (i < 2 ? 'x' : '\0')) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--input %s: it must be height x width x channels, each from 1 to 65536, for example 32x32x3", text);
        }
        *sizes[i] = value;
        p = end + 1;
    }
    return SJ_OK;
}

static sj_status read_word(const char *option, const char *text, const char *const names[], int count, int *out, sj_error *err) {
    char all[64] = "";
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return SJ_OK;
        }
        strcat(strcat(all, i > 0 ? ", " : ""), names[i]);
    }
    const char *nearest = sj_nearest_name(text, names, count);
    return nearest != NULL ? SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not one of %s; did you mean %s?", option, text, all, nearest)
                           : SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not one of %s", option, text, all);
}

static sj_status read_count(const char *option, long long min, long long max, int64_t *out, sj_error *err) {
    long long value = 0;
    SJ_TRY(sj_cli_int(option, optarg, min, max, &value, err));
    *out = value;
    return SJ_OK;
}

static sj_status read_option(arguments *a, int option, sj_error *err) {
    static const char *const dtypes[] = {"bf16", "int8", "float32"}, *const modes[] = {"train", "eval"}, *const optimizers[] = {"sgd", "adam"};
    static const sj_type types[] = {SJ_TYPE_BF16, SJ_TYPE_I8, SJ_TYPE_F32};
    int which = 0;
    int64_t seed = 0;
    switch (option) {
        case OPT_DENSITY: return read_density(a, optarg, err);
        case OPT_CHANNEL_KEEP: a->synth.select = true; return sj_cli_float("--channel-keep", optarg, 0.0, 1.0, &a->synth.channel_keep, err);
        case OPT_IMAGES: return read_count("--images", 1, 65536, &a->synth.images, err);
        case OPT_BATCH_SIZE: return read_count("--batch-size", 1, 65536, &a->synth.batch_size, err);
        case OPT_CLASSES: return read_count("--classes", 1, 65536, &a->classes, err);
        case OPT_INPUT: return read_input(&a->input, optarg, err);
        case OPT_FORCE: a->force = true; return SJ_OK;
        case 'o': a->out = optarg; return SJ_OK;
        case 'q': a->quiet = true; return SJ_OK;
        case 'h': a->help = true; return SJ_OK;
        case OPT_SEED:
            SJ_TRY(read_count("--seed", 0, INT64_MAX, &seed, err));
            a->synth.seed = (uint64_t)seed;
            return SJ_OK;
        case OPT_DTYPE:
            SJ_TRY(read_word("--dtype", optarg, dtypes, 3, &which, err));
            a->synth.type = types[which];
            return SJ_OK;
        case OPT_MODE:
            SJ_TRY(read_word("--mode", optarg, modes, 2, &which, err));
            a->synth.mode = which == 0 ? SJ_MODE_TRAIN : SJ_MODE_EVAL;
            return SJ_OK;
        case OPT_OPTIMIZER:
            SJ_TRY(read_word("--optimizer", optarg, optimizers, 2, &which, err));
            a->synth.optimizer = which == 0 ? SJ_OPTIMIZER_SGD : SJ_OPTIMIZER_ADAM;
            a->has_optimizer = true;
            return SJ_OK;
        default: break;
    }
    if (a->set_count == SETS_MAX) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--set stands there more than %d times", SETS_MAX);
    }
    a->sets[a->set_count++] = optarg;
    return sj_cli_check_set(optarg, err);
}

static bool is_topology(const char *name) {
    const size_t length = strlen(name);
    return length > 4 && strcasecmp(name + length - 4, ".csv") == 0;
}

static sj_status check_together(arguments *a, sj_error *err) {
    if (a->synth.images == 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace synth: --images N is missing: how many images to store");
    }
    if (a->out == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace synth: -o FILE is missing: the trace to write");
    }
    a->synth.batch_size = a->synth.batch_size == 0 ? a->synth.images : a->synth.batch_size;
    if (a->synth.batch_size < a->synth.images) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--batch-size %" PRId64 ": it must be at least --images, %" PRId64, a->synth.batch_size, a->synth.images);
    }
    if (a->synth.mode == SJ_MODE_EVAL && (a->has_dy || a->synth.select || a->has_optimizer)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--mode eval: an inference has no gradients; leave out %s", a->has_dy ? "dy= in --density" : a->synth.select ? "--channel-keep" : "--optimizer");
    }
    if (is_topology(a->network) && (a->input.h != 0 || a->classes != 0 || a->set_count > 0)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s: a topology has all of its sizes; leave out %s", a->network, a->input.h != 0 ? "--input" : a->classes != 0 ? "--classes" : "--set");
    }
    return SJ_OK;
}

static sj_status parse(int argc, char **argv, arguments *a, sj_error *err) {
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":o:qh", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("trace synth", argc, argv, long_options, err);
        }
        SJ_TRY(read_option(a, c, err));
    }
    if (a->help) {
        return SJ_OK;
    }
    if (argc - optind != 1) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace synth: %d networks given, exactly one is needed; 'skipjoule trace synth -h' tells more", argc - optind);
    }
    a->network = argv[optind];
    return check_together(a, err);
}

static sj_status read_network(const arguments *a, sj_net *net, sj_error *err) {
    if (is_topology(a->network)) {
        return sj_scalesim_read(a->network, &net->network, err);
    }
    char *path;
    SJ_TRY(sj_cli_find_config("models", a->network, &path, err));
    const sj_status status = sj_net_read_set(path, a->sets, a->set_count, a->input, a->classes, 0, net, err);
    free(path);
    return status;
}

static sj_status check_output(const arguments *a, sj_error *err) {
    struct stat info;
    if (stat(a->out, &info) == 0 && S_ISDIR(info.st_mode)) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: it is a folder; a trace is a file", a->out);
    }
    if (sj_path_exists(a->out) && !a->force) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: it exists; give another name, or --force", a->out);
    }
    return SJ_OK;
}

static bool go_on(void *context, int layer) {
    sj_progress_update(context, layer, NULL);
    return !sj_cli_interrupted();
}

static sj_status write_trace(arguments *a, const sj_network *net, sj_error *err) {
    char producer[64];
    (void)snprintf(producer, sizeof producer, "skipjoule %s", sj_version);
    sj_progress bar;
    sj_progress_start(&bar, "synth", net->layer_count, a->quiet);
    a->synth.go_on = go_on;
    a->synth.context = &bar;
    const sj_status status = sj_synth_write(a->out, producer, net, &a->synth, err);
    sj_progress_clear(&bar);
    if (status == SJ_OK) {
        printf("%s: %s, %d layers, %s step of %" PRId64 " images, %" PRId64 " stored\n", a->out, net->name, net->layer_count, a->synth.mode == SJ_MODE_TRAIN ? "train" : "eval",
               a->synth.batch_size, a->synth.images);
    }
    return status;
}

sj_status sj_cli_trace_synth(int argc, char **argv, sj_error *err) {
    arguments a = {.synth = {.x = 1.0, .w = 1.0, .dy = 1.0, .seed = 1, .type = SJ_TYPE_BF16, .mode = SJ_MODE_TRAIN}};
    SJ_TRY(parse(argc, argv, &a, err));
    if (a.help) {
        fputs(help, stdout);
        return SJ_OK;
    }
    SJ_TRY(check_output(&a, err));
    sj_net net = {.width = 0};
    SJ_TRY(read_network(&a, &net, err));
    const sj_status status = write_trace(&a, &net.network, err);
    sj_net_free(&net);
    return status;
}
