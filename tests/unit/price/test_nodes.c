// SPDX-License-Identifier: Apache-2.0
// Every shipped tech file prices every shipped accelerator with every DRAM; smaller nodes switch less; derived figures are known no better than what they come from; a zero more never costs a lane more.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sj_tech_keys.h"

enum { NODES = 3, FILES = 6 };  // literature's, then calibrated on the RTL
static const char *const nodes[FILES] = {"45nm", "32nm", "16nm", "45nm-calibrated", "32nm-calibrated", "16nm-calibrated"};
static const char *const names[FILES] = {"45nm", "32nm", "16nm, derived", "45nm-calibrated", "32nm-calibrated", "16nm-calibrated, derived"};
static const char *const accels[] = {SJ_ACCELS};
static sj_tech *techs[FILES];
static sj_error err;

static int open_all(void **state) {
    for (int n = 0; n < FILES; n++) {
        char path[512];
        snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/tech/%s.cfg", nodes[n]);
        if (sj_tech_open(path, NULL, 0, &techs[n], &err) != SJ_OK) {
            fprintf(stderr, "%s\n", err.message);
            return -1;
        }
    }
    return 0;
}

static int close_all(void **state) {
    for (int n = 0; n < FILES; n++) {
        sj_tech_close(techs[n]);
    }
    return 0;
}

static void every_file_prices_every_machine(void **state) {
    int types;
    const char *const *dram = sj_dram_names(&types);
    for (size_t a = 0; a < sizeof accels / sizeof accels[0]; a++) {
        char path[512];
        snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/accel/%s.cfg", accels[a]);
        sj_accel accel;
        assert_int_equal(sj_accel_open(path, &accel, &err), SJ_OK);
        for (int d = 0; d < types; d++) {
            accel.dram = sj_dram_find(dram[d]);
            for (int n = 0; n < FILES; n++) {
                for (int m = 0; m < 3; m++) {
                    sj_prices p;
                    if (sj_tech_prices(techs[n], &accel, (sj_machine)m, &p, &err) != SJ_OK) {
                        fail_msg("%s", err.message);
                    }
                    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                        assert_true(p.pj[i][SJ_LOW] >= 0.0 && p.pj[i][SJ_LOW] <= p.pj[i][SJ_TYPICAL] && p.pj[i][SJ_TYPICAL] <= p.pj[i][SJ_HIGH]);
                    }
                }
            }
        }
    }
}

// What is switched on the chip costs less from node to node, what DRAM does the same. Leakage may rise.
static void smaller_nodes_switch_less(void **state) {
    sj_accel accel;
    assert_int_equal(sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &accel, &err), SJ_OK);
    for (int n = 1; n < FILES; n++) {
        if (n % NODES == 0) {
            continue;
        }
        sj_prices before, after;
        assert_int_equal(sj_tech_prices(techs[n - 1], &accel, SJ_MACHINE_SKIP, &before, &err), SJ_OK);
        assert_int_equal(sj_tech_prices(techs[n], &accel, SJ_MACHINE_SKIP, &after, &err), SJ_OK);
        for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
            const char *name = sj_counter_table[i].name;
            if (strncmp(name, "dram.", 5) == 0) {
                assert_true(after.pj[i][SJ_TYPICAL] == before.pj[i][SJ_TYPICAL]);
            } else if (strcmp(name, "leakage") != 0) {
                assert_true(after.pj[i][SJ_TYPICAL] < before.pj[i][SJ_TYPICAL] || (before.pj[i][SJ_TYPICAL] == 0.0 && after.pj[i][SJ_TYPICAL] == 0.0 && after.pj[i][SJ_HIGH] < before.pj[i][SJ_HIGH]));
            }
        }
        assert_true(sj_tech_area(techs[n], &accel, SJ_MACHINE_SKIP).total_mm2[SJ_TYPICAL] < sj_tech_area(techs[n - 1], &accel, SJ_MACHINE_SKIP).total_mm2[SJ_TYPICAL]);
    }
}

static bool wider(const sj_tech_value *derived, const sj_tech_value *base) {
    if (base->at[SJ_TYPICAL] == 0.0) {  // 0 stays 0: an interval of no stated width
        return derived->at[SJ_LOW] == 0.0 && derived->at[SJ_TYPICAL] == 0.0 && derived->at[SJ_HIGH] > 0.0;
    }
    const double low = derived->at[SJ_LOW] / derived->at[SJ_TYPICAL], high = derived->at[SJ_HIGH] / derived->at[SJ_TYPICAL];
    return (base->at[SJ_LOW] == 0.0 || low <= 0.9999 * base->at[SJ_LOW] / base->at[SJ_TYPICAL]) && high >= 1.0001 * base->at[SJ_HIGH] / base->at[SJ_TYPICAL];
}

static void derived_figures_have_wider_intervals(void **state) {
    for (int set = 0; set < FILES; set += NODES) {
        const sj_tech *base = techs[set + 1], *derived = techs[set + 2];
#define SJ_X(key, unit) assert_true(wider(&derived->key, &base->key));
        SJ_TECH_KEYS(SJ_X)
#undef SJ_X
    }
}

// Where an active issue becomes one with a zero, a lane changes at most twice more: once to it, once back. That is never dearer than the issue was, so that energy falls with nested masks.
static void a_lone_zero_costs_no_more_than_an_active_issue(void **state) {
    for (int n = 0; n < FILES; n++) {
        const sj_tech *t = techs[n];
        const double lanes[2][5] = {
            {t->mac_bf16_active.at[SJ_TYPICAL], t->mac_bf16_zero.at[SJ_TYPICAL], t->mac_bf16_gated.at[SJ_TYPICAL], t->mac_bf16_idle.at[SJ_TYPICAL], t->mac_bf16_change.at[SJ_TYPICAL]},
            {t->mac_int8_active.at[SJ_TYPICAL], t->mac_int8_zero.at[SJ_TYPICAL], t->mac_int8_gated.at[SJ_TYPICAL], t->mac_int8_idle.at[SJ_TYPICAL], t->mac_int8_change.at[SJ_TYPICAL]}};
        for (int type = 0; type < 2; type++) {
            for (int without = 1; without < 4; without++) {
                if (!(lanes[type][0] - lanes[type][without] >= 2.0 * lanes[type][4])) {
                    fail_msg("%s, %s: active %g, without work %g, two changes %g", nodes[n], type == 0 ? "bf16" : "int8", lanes[type][0], lanes[type][without], 2.0 * lanes[type][4]);
                }
            }
        }
    }
}

static void files_bear_their_names(void **state) {
    for (int n = 0; n < FILES; n++) {
        assert_string_equal(sj_tech_name(techs[n]), names[n]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_prices_every_machine),
        cmocka_unit_test(smaller_nodes_switch_less),
        cmocka_unit_test(derived_figures_have_wider_intervals),
        cmocka_unit_test(a_lone_zero_costs_no_more_than_an_active_issue),
        cmocka_unit_test(files_bear_their_names),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
