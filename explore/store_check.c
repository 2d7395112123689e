// SPDX-License-Identifier: Apache-2.0
// Check values: SQLite finds a page that is broken, not a number that has another bit. FNV-1a takes every byte one-to-one, so that a single changed byte always shows.
#include <string.h>

#include "store_internal.h"

uint64_t sj_check_number(uint64_t check, uint64_t value) {
    for (int i = 0; i < 8; i++) {
        check = (check ^ (value >> (8 * i) & 0xff)) * 0x100000001b3ull;
    }
    return check;
}

uint64_t sj_check_real(uint64_t check, double value) {
    const double plain = value + 0.0;  // SQLite keeps whole numbers as integers: -0.0 comes back as 0.0
    uint64_t bits = 0;
    memcpy(&bits, &plain, sizeof bits);
    return sj_check_number(check, bits);
}

uint64_t sj_check_text(uint64_t check, const char *text) {
    const size_t length = strlen(text);
    check = sj_check_number(check, length);
    for (size_t i = 0; i < length; i++) {
        check = (check ^ (unsigned char)text[i]) * 0x100000001b3ull;
    }
    return check;
}

uint64_t sj_check_units(const sj_unit_result *units, int64_t count) {
    uint64_t check = SJ_STORE_CHECK_START;
    for (int64_t i = 0; i < count; i++) {
        check = sj_check_number(check, units[i].cycles);
        check = sj_check_real(check, units[i].energy_pj);
        check = sj_check_number(check, units[i].dram_bytes);
    }
    return check;
}

uint64_t sj_check_point(const sj_point_result *point, int64_t layer_count, uint64_t layer_check) {
    uint64_t check = sj_check_number(SJ_STORE_CHECK_START, point->id);
    check = sj_check_number(check, point->valid);
    check = sj_check_text(check, point->reason);
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        check = sj_check_real(check, point->values[v]);
    }
    return sj_check_number(sj_check_number(check, (uint64_t)layer_count), layer_check);
}

static uint64_t check_axis(uint64_t check, const sj_axis *a) {
    check = sj_check_number(sj_check_number(sj_check_text(check, a->name), (uint64_t)a->path_count), (uint64_t)a->value_count);
    for (int p = 0; p < a->path_count; p++) {
        check = sj_check_text(check, a->paths[p]);
    }
    for (int64_t i = 0; i < (int64_t)a->value_count * a->path_count; i++) {
        check = sj_check_text(check, a->values[i]);
    }
    check = sj_check_number(check, a->numeric);
    for (int v = 0; v < a->value_count; v++) {
        check = sj_check_text(check, a->labels[v]);
        check = a->numeric ? sj_check_real(check, a->numbers[v]) : check;
    }
    return check;
}

static uint64_t check_trace(uint64_t check, const sj_sweep_trace *t) {
    check = sj_check_text(sj_check_text(check, t->path), t->hash);
    check = sj_check_text(sj_check_real(check, t->weight), t->describe);
    check = sj_check_number(check, (uint64_t)t->unit_count);
    for (int64_t u = 0; u < t->unit_count; u++) {
        check = sj_check_text(check, t->unit_layers[u]);
        check = sj_check_text(check, t->unit_kinds[u]);
        check = sj_check_text(check, t->unit_phases[u]);
    }
    return check;
}

uint64_t sj_check_about(const sj_sweep_about *about) {
    uint64_t check = sj_check_text(SJ_STORE_CHECK_START, about->name);
    check = sj_check_text(sj_check_text(check, about->version), about->config);
    check = sj_check_number(sj_check_text(check, about->identity), about->total);
    check = sj_check_number(check, (uint64_t)about->space->axis_count);
    for (int a = 0; a < about->space->axis_count; a++) {
        check = check_axis(check, &about->space->axes[a]);
    }
    check = sj_check_number(check, (uint64_t)about->objective_count);
    for (int o = 0; o < about->objective_count; o++) {
        check = sj_check_text(check, sj_sweep_value_names[about->objectives[o]]);
    }
    check = sj_check_number(check, (uint64_t)about->trace_count);
    for (int t = 0; t < about->trace_count; t++) {
        check = check_trace(check, &about->traces[t]);
    }
    return check;
}
