// SPDX-License-Identifier: Apache-2.0
#include "whole_run_facts.h"

#include <stddef.h>

// Every number of it: key and place.
typedef struct entry {
    const char *key;
    size_t offset;
} entry;

static const entry reals[] = {{"forward_macs", offsetof(sj_run_facts, forward_macs)},
                              {"grad_input_macs", offsetof(sj_run_facts, grad_input_macs)},
                              {"grad_weight_macs", offsetof(sj_run_facts, grad_weight_macs)},
                              {"parameters", offsetof(sj_run_facts, parameters)},
                              {"activations", offsetof(sj_run_facts, activations)},
                              {"dram_bytes_per_s", offsetof(sj_run_facts, dram_bytes_per_s)},
                              {"dram_gib", offsetof(sj_run_facts, dram_gib)}};
static const entry counts[] = {{"image_h", offsetof(sj_run_facts, image_h)},           {"image_w", offsetof(sj_run_facts, image_w)},       {"image_c", offsetof(sj_run_facts, image_c)},
                               {"slots", offsetof(sj_run_facts, slots)},               {"vector_lanes", offsetof(sj_run_facts, vector_lanes)}, {"buffer_kib", offsetof(sj_run_facts, buffer_kib)},
                               {"value_bytes", offsetof(sj_run_facts, value_bytes)}};
enum { REALS = (int)(sizeof reals / sizeof reals[0]), COUNTS = (int)(sizeof counts / sizeof counts[0]) };

static json_t *by_machine(const double values[3], sj_json_maker *m) {
    json_t *o = json_object();
    for (int i = 0; i < 3; i++) {
        sj_json_put(m, o, sj_machine_name((sj_machine)i), sj_json_number(values[i]));
    }
    return o;
}

json_t *sj_run_facts_json(const sj_run_facts *f, sj_json_maker *m) {
    json_t *o = json_object();
    for (int i = 0; i < REALS; i++) {
        sj_json_put(m, o, reals[i].key, json_real(*(const double *)(const void *)((const char *)f + reals[i].offset)));
    }
    for (int i = 0; i < COUNTS; i++) {
        sj_json_put(m, o, counts[i].key, json_integer((json_int_t) * (const int64_t *)(const void *)((const char *)f + counts[i].offset)));
    }
    sj_json_put(m, o, "dram", json_string(f->dram));
    sj_json_put(m, o, "codec", json_string(sj_codec_name(f->codec)));
    sj_json_put(m, o, "idle_w", by_machine(f->idle_w, m));
    sj_json_put(m, o, "peak_w", by_machine(f->peak_w, m));
    return o;
}

static void read_machines(sj_json_reader *r, const json_t *o, const char *key, double values[3]) {
    const json_t *all = sj_json_object_at(r, o, key);
    for (int i = 0; i < 3; i++) {
        values[i] = sj_json_number_at(r, all, sj_machine_name((sj_machine)i));
    }
}

// A file of before one of these facts was told has it not.
static bool has_all(const json_t *o) {
    static const char *const others[] = {"dram", "codec", "idle_w", "peak_w"};
    bool all = true;
    for (int i = 0; i < REALS; i++) {
        all = all && json_object_get(o, reals[i].key) != NULL;
    }
    for (int i = 0; i < COUNTS; i++) {
        all = all && json_object_get(o, counts[i].key) != NULL;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        all = all && json_object_get(o, others[i]) != NULL;
    }
    return all;
}

void sj_run_facts_read(sj_json_reader *r, const json_t *o, sj_run_facts *f) {
    char codec[24] = "";
    if (!has_all(o)) {
        return;
    }
    for (int i = 0; i < REALS; i++) {
        *(double *)(void *)((char *)f + reals[i].offset) = sj_json_real_at(r, o, reals[i].key);
    }
    for (int i = 0; i < COUNTS; i++) {
        *(int64_t *)(void *)((char *)f + counts[i].offset) = (int64_t)sj_json_count_at(r, o, counts[i].key);
    }
    sj_json_text_at(r, o, "dram", true, f->dram, sizeof f->dram);
    sj_json_text_at(r, o, "codec", true, codec, sizeof codec);
    f->codec = sj_json_codec(r, codec);
    read_machines(r, o, "idle_w", f->idle_w);
    read_machines(r, o, "peak_w", f->peak_w);
    f->known = r->status == SJ_OK;
}
