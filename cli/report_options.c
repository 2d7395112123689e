// SPDX-License-Identifier: Apache-2.0
// The options of `skipjoule report`.
#include <getopt.h>
#include <math.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_report_cli.h"

enum { OPT_FORMAT = 1000, OPT_PART, OPT_OBJECTIVES, OPT_LIMIT, OPT_TOP, OPT_POINT, OPT_FORCE, OPT_SORT, OPT_WIDTH, OPT_GCO2, OPT_TARGET, OPT_DIFF, OPT_THRESHOLD };

static const struct option long_options[] = {{"format", required_argument, NULL, OPT_FORMAT},
                                             {"part", required_argument, NULL, OPT_PART},
                                             {"objectives", required_argument, NULL, OPT_OBJECTIVES},
                                             {"limit", required_argument, NULL, OPT_LIMIT},
                                             {"top", required_argument, NULL, OPT_TOP},
                                             {"point", required_argument, NULL, OPT_POINT},
                                             {"output", required_argument, NULL, 'o'},
                                             {"force", no_argument, NULL, OPT_FORCE},
                                             {"sort", required_argument, NULL, OPT_SORT},
                                             {"width", required_argument, NULL, OPT_WIDTH},
                                             {"gco2-per-kwh", required_argument, NULL, OPT_GCO2},
                                             {"target-accuracy", required_argument, NULL, OPT_TARGET},
                                             {"diff", no_argument, NULL, OPT_DIFF},
                                             {"threshold", required_argument, NULL, OPT_THRESHOLD},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

const char sj_report_help[] =
    "usage: skipjoule report RUN... [-o FILE.html] [--format text|json|csv|md] [--part LIST] [--sort KEY] [--top N] [--width N]\n"
    "       skipjoule report RUN RUN --diff [--threshold X]\n"
    "       skipjoule report SWEEP [-o FILE.html] [--format F] [--part LIST] [--objectives LIST] [--limit EXPR]... [--top N]\n"
    "       skipjoule report SWEEP --point ID\n\n"
    "Compares simulated runs (folders that 'skipjoule sim -o' wrote, or their stats.json or run.json); the first is the baseline. Only like is compared with like: the same\n"
    "mode, batch, network, data set and layers. The accuracy is that of the last epoch in the metrics.csv beside the trace that a run names.\n"
    "Of a sweep (a folder that 'skipjoule sweep -o' wrote, or its results.sqlite): the Pareto front, what each axis does to each objective, the best points.\n\n"
    "  -o, --output F.html  all tables and charts as one page that needs nothing else\n"
    "  --force              write F.html though it exists\n"
    "  --format F           text (default), json, csv or md; csv has one table: of runs the comparison, of a sweep all points, where none is named\n"
    "  --part LIST          of runs: of summary,machines,comparison,saving_sources,savings,layers,components,joules,density,roofline,accuracy_energy,steps,\n"
    "                       whole,epochs,states,target,config,provenance (docs/report.md; the last but two of whole runs)\n"
    "                       of a sweep: of summary,pareto,sensitivity,best,points (default: the first four)\n"
    "  --sort KEY           rows by this column, as json names it; -KEY: falling\n"
    "  --top N              at most N rows of a table in text and md; of a sweep N points of the front (default 20; 0: all)\n"
    "  --width N            characters of a line of text, 40 or more (default: the terminal's, else 120)\n"
    "  --gco2-per-kwh X     of whole runs: emissions at X g CO2e a kWh\n"
    "  --target-accuracy X  of whole runs: energy and time until the test accuracy is X, 0 to 1\n"
    "  --diff               what differs between two runs, and nothing else: configuration, then totals and layers, the largest change of energy first\n"
    "  --threshold X        of --diff: print no changes of at most this share (default 0.001)\n"
    "  --objectives LIST    of energy_pj,energy_low_pj,energy_high_pj,cycles,seconds,area_mm2,edp_pj_s,dram_bytes (default: the sweep's)\n"
    "  --limit EXPR         only points for which it holds, over axes and objectives: 'area_mm2 <= 2 and array.rows < 32'; repeatable\n"
    "  --point ID           one point: its settings, what was found, and the command that simulates it by itself\n"
    "  -h, --help           this text\n";

static sj_status read_format(const char *text, sj_report_format *format, sj_error *err) {
    for (int i = 0; i < SJ_REPORT_FORMAT_COUNT; i++) {
        if (strcmp(text, sj_report_format_names[i]) == 0) {
            *format = (sj_report_format)i;
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(text, sj_report_format_names, SJ_REPORT_FORMAT_COUNT);
    return SJ_FAIL(err, SJ_ERR_USAGE, "--format: \"%s\" is not one of text, json, csv, md%s%s%s", text, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}

static sj_status read_sweep_option(sj_report_options *o, int option, sj_error *err) {
    long long number = 0;
    switch (option) {
        case OPT_OBJECTIVES: o->of_sweeps = "--objectives"; return sj_sweep_view_objectives(&o->view, optarg, err);
        case OPT_LIMIT: o->of_sweeps = "--limit"; return sj_sweep_view_limit(&o->view, optarg, err);
        default:
            o->of_sweeps = "--point";
            SJ_TRY(sj_cli_int("--point", optarg, 0, INT64_MAX, &number, err));
            o->view.point = number;
            return SJ_OK;
    }
}

static sj_status read_run_option(sj_report_options *o, int option, sj_error *err) {
    static const char *const names[] = {"--sort", "--width", "--gco2-per-kwh", "--target-accuracy", "--diff", "--threshold"};
    o->of_runs = names[option - OPT_SORT];
    switch (option) {
        case OPT_SORT: o->sort = optarg; return SJ_OK;
        case OPT_WIDTH: return sj_cli_int("--width", optarg, SJ_REPORT_WIDTH_MIN, 100000, &o->width, err);
        case OPT_GCO2: return sj_cli_float("--gco2-per-kwh", optarg, 0.0, 1e6, &o->gco2_per_kwh, err);
        case OPT_TARGET: return sj_cli_float("--target-accuracy", optarg, 0.0, 1.0, &o->target_accuracy, err);
        case OPT_DIFF: o->diff = true; return SJ_OK;
        default: o->threshold_given = true; return sj_cli_float("--threshold", optarg, 0.0, 1.0, &o->threshold, err);
    }
}

static sj_status read_option(sj_report_options *o, int option, sj_error *err) {
    switch (option) {
        case OPT_FORMAT: o->format_given = true; return read_format(optarg, &o->format, err);
        case OPT_PART: o->part = optarg; return SJ_OK;
        case OPT_TOP: return sj_cli_int("--top", optarg, 0, 1000000000, &o->top, err);
        case OPT_FORCE: o->force = true; return SJ_OK;
        case 'o': o->page = optarg; return SJ_OK;
        case OPT_OBJECTIVES:
        case OPT_LIMIT:
        case OPT_POINT: return read_sweep_option(o, option, err);
        default: return read_run_option(o, option, err);
    }
}

// Options that make no sense together, each with its reason.
static sj_status check_together(const sj_report_options *o, sj_error *err) {
    const char *chosen = o->part != NULL ? "--part" : o->sort != NULL ? "--sort" : o->top >= 0 ? "--top" : o->width >= 0 ? "--width" : NULL;
    const char *other = o->format_given ? "--format" : chosen;
    if (o->page != NULL && (other != NULL || o->diff || o->view.point >= 0)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: -o writes a page of all tables; it goes without %s", other != NULL ? other : o->diff ? "--diff" : "--point");
    }
    if (o->force && o->page == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --force goes with -o");
    }
    if (o->threshold_given && !o->diff) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --threshold goes with --diff");
    }
    if (o->diff && (chosen != NULL || o->format != SJ_REPORT_TEXT || !isnan(o->gco2_per_kwh) || !isnan(o->target_accuracy))) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --diff is text of its own; it goes with --threshold alone");
    }
    if (o->width >= 0 && o->format != SJ_REPORT_TEXT) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --width goes with --format text");
    }
    return SJ_OK;
}

sj_status sj_report_parse(int argc, char **argv, sj_report_options *o, sj_error *err) {
    *o = (sj_report_options){.format = SJ_REPORT_TEXT, .view = sj_sweep_view_default(), .top = -1, .width = -1, .gco2_per_kwh = (double)NAN, .target_accuracy = (double)NAN, .threshold = 0.001};
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":o:h", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("report", argc, argv, long_options, err);
        }
        if (c == 'h') {
            o->help = true;
            return SJ_OK;
        }
        SJ_TRY(read_option(o, c, err));
    }
    return optind < argc ? check_together(o, err) : SJ_FAIL(err, SJ_ERR_USAGE, "report: no run given; 'skipjoule report -h' tells more");
}
