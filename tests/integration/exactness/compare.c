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
             "%s %s/%s M=%lld N=%lld K=%lld blocks=%lld R=%lld C=%lld G=%lld KT=%lld AB=%lld bus=%lld/%lld/%lld line=%lld banks=%lld dtype=%d issue_padding=%d flags_per_lane=%d",
             exact_kind_names[c->kind], sj_machine_name(c->variant.machine), sj_codec_name(c->variant.codec), (long long)j->m, (long long)j->n, (long long)j->k,
             (long long)j->block_count, (long long)a->rows, (long long)a->lanes, (long long)a->slots, (long long)a->k_tile, (long long)a->acc_banks, (long long)a->a_bytes,
             (long long)a->b_bytes, (long long)a->o_bytes, (long long)a->line_bytes, (long long)a->a_banks, (int)a->dtype, a->issue_padding, j->flags_per_lane);
    return line;
}

static int bound_of(const sj_outcome *o) {
    const uint64_t busy[] = {o->busy_work, o->busy_a, o->busy_b, o->busy_drain, o->busy_dram};
    int largest = 0;
    for (int i = 1; i < 5; i++) {
        largest = busy[i] > busy[largest] ? i : largest;
    }
    return largest;
}

void exact_cover(exact_coverage *v, const exact_case *c, const sj_outcome *o) {
    const sj_job *j = c->job;
    v->cases++;
    v->kinds[c->kind]++;
    v->machines[c->variant.machine]++;
    v->codecs[c->variant.codec]++;
    v->bounds[bound_of(o)]++;
    v->many_blocks += j->block_count > 1;
    if (!j->is_product) {
        return;
    }
    v->k_split += j->block_count > 0 && j->blocks[0].k1 < j->k;
    v->m_tails += j->m % (c->accel.rows * c->accel.slots) != 0;
    v->n_tails += j->n % c->accel.lanes != 0;
    v->k_tails += j->k % c->accel.k_tile != 0;
    v->k_zero += j->k == 0;
    v->empty += j->k > 0 && o->macs_active == 0;
    v->dropped += j->a.channels != NULL;
}

void exact_print(const exact_coverage *v) {
    static const char *const bounds[] = {"work", "a", "b", "drain", "dram"};
    printf("%lld cases equal. kinds:", (long long)v->cases);
    for (int i = 0; i < EXACT_KINDS; i++) {
        printf(" %s %lld", exact_kind_names[i], (long long)v->kinds[i]);
    }
    printf("; machines: dense %lld gate %lld skip %lld; codecs: none %lld bitmask %lld; bound by:", (long long)v->machines[0], (long long)v->machines[1],
           (long long)v->machines[2], (long long)v->codecs[0], (long long)v->codecs[1]);
    for (int i = 0; i < 5; i++) {
        printf(" %s %lld", bounds[i], (long long)v->bounds[i]);
    }
    printf("; K split %lld, several blocks %lld, tails M %lld N %lld K %lld, K = 0 %lld, no active MAC %lld, dropped channels %lld\n", (long long)v->k_split,
           (long long)v->many_blocks, (long long)v->m_tails, (long long)v->n_tails, (long long)v->k_tails, (long long)v->k_zero, (long long)v->empty, (long long)v->dropped);
}
