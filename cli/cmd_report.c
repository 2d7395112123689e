// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_compare.h"
#include "sj_config.h"
#include "sj_file.h"

enum { OPT_FORMAT = 1000 };

static const struct option long_options[] = {{"format", required_argument, NULL, OPT_FORMAT}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: skipjoule report RUN... [--format text|json|csv|md]\n\n"
    "Compares simulated runs (folders that 'skipjoule sim -o' wrote, or their stats.json); the first is the baseline. Only like is compared with like: the same\n"
    "mode, batch, network, data set and layers. The accuracy is that of the last epoch in the metrics.csv beside the trace that a run names.\n\n"
    "  --format F           text (default), json, csv or md\n"
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

sj_status sj_cmd_report(int argc, char **argv, sj_error *err) {
    sj_report_format format = SJ_REPORT_TEXT;
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        switch (c) {
            case OPT_FORMAT: SJ_TRY(read_format(optarg, &format, err)); break;
            case 'h': fputs(help, stdout); return SJ_OK;
            default: return sj_cli_bad_option("report", argc, argv, long_options, err);
        }
    }
    if (optind == argc) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: no run given; 'skipjoule report -h' tells more");
    }
    return compare(argv + optind, argc - optind, format, err);
}
