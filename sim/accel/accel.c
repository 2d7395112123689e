// SPDX-License-Identifier: Apache-2.0
#include "accel_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const dtype_names[] = {"bf16", "int8", NULL};
static const char *const codec_names[] = {"none", "bitmask", "rle", NULL};
static const char *const swap_names[] = {"auto", "always", "never", NULL};

const char *sj_machine_name(sj_machine m) {
    static const char *const machine_names[] = {"dense", "gate", "skip"};
    return machine_names[m];
}

const char *sj_codec_name(sj_codec c) { return codec_names[c]; }

static void read_text(sj_config *c, const char *path, char *out, size_t size) {
    const char *text = sj_config_string(c, path, SJ_REQUIRED, "");
    if (strlen(text) >= size) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is longer than %zu characters", text, size - 1);
        text = "";
    }
    snprintf(out, size, "%s", text);
}

static void read_array(sj_config *c, sj_accel *accel) {
    static const char *const engines[] = {"row", NULL};
    (void)sj_config_enum(c, "array.engine", SJ_OPTIONAL, 0, engines);
    accel->rows = sj_config_int(c, "array.rows", SJ_REQUIRED, 0, 1, 256);
    accel->lanes = sj_config_int(c, "array.lanes", SJ_REQUIRED, 0, 1, 256);
    accel->slots = sj_config_int(c, "array.slots", SJ_REQUIRED, 0, 1, 256);
    accel->k_tile = sj_config_int(c, "array.k_tile", SJ_REQUIRED, 0, 8, 256);
    if (accel->k_tile % 8 != 0) {
        sj_config_error(c, SJ_CFG_RANGE, "array.k_tile", "%lld is not a multiple of 8", (long long)accel->k_tile);
        accel->k_tile = 8;
    }
    accel->acc_banks = sj_config_int(c, "array.acc_banks", SJ_REQUIRED, 0, 1, 8);
    accel->a_bytes = sj_config_int(c, "bus.a_bytes", SJ_REQUIRED, 0, 1, 1024);
    accel->b_bytes = sj_config_int(c, "bus.b_bytes", SJ_REQUIRED, 0, 1, 1024);
    accel->o_bytes = sj_config_int(c, "bus.o_bytes", SJ_REQUIRED, 0, 1, 1024);
}

static void read_dram(sj_config *c, sj_accel *accel) {
    int count = 0;
    const char *const *known = sj_dram_names(&count);
    const int type = sj_config_enum(c, "dram.type", SJ_REQUIRED, 0, known);
    accel->dram = sj_dram_find(known[type]);
    accel->dram_channels = sj_config_int(c, "dram.channels", SJ_OPTIONAL, 1, 1, 1);
    accel->codec = (sj_codec)sj_config_enum(c, "dram.codec", SJ_REQUIRED, 0, codec_names);
}

static void read_mapping(sj_config *c, sj_accel *accel) {
    accel->swap = (sj_swap)sj_config_enum(c, "mapping.swap", SJ_OPTIONAL, SJ_SWAP_AUTO, swap_names);
    accel->issue_padding = sj_config_bool(c, "mapping.issue_padding", SJ_OPTIONAL, false);
    accel->oracle = sj_config_bool(c, "mapping.oracle", SJ_OPTIONAL, false);
    if (accel->oracle) {
        sj_config_error(c, SJ_CFG_RANGE, "mapping.oracle", "true is not supported by this version; allowed: false");
    }
    sj_accel_read_pins(c, accel);
}

void sj_accel_read(sj_config *c, sj_accel *accel) {
    memset(accel, 0, sizeof *accel);
    read_text(c, "name", accel->name, sizeof accel->name);
    read_text(c, "tech_file", accel->tech, sizeof accel->tech);
    accel->dtype = (sj_dtype)sj_config_enum(c, "dtype", SJ_REQUIRED, 0, dtype_names);
    accel->clock_mhz = sj_config_float(c, "clock_mhz", SJ_REQUIRED, 0, 1.0, 10000.0);
    read_array(c, accel);
    accel->buffer_kib = sj_config_int(c, "buffer.kib", SJ_REQUIRED, 0, 1, 1 << 20);
    accel->bank_kib = sj_config_int(c, "buffer.bank_kib", SJ_OPTIONAL, 32, 1, 1 << 20);
    accel->line_bytes = sj_config_int(c, "buffer.line_bytes", SJ_REQUIRED, 0, 1, 1024);
    accel->a_banks = sj_config_int(c, "buffer.a_banks", SJ_REQUIRED, 0, 1, 64);
    read_dram(c, accel);
    accel->vector_lanes = sj_config_int(c, "vector.lanes", SJ_REQUIRED, 0, 1, 4096);
    read_mapping(c, accel);
}

sj_status sj_accel_open(const char *path, sj_accel *accel, sj_error *err) {
    sj_config *c = NULL;
    SJ_TRY(sj_config_open(path, &c, err));
    sj_accel_read(c, accel);
    const sj_status status = sj_config_finish(c, err);
    sj_config_close(c);
    return status;
}

int64_t sj_accel_clock_khz(const sj_accel *a) { return (int64_t)llround(a->clock_mhz * 1000.0); }

static int64_t scale_up(int64_t value, int64_t numerator, int64_t denominator) {
    const __int128 product = (__int128)value * numerator;
    return (int64_t)((product + denominator - 1) / denominator);
}

int64_t sj_accel_cycles_from_ticks(const sj_accel *a, int64_t ticks) { return scale_up(ticks, sj_accel_clock_khz(a), a->dram->clock_khz); }

int64_t sj_accel_cycles_from_ns(const sj_accel *a, int64_t ns) { return scale_up(ns, sj_accel_clock_khz(a), 1000000); }
