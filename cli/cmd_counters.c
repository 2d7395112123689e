// SPDX-License-Identifier: Apache-2.0
// The glossary of counters, from the code that counts and prices: docs/counters.md is its output for edge16.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_machine.h"

static const char help[] =
    "usage: skipjoule counters [--accel A] [--tech T] [--set PATH=VALUE]...\n\n"
    "Every counter as a row of a Markdown table: its component, its unit, its exact meaning, what one count costs on each machine, and the entries of the tech file\n"
    "that this price depends on.\n\n"
    "  --accel A            accelerator: a file or a shipped name (default edge16)\n"
    "  --tech T             technology: a file or a shipped name; default: the accelerator's tech_file\n"
    "  --set PATH=VALUE     change a key of the accelerator file, or of the tech file as tech.PATH; repeatable\n"
    "  -h, --help           this text\n";

static const struct option long_options[] = {{"accel", required_argument, NULL, SJ_OPT_ACCEL}, {"tech", required_argument, NULL, SJ_OPT_TECH}, {"set", required_argument, NULL, SJ_OPT_SET},
                                             {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

static void print_price(const sj_prices *p, int counter) {
    const double *pj = p->pj[counter];
    if (pj[SJ_HIGH] > 0.0) {
        printf("%.4g (%.3g, %.3g) | ", pj[SJ_TYPICAL], pj[SJ_LOW], pj[SJ_HIGH]);
    } else {
        printf("- | ");
    }
}

static void print_table(const sj_machine_setup *s, const sj_price_entries *entries) {
    printf("# Counters\n\nWritten by `skipjoule counters`. The rule that each is counted by stands in docs/timing.md section 9, the formulas of the prices in docs/energy.md section 4.\n\n");
    printf("%s (%lld x %lld PEs, %g MHz) with tech %s; pJ a count: typical (low, high), the ends with every figure of the price at that end.\n\n", s->accel.name, (long long)s->accel.rows,
           (long long)s->accel.lanes, s->accel.clock_mhz, sj_tech_name(s->tech));
    printf("| counter | component | unit | meaning | dense | gate | skip | priced by |\n|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const sj_counter_info *c = &sj_counter_table[i];
        printf("| `%s` | %s | %s | %s | ", c->name, sj_component_names[sj_counter_component(i)], c->unit, c->meaning);
        for (int m = 0; m < 3; m++) {
            print_price(&s->prices[m], i);
        }
        printf("%s |\n", entries->of[i]);
    }
}

sj_status sj_cmd_counters(int argc, char **argv, sj_error *err) {
    sj_machine_options o;
    sj_machine_defaults(&o);
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        switch (c) {
            case 'h': fputs(help, stdout); return SJ_OK;
            case SJ_OPT_ACCEL:
            case SJ_OPT_TECH:
            case SJ_OPT_SET: SJ_TRY(sj_machine_option(&o, c, optarg, err)); break;
            default: return sj_cli_bad_option("counters", argc, argv, long_options, err);
        }
    }
    if (optind < argc) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "counters: \"%s\" is not an option; 'skipjoule counters -h' tells more", argv[optind]);
    }
    o.accel = o.accel != NULL ? o.accel : "edge16";
    sj_machine_setup setup;
    sj_price_entries entries;
    sj_status status = sj_machine_open(&o, "counters", &setup, err);
    status = status == SJ_OK ? sj_tech_price_entries(setup.tech, &setup.accel, SJ_MACHINE_SKIP, &entries, err) : status;  // on which every counter has a price
    if (status == SJ_OK) {
        print_table(&setup, &entries);
    }
    sj_machine_close(&setup);
    return status;
}
