// SPDX-License-Identifier: Apache-2.0
// --explain-mapping: a table per product, the choice first.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sj_machine.h"
#include "sj_map.h"
#include "sj_table.h"

static void add_choice(sj_table *t, const sj_map_report *r, int i) {
    const sj_map_choice *c = &r->choices[i];
    char count[24];
    sj_table_cell(t, "%s", i > 0 ? "" : r->pinned ? "pinned" : "chosen");
    sj_table_cell(t, "%s", sj_order_name(c->mapping.order));
    const int64_t sizes[] = {c->mapping.m, c->mapping.n, c->mapping.k, c->predicted.blocks};
    for (int s = 0; s < 4; s++) {
        sj_table_cell(t, "%" PRId64, sizes[s]);
    }
    sj_table_cell(t, "%" PRId64, c->predicted.cycles);
    sj_table_cell(t, "%" PRId64, c->predicted.dense_cycles);
    if (i == 0 || r->choices[0].predicted.cost <= 0) {
        sj_table_cell(t, "%s", "");
    } else {
        sj_table_cell(t, "%+.1f%%", 100.0 * ((double)c->predicted.cost / (double)r->choices[0].predicted.cost - 1.0));
    }
    const int64_t parts[] = {c->predicted.array_cycles, c->predicted.dram_cycles, c->predicted.exposed_cycles, c->predicted.dram_bytes};
    for (int p = 0; p < 4; p++) {
        sj_format_count(count, (double)parts[p]);
        sj_table_cell(t, "%s", count);
    }
    const sj_map_capacity *used = &c->predicted.footprint, *all = &r->capacity;
    const double full[] = {(double)used->a / (double)all->a, (double)used->b / (double)all->b, (double)used->out / (double)all->out};
    for (int p = 0; p < 3; p++) {
        sj_table_cell(t, "%.0f%%", 100.0 * full[p]);
    }
}

static sj_status print_report(const sj_map_report *r, int number, int count, sj_error *err) {
    static const char *const heads[] = {"", "order", "m", "n", "k", "blocks", "skip", "dense", "more", "array", "DRAM", "exposed", "bytes", "A", "B", "out"};
    printf("%s %s", r->layer, sj_phase_name(r->phase));
    if (count > 1) {
        printf(", product %d of %d", number + 1, count);
    }
    printf(": O[%" PRId64 " x %" PRId64 "] = A[%" PRId64 " x %" PRId64 "] B[%" PRId64 " x %" PRId64 "]", r->m, r->n, r->m, r->k, r->k, r->n);
    if (r->instances > 1) {
        printf(", %" PRId64 " instances", r->instances);
    }
    printf("; nominal density of A %g; %" PRId64 " mappings fit\n", r->density_a, r->tried);
    sj_table *t = sj_table_new(16, 2);
    sj_table_span(t, 2, "");
    sj_table_span(t, 4, "block");
    sj_table_span(t, 3, "predicted cycles");
    sj_table_span(t, 4, "skip: of these");
    sj_table_span(t, 3, "buffer full");
    for (int i = 0; i < 16; i++) {
        sj_table_cell(t, "%s", heads[i]);
    }
    sj_table_gap(t, 2);
    sj_table_gap(t, 6);
    sj_table_gap(t, 9);
    sj_table_gap(t, 13);
    sj_table_rule(t);
    for (int i = 0; i < r->count; i++) {
        add_choice(t, r, i);
    }
    SJ_TRY(sj_table_print(t, stdout, err));
    fputc('\n', stdout);
    return SJ_OK;
}

sj_status sj_cli_explain_mapping(const sj_accel *accel, const char *layer, sj_phase phase, sj_job *const *jobs, int count, sj_error *err) {
    for (int j = 0; j < count; j++) {
        if (!jobs[j]->is_product) {
            continue;
        }
        sj_map_report report;
        if (sj_map_explain(accel, jobs[j], &report, err) != SJ_OK) {
            return sj_error_prefix(err, "layer %s, %s", layer, sj_phase_name(phase));
        }
        SJ_TRY(print_report(&report, j, count, err));
    }
    return SJ_OK;
}
