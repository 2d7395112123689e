// SPDX-License-Identifier: Apache-2.0
// The accelerator description (configs/accel/*.cfg) and its DRAM type. Read once, shared by all fidelities.
#ifndef SJ_ACCEL_H
#define SJ_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_config.h"
#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sj_dtype { SJ_DTYPE_BF16, SJ_DTYPE_INT8 } sj_dtype;
typedef enum sj_machine { SJ_MACHINE_DENSE, SJ_MACHINE_GATE, SJ_MACHINE_SKIP } sj_machine;
typedef enum sj_codec { SJ_CODEC_NONE, SJ_CODEC_BITMASK, SJ_CODEC_RLE, SJ_CODEC_COUNT } sj_codec;
typedef enum sj_swap { SJ_SWAP_AUTO, SJ_SWAP_ALWAYS, SJ_SWAP_NEVER } sj_swap;

const char *sj_machine_name(sj_machine m);  // "dense", "gate", "skip"
const char *sj_codec_name(sj_codec c);      // "none", "bitmask", "rle"

// Loop order of a mapping's output blocks: m outer and n inner, or the reverse. k is always innermost.
typedef enum sj_order { SJ_ORDER_MN, SJ_ORDER_NM } sj_order;
const char *sj_order_name(sj_order order);  // "mn", "nm"

typedef enum sj_pin_swap { SJ_PIN_SWAP_OPEN, SJ_PIN_SWAP_NO, SJ_PIN_SWAP_YES } sj_pin_swap;

// A mapping that the file sets for the products of a layer in a phase (docs/mapping.md). Sizes are checked against the machine where the product is mapped.
typedef struct sj_pin {
    char layer[64];      // "*": every layer that no other pin of the phase names
    int phase;           // an sj_phase: forward, grad_input or grad_weight
    int64_t m, n, k;     // block sizes
    sj_order order;
    sj_pin_swap swap;    // grad_weight: whether im2col(x) is A; open: as mapping.swap says
} sj_pin;

enum { SJ_PINS_MAX = 128 };

// DRAM channel timing. Ticks are cycles of the DRAM command clock.
typedef struct sj_dram_type {
    const char *name;
    int64_t clock_khz;          // command clock
    int64_t burst_ticks;        // data bus time of one 64-byte burst (BL8 on a 64-bit channel: 4)
    int64_t miss_ticks;         // precharge + activate before the first burst on another row (tRP + tRCD)
    int64_t turnaround_ticks;   // added when the direction differs from the last transfer's
    int64_t page_bytes;         // open-row bytes of one bank over the whole channel
    int64_t banks;
    int64_t refresh_interval_ns, refresh_window_ns;  // tREFI, tRFC
    int64_t mib;                // capacity of the channel
} sj_dram_type;

const sj_dram_type *sj_dram_find(const char *name);  // NULL when unknown
const char *const *sj_dram_names(int *count);

typedef struct sj_accel {
    char name[64];
    char tech[256];             // tech_file: a shipped name or a path
    sj_dtype dtype;
    double clock_mhz;
    int64_t rows, lanes, slots, k_tile, acc_banks;   // R, C, G, KT
    int64_t a_bytes, b_bytes, o_bytes;               // bus bytes a cycle
    int64_t buffer_kib, line_bytes, a_banks;
    int64_t bank_kib;                                // the buffer is made of SRAM arrays of at most this size; for its price and silicon alone
    const sj_dram_type *dram;
    int64_t dram_channels;                           // must be 1 today
    sj_codec codec;                                  // default codec of `sim` without --codecs
    int64_t vector_lanes;
    sj_swap swap;
    bool issue_padding, oracle;                      // oracle: refused as unsupported today
    int pin_count;
    sj_pin pins[SJ_PINS_MAX];
} sj_accel;

static inline int64_t sj_accel_value_bytes(const sj_accel *a) { return a->dtype == SJ_DTYPE_BF16 ? 2 : 1; }

// Fills *accel from c (which the caller then finishes and closes). Limits: rows, lanes, slots 1..256; k_tile 8..256, a multiple of 8; acc_banks 1..8; buses 1..1024 bytes.
void sj_accel_read(sj_config *c, sj_accel *accel);

// A whole accelerator file without overrides: opens, reads, finishes, closes. Errors are those of sj_config_open and sj_config_finish.
sj_status sj_accel_open(const char *path, sj_accel *accel, sj_error *err);

// Core cycles of a time in DRAM ticks or ns: exact rational arithmetic, rounded up once. clock_mhz is taken as integer kHz (nearest).
int64_t sj_accel_clock_khz(const sj_accel *a);
int64_t sj_accel_cycles_from_ticks(const sj_accel *a, int64_t ticks);  // ceil(ticks * core_khz / dram_khz)
int64_t sj_accel_cycles_from_ns(const sj_accel *a, int64_t ns);        // ceil(ns * core_khz / 1e6)

#ifdef __cplusplus
}
#endif
#endif
