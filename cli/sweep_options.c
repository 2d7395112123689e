// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_sweep_cli.h"

enum { OPT_LAUNCHER = 1000, OPT_RESUME, OPT_FORCE, OPT_JSON, OPT_SET, OPT_TOP, OPT_TASK, OPT_COLLECT, OPT_DETACH, OPT_CANCEL, OPT_DIRECTORY };

static const struct option long_options[] = {
    {"launcher", required_argument, NULL, OPT_LAUNCHER}, {"resume", no_argument, NULL, OPT_RESUME}, {"force", no_argument, NULL, OPT_FORCE},
    {"json", no_argument, NULL, OPT_JSON},               {"set", required_argument, NULL, OPT_SET},  {"top", required_argument, NULL, OPT_TOP},
    {"task", required_argument, NULL, OPT_TASK},         {"quiet", no_argument, NULL, 'q'},          {"help", no_argument, NULL, 'h'},
    {"collect", required_argument, NULL, OPT_COLLECT},   {"detach", no_argument, NULL, OPT_DETACH},   {"cancel", no_argument, NULL, OPT_CANCEL},
    {"directory", required_argument, NULL, OPT_DIRECTORY},
    {NULL, 0, NULL, 0},
};

const char sj_sweep_help[] =
    "usage: skipjoule sweep CONFIG TRACE... -o DIR [options]\n\n"
    "Simulates every machine of a design space on the traces, and says which are worth building: Pareto front, sensitivity of each objective to each axis, best\n"
    "points. CONFIG is a sweep file or a shipped name (configs/sweep); docs/sweep.md has its keys. Results grow in DIR/results.sqlite as they come;\n"
    "'skipjoule report DIR' shows them again, also while the sweep runs.\n\n"
    "  -o DIR               folder of the sweep\n"
    "  -j N                 worker processes on this machine (default: one a processor)\n"
    "  --resume             go on with the sweep in DIR, or join one that is running: no point that is there is simulated again\n"
    "  --force              begin anew where DIR has a sweep\n"
    "  --set PATH=VALUE     change a key of the sweep file, for example strategy.points=200; repeatable\n"
    "  --launcher L         local (default), or slurm: job arrays on a cluster (docs/scale.md)\n"
    "  --detach             with slurm: submit, and do not wait; --resume looks again\n"
    "  --cancel             with slurm: cancel the jobs of the sweep in DIR\n"
    "  --task K, --collect K, --directory D   what the jobs of a cluster do: work on one task; merge what tasks left; in folder D\n"
    "  --top N              at most N points of the front in the report (default 20; 0: all)\n"
    "  --json               the report as JSON\n"
    "  -q, --quiet          no progress bar\n"
    "  -h, --help           this text\n";

static sj_status read_launcher(const char *text, sj_launcher *launcher, sj_error *err) {
    static const char *const names[SJ_LAUNCHER_COUNT] = {"local", "slurm"};
    for (int i = 0; i < SJ_LAUNCHER_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            *launcher = (sj_launcher)i;
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(text, names, SJ_LAUNCHER_COUNT);
    return SJ_FAIL(err, SJ_ERR_USAGE, "--launcher: \"%s\" is not one of local, slurm%s%s%s", text, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}

static sj_status take_set(sj_sweep_options *o, const char *text, sj_error *err) {
    SJ_TRY(sj_cli_check_set(text, err));
    if (o->set_count == (int)(sizeof o->sets / sizeof o->sets[0])) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--set stands there more than %zu times", sizeof o->sets / sizeof o->sets[0]);
    }
    o->sets[o->set_count++] = text;
    return SJ_OK;
}

static sj_status take(sj_sweep_options *o, int option, const char *value, sj_error *err) {
    long long number = 0;
    switch (option) {
        case 'o': o->dir = value; return SJ_OK;
        case 'j':
            SJ_TRY(sj_cli_int("-j", value, 1, 256, &number, err));
            o->workers = (int)number;
            return SJ_OK;
        case 'q': o->quiet = true; return SJ_OK;
        case 'h': o->help = true; return SJ_OK;
        case OPT_LAUNCHER: return read_launcher(value, &o->launcher, err);
        case OPT_RESUME: o->resume = true; return SJ_OK;
        case OPT_FORCE: o->force = true; return SJ_OK;
        case OPT_JSON: o->json = true; return SJ_OK;
        case OPT_SET: return take_set(o, value, err);
        case OPT_TOP:
            SJ_TRY(sj_cli_int("--top", value, 0, 1000000000, &number, err));
            o->top = number;
            return SJ_OK;
        case OPT_DETACH: o->detach = true; return SJ_OK;
        case OPT_CANCEL: o->cancel = true; return SJ_OK;
        case OPT_DIRECTORY: o->directory = value; return SJ_OK;
        default:
            SJ_TRY(sj_cli_int(option == OPT_TASK ? "--task" : "--collect", value, 0, INT64_MAX, &number, err));
            *(option == OPT_TASK ? &o->task : &o->collect) = number;
            return SJ_OK;
    }
}

static sj_status check(const sj_sweep_options *o, sj_error *err) {
    if (o->config == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sweep: no sweep file given; 'skipjoule sweep -h' tells more");
    }
    if (o->trace_count == 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sweep: no trace given; 'skipjoule sweep CONFIG TRACE... -o DIR'");
    }
    if (o->dir == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sweep: -o is missing: the folder of the sweep");
    }
    if (o->resume && o->force) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sweep: --resume keeps what is there, --force does not; one of them");
    }
    const char *cluster_option = o->detach ? "--detach" : o->cancel ? "--cancel" : o->task >= 0 ? "--task" : o->collect >= 0 ? "--collect" : NULL;
    if (cluster_option != NULL && o->launcher != SJ_LAUNCHER_SLURM) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sweep: %s goes with --launcher slurm", cluster_option);
    }
    if (o->launcher == SJ_LAUNCHER_SLURM && o->workers != 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sweep: -j is for this machine; a cluster's tasks have one process each (slurm.points_per_task, slurm.tasks_at_once)");
    }
    return SJ_OK;
}

sj_status sj_sweep_parse(int argc, char **argv, sj_sweep_options *o, sj_error *err) {
    *o = (sj_sweep_options){.top = 20, .task = -1, .collect = -1};
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":o:j:qh", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("sweep", argc, argv, long_options, err);
        }
        SJ_TRY(take(o, c, optarg, err));
    }
    if (o->help) {
        return SJ_OK;
    }
    o->config = optind < argc ? argv[optind] : NULL;
    o->traces = argv + optind + 1;
    o->trace_count = argc - optind - 1 > 0 ? argc - optind - 1 : 0;
    return check(o, err);
}
