// SPDX-License-Identifier: Apache-2.0
// Which machines take the same cycles and counts: every key but name, tech file and the SRAM banks' size, which prices alone look at.
#include <string.h>

#include "evaluate_internal.h"

static int compare(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

static int compare_pins(const sj_accel *a, const sj_accel *b) {
    int order = compare(a->pin_count, b->pin_count);
    for (int i = 0; i < a->pin_count && order == 0; i++) {
        const sj_pin *x = &a->pins[i], *y = &b->pins[i];
        const int64_t left[] = {x->phase, x->m, x->n, x->k, x->order, x->swap}, right[] = {y->phase, y->m, y->n, y->k, y->order, y->swap};
        order = strcmp(x->layer, y->layer);
        for (size_t j = 0; j < sizeof left / sizeof *left && order == 0; j++) {
            order = compare(left[j], right[j]);
        }
    }
    return order;
}

int sj_eval_compare_timing(const sj_eval_point *a, int64_t batch_a, const sj_eval_point *b, int64_t batch_b) {
    const sj_accel *x = &a->accel, *y = &b->accel;
    // Tensors, masks and streams; then the array's geometry; then what the mapper sees; then the rest.
    const int64_t left[] = {x->dtype, batch_a, x->k_tile, x->lanes, x->rows, x->slots, a->machine == SJ_MACHINE_SKIP, x->issue_padding, x->a_bytes, x->b_bytes, x->line_bytes, x->a_banks, x->swap,
                            x->buffer_kib, x->acc_banks, x->o_bytes, x->vector_lanes, x->dram_channels, x->codec, x->oracle, sj_accel_clock_khz(x)};
    const int64_t right[] = {y->dtype, batch_b, y->k_tile, y->lanes, y->rows, y->slots, b->machine == SJ_MACHINE_SKIP, y->issue_padding, y->a_bytes, y->b_bytes, y->line_bytes, y->a_banks, y->swap,
                             y->buffer_kib, y->acc_banks, y->o_bytes, y->vector_lanes, y->dram_channels, y->codec, y->oracle, sj_accel_clock_khz(y)};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        const int order = compare(left[i], right[i]);
        if (order != 0) {
            return order;
        }
    }
    const int order = strcmp(x->dram->name, y->dram->name);
    return order != 0 ? order : compare_pins(x, y);
}
