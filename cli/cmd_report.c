// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_report_cli.h"

static sj_status show_page_of_sweep(const sj_report_options *o, const char *path, sj_error *err) {
    SJ_TRY(sj_report_check_page(o, err));
    sj_report *report = NULL;
    sj_status status = sj_sweep_report(path, &o->view, &report, err);
    status = status == SJ_OK ? sj_report_write_page(o, report, err) : status;
    sj_report_free(report);
    return status;
}

static sj_status show_sweep(sj_report_options *o, const char *path, sj_error *err) {
    static const sj_analysis_format formats[SJ_REPORT_FORMAT_COUNT] = {[SJ_REPORT_TEXT] = SJ_ANALYSIS_TEXT, [SJ_REPORT_JSON] = SJ_ANALYSIS_JSON, [SJ_REPORT_CSV] = SJ_ANALYSIS_CSV, [SJ_REPORT_MD] = SJ_ANALYSIS_MD};
    sj_sweep_view *view = &o->view;
    view->format = formats[o->format];
    view->top = o->top >= 0 ? o->top : view->top;
    if (o->of_runs != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: %s goes with runs; %s is a sweep", o->of_runs, path);
    }
    if (o->part != NULL) {
        SJ_TRY(sj_sweep_view_parts(view, o->part, err));
    }
    if (o->page != NULL) {
        return show_page_of_sweep(o, path, err);
    }
    const bool narrowed = view->parts_given || view->limit_count > 0 || view->objective_count > 0;
    if (view->point >= 0 && narrowed) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: --point shows one point whole; it goes with no other option of sweeps");
    }
    if (view->format == SJ_ANALYSIS_CSV && narrowed && !view->parts_given) {  // all points that there are, again
        memset(view->parts, 0, sizeof view->parts);
        view->parts[SJ_PART_POINTS] = true;
    }
    if (view->point >= 0) {
        return o->format == SJ_REPORT_TEXT ? sj_sweep_print_point(path, view->point, err) : SJ_FAIL(err, SJ_ERR_USAGE, "report: --point is text; --format csv has all points");
    }
    return sj_sweep_print(path, view, err);
}

static sj_status show(sj_report_options *o, char **paths, int count, sj_error *err) {
    for (int i = 0; i < count; i++) {
        if (sj_sweep_is_here(paths[i]) && count > 1) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "report: %s is a sweep, which is shown by itself; %d were given", paths[i], count);
        }
    }
    return sj_sweep_is_here(paths[0]) ? show_sweep(o, paths[0], err) : sj_report_runs(o, paths, count, err);
}

sj_status sj_cmd_report(int argc, char **argv, sj_error *err) {
    sj_report_options o;
    sj_status status = sj_report_parse(argc, argv, &o, err);
    if (status == SJ_OK && o.help) {
        fputs(sj_report_help, stdout);
    } else if (status == SJ_OK) {
        status = show(&o, argv + optind, argc - optind, err);
    }
    sj_sweep_view_free(&o.view);
    return status;
}
