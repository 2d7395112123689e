// SPDX-License-Identifier: Apache-2.0
// Every shipped tech file prices every shipped accelerator with every DRAM; smaller nodes switch less; derived figures are known no better than what they come from.
#include <setjmp.h>
#include <stdarg.h>
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
                assert_true(after.pj[i][SJ_TYPICAL] < before.pj[i][SJ_TYPICAL]);
            }
        }
        assert_true(sj_tech_area(techs[n], &accel, SJ_MACHINE_SKIP).total_mm2[SJ_TYPICAL] < sj_tech_area(techs[n - 1], &accel, SJ_MACHINE_SKIP).total_mm2[SJ_TYPICAL]);
    }
}

static void derived_figures_have_wider_intervals(void **state) {
    for (int set = 0; set < FILES; set += NODES) {
        const sj_tech *base = techs[set + 1], *derived = techs[set + 2];
#define SJ_X(key, unit)                                                                                                                             \
    assert_true(derived->key.at[SJ_LOW] / derived->key.at[SJ_TYPICAL] <= 0.9999 * base->key.at[SJ_LOW] / base->key.at[SJ_TYPICAL] || base->key.at[SJ_LOW] == 0.0); \
    assert_true(derived->key.at[SJ_HIGH] / derived->key.at[SJ_TYPICAL] >= 1.0001 * base->key.at[SJ_HIGH] / base->key.at[SJ_TYPICAL]);
        SJ_TECH_KEYS(SJ_X)
#undef SJ_X
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
        cmocka_unit_test(files_bear_their_names),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
