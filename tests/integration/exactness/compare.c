// SPDX-License-Identifier: Apache-2.0
#include "exactness.h"

static char text[512];

static bool differ(const char *name, uint64_t a, uint64_t b) {
    if (a != b) {
        snprintf(text, sizeof text, "%s: %llu against %llu", name, (unsigned long long)a, (unsigned long long)b);
    }
    return a != b;
}

const char *exact_difference(const sj_outcome *a, const sj_outcome *b) {
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const sj_counter_info *info = &sj_counter_table[i];
        uint64_t left = 0;
        uint64_t right = 0;
        memcpy(&left, (const char *)&a->counts + info->offset, sizeof left);
        memcpy(&right, (const char *)&b->counts + info->offset, sizeof right);
        if (strcmp(info->name, "clock") != 0 && differ(info->name, left, right)) {
            return text;
        }
    }
    const bool any = differ("macs.total", a->macs_total, b->macs_total) || differ("macs.active", a->macs_active, b->macs_active) || differ("macs.zero", a->macs_zero, b->macs_zero) ||
                     differ("macs.gated", a->macs_gated, b->macs_gated) || differ("macs.skipped", a->macs_skipped, b->macs_skipped) ||
                     differ("macs.padding", a->macs_padding, b->macs_padding) || differ("busy.work", a->busy_work, b->busy_work) || differ("busy.a", a->busy_a, b->busy_a) ||
                     differ("busy.b", a->busy_b, b->busy_b) || differ("busy.drain", a->busy_drain, b->busy_drain) || differ("busy.dram", a->busy_dram, b->busy_dram) ||
                     differ("clock", a->counts.clock, b->counts.clock) || differ("cycles", a->cycles, b->cycles);
    return any ? text : NULL;
}

const char *exact_describe(const exact_case *c) {
    static char line[512];
    const sj_accel *a = &c->accel;
    const sj_job *j = c->job;
    snprintf(line, sizeof line,
             "%s %s/%s instances=%lld M=%lld N=%lld K=%lld blocks=%lld R=%lld C=%lld G=%lld KT=%lld AB=%lld bus=%lld/%lld/%lld line=%lld banks=%lld dtype=%d issue_padding=%d flags_per_lane=%d",
             exact_kind_names[c->kind], sj_machine_name(c->variant.machine), sj_codec_name(c->variant.codec), (long long)sj_job_instances(j), (long long)j->m, (long long)j->n, (long long)j->k,
             (long long)j->block_count, (long long)a->rows, (long long)a->lanes, (long long)a->slots, (long long)a->k_tile, (long long)a->acc_banks, (long long)a->a_bytes,
             (long long)a->b_bytes, (long long)a->o_bytes, (long long)a->line_bytes, (long long)a->a_banks, (int)a->dtype, a->issue_padding, j->flags_per_lane);
    return line;
}
