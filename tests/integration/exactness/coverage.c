// SPDX-License-Identifier: Apache-2.0
#include "exactness.h"

void exact_count(exact_coverage *v, const char *group, const char *name, bool met) {
    char full[sizeof v->classes[0].name];
    snprintf(full, sizeof full, "%s %s", group, name);
    int i = 0;
    while (i < v->count && strcmp(v->classes[i].name, full) != 0) {
        i++;
    }
    if (i == v->count) {
        assert_true(v->count < EXACT_CLASSES_MAX);
        snprintf(v->classes[v->count++].name, sizeof full, "%s", full);
    }
    v->classes[i].cases += met;
}

static void count_among(exact_coverage *v, const char *group, const char *const *names, int count, int chosen) {
    for (int i = 0; i < count; i++) {
        exact_count(v, group, names[i], i == chosen);
    }
}

static int bound_of(const sj_outcome *o) {
    const uint64_t busy[] = {o->busy_work, o->busy_a, o->busy_b, o->busy_drain, o->busy_dram};
    int largest = 0;
    for (int i = 1; i < 5; i++) {
        largest = busy[i] > busy[largest] ? i : largest;
    }
    return largest;
}

static bool has_empty_row(const sj_job *j) {
    for (int64_t g = 0; g < sj_job_instances(j); g++) {
        const sj_operand a = sj_operand_instance(&j->a, g);
        for (int64_t m = 0; m < j->m; m++) {
            bool empty = true;
            for (int64_t k = 0; k < j->k && empty; k++) {
                const int64_t at = sj_operand_offset(&a, m, k);
                empty = at == SJ_PADDING || !sj_values_nonzero(&a.values, at);
            }
            if (empty && j->k > 0) {
                return true;
            }
        }
    }
    return false;
}

static bool any_fill(const exact_case *c) {
    const sj_job *j = c->job;
    bool found = false;
    for (int64_t b = 0; b < j->block_count; b++) {
        const sj_block *x = &j->blocks[b];
        found |= x->k0 > 0 && (x->m1 - x->m0 > c->accel.rows * c->accel.slots || x->n1 - x->n0 > c->accel.lanes);
    }
    return found;
}

static bool any_transposed(const sj_job *j) {
    bool found = false;
    for (int64_t s = 0; s < j->segment_count; s++) {
        found |= j->segments[s].transpose_width > 0;
    }
    return found;
}

static void cover_product(exact_coverage *v, const exact_case *c, const sj_outcome *o) {
    const sj_job *j = c->job;
    const sj_accel *a = &c->accel;
    exact_count(v, "product", "with a tail in M", j->m % (a->rows * a->slots) != 0);
    exact_count(v, "product", "with a tail in N", j->n % a->lanes != 0);
    exact_count(v, "product", "with a tail in K", j->k % a->k_tile != 0);
    exact_count(v, "product", "of M, N or K = 1", j->m == 1 || j->n == 1 || j->k == 1);
    exact_count(v, "product", "of K = 0", j->k == 0);
    exact_count(v, "product", "split in K", j->block_count > 0 && j->blocks[0].k1 < j->k);
    exact_count(v, "product", "with partial sums filled back", any_fill(c));
    exact_count(v, "product", "of several instances", sj_job_instances(j) > 1);
    exact_count(v, "product", "with an all-zero A row", has_empty_row(j));
    exact_count(v, "product", "without an active MAC", j->k > 0 && o->macs_active == 0);
    exact_count(v, "product", "without a zero", o->macs_total > 0 && o->macs_active == o->macs_total);
    exact_count(v, "product", "with padding", o->macs_padding > 0);
    exact_count(v, "product", "with padding issued", a->issue_padding && c->variant.machine != SJ_MACHINE_SKIP && o->macs_padding > 0);
    exact_count(v, "product", "with dropped channels", j->a.channels != NULL);
    exact_count(v, "product", "with operands through the transposer", any_transposed(j));
    exact_count(v, "product", "with flags a lane", j->flags_per_lane);
    exact_count(v, "product", "with vector work on the output path", j->out_ops > 0);
}

void exact_cover(exact_coverage *v, const exact_case *c, const sj_outcome *o) {
    static const char *const machines[] = {"dense", "gate", "skip"};
    static const char *const codecs[] = {"none", "bitmask", "rle"};
    static const char *const dtypes[] = {"bf16", "int8"};
    static const char *const phases[] = {"forward", "grad_input", "grad_weight", "elementwise", "update"};
    static const char *const bounds[] = {"work", "A load", "B load", "drain", "DRAM"};
    const sj_accel *a = &c->accel;
    exact_count(v, "all", "cases", true);
    count_among(v, "kind", exact_kind_names, EXACT_KINDS, c->kind);
    count_among(v, "phase", phases, SJ_PHASE_COUNT, (int)c->job->phase);
    count_among(v, "machine", machines, 3, (int)c->variant.machine);
    count_among(v, "codec", codecs, SJ_CODEC_COUNT, (int)c->variant.codec);
    count_among(v, "dtype", dtypes, 2, (int)a->dtype);
    count_among(v, "bound by", bounds, 5, bound_of(o));
    exact_count(v, "job", "of several blocks", c->job->block_count > 1);
    exact_count(v, "job", "that meets a refresh", o->counts.dram_refresh > 0);
    exact_count(v, "job", "with a bus of one byte a cycle", a->a_bytes == 1 || a->b_bytes == 1 || a->o_bytes == 1);
    if (c->job->is_product) {
        cover_product(v, c, o);
    }
}

void exact_print(const exact_coverage *v) {
    for (int i = 0; i < v->count; i++) {
        printf("coverage %s: %lld\n", v->classes[i].name, (long long)v->classes[i].cases);
    }
}
