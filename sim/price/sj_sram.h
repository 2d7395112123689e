// SPDX-License-Identifier: Apache-2.0
// SRAM of any size from a tech file's table of arrays, and the arrays that a machine is made of. docs/energy.md section 3. Only sim/price includes this.
#ifndef SJ_SRAM_H
#define SJ_SRAM_H

#include "sj_accel.h"

// One array with one port: an access moves `width_bits`.
typedef struct sj_sram_array {
    double width_bits, capacity_bytes;
    double read_pj, write_pj;  // an access
    double leakage_mw;         // the whole array, gate leakage included
    double area_mm2;
    double cycle_ns;           // the longer of access time and cycle time
} sj_sram_array;

#define SJ_SRAM_ROWS_MAX 256
#define SJ_SRAM_WIDTHS_MAX 16

// Rows by width, then by capacity, both strictly rising; each width has two rows or more.
typedef struct sj_sram {
    int row_count, width_count;
    int first_row[SJ_SRAM_WIDTHS_MAX + 1];  // of each width; one behind the last width's rows at the end
    sj_sram_array rows[SJ_SRAM_ROWS_MAX];
} sj_sram;

// An array of this capacity and width: log-log between the rows in both directions. Wider than the widest row: several arrays side by side, each with its part of both. Narrower than the
// narrowest: as wide as that. Smaller than a width's smallest row: the line through its two smallest goes on (estimate). Capacity must be at most sj_sram_capacity_limit().
sj_sram_array sj_sram_array_of(const sj_sram *s, double capacity_bytes, double width_bits);
// The largest capacity that the table knows at this width.
double sj_sram_capacity_limit(const sj_sram *s, double width_bits);

// The arrays of a machine.
#define SJ_STORES(X) X(buffer) X(mask_plane) X(a_pad) X(b_pad) X(accumulators) X(transposer)

enum {
#define SJ_X(id) SJ_STORE_##id,
    SJ_STORES(SJ_X)
#undef SJ_X
    SJ_STORE_COUNT
};

typedef struct sj_store {
    const char *what;       // "a bank of the buffer"
    int64_t count;          // arrays of this kind on the chip; 0 where the machine has none
    double capacity_bytes;  // of one
    double width_bits;      // of an access to one
} sj_store;
void sj_stores_of(const sj_accel *accel, sj_machine machine, sj_store out[SJ_STORE_COUNT]);

// SJ_ERR_UNSUPPORTED where an array is larger than any of the table, or slower than the accelerator's clock; the message names both times.
sj_status sj_stores_check(const sj_sram *s, const char *tech_path, const sj_accel *accel, sj_machine machine, sj_error *err);

#endif
