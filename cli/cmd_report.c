// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_compare.h"
#include "sj_config.h"
#include "sj_file.h"
#include "sj_sweep_cli.h"

enum { OPT_FORMAT = 1000, OPT_PART, OPT_OBJECTIVES, OPT_LIMIT, OPT_TOP, OPT_POINT };

static const struct option long_options[] = {{"format", required_argument, NULL, OPT_FORMAT}, {"part", required_argument, NULL, OPT_PART}, {"objectives", required_argument, NULL, OPT_OBJECTIVES},
                                             {"limit", required_argument, NULL, OPT_LIMIT},   {"top", required_argument, NULL, OPT_TOP},   {"point", required_argument, NULL, OPT_POINT},
                                             {"help", no_argument, NULL, 'h'},                 {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: skipjoule report RUN... [--format text|json|csv|md]\n"
    "       skipjoule report SWEEP [--format F] [--part LIST] [--objectives LIST] [--limit EXPR]... [--top N]\n"
    "       skipjoule report SWEEP --point ID\n\n"
    "Compares simulated runs (folders that 'skipjoule sim -o' wrote, or their stats.json); the first is the baseline. Only like is compared with like: the same\n"
    "mode, batch, network, data set and layers. The accuracy is that of the last epoch in the metrics.csv beside the trace that a run names.\n"
    "Of a sweep (a folder that 'skipjoule sweep -o' wrote, or its results.sqlite): the Pareto front, what each axis does to each objective, the best points.\n\n"
    "  --format F           text (default), json, csv or md; csv of a sweep: one part, all points where none is named\n"
    "  --part LIST          of summary,pareto,sensitivity,best,points (default: the first four)\n"
    "  --objectives LIST    of energy_pj,energy_low_pj,energy_high_pj,cycles,seconds,area_mm2,edp_pj_s,dram_bytes (default: the sweep's)\n"
    "  --limit EXPR         only points for which it holds, over axes and objectives: 'area_mm2 <= 2 and array.rows < 32'; repeatable\n"
    "  --top N              at most N points of the front in text and md (default 20; 0: all)\n"
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

static sj_status compare(char **paths, int count, sj_report_format format, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof(sj_compared), "the runs", err));
    sj_compared *runs = memory;
    sj_status status = SJ_OK;
    for (int i = 0; i < count && status == SJ_OK; i++) {
        status = sj_compared_open(paths[i], &runs[i], err);
    }
    sj_comparison_list list = {NULL, 0, NULL};
    status = status == SJ_OK ? sj_compare(runs, count, &list, err) : status;
    status = status == SJ_OK ? sj_comparison_write(stdout, &list, format, err) : status;
    sj_comparison_free(&list);
    for (int i = 0; i < count; i++) {
        sj_compared_close(&runs[i]);
    }
    free(memory);
    return status;
}

typedef struct report_options {
    sj_report_format format;
    sj_sweep_view view;
    const char *of_sweeps;  // an option that goes with a sweep alone; NULL: none was given
    bool help;
} report_options;

static sj_status take_sweep_option(report_options *o, int option, const char *value, sj_error *err) {
    static const char *const names[] = {"--part", "--objectives", "--limit", "--top", "--point"};
    long long number = 0;
    o->of_sweeps = names[option - OPT_PART];
    switch (option) {
        case OPT_PART: return sj_sweep_view_parts(&o->view, value, err);
        case OPT_OBJECTIVES: return sj_sweep_view_objectives(&o->view, value, err);
        case OPT_LIMIT: return sj_sweep_view_limit(&o->view, value, err);
        case OPT_TOP:
            SJ_TRY(sj_cli_int("--top", value, 0, 1000000000, &number, err));
            o->view.top = number;
            return SJ_OK;
        default:
            SJ_TRY(sj_cli_int("--point", value, 0, INT64_MAX, &number, err));
            o->view.point = number;
            return SJ_OK;
    }
}

static sj_status parse(int argc, char **argv, report_options *o, sj_error *err) {
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (c == '?' || c == ':') {
            return sj_cli_bad_option("report", argc, argv, long_options, err);
        }
        if (c == 'h') {
            o->help = true;
            return SJ_OK;
        }
        SJ_TRY(c == OPT_FORMAT ? read_format(optarg, &o->format, err) : take_sweep_option(o, c, optarg, err));
    }
    return optind < argc ? SJ_OK : SJ_FAIL(err, SJ_ERR_USAGE, "report: no run given; 'skipjoule report -h' tells more");
}

static sj_status show(const report_options *o, char **paths, int count, sj_error *err) {
    static const sj_analysis_format formats[SJ_REPORT_FORMAT_COUNT] = {[SJ_REPORT_TEXT] = SJ_ANALYSIS_TEXT, [SJ_REPORT_JSON] = SJ_ANALYSIS_JSON, [SJ_REPORT_CSV] = SJ_ANALYSIS_CSV, [SJ_REPORT_MD] = SJ_ANALYSIS_MD};
    for (int i = 0; i < count; i++) {
        if (sj_sweep_is_here(paths[i]) && count > 1) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "report: %s is a sweep, which is shown by itself; %d were given", paths[i], count);
        }
    }
    if (sj_sweep_is_here(paths[0])) {
        sj_sweep_view view = o->view;
        view.format = formats[o->format];
        const bool narrowed = view.parts_given || view.limit_count > 0 || view.objective_count > 0;
        if (view.point >= 0 && narrowed) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "report: --point shows one point whole; it goes with no other option of sweeps");
        }
        if (view.format == SJ_ANALYSIS_CSV && narrowed && !view.parts_given) {  // all points that there are, again
            memset(view.parts, 0, sizeof view.parts);
            view.parts[SJ_PART_POINTS] = true;
        }
        if (view.point >= 0) {
            return o->format == SJ_REPORT_TEXT ? sj_sweep_print_point(paths[0], view.point, err) : SJ_FAIL(err, SJ_ERR_USAGE, "report: --point is text; --format csv has all points");
        }
        return sj_sweep_print(paths[0], &view, err);
    }
    if (o->of_sweeps != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: %s goes with a sweep; %s holds none", o->of_sweeps, paths[0]);
    }
    return compare(paths, count, o->format, err);
}

sj_status sj_cmd_report(int argc, char **argv, sj_error *err) {
    report_options o = {.format = SJ_REPORT_TEXT, .view = sj_sweep_view_default()};
    sj_status status = parse(argc, argv, &o, err);
    if (status == SJ_OK && o.help) {
        fputs(help, stdout);
    } else if (status == SJ_OK) {
        status = show(&o, argv + optind, argc - optind, err);
    }
    sj_sweep_view_free(&o.view);
    return status;
}
