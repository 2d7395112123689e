// SPDX-License-Identifier: Apache-2.0
// The SRAM arrays of a machine. docs/energy.md section 3.
#include <string.h>

#include "sj_sram.h"

void sj_stores_of(const sj_accel *a, sj_machine machine, sj_store out[SJ_STORE_COUNT]) {
    const double value_bytes = (double)sj_accel_value_bytes(a), buffer_bytes = 1024.0 * (double)a->buffer_kib;
    const int64_t banks = (a->buffer_kib + a->bank_kib - 1) / a->bank_kib;
    out[SJ_STORE_buffer] = (sj_store){"a bank of the buffer", banks, buffer_bytes / (double)banks, 8.0 * (double)a->line_bytes};
    // A bit for each value of the buffer, beside its bank.
    out[SJ_STORE_mask_plane] = (sj_store){"a bank of the mask plane", machine == SJ_MACHINE_SKIP ? banks : 0, buffer_bytes / (double)banks / (8.0 * value_bytes), (double)a->k_tile};
    // Both pads of a row twice: one half is filled while the other is read.
    out[SJ_STORE_a_pad] = (sj_store){"half of a row's A pad", 2 * a->rows, (double)(a->slots * a->k_tile) * value_bytes, 8.0 * value_bytes};
    out[SJ_STORE_b_pad] = (sj_store){"half of a row's B pad", 2 * a->rows, (double)(a->k_tile * a->lanes) * value_bytes, 8.0 * value_bytes * (double)a->lanes};
    out[SJ_STORE_accumulators] = (sj_store){"a bank of a row's accumulators", a->rows * a->acc_banks, 4.0 * (double)(a->slots * a->lanes), 32.0 * (double)a->lanes};
    out[SJ_STORE_transposer] = (sj_store){"the transposer's tile", 1, (double)(a->k_tile * a->k_tile) * value_bytes, 8.0 * (double)a->line_bytes};
}

static sj_status check(const sj_sram *s, const char *tech_path, const sj_accel *accel, const sj_store *store, sj_error *err) {
    const double limit = sj_sram_capacity_limit(s, store->width_bits), period_ns = 1000.0 / accel->clock_mhz;
    if (store->capacity_bytes > limit) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "accelerator \"%s\": %s has %g KiB, and the largest array of %g bits that %s knows has %g KiB; divide it (buffer.bank_kib, array.*)", accel->name,
                       store->what, store->capacity_bytes / 1024.0, store->width_bits, tech_path, limit / 1024.0);
    }
    const sj_sram_array array = sj_sram_array_of(s, store->capacity_bytes, store->width_bits);
    if (array.cycle_ns > period_ns) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "accelerator \"%s\": an access to %s (%g KiB, %g bits) takes %.3g ns by %s, and a cycle %.3g ns (clock_mhz = %g); allowed: clock_mhz up to %g, or a smaller array", accel->name,
                       store->what, store->capacity_bytes / 1024.0, store->width_bits, array.cycle_ns, tech_path, period_ns, accel->clock_mhz, 1000.0 / array.cycle_ns);
    }
    return SJ_OK;
}

sj_status sj_stores_check(const sj_sram *s, const char *tech_path, const sj_accel *accel, sj_machine machine, sj_error *err) {
    sj_store stores[SJ_STORE_COUNT];
    sj_stores_of(accel, machine, stores);
    for (int i = 0; i < SJ_STORE_COUNT; i++) {
        if (stores[i].count > 0) {
            SJ_TRY(check(s, tech_path, accel, &stores[i], err));
        }
    }
    return SJ_OK;
}
